"use strict";
/** Feedback: the right answer, sent for one answer; and how answers of the log are shown. */
const Feedback = (() => {
  const {h, number, percent} = Dom;
  // kept from one correction to the next
  let who = "";

  /** A form that corrects an answer. `about` is {request_id, row, input}, `said` what was answered by target; then `done(answer)`. */
  function form({targets}, model, about, said, done) {
    const why = h("input", {maxlength: 1000});
    const name = h("input", {maxlength: 200, value: who});
    const outcome = h("div");
    const controls = targets.map(target => [target, control(target)]);
    const submit = async event => {
      event.preventDefault();
      const given = controls.filter(([, one]) => one.value !== "");
      const answer = Object.fromEntries(given.map(([{name, labels}, {value}]) => [name, labels ? value : Number(value)]));
      who = name.value.trim();
      try {
        await post(model, about, answer, why.value.trim());
        done(answer);
      } catch (error) {
        outcome.replaceChildren(Dom.problem(error));
      }
    };
    return h("form", {onsubmit: submit, novalidate: true},
      h("div.fields", controls.map(([{name}, one]) => Dom.field(`Right ${name}`, one, said[name] && `answered: ${said[name]}`)), Dom.field("Why (optional)", why), Dom.field("Who (optional)", name)),
      outcome, h("button.primary", {type: "submit"}, "Send correction"));
  }

  function control({labels, range}) {
    if (labels) return Dom.select([["", "– not judged –"], ...labels.map(one => [one, one])], "", () => {});
    return h("input", {type: "number", step: "any", min: range?.[0], max: range?.[1]});
  }

  const post = (model, about, answer, why) => Api.post("/feedback", {...about, model, answer, ...(who && {who}), ...(why && {why})});
  const words = answer => Object.entries(answer).map(pair => pair.join(": ")).join(", ");
  /** What a correction of an answer of the log is about. */
  const about = ({request_id, row}) => ({request_id, ...(row != null && {row})});

  /** What an answer of the log is known by. */
  const id = ({request_id, row}) => request_id + (row == null ? "" : ` row ${row}`);

  /** What an answer of the log said, by target, in words. */
  function said({labels, confidences, estimates}) {
    const all = {};
    for (const [target, label] of Object.entries(labels)) all[target] = label + (confidences[target] == null ? "" : ` (${percent(confidences[target], 0)} sure)`);
    for (const [target, {value, lower, upper}] of Object.entries(estimates)) all[target] = number(value) + (lower == null ? "" : ` (${number(lower)} to ${number(upper)})`);
    return all;
  }

  /** Whether the log has anything of the inputs that a person can read. */
  const legible = ({inputs}) => Object.values(inputs).some(value => value != null && !value.sha256);
  const hint = () => h("p", "The log has none of the inputs as they were sent. Write ", h("code", "log: plain"), " beside an input in the definition, then train and promote: what is asked from then on can be read here.");

  /** What the log kept of a field, in words. */
  const kept = value => String(value?.text ?? (value?.sha256 ? `hash ${value.sha256}` : value ?? "–"));

  function inputs(one) {
    const all = Object.entries(one.inputs);
    return all.length ? h("dl", all.map(([name, value]) => [h("dt", name), h("dd", kept(value))])) : h("p.muted", "Not in the log.");
  }

  Ask.after.push(({state: {described, address}, sent, answer, request_id}) => {
    if (described.request) return null;
    const told = Object.fromEntries(Answer.read(described, answer).told.map(one => [one.target.name, one.label ?? number(one.value)]));
    const body = h("div");
    const done = right => body.replaceChildren(h("p", {role: "status"}, `✓ Kept: ${words(right)}. Thank you.`));
    const open = () => body.firstChild || body.append(form(described, address, {request_id, input: sent}, told, done));
    return h("details", {ontoggle: open}, h("summary", "Not right? Correct it"), body);
  });

  return {form, post, words, about, said, legible, hint, inputs, id, kept};
})();
