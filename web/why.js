"use strict";
/** Why: the words of a text shaded by what they contributed, and a waterfall from the base to the score. */
const Why = (() => {
  const {h, s, number, signed} = Dom;
  // fields of the waterfall; the others are one bar
  const SHOWN = 12;
  // of the largest contribution of a word: it gets its sign
  const STRONG = 0.35;
  const direction = value => (value < 0 ? "down" : "up");

  async function render(root, state) {
    const {described, address} = state;
    const row = state.rows[address];
    const filled = Boolean(row) && whole(described, row);
    const sent = filled ? (described.request ? JSON.parse(row) : row) : described.request ? Ask.listed(described) : Form.example(described.inputs);
    const {data} = await Api.call("POST", state.path("attributions"), {body: sent, signal: state.signal});
    const answers = described.request ? inside(described.request, data) : [data];
    const place = h("div", {tabindex: "-1"});
    const targets = described.targets.map(one => one.name);
    let [which, name] = [0, targets[0]];
    const show = () => {
      buttons.forEach((button, index) => button.setAttribute("aria-pressed", String(targets[index] === name)));
      place.replaceChildren(...target(name, answers[which], described, described.request ? answers[which] : sent));
    };
    const choose = chosen => void ((name = chosen), show());
    const buttons = targets.map(one => Dom.button(one, () => choose(one)));
    const options = answers.map((one, index) => [String(index), one.named]);
    root.replaceChildren(h("div",
      h("p.row", h("span.muted", filled ? "Of the input that you typed." : "Of the example."), h("a.button", {href: Views.link("ask")}, filled ? "Change it" : "Fill in the form")),
      targets.length > 1 && h("div.row.choice", {role: "group", "aria-label": "Target"}, buttons),
      described.request && Dom.field("Answer", Dom.select(options, "0", chosen => void ((which = Number(chosen)), show()))),
      place));
    show();
  }

  function whole(described, row) {
    if (!described.request) return !described.inputs.some(input => Form.problem(input, row[input.name]));
    try {
      return Boolean(JSON.parse(row));
    } catch {
      return false;
    }
  }

  /** Of a model of lists: the answer to each object of `each`, or to each of `sum` of it, with a name. */
  function inside({each, sum}, {predictions}) {
    const parts = predictions.flatMap(one => (sum ? one[sum.name].map(part => ({...one, ...part})) : [one]));
    const naming = [each.inputs[0], ...(sum ? sum.inputs : [])];
    return parts.map(one => ({...one, named: naming.map(name => one[name]).filter(value => value != null).join(" · ")}));
  }

  function target(name, answer, described, sent) {
    const told = answer.attributions[name];
    const order = described.inputs.map(one => one.name);
    const texts = told.fields.filter(one => one.spans && typeof sent[one.feature] === "string").sort((a, b) => order.indexOf(a.feature) - order.indexOf(b.feature));
    const parts = texts.map(one => ({...one, words: words(sent[one.feature], one.spans)}));
    const largest = Math.max(0, ...parts.flatMap(part => part.words.map(word => Math.abs(word.contribution))));
    const one = Answer.read(described, answer).told.find(each => each.target.name === name);
    const verdict = told.label ?? (one?.value == null ? "" : number(one.value));
    const way = told.label == null ? `toward a higher ${name}` : `toward ${told.label}`;
    const sample = (value, sign) => h(`mark.${direction(value)}`, {style: {"--share": 0.6}}, "word", h("sup", sign));
    return [
      Dom.card("Answer", h("div.muted", name), h("p.strong", verdict), h("p.muted", sentence(told, way))),
      ...(parts.length ? [Dom.card("Words", h("h2", "Words"),
        h("p.legend", h("span", sample(1, "+"), ` pushes ${way}`), h("span", sample(-1, "−"), " pushes away from it"), h("span", "The stronger the shade, the more.")),
        parts.map(part => [h("h3", part.feature), shaded(part.words, largest)]),
        strongest(parts))] : []),
      Dom.card("Fields", h("h2", "From the base to the score"), waterfall(told), table(told)),
    ];
  }

  function sentence({label, base, score, fields}, way) {
    const names = fields.slice(0, 2).map(one => `${one.feature} (${signed(one.contribution)})`).join(" and ");
    const what = label == null ? "raw score" : `score of ${label} against the other labels`;
    return `The ${what} is ${signed(score)}, an average row's ${signed(base)}. Most was done by ${names}. Contributions add up exactly; above 0 pushes ${way}.`;
  }

  /** The text in pieces, words with what their characters contributed; `spans` count code points. */
  function words(text, spans) {
    const characters = Array.from(text);
    const each = new Float64Array(characters.length);
    for (const {start, end, contribution} of spans) each.fill(contribution / (end - start), start, end);
    const pieces = [];
    for (let at = 0; at < characters.length; ) {
      const blank = /\s/.test(characters[at]);
      let end = at;
      while (end < characters.length && /\s/.test(characters[end]) === blank) end++;
      const contribution = each.slice(at, end).reduce((sum, value) => sum + value, 0);
      pieces.push({text: characters.slice(at, end).join(""), contribution, blank});
      at = end;
    }
    return pieces;
  }

  function shaded(pieces, largest) {
    return h("p.words", pieces.map(piece => {
      const share = largest ? Math.abs(piece.contribution) / largest : 0;
      if (piece.blank || share < 0.02) return piece.text;
      const sign = share >= STRONG && h("sup", piece.contribution < 0 ? "−" : "+");
      return h(`mark.${direction(piece.contribution)}`, {style: {"--share": share.toFixed(3)}, title: signed(piece.contribution)}, piece.text, sign);
    }));
  }

  function strongest(parts) {
    const all = parts.flatMap(part => part.words.filter(word => !word.blank && word.contribution).map(word => [word.text, part.feature, word.contribution]));
    const rows = all.sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, 15);
    const rest = parts.map(part => ["not of one word", part.feature, part.rest]);
    return h("details", h("summary", "The strongest words as a table"),
      Dom.table("Strongest words", ["word", "field", "contribution"], [...rows, ...rest].map(([word, field, value]) => [word, field, signed(value)])));
  }

  const shown = value => (value == null ? "missing" : Dom.short(typeof value === "number" ? number(value) : String(value), 60));

  function table({base, score, fields}) {
    const rows = fields.map(one => [one.feature, h("td", shown(one.value)), signed(one.contribution)]);
    return h("details", h("summary", "As a table"),
      Dom.table("Contributions of the fields", ["field", "value", "contribution"], [["base", "an average row", number(base)], ...rows, ["score", "the sum", number(score)]]));
  }

  /** Steps from the base through the fields, which come largest first, to the score. */
  function steps({base, score, fields}) {
    const some = fields.filter(one => one.contribution);
    const few = some.length > SHOWN ? some.slice(0, SHOWN - 1) : some;
    const left = some.length - few.length;
    let at = base;
    const made = few.map(one => ({name: one.feature, value: shown(one.value), from: at, to: (at += one.contribution)}));
    if (left) made.push({name: `${left} others`, value: "", from: at, to: score});
    return [{name: "base", value: "an average row", from: 0, to: base, whole: true}, ...made, {name: "score", value: "", from: 0, to: score, whole: true}];
  }

  function waterfall(told) {
    const all = steps(told);
    const chart = s("svg.chart", {role: "img", "aria-label": `Waterfall from ${number(told.base)} to ${number(told.score)}; the table below says the same`});
    const draw = () => {
      const width = Math.max(240, chart.clientWidth);
      const ends = all.flatMap(step => (step.whole ? [step.to] : [step.from, step.to]));
      const [low, high] = [Math.min(...ends), Math.max(...ends)];
      const start = low - (high - low || 1) * 0.04;
      const label = Math.min(260, width * 0.38);
      const x = value => label + ((value - start) / (high - start)) * (width - label - 72);
      const height = 30;
      chart.setAttribute("viewBox", `0 0 ${width} ${all.length * height + 4}`);
      chart.replaceChildren(...all.flatMap((step, row) => bar(step, row * height, x, label, all[row + 1], low <= 0 && high >= 0 ? 0 : start)));
    };
    new ResizeObserver(draw).observe(chart);
    return chart;
  }

  function bar(step, top, x, label, next, origin) {
    const change = step.to - step.from;
    const [from, to] = step.whole ? [origin, step.to] : [step.from, step.to];
    const [left, right] = [Math.min(x(from), x(to)), Math.max(x(from), x(to))];
    const most = Math.floor(label / 7);
    const caption = step.whole || !step.value || label < 200 ? step.name : `${step.name} = ${step.value}`;
    return [
      s("text", {x: 0, y: top + 19, class: step.whole ? "" : "quiet"}, Dom.short(caption, most), s("title", caption)),
      s("rect", {x: left, y: top + 5, width: Math.max(1.5, right - left), height: 20, rx: 3, class: step.whole ? "whole" : direction(change)}),
      s("text", {x: right + 5, y: top + 19}, step.whole ? number(step.to) : signed(change)),
      next && s("line", {x1: x(step.to), x2: x(step.to), y1: top + 25, y2: top + 35}),
    ].filter(Boolean);
  }

  Views.add({id: "why", title: "Why", group: "Predict", render});
  return {words};
})();
