"use strict";
/** A form made of a version's inputs, and the checks that the API makes, in its words (program/schema.py). */
const Form = (() => {
  const {h} = Dom;
  const BLANK = /^[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/;
  // ms: a message that appears as a button is pressed must not move it from under the pointer
  const LATER = 200;
  // lengths count code points
  const points = text => [...text].length;
  const plain = bound => (Math.abs(bound) < 1e10 ? String(Number(bound.toPrecision(10))) : bound.toPrecision(10).replace(/\.?0+(e|$)/, "$1"));
  const isText = input => input.kind === "text";

  /** What is wrong with a value, in the words of the API; "" when nothing is. */
  function problem(input, value) {
    if (value == null) return input.required ? "is required" : "";
    if (input.kind === "number") return typeof value === "number" ? ofNumber(input, value) : "must be a number";
    if (typeof value !== "string") return "must be a string";
    if (input.kind === "timestamp") return "";
    if (input.max_length != null && points(value) > input.max_length) return `must have at most ${input.max_length} characters`;
    if (/\p{Surrogate}/u.test(value)) return "must not have lone surrogates";
    if (input.kind === "identifier") return "";
    if (isText(input)) {
      if (!value && !input.required) return "";
      if (points(value) < input.min_length) return `must have at least ${input.min_length} characters`;
    } else if (input.values && !input.values.includes(value)) {
      const more = input.values.length > 20 ? ` ... (${input.values.length} in all)` : "";
      return `must be one of ${input.values.slice(0, 20).join(", ")}${more}`;
    }
    return !value || BLANK.test(value) ? "must not be blank" : "";
  }

  function ofNumber({minimum, maximum, integer, unit}, value) {
    if (!Number.isFinite(value)) return "must be a finite number";
    if (integer && !Number.isInteger(value)) return "must be a whole number";
    return (minimum != null && value < minimum) || (maximum != null && value > maximum) ? `must be ${range(minimum, maximum, unit)}` : "";
  }

  function range(minimum, maximum, unit) {
    const of = unit ? ` ${unit}` : "";
    if (minimum == null) return `at most ${plain(maximum)}${of}`;
    return maximum == null ? `at least ${plain(minimum)}${of}` : `between ${plain(minimum)} and ${plain(maximum)}${of}`;
  }

  const example = inputs => Object.fromEntries(inputs.filter(one => one.example != null).map(one => [one.name, one.example]));

  /** A field of the form: {input, control, read(), write(value), show(message)}. */
  function field(input, prefix, changed) {
    const id = `${prefix}-${input.name}`;
    const error = h("p.error", {id: `${id}-error`, hidden: true});
    const count = isText(input) && h("span.count", {id: `${id}-count`});
    const about = h("small", {id: `${id}-hint`}, hint(input));
    const control = made(input, id, `${id}-hint ${count ? `${id}-count ` : ""}${id}-error`);
    let touched = false;
    // by the API, until it is changed
    let blamed = "";
    const read = () => value(input, control);
    const show = message => {
      error.textContent = message ? `${input.name} ${message}` : "";
      error.hidden = !message;
      if (message) control.setAttribute("aria-invalid", "true");
      else control.removeAttribute("aria-invalid");
    };
    const counted = () => count && (count.textContent = `${points(control.value).toLocaleString("en")} / ${input.max_length.toLocaleString("en")}`);
    const update = () => {
      counted();
      if (touched) show(problem(input, read()) || blamed);
    };
    control.addEventListener("input", () => {
      blamed = "";
      update();
      changed();
    });
    control.addEventListener("change", () => {
      touched = true;
      setTimeout(update, LATER);
    });
    const write = given => {
      control.value = given == null ? "" : input.kind === "timestamp" ? local(given) : String(given);
      counted();
      show((blamed = ""));
      touched = false;
    };
    counted();
    const label = h("span.label", h("label", {for: id}, input.name), h("span.count", !input.required && "optional "), count);
    const check = () => {
      touched = true;
      update();
      return !problem(input, read());
    };
    return {
      input, control, read, write, check,
      element: h("div.field", {class: isText(input) && "wide"}, label, control, about, error),
      blame: message => show((blamed = message)),
    };
  }

  function made(input, id, describedby) {
    const props = {id, name: input.name, "aria-describedby": describedby, "aria-required": input.required ? "true" : null, autocomplete: "off"};
    const sample = input.example == null ? null : String(input.example);
    if (input.kind === "category" && input.values) {
      const only = input.values.length === 1 && input.required;
      return h("select", {...props, autocomplete: null, value: only ? input.values[0] : ""},
        !only && h("option", {value: ""}, input.required ? "Choose…" : "–"), input.values.map(one => h("option", {value: one}, one)));
    }
    if (isText(input) && input.max_length > 250) return h("textarea", {...props, placeholder: sample});
    if (input.kind === "timestamp") return h("input", {...props, type: "datetime-local", step: "1"});
    if (input.kind !== "number") return h("input", {...props, type: "text", placeholder: sample});
    return h("input", {...props, type: "number", step: input.integer ? "1" : "any", min: input.minimum, max: input.maximum, placeholder: sample});
  }

  function hint(input) {
    const {minimum: low, maximum: high} = input;
    const bounds = low == null ? high != null && `up to ${Dom.number(high)}` : high == null ? `from ${Dom.number(low)}` : `${Dom.number(low)} to ${Dom.number(high)}`;
    const limits = [bounds, input.unit, input.integer && "(whole)"].filter(Boolean).join(" ");
    return [input.description, limits, input.kind === "timestamp" && "UTC"].filter(Boolean).join(" · ");
  }

  /** The value as it is sent; undefined when the field is empty; text that is no number stays text, so that it is refused. */
  function value(input, control) {
    if (control.validity.badInput) return "not a number";
    if (control.value === "") return undefined;
    return input.kind === "number" ? Number(control.value) : control.value;
  }

  function local(moment) {
    const when = new Date(/[Tt ].*([Zz]|[+-]\d\d:?\d\d)$/.test(moment) || !/[Tt ]/.test(moment) ? moment : `${moment}Z`);
    return Number.isNaN(+when) ? "" : when.toISOString().slice(0, 19);
  }

  /** {element, row(), sound(), submit(), blame(errors), write(row)}; `changed` is called at every key. */
  function build(inputs, {prefix = "field", row = {}, changed = () => {}} = {}) {
    const fields = inputs.map(input => field(input, prefix, () => changed()));
    const write = given => fields.forEach(one => one.write(given[one.input.name]));
    const read = () => Object.fromEntries(fields.map(one => [one.input.name, one.read()]).filter(([, given]) => given !== undefined));
    const first = some => some[0]?.control.focus();
    for (const one of fields) if (row[one.input.name] !== undefined) one.write(row[one.input.name]);
    return {
      element: h("div.fields", fields.map(one => one.element)),
      write,
      row: read,
      /** How many fields do not hold what they must; nothing is shown. */
      wrong: () => fields.filter(one => problem(one.input, one.read())).length,
      /** Shows what is wrong and goes to the first of it; true when nothing is. */
      submit() {
        const wrong = fields.filter(one => !one.check());
        first(wrong);
        return !wrong.length;
      },
      /** Shows the API's errors beside their fields; gives back those that have none. */
      blame(errors, focus = false) {
        const named = new Map(fields.map(one => [one.input.name, one]));
        const found = errors.filter(one => named.has(one.field));
        for (const one of found) named.get(one.field).blame(one.message);
        if (focus) first(found.map(one => named.get(one.field)));
        return errors.filter(one => !named.has(one.field));
      },
    };
  }

  return {build, problem, example};
})();
