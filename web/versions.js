"use strict";
/** Versions: what there is, how aliases came to name it, and, for who has the right to, moving them. */
const Versions = (() => {
  const {h, number, tag, byId, button, field, card} = Dom;
  const METRICS = ["accuracy", "macro_f1", "r2", "rmse", "mae"];
  const KINDS = ["promote", "switch", "canary", "shadow"];
  // seconds that a move is looked for in what is served
  const WAIT = 120;
  const part = share => `${number(share * 100)} %`;
  /** The last move, told when the view comes anew. */
  let moved = null;

  async function render(root, state) {
    const {aliases} = await Api.get(`/models/${state.address}/aliases`, {signal: state.signal});
    const {base} = Api.services.registry;
    const told = moved?.address === state.address && h("section.card", {tabindex: "-1", "aria-label": "Move"}, h("p.strong", `✓ ${moved.sentence}`), h("p", {role: "status"}));
    root.replaceChildren(
      told || "", card("Versions", table(state, aliases)),
      h("p.row", base ? `Moves go to ${base}.` : "Moves need the registry function: firesteel control, or the stack's.", button("Connection", Connection.open)),
      h("div.even", Object.entries(aliases).map(([name, own]) => history(state, name, own, aliases))));
    if (told) {
      told.focus();
      follow(state, told.lastChild, moved.entry);
      moved = null;
    }
  }

  function table(state, aliases) {
    const {versions} = state.history;
    const measured = Object.entries(versions.find(one => one.metrics)?.metrics || {}).flatMap(([target, own]) => METRICS.filter(name => name in own).map(name => [target, name]));
    const rows = versions.map(one => [
      h("a", {href: Views.link("about", {version: one.version})}, one.version), named(one, aliases),
      one.state === "complete" && button("Move…", () => ask(state, aliases, one.version), {"aria-label": `Move an alias to ${one.version}`}),
      Dom.time(one.created), ...measured.map(([target, name]) => number(one.metrics?.[target]?.[name])), h("code", {title: one.digest}, one.digest?.slice(0, 12)),
    ]);
    return Dom.table("Versions", ["version", "state", "", "published", ...measured.map(pair => pair.join(" ").replace("_", " ").replace("f1", "F1")), "digest"], rows);
  }

  /** What a version is, and what aliases name it as. */
  function named({version, state}, aliases) {
    return h("span.row", tag(state, state === "complete" ? "" : "warn"), Object.entries(aliases).map(([name, [now]]) => [
      now?.version === version && tag(name, "good"), now?.canary?.version === version && tag(`${name}: canary ${part(now.canary.weight)}`, "warn"), now?.shadow?.version === version && tag(`${name}: shadow`, "warn"),
    ]));
  }

  const beside = now => ["canary", "shadow"].filter(role => now?.[role]);

  function history(state, name, own, aliases) {
    const roles = beside(own[0]).join(" and ");
    return card(`Alias ${name}`, h("div.row.between", h("h2", name), button(roles ? `End ${roles}…` : "Roll back…", () => ask(state, aliases, "", name))),
      h("ol.timeline", own.map(one => h("li", h("strong", `${one.kind} ${(one[one.kind] || one).version}`), one.kind === "canary" && ` ${part(one.canary.weight)}`, h("span.muted", ` #${one.generation}`),
        h("p", one.why || "(no reason given)"), h("p.muted", one.who, " · ", Dom.time(one.when))))));
  }

  /** Exactly what a move does: [sentence]; or why it cannot be: ["", sentence]. `now` is the alias's newest entry. */
  function effect({kind, version, alias, share, to}, now) {
    const running = beside(now).map(role => `the ${role} ${now[role].version}`);
    const ending = running.length ? `, ending ${running.join(" and ")}` : "";
    if (kind === "canary" || kind === "shadow") {
      if (!now) return ["", `${alias} serves nothing yet: promote first.`];
      if (now.version === version) return ["", `${alias} serves ${version} already: it cannot run beside itself.`];
      if (kind === "canary" && !(share > 0 && share < 1)) return ["", "A share is above 0 % and below 100 %."];
      const ends = now[kind] ? `, ending the ${kind} ${now[kind].version}` : "";
      return [kind === "shadow" ? `${version} is scored beside ${now.version} for ${alias} and never answers${ends}.` : `${version} answers ${part(share)} of the requests to ${alias}, ${now.version} the others${ends}.`];
    }
    const target = version || to || (ending ? now.version : now.before?.[0]?.version);
    if (!target) return ["", `${alias} served nothing before ${now.version}.`];
    return [`${alias} serves ${target} to everybody${now && now.version !== target ? ` instead of ${now.version}` : ""}${ending}.`];
  }

  /** The dialog of a move: of an alias to a version, or of `back`, an alias, to what it served. */
  function ask(state, aliases, version, back) {
    if (!Api.services.registry.base) return Connection.open();
    const {address} = state;
    const dialog = byId("dialog");
    const move = {kind: "promote", version, alias: back || state.alias, share: 0.05, to: ""};
    const now = () => aliases[move.alias]?.[0];
    if (back) move.kind = "rollback";
    else if (now() && version.localeCompare(now().version, "en", {numeric: true}) < 0) move.kind = "switch";
    const sentence = h("p.strong", {role: "status"});
    const outcome = h("div");
    const go = h("button.primary", {type: "submit"});
    const why = h("input", {maxlength: 1000});
    const update = change => {
      const [does, not] = effect(Object.assign(move, change), now());
      share.hidden = move.kind !== "canary";
      sentence.textContent = does || not;
      go.disabled = !does;
      go.textContent = `Confirm ${move.kind}`;
    };
    const share = field("Share, %", h("input", {type: "number", step: "any", value: 5, oninput: event => update({share: event.target.value / 100})}));
    const to = () => ["", ...new Set(aliases[back].map(one => one.version))].map(one => [one, one || "one step back"]);
    const submit = async event => {
      event.preventDefault();
      go.disabled = true;
      try {
        const query = {version, to: move.to, alias: move.alias, after: now()?.generation || 0, why: why.value.trim(), canary: move.kind === "canary" ? move.share : ""};
        const entry = await Api.post(`/models/${address}/${move.kind.replace("canary", "promote")}`, undefined, {query, on: "registry"});
        moved = {address, entry, sentence: `Generation ${entry.generation}: ${sentence.textContent}`};
        dialog.close();
        Views.show(true);
      } catch (error) {
        outcome.replaceChildren(Dom.problem(error));
        go.disabled = false;
      }
    };
    dialog.replaceChildren(h("form", {onsubmit: submit, novalidate: true},
      h("h2", {id: "dialog-title"}, back ? `Move ${back} of ${address} back` : `Move an alias of ${address} to ${version}`),
      back ? field("To", Dom.select(to(), "", value => update({to: value})))
        : [field("How", Dom.select(KINDS.map(one => [one, one]), move.kind, kind => update({kind}))),
          field("Alias", h("input", {list: "aliases", value: move.alias, oninput: event => update({alias: event.target.value.trim()})})),
          h("datalist", {id: "aliases"}, Object.keys(aliases).map(value => h("option", value))), share],
      field("Why", why, "Stays in the history, with your name."), sentence, outcome, h("p.row.end", button("Cancel", () => dialog.close()), go)));
    update();
    dialog.showModal();
  }

  /** Say when the service answers with what an alias names now. */
  async function follow({alias, address, signal}, place, entry) {
    const say = text => (place.textContent = text);
    if (entry.alias !== alias) return say(`The service serves ${alias}.`);
    for (let second = 0; second < WAIT; second++) {
      const health = await Api.get("/health", {signal}).catch(() => ({}));
      if (signal.aborted) return;
      const own = health.model === address ? health : health.models?.[address];
      if (health.model && !own) return say("The service reads it when it is asked for it next.");
      if (own?.model_version === entry.version && ["canary", "shadow"].every(role => own[role]?.model_version === entry[role]?.version)) return say(`✓ The service answers with ${entry.version} now.`);
      say(`Until the service looks at the registry it answers with ${own?.model_version || "what it has"}…`);
      await new Promise(resume => setTimeout(resume, 1000));
    }
  }

  Views.add({id: "versions", title: "Versions", group: "Model", about: "model", render});
})();
