"use strict";
/** Elements, numbers and words. Nothing is ever set as HTML: children are nodes or text. */
const Dom = (() => {
  const SVG = "http://www.w3.org/2000/svg";

  /** An element: `h("p.muted", {id: "x", onclick: act, style: {"--a": 1}}, "text", node, [more])`. Props may be left out. */
  const maker = create => (tag, props, ...children) => {
    const [name, ...classes] = tag.split(".");
    const element = create(name);
    if (classes.length) element.setAttribute("class", classes.join(" "));
    if (props?.constructor === Object) for (const [key, value] of Object.entries(props)) set(element, key, value);
    else children.unshift(props);
    element.append(...children.flat(Infinity).filter(child => child != null && child !== false));
    // of a select: after its options
    if (props?.value != null) element.value = props.value;
    return element;
  };

  function set(element, key, value) {
    if (value == null || value === false || key === "value") return;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [name, one] of Object.entries(value)) element.style.setProperty(name, one);
    else if (key === "class") element.classList.add(...value.split(" ").filter(Boolean));
    else element.setAttribute(key, value === true ? "" : value);
  }

  const h = maker(name => document.createElement(name));
  const s = maker(name => document.createElementNS(SVG, name));
  const byId = id => document.getElementById(id);

  /** Tell a screen reader, when the user has stopped for a moment. */
  let saying;
  function say(text, wait = 0) {
    clearTimeout(saying);
    saying = setTimeout(() => (byId("live").textContent = text), wait);
  }

  /** Digits that matter: 0.9106, 41.5, 4,200,000. */
  function number(value, digits = 4) {
    if (typeof value !== "number" || !Number.isFinite(value)) return value == null ? "–" : String(value);
    const size = Math.abs(value);
    if (size && (size < 1e-4 || size >= 1e15)) return value.toExponential(2).replace("-", "−");
    const options = size >= 1000 ? {maximumFractionDigits: size >= 10 ** digits ? 0 : 1} : {maximumSignificantDigits: digits};
    return value.toLocaleString("en", options).replace("-", "−");
  }
  const signed = value => (value > 0 ? "+" : "") + number(value, 3);
  const percent = (share, digits = 1) => (share == null ? "–" : `${(share * 100).toFixed(digits)} %`);
  const points = change => `${signed(Math.round(change * 1000) / 10)} points`;
  const plural = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
  const short = (text, most = 80) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

  /** A moment as people read it, the exact one in `datetime` and the tooltip. */
  function time(text) {
    const when = new Date(text || NaN);
    if (Number.isNaN(+when)) return h("span", text || "–");
    return h("time", {datetime: text, title: text}, when.toLocaleString("en-GB", {dateStyle: "medium", timeStyle: "short"}));
  }

  /** A table that scrolls inside its box when it is wide. `head` texts; `rows` of cells; numbers are set right.
   * Options: `shown`, a visible caption; `plain`, no row headers; `tall`, it scrolls down, too;
   * `stack`, on a phone its cells stand below each other, each after its column's name. */
  function table(caption, head, rows, options = {}) {
    const cell = (value, index) => {
      const [kind, scope] = index || options.plain ? ["td"] : ["th", "row"];
      const made = /^T[HD]$/.test(value?.tagName) ? value : h(kind, {scope, class: numeric(value) && "num"}, value ?? "–");
      made.dataset.column = head[index];
      return made;
    };
    const numeric = value => typeof value === "string" && /^[+−-]?[\d,.]+( %)?$/.test(value);
    const isNumber = index => rows.length > 0 && rows.every(row => numeric(row[index]) || row[index] == null);
    return h("div.scroll", {class: options.tall && "tall", tabindex: "0", role: "region", "aria-label": caption},
      h("table", {class: options.stack && "stack"}, h(options.shown ? "caption" : "caption.hidden", caption),
        h("thead", h("tr", head.map((title, index) => h("th", {scope: "col", class: isNumber(index) && "num"}, title)))),
        h("tbody", rows.map(row => h("tr", row.map(cell))))));
  }

  const button = (text, onclick, props) => h("button", {type: "button", onclick, ...props}, text);
  /** A box that is a landmark by its label. */
  const card = (label, ...children) => h("section.card", {"aria-label": label}, ...children);
  const empty = (title, text, ...more) => h("div.empty", h("p.strong", title), h("p", text), ...more);
  const loading = (text = "Loading…") => h("p.loading", text);
  const tag = (text, kind = "") => h("span.tag", {class: kind}, text);
  /** A control with its label before it and, maybe, a hint after it. */
  let named = 0;
  function field(label, control, hint) {
    control.id ||= `control-${++named}`;
    if (hint) control.setAttribute("aria-describedby", `${control.id}-hint`);
    return h("div.field", h("label.label", {for: control.id}, label), control, hint && h("small", {id: `${control.id}-hint`}, hint));
  }

  function select(options, chosen, onchange, props = {}) {
    const made = options.map(([value, text]) => h("option", {value}, text));
    return h("select", {...props, onchange: event => onchange(event.target.value), value: chosen}, made);
  }

  /** What went wrong, and what to do. */
  function problem(error, ...more) {
    const {detail, errors = [], advice, code, request_id} = error;
    return h("div.problem", {role: "alert"},
      h("p.strong", detail || `This page failed: ${error.message}`),
      errors.length > 0 && h("ul", errors.map(one => h("li", one.field && h("code", one.field), ` ${one.message}`))),
      advice && h("p", advice),
      code && h("p.muted", h("code", code), request_id && [" · request ", h("code", request_id)]),
      ...more);
  }

  function download(name, type, text) {
    const url = URL.createObjectURL(new Blob([text], {type}));
    h("a", {href: url, download: name}).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  return {h, s, byId, say, number, signed, percent, points, plural, short, time, table, button, card, empty, loading, tag, field, select, problem, download};
})();
