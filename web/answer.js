"use strict";
/** An answer as people read it: labels with confidence bars, numbers with their interval on a scale, whether to look. */
const Answer = (() => {
  const {h, number, percent} = Dom;

  /** Which field of an answer is what: {field: "priority.label", ...}, as the definition says or as is usual. */
  function shape(described) {
    if (described.answer) return described.answer;
    const usual = {};
    for (const {name, task} of described.targets) {
      if (task === "classification") Object.assign(usual, {[`predicted_${name}`]: `${name}.label`, [`${name}_confidence`]: `${name}.confidence`});
      else Object.assign(usual, {[name]: `${name}.value`, [`${name}_lower`]: `${name}.lower`, [`${name}_upper`]: `${name}.upper`});
    }
    for (const {name, kind} of described.inputs) if (kind === "identifier") usual[name] = `input.${name}`;
    return {...usual, review: "review", model_version: "model_version"};
  }

  /** What an answer says of each target: {priority: {task, label, confidence}, score: {task, value, lower, upper, level}}. */
  function read(described, answer) {
    const told = Object.fromEntries(described.targets.map(target => [target.name, {target}]));
    const passed = {};
    for (const [field, source] of Object.entries(shape(described))) {
      const [owner, aspect] = source.split(".");
      if (told[owner] && aspect) told[owner][aspect] = answer[field];
      else if (owner === "input" && described.inputs.find(one => one.name === aspect)?.kind !== "text") passed[field] = answer[field];
    }
    return {told: Object.values(told), passed, review: answer.review === true};
  }

  const unit = target => (target.unit ? ` ${target.unit}` : "");
  const head = one => (one.target.task === "classification" ? one.label : number(one.value) + unit(one.target));

  /** One sentence, for who hears it. */
  function sentence(described, answer) {
    const {told, review} = read(described, answer);
    const parts = told.map(one => {
      if (one.target.task === "classification") return `${one.target.name}: ${one.label}, ${percent(one.confidence, 0)} sure`;
      return `${one.target.name}: ${head(one)}${one.lower == null ? "" : `, from ${number(one.lower)} to ${number(one.upper)}`}`;
    });
    return `${parts.join(". ")}.${review ? " A person should look." : ""}`;
  }

  function confidence(one, threshold) {
    if (one.confidence == null) return null;
    const at = share => `${(share * 100).toFixed(1)}%`;
    const sure = `${percent(one.confidence)} sure`;
    const review = threshold == null ? "" : threshold > 1 ? "every answer is reviewed" : `review below ${percent(threshold)}`;
    return [
      h("div.track", {role: "img", "aria-label": [sure, review].filter(Boolean).join("; ")},
        h("div.fill", {style: {"--to": at(one.confidence)}}), threshold <= 1 && h("div.mark", {style: {"--at": at(threshold)}})),
      h("div.ends", h("span", sure), h("span", review)),
    ];
  }

  /** The ends of the scale that a number is shown on: its range, else what the model usually predicts. */
  function scale(one, metrics) {
    if (one.target.range) return one.target.range;
    const usual = (metrics?.targets?.[one.target.name]?.calibration || []).map(tenth => tenth.predicted);
    const all = [one.value, one.lower, one.upper, ...usual].filter(value => typeof value === "number");
    const [low, high] = [Math.min(...all, one.target.task === "count" ? 0 : Infinity), Math.max(...all)];
    return low === high ? [low - 1, high + 1] : [low, high];
  }

  function interval(one, metrics) {
    const [low, high] = scale(one, metrics);
    const at = value => `${Math.min(100, Math.max(0, ((value - low) / (high - low)) * 100)).toFixed(2)}%`;
    const has = one.lower != null && one.upper != null;
    const words = `${number(one.value)}${has ? `, probably from ${number(one.lower)} to ${number(one.upper)}` : ""}, on a scale from ${number(low)} to ${number(high)}`;
    const share = one.target.coverage ? ` in ${percent(one.target.coverage, 0)} of cases` : "";
    return [
      h("div.track", {role: "img", "aria-label": words},
        has && h("div.span", {style: {"--from": at(one.lower), "--to": at(one.upper)}}), h("div.dot", {style: {"--at": at(one.value)}})),
      h("div.ends", h("span", number(low)), h("span", number(high))),
      has && h("p.muted", `${number(one.lower)} to ${number(one.upper)}${share}`),
      one.level && h("p", Dom.tag(`confidence ${one.level}`)),
      one.score != null && h("p", Dom.tag(`score ${number(one.score)}`)),
    ];
  }

  /** How an answer differs from one before it, "" where it does not. */
  function difference(before, one) {
    if (!before || head(before) === head(one)) return before?.confidence != null && Math.abs(one.confidence - before.confidence) >= 0.0005 ? Dom.points(one.confidence - before.confidence) : "";
    return typeof one.value === "number" ? `differs by ${Dom.signed(one.value - before.value)}` : `differs: was ${head(before)}`;
  }

  /** The answer to one row. `other` is an answer to compare with: what differs is marked. */
  function render(described, answer, {other, about} = {}) {
    const {told, passed, review} = read(described, answer);
    const before = other && read(described, other);
    const thresholds = described.review_thresholds || {};
    return h("div",
      (review || (before && before.review !== review)) && h("p", Dom.tag(review ? "A person should look" : "No review needed", "warn")),
      told.map(one => {
        const change = before && difference(before.told.find(each => each.target.name === one.target.name), one);
        return h("div.target", {class: change && "differs"},
          h("div.muted", one.target.name, one.target.task === "count" ? " (expected)" : ""),
          h("div.big", head(one)),
          change && h("p", Dom.tag(change, "warn")),
          one.target.task === "classification" ? confidence(one, thresholds[one.target.name]) : interval(one, described.metrics));
      }),
      h("dl", Object.entries(other ? {} : passed).filter(([, value]) => value != null).map(([name, value]) => [h("dt", name), h("dd", String(value))]), about));
  }

  /** What a model of lists answers: one line an object of `each`; what differs from `other` is marked. */
  function lines(answer, other) {
    const rows = answer.predictions || [];
    const flat = row => Object.entries(row).filter(([, value]) => typeof value !== "object" || value === null);
    const head = [...new Set(rows.flatMap(row => flat(row).map(([name]) => name)))];
    const shown = (row, name) => (typeof row?.[name] === "number" ? number(row[name]) : row?.[name]);
    const cell = (row, name, before) => (other && shown(before, name) !== shown(row, name) ? h("td.num.differs", shown(row, name)) : shown(row, name));
    return Dom.table("Answers", head, rows.map((row, index) => head.map(name => cell(row, name, other?.predictions[index]))));
  }

  return {render, lines, sentence, shape, read};
})();
