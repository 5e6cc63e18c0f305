"use strict";
/** Ask: a form, and beside it the answer as one types; of a model whose requests list things, an editor of its JSON. */
const Ask = (() => {
  const {h, say} = Dom;
  // ms after a key; when much was asked in the last minute, PATIENT, since services limit rates
  const QUICK = 40;
  const PATIENT = 250;
  const MANY = 60;
  const times = [];
  /** What other views put under an answer: functions of {state, sent, answer, request_id} that give an element or null. */
  const after = [];

  function pace() {
    const now = performance.now();
    while (times.length && times[0] < now - 60_000) times.shift();
    return times.length < MANY ? QUICK : PATIENT;
  }

  /** Calls `act(signal, focus)` a moment after the last `soon()`; what is under way is given up. */
  function latest(act, outer) {
    let timer;
    let running = new AbortController();
    const stop = () => {
      clearTimeout(timer);
      running.abort();
    };
    outer.addEventListener("abort", stop);
    return {
      stop,
      soon(wait = pace(), focus = false) {
        stop();
        running = new AbortController();
        const {signal} = running;
        timer = setTimeout(() => act(signal, focus), wait);
      },
    };
  }

  /** What is typed: {element, wrong(), sent(), submit(), blame(errors, focus)}; the form, or the editor. */
  function typed(state, prefix, changed) {
    const {described, address} = state;
    const keep = value => {
      state.rows[address] = value;
      changed();
    };
    const known = state.rows[address];
    const sample = described.request ? listed(described) : Form.example(described.inputs);
    const input = described.request ? editor(known ?? JSON.stringify(sample, null, 2), keep) : Form.build(described.inputs, {prefix, row: known || {}, changed: () => keep(input.row())});
    const sent = () => (described.request ? JSON.parse(state.rows[address]) : input.row());
    state.rows[address] ??= described.request ? JSON.stringify(sample, null, 2) : input.row();
    const fill = row => {
      input.write(row);
      keep(described.request ? JSON.stringify(row, null, 2) : input.row());
    };
    const buttons = h("p.row",
      h("button.primary", {type: "submit"}, "Ask"),
      Dom.button("Example", () => fill(sample)),
      Dom.button("Clear", () => fill({})));
    return {...input, sent, element: h("div", input.element, buttons), started: known !== undefined};
  }

  /** A request of a model that lists things: examples, one of each list. */
  function listed({inputs, request}) {
    const parts = [request.each, request.sum].filter(Boolean);
    const inside = new Set(parts.flatMap(part => part.inputs));
    const only = wanted => Form.example(inputs.filter(one => wanted(one.name)));
    const lists = parts.map(part => [part.name, [only(name => part.inputs.includes(name))]]);
    return {...only(name => !inside.has(name)), ...Object.fromEntries(lists)};
  }

  function editor(text, changed) {
    const error = h("p.error", {id: "json-error", hidden: true});
    const area = h("textarea.code", {id: "json", spellcheck: "false", "aria-describedby": "json-error", value: text, oninput: () => changed(area.value)});
    const show = message => {
      error.textContent = message;
      error.hidden = !message;
      if (message) area.setAttribute("aria-invalid", "true");
      else area.removeAttribute("aria-invalid");
    };
    const wrong = () => {
      try {
        JSON.parse(area.value);
        show("");
        return 0;
      } catch (fault) {
        show(`is no JSON: ${fault.message}`);
        return 1;
      }
    };
    return {
      element: h("div.field", h("label.label", {for: "json"}, "Request, as JSON"), area, error),
      write: row => (area.value = JSON.stringify(row, null, 2)),
      wrong,
      submit: () => !wrong() || area.focus(),
      blame: errors => errors,
    };
  }

  /** One answer beside the form: {element, ask(sent, signal), wait(text)}. */
  function lane(state, {title, version, described, other, alone = false, actions = []}) {
    const body = h("div");
    const status = h("p.muted", "The answer appears as you type.");
    const element = Dom.card(title, h("div.row.between", h("h2", title), actions), status, body);
    const it = {
      element,
      answer: null,
      described,
      wait(text) {
        body.classList.toggle("stale", Boolean(text));
        status.textContent = text;
      },
      async ask(sent, signal) {
        times.push(performance.now());
        const {data, headers, ms} = await Api.call("POST", state.path("predict", version), {body: sent, signal});
        it.answer = data;
        it.about = about(data, described, headers, ms);
        it.extras = alone ? after.map(make => make({state, sent, answer: data, request_id: headers.get("x-request-id")})).filter(Boolean) : [];
        it.show();
      },
      show() {
        const against = other?.()?.answer;
        body.replaceChildren(it.described.request ? h("div", Answer.lines(it.answer, against), h("dl", it.about)) : Answer.render(it.described, it.answer, {about: it.about, other: against}), ...it.extras);
        it.wait("");
      },
      fail(error) {
        body.replaceChildren(Dom.problem(error));
        it.wait("");
        it.answer = null;
      },
    };
    return it;
  }

  function about(data, described, headers, ms) {
    const digest = headers.get("x-model-digest") || described.digest || "";
    return [
      h("dt", "version"), h("dd", data.model_version || (digest === described.digest ? described.version : "another one: a canary answers, too")),
      h("dt", "digest"), h("dd", h("code", {title: digest}, digest.slice(0, 12) || "–")),
      h("dt", "answered in"), h("dd", `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`),
    ];
  }

  /** The form and its lanes; asks all of them whenever what is typed is whole. */
  function panel(root, state, lanes, prefix) {
    const input = typed(state, prefix, () => asking.soon());
    const asking = latest(run, state.signal);

    async function run(signal, focus) {
      const wrong = input.wrong();
      if (wrong) {
        for (const one of lanes) one.wait(state.described.request ? "The request is no JSON yet." : `${Dom.plural(wrong, "field")} still to be filled in.`);
        return;
      }
      await Promise.all(lanes.map(one => attempt(one, signal, focus)));
      // now that both are known
      if (lanes.length > 1 && lanes.every(one => one.answer)) lanes[1].show();
      const said = lanes.filter(one => one.answer).map(one => (state.described.request ? Dom.plural(one.answer.predictions?.length || 0, "answer") : Answer.sentence(one.described, one.answer)));
      if (said.length && !signal.aborted) say(said.join(" Against: "), 700);
    }

    async function attempt(one, signal, focus) {
      try {
        await one.ask(input.sent(), signal);
      } catch (error) {
        if (error.name === "AbortError") return;
        if (!(error instanceof Api.Refused)) throw error;
        if (error.code === "rate_limited") {
          one.wait(`Too many requests; asking again in ${error.wait || 5} s.`);
          return asking.soon((error.wait || 5) * 1000);
        }
        const left = input.blame(error.errors || [], focus);
        if (error.errors && !left.length) one.wait("Correct the fields that are marked.");
        else one.fail(Object.assign(error, {errors: left}));
      }
    }

    const submit = event => {
      event.preventDefault();
      if (input.submit()) asking.soon(0, true);
    };
    const form = h("form.card", {"aria-label": "Input", novalidate: true, onsubmit: submit}, input.element);
    root.replaceChildren(h(lanes.length > 1 ? "div.two.lanes" : "div.two", form, h("div.sticky.even", lanes.map(one => one.element))));
    if (input.started) asking.soon(0);
    return () => asking.stop();
  }

  function render(root, state) {
    const actions = [h("a.button", {href: Views.link("why")}, "Why?")];
    const one = lane(state, {title: "Answer", version: state.version, described: state.described, alone: true, actions});
    return panel(root, state, [one], "ask");
  }

  Views.add({id: "ask", title: "Ask", group: "Predict", render});
  return {panel, lane, listed, after};
})();
