"use strict";
/** The shell: views by hash route (#/ask?model=tickets&version=1.0.0), and the model and version that they are about.
 *
 * `Views.add({id, title, group, render(root, state), about})`: `render` fills `root`, may be async and may return a function
 * that ends the view. `about` says what must be loaded before: "version" (default), "model" or "nothing". */
const Views = (() => {
  const {h, byId, say} = Dom;
  const all = new Map();
  const GROUPS = ["Predict", "Model", "Watch"];

  /** What is chosen and what is known of it. Views read it; `row` and `reasons` are theirs to share. */
  const state = {
    // GET /
    root: null,
    // of models and segments: tickets, recruits, recruits/qb
    names: [],
    // the chosen one
    address: "",
    // the chosen version; empty: whatever the alias serves
    version: "",
    // GET /models/{address}/versions
    history: null,
    // GET /models/{address}/versions/{shown}
    described: null,
    // by address, what the form holds
    rows: {},
    // aborts when the view is left
    signal: null,
    /** The version that is chosen or, if none is, served. */
    get shown() {
      return this.version || this.served;
    },
    get served() {
      const {aliases = {}} = this.history || {};
      return (aliases[this.alias] || aliases.latest || Object.values(aliases)[0] || completeVersions()[0])?.version || "";
    },
    alias: "latest",
    get model() {
      return this.address.split("/")[0];
    },
    get segments() {
      return this.names.filter(name => name.startsWith(`${this.model}/`));
    },
    /** A path of the chosen model: `state.path("predict")`; of the chosen version if one is chosen. */
    path(end, version = this.version, address = this.address) {
      return `/models/${address}${version ? `/versions/${version}` : ""}/${end}`;
    },
  };

  const add = view => void all.set(view.id, {about: "version", group: GROUPS[2], ...view});

  function route() {
    const url = new URL(location.hash.slice(1) || "/", "http://page");
    const id = url.pathname.slice(1);
    return {id: all.has(id) ? id : [...all.keys()][0], asked: url.searchParams};
  }

  /** The address of a view, of the same model and version unless told otherwise. */
  function link(id, {address = state.address, version = state.version, ...more} = {}) {
    const query = new URLSearchParams(Object.entries({model: address, version, ...more}).filter(([, value]) => value));
    return `#/${id}?${query}`;
  }
  const go = (id, changes) => (location.hash = link(id, changes));

  let turn = 0;
  let leaving = new AbortController();
  let ended = null;
  let before = "";

  /** Show what the address says. `again` reads the registry anew. */
  async function show(again = false) {
    const mine = ++turn;
    leaving.abort();
    ended?.();
    ended = null;
    leaving = new AbortController();
    state.signal = leaving.signal;
    const {id, asked} = route();
    const view = all.get(id);
    const title = h("h1", {tabindex: "-1"}, view.title);
    const root = h("div.body", {"aria-busy": "true"}, Dom.loading());
    byId("view").replaceChildren(title, root);
    document.title = `${view.title} · Firesteel`;
    menu(false);
    if (before && before !== id) title.focus();
    before = id;
    try {
      await load(asked, view.about, again);
      if (mine !== turn) return;
      around(view);
      const missing = lacking(view);
      root.replaceChildren(...(missing ? [missing] : []));
      const end = missing ? null : await view.render(root, state);
      if (mine !== turn) return end?.();
      ended = end;
    } catch (error) {
      if (mine !== turn || error.name === "AbortError") return;
      around(view);
      const retry = Dom.button("Try again", () => show(true));
      root.replaceChildren(Dom.problem(error, h("p.row", retry, Dom.button("Connection", Connection.open))));
    }
    root.removeAttribute("aria-busy");
  }

  /** What stands in place of a view that has nothing to show. */
  function lacking({about}) {
    if (about === "nothing") return null;
    if (!state.names.length) return Dom.empty("No model yet", "Train and publish one.", h("pre", "firesteel demo"));
    if (about !== "version") return null;
    if (!state.shown) return Dom.empty("No complete version", `Nothing of ${state.address} is published yet.`);
    return state.described.state === "complete" ? null : Dom.empty("A damaged version", `${state.shown} is not what was published. Choose another.`);
  }

  /** Read what the address names, and nothing twice. */
  async function load(asked, about, again) {
    const options = {signal: state.signal};
    if (!state.root || again) {
      const [root, {models}, status] = await Promise.all([Api.get("/", options), Api.get("/models", options), Api.get("/model/status", options).catch(ifRefused)]);
      Object.assign(state, {root, names: models.map(one => one.name), history: null, alias: status?.alias || "latest"});
    }
    const wanted = [asked.get("model"), state.address, state.root.model, state.names[0]].find(name => state.names.includes(name)) || "";
    const segment = state.names.find(name => name.startsWith(`${wanted}/`));
    // a model of segments is asked through one of them
    const address = segment || wanted;
    if (address !== state.address || !state.history) {
      const history = address ? await Api.get(`/models/${address}/versions`, options) : null;
      Object.assign(state, {address, history, described: null});
    }
    state.version = state.history?.versions.some(one => one.version === asked.get("version")) ? asked.get("version") : "";
    if (about === "version" && state.shown && state.described?.version !== state.shown) {
      state.described = await describe(state.address, state.shown, options);
    }
  }

  function ifRefused(error) {
    if (error instanceof Api.Refused) return null;
    throw error;
  }

  const describe = (address, version, options) => Api.get(`/models/${address}/versions/${version}`, options);

  // What stands around the views

  function around({id, about}) {
    byId("nav").replaceChildren(...GROUPS.flatMap(group => {
      const some = [...all.values()].filter(view => view.group === group);
      const items = some.map(view => h("li", h("a", {href: link(view.id), "aria-current": view.id === id ? "page" : null}, view.title)));
      return items.length ? [h("h2", {id: `nav-${group}`}, group), h("ul", {"aria-labelledby": `nav-${group}`}, items)] : [];
    }));
    const {history, names} = state;
    const focused = document.activeElement.id;
    const pick = (label, options, chosen, to) => (options.length ? [Dom.field(label, Dom.select(options, chosen, value => go(id, to(value)), {id: `bar-${label}`}))] : []);
    const other = address => ({address, version: ""});
    const versions = about === "version" ? completeVersions().map(one => [one.version, versionLabel(one, history.aliases)]) : [];
    if (versions.length) versions.unshift(["", `served now: ${state.served}`]);
    byId("bar").hidden = about === "nothing" || !names.length;
    byId("bar").replaceChildren(
      ...pick("Model", names.filter(name => !name.includes("/")).map(name => [name, name]), state.model, other),
      ...pick("Segment", state.segments.map(name => [name, name.split("/")[1].toUpperCase()]), state.address, other),
      ...pick("Version", versions, state.version, version => ({version})));
    if (focused.startsWith("bar-")) byId(focused)?.focus();
  }

  const completeVersions = () => (state.history?.versions || []).filter(one => one.state === "complete");
  /** The other complete versions, as options of a select. */
  const others = () => completeVersions().filter(one => one.version !== state.shown).map(one => [one.version, one.version]);

  function versionLabel(one, aliases) {
    const named = Object.entries(aliases || {}).filter(([, entry]) => entry.version === one.version).map(([name]) => name);
    return [one.version, ...named].join(" · ");
  }

  function menu(open) {
    byId("menu").setAttribute("aria-expanded", String(open));
    document.body.classList.toggle("open", open);
  }

  function start() {
    byId("menu").addEventListener("click", () => menu(byId("menu").getAttribute("aria-expanded") !== "true"));
    document.addEventListener("keydown", event => {
      if (event.key === "Escape" && document.body.classList.contains("open")) {
        menu(false);
        byId("menu").focus();
      }
    });
    document.querySelector(".skip").addEventListener("click", event => {
      // the hash is the route
      event.preventDefault();
      byId("view").focus();
    });
    addEventListener("hashchange", () => show().then(() => say(document.title)));
    return show();
  }

  return {add, start, show, go, link, state, describe, others};
})();
