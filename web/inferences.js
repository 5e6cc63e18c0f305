"use strict";
/** Inferences: what was answered lately, as the log has it, and correcting it. */
const Inferences = (() => {
  const {h, tag} = Dom;
  const SINCE = [["1h", "an hour ago"], ["24h", "a day ago"], ["7d", "7 days ago"], ["30d", "30 days ago"]];
  const MOST = 200;

  async function render(root, state) {
    const {address, signal} = state;
    const described = await Views.describe(address, state.served, {signal});
    const place = h("div");
    let [last, review, label, found] = ["24h", "", "", null];
    const show = () => place.replaceChildren(listed(found, label, described, address));
    const read = async () => {
      found = await Api.get("/admin/recent_inferences", {query: {model: address, last, limit: MOST, review}, signal});
      show();
    };
    const again = () => read().catch(error => error.name === "AbortError" || place.replaceChildren(Dom.problem(error)));
    const labels = described.targets.flatMap(({name, labels}) => (labels || []).map(one => `${name}: ${one}`));
    await read();
    root.replaceChildren(
      h("div.fields", Dom.field("Since", Dom.select(SINCE, last, value => again((last = value)))),
        Dom.field("Rows", Dom.select([["", "all"], ["true", "only for review"]], "", value => again((review = value)))),
        labels.length > 0 && Dom.field("Answered", Dom.select([["", "anything"], ...labels.map(one => [one, one])], "", value => show((label = value))))),
      place);
  }

  function listed({inferences, complete}, label, described, address) {
    const some = inferences.filter(one => !label || Object.entries(one.labels).some(pair => pair.join(": ") === label));
    if (!some.length) return Dom.empty("Nothing was answered", "Nothing in the log fits. Answers reach it some seconds after they were given.");
    const targets = described.targets.map(one => one.name);
    const rows = some.map(one => {
      const said = Feedback.said(one);
      const name = Feedback.id(one);
      return [
        Dom.time(one.when), ...targets.map(target => h("td", said[target])), one.review && tag("review", "warn"), h("td", `${one.version} ${one.side}`), Dom.short(Object.values(one.inputs).map(Feedback.kept).join(" · ")),
        Dom.button("Details", () => details(one, name, said, described, address), {"aria-label": `Details of ${name}`}),
      ];
    });
    return h("div", h("p.muted", {role: "status"}, `${Dom.plural(some.length, "answer")}${inferences.length < MOST ? "" : `, of the newest ${MOST}`}${complete ? "" : ", of what was read in time"}.`),
      !some.some(Feedback.legible) && Feedback.hint(), Dom.table("Answers", ["when", ...targets, "review", "version", "inputs", ""], rows, {tall: true, stack: true}));
  }

  function details(one, name, said, described, address) {
    const dialog = Dom.byId("dialog");
    const close = () => dialog.close();
    const done = answer => {
      close();
      Dom.say(`Correction kept: ${Feedback.words(answer)}.`);
    };
    const facts = {request: h("code", name), when: Dom.time(one.when), version: `${one.version} ${one.side}`, digest: h("code", one.digest.slice(0, 12)), ...said};
    dialog.replaceChildren(h("h2", {id: "dialog-title"}, "One answer"), h("dl", Object.entries(facts).map(([fact, value]) => [h("dt", fact), h("dd", value)])),
      h("h3", "Inputs"), Feedback.inputs(one), h("h3", "Correct it"), Feedback.form(described, address, Feedback.about(one), said, done), h("p.row.end", Dom.button("Close", close)));
    dialog.showModal();
  }

  Views.add({id: "inferences", title: "Inferences", about: "model", render});
})();
