"use strict";
/** Drift: whether what is asked and answered is as in training, over time, and whether it is still right. */
const Drift = (() => {
  const {h, s, number, percent, card} = Dom;
  const STATES = {DRIFT: ["▲", "drift", "bad"], OK: ["✓", "OK", "good"], INSUFFICIENT_DATA: ["?", "too little data", "warn"]};
  const ORDER = Object.keys(STATES);
  const BINS = 10;
  const day = text => text.slice(0, 10);
  const plain = name => name.replace("_", " ").replace("f1", "F1");
  const span = ({low, high}) => h("td", `${number(low, 3)} to ${number(high, 3)}`);
  const mark = state => Dom.tag(STATES[state].slice(0, 2).join(" "), STATES[state][2]);
  const table = (caption, head, rows) => Dom.table(caption, head, rows, {stack: true});
  const more = (caption, head, rows) => h("details", h("summary", "As a table"), table(caption, head, rows));

  async function render(root, {address, signal}) {
    const {latest, history} = await Api.get("/admin/drift", {query: {model: address}, signal});
    if (!latest) return void root.replaceChildren(Dom.empty("No report yet", "Compare what was asked with the rows of training, and keep the report:", h("pre", `firesteel drift ${address} --publish`)));
    const fields = latest.fields.sort((one, two) => ORDER.indexOf(one.state) - ORDER.indexOf(two.state));
    const [absent, logged] = [true, false].map(is => fields.filter(one => (latest.rows > 0 && one.of === "input" && !one.rows) === is));
    root.replaceChildren(
      card("Newest report", h("p.row", mark(latest.state), h("strong", latest.sentence)), h("p.muted", Dom.time(latest.when), ` · version ${latest.version}`)),
      card("Reports", h("h2", "Reports over time"), timeline(history), more("Reports", ["when", "state", "rows", "found"], history.toReversed().map(one => [Dom.time(one.when), mark(one.state), number(one.rows, 9), one.sentence]))),
      ...Object.entries(latest.truth).map(truth),
      card("Series", h("h2", "Series"), listed(logged), h("p.muted", "p is corrected by Holm for all series; distance is Jensen-Shannon's. Drift has p ≤ 0.05 and distance ≥ 0.1."), absent.length > 0 && unlogged(absent)),
      h("h2", "Training against now"), h("p.legend.chart", h("span", "■ training"), h("span.up", "■ now")),
      h("div.even", fields.filter(one => one.bins).map(one => card(one.name, h("h3", one.name, " ", mark(one.state)), bars(one)))));
  }

  function listed(fields) {
    const rows = fields.map(one => {
      const told = one.windows.find(each => each.days === one.telling) || {};
      return [one.name, mark(one.state), one.test === "ks" ? "KS" : "χ²", ...["statistic", "p_corrected", "psi", "distance"].map(name => number(told[name], 3)), h("td.wide", one.sentence)];
    });
    return table("Series", ["series", "state", "test", "statistic", "p", "PSI", "distance", "found"], rows);
  }

  /** What the log has nothing of, with what would change that: each sentence once. */
  function unlogged(fields) {
    const all = Object.entries(Object.groupBy(fields, one => one.sentence));
    return h("details", h("summary", Dom.tag("○ not logged"), ` ${fields.length} series of inputs`),
      h("dl", all.map(([sentence, own]) => [h("dt", own.map(one => h("div", one.name))), h("dd", sentence.split("`").map((part, index) => index % 2 ? h("code", part) : part))])));
  }

  /** A row for the whole and one for each series that ever drifted; a column a report, newest first. */
  function timeline(history) {
    const newest = history.toReversed();
    const rows = ["all", ...new Set(newest.flatMap(one => one.drifted))];
    // 8 a letter: no name reaches the first sign
    const [left, step] = [12 + 8 * Math.min(24, Math.max(...rows.map(name => name.length))), 22];
    const cell = (name, row) => (one, column) => {
      if (row && !one.drifted.includes(name)) return null;
      const [icon, , kind] = STATES[row ? "DRIFT" : one.state];
      const [x, y] = [left + column * step, row * step];
      return s("g", {class: kind}, s("title", `${day(one.when)}: ${row ? name : one.sentence}`), s("rect", {x, y: y + 1, width: 18, height: 18, rx: 3}), s("text", {x: x + 9, y: y + 15}, icon));
    };
    const [width, height] = [left + history.length * step, rows.length * step];
    const words = ORDER.map(state => `${history.filter(one => one.state === state).length} ${STATES[state][1]}`).join(", ");
    return [h("div.scroll", {tabindex: "0", role: "region", "aria-label": "Reports over time"},
      s("svg.chart", {viewBox: `0 0 ${width} ${height}`, style: {width: `${width}px`}, role: "img", "aria-label": `${Dom.plural(history.length, "report")}: ${words}`},
        rows.map((name, row) => [s("text", {x: 0, y: row * step + 15}, Dom.short(name, 24)), newest.map(cell(name, row))]))),
      h("p.muted", `Newest first, back to ${day(history[0].when)}.`)];
  }

  const chart = (height, label, ...children) => s("svg.chart.small", {viewBox: `0 0 310 ${height}`, role: "img", "aria-label": label}, children);

  /** The shares of rows in training and now; of many bins those that moved most. */
  function bars({name, bins}) {
    const all = bins.labels.map((label, index) => ({label, had: bins.baseline[index], has: bins.current[index]}));
    const least = all.map(one => Math.abs(one.had - one.has)).sort((one, two) => two - one)[BINS - 1] || 0;
    const shown = all.filter(one => Math.abs(one.had - one.has) >= least).slice(0, BINS);
    const largest = Math.max(...shown.flatMap(one => [one.had, one.has]));
    // long labels stand above their bars
    const [left, below, step] = shown.some(one => one.label.length > 14) ? [0, 20, 46] : [120, 0, 24];
    const end = share => left + (share / largest) * (250 - left);
    return chart(shown.length * step, `${name}, in training and now: ${shown.map(one => `${one.label} ${percent(one.had)}, ${percent(one.has)}`).join("; ")}`, shown.map(({label, had, has}, row) => [
      s("text", {x: 0, y: row * step + 16}, Dom.short(label, 38)),
      [[had, "whole"], [has, "up"]].map(([share, kind], place) => s("rect", {class: kind, x: left, y: row * step + below + 3 + place * 9, width: end(share) - left, height: 8})),
      s("text.quiet", {x: end(Math.max(had, has)) + 4, y: row * step + below + 16}, percent(has)),
    ]));
  }

  /** How right answers were where somebody said what is right: in all, and, of enough answers, by day, with intervals of 95 %. */
  function truth([target, {sentence, measures, days, enough}]) {
    const before = ({trained, expected}) => h("td", number(trained, 3), expected != null && ` (${number(expected, 3)} of as few rows)`);
    const rows = measures.map(one => [plain(one.name), number(one.value, 3), ...(enough ? [span(one)] : []), before(one), one.fell && Dom.tag("▼ worse", "bad")]);
    return card(`Right answers: ${target}`, h("h2", `Is ${target} still right?`), h("p", sentence),
      h("div.even", table("Measures", ["measure", "now", ...(enough ? ["95 % interval"] : []), "in training", ""], rows), enough && daily(target, days)),
      h("p.muted", "Corrected answers are no fair sample: people write when something is wrong."));
  }

  function daily(target, days) {
    const some = days.map(one => ({...one, ...one.measures[0]}));
    const name = plain(some[0].name);
    const top = name === "mae" ? Math.max(...some.map(one => one.high)) || 1 : 1;
    const x = index => 40 + ((index + 0.5) * 265) / some.length;
    const y = value => 110 - (100 * value) / top;
    return h("div", h("h3", `${name} by day`),
      chart(134, `${name} of ${target} by day`, [0, top / 2, top].map(value => [s("line", {x1: 40, x2: 308, y1: y(value), y2: y(value)}), s("text.quiet", {x: 0, y: y(value) + 4}, number(value, 2))]),
        s("polyline", {points: some.map((one, index) => `${x(index)},${y(one.value)}`).join(" ")}),
        some.map((one, index) => [s("line.up", {x1: x(index), x2: x(index), y1: y(one.low), y2: y(one.high)}), s("circle.up", {cx: x(index), cy: y(one.value), r: 4})]), s("text.quiet", {x: 40, y: 130}, `from ${day(some[0].begins)}`)),
      more(`${target} by day`, ["day", "rows", name, "95 % interval"], some.map(one => [day(one.begins), number(one.rows), number(one.value, 3), span(one)])));
  }

  Views.add({id: "drift", title: "Drift", about: "model", render});
})();
