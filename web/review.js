"use strict";
/** Review: the answers whose truth would teach the most, one after the other; a digit labels, arrows go on and back. */
const Review = (() => {
  const {h} = Dom;

  async function render(root, state) {
    const {address, signal} = state;
    const {items} = await Api.get("/admin/review", {query: {model: address}, signal});
    if (!items.length) return void root.replaceChildren(Dom.empty("Nothing to review", "Nobody asked in the last 7 days, or all of it was corrected."));
    const described = await Views.describe(address, state.served, {signal});
    const done = new Map();
    const keys = h("input", {type: "checkbox", id: "keys", checked: true});
    const bar = h("progress", {max: items.length, "aria-label": "Answers labelled"});
    const count = h("p.muted");
    const place = h("section.card", {tabindex: "-1", "aria-label": "Answer"});
    let at = 0;
    let labels = [];
    let busy = false;

    const step = by => {
      at = Math.max(0, Math.min(items.length, at + by));
      show();
      place.focus();
    };
    const finish = answer => {
      done.set(at, Feedback.words(answer));
      step(1);
    };
    const label = async value => {
      if (busy || !value) return;
      busy = true;
      const answer = {[items[at].target]: value};
      await Feedback.post(address, Feedback.about(items[at]), answer).then(() => finish(answer), error => place.prepend(Dom.problem(error)));
      busy = false;
    };

    function show() {
      const one = items[at];
      bar.value = done.size;
      count.textContent = `${Math.min(at + 1, items.length)} of ${items.length}, ${done.size} labelled`;
      const back = Dom.button("← Back", () => step(-1), {disabled: !at});
      labels = [];
      if (!one) {
        place.replaceChildren(h("p.strong", "All were looked at."), h("p.row.between", back, Dom.button("Look for more", () => Views.show(true))));
        return Dom.say("All were looked at.");
      }
      const said = Feedback.said(one);
      const all = described.targets.find(each => each.name === one.target)?.labels || [];
      const legible = Feedback.legible(one);
      // as many as there are digits, else the given answer alone; none for what nobody can read
      labels = !legible ? [] : all.length > 9 ? [one.labels[one.target]] : all;
      place.replaceChildren(
        h("p.good", {hidden: !done.has(at)}, `✓ ${done.get(at)}`), legible ? "" : Feedback.hint(), legible || Object.keys(one.inputs).length ? Feedback.inputs(one) : "", h("p.muted", "Request ", h("code", Feedback.id(one))), h("p", `Answered ${Feedback.words(said)}${one.times > 1 ? `; asked ${one.times} times` : ""}.`),
        labels.length ? h("fieldset", h("legend", `Right ${one.target}?`),
          h("div.row", labels.map((value, index) => Dom.button([h("kbd", {"aria-hidden": "true"}, index + 1), ` ${value}`], () => label(value), {"aria-keyshortcuts": index + 1})))) : "",
        h("details", {open: legible && !labels.length}, h("summary", "Say more, or correct another target"), Feedback.form(described, address, Feedback.about(one), said, finish)),
        h("p.row.between", back, Dom.button("Skip →", () => step(1))));
      Dom.say(`${at + 1} of ${items.length}. Answered ${said[one.target]}. ${keys.checked ? labels.map((value, index) => `${index + 1}: ${value}`).join(", ") : ""}`);
    }

    const press = event => {
      if (!keys.checked || event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input:not(#keys), select, textarea, dialog")) return;
      if (event.key === "ArrowRight") step(1);
      else if (event.key === "ArrowLeft") step(-1);
      else label(labels[event.key - 1]);
    };
    document.addEventListener("keydown", press, {signal});
    root.replaceChildren(h("div.row.between", count, h("span", keys, " ", h("label", {for: "keys"}, `Keys: ${items.some(Feedback.legible) ? "digits label, " : ""}← → go back and on`))), bar, place);
    show();
  }

  Views.add({id: "review", title: "Review", about: "model", render});
})();
