"use strict";
/** Compare: two versions on the same input, side by side; what differs is marked. */
(() => {
  const {h} = Dom;

  async function render(root, state) {
    const others = Views.others();
    if (!others.length) {
      return root.replaceChildren(Dom.empty("One version alone", `${state.address} has no other complete version.`, h("pre", `firesteel train ${state.model} --data rows.csv`)));
    }
    const place = h("div");
    let end;
    const choose = async version => {
      end?.();
      try {
        const second = await Views.describe(state.address, version, {signal: state.signal});
        const left = Ask.lane(state, {title: state.shown, version: state.version, described: state.described});
        const right = Ask.lane(state, {title: version, version, described: second, other: () => left});
        end = Ask.panel(place, state, [left, right], "compare");
      } catch (error) {
        if (error.name !== "AbortError") place.replaceChildren(Dom.problem(error));
      }
    };
    const pick = Dom.select(others, others[0][0], choose);
    root.replaceChildren(Dom.field(`${state.shown} against`, pick), place);
    await choose(others[0][0]);
    return () => end?.();
  }

  Views.add({id: "compare", title: "Compare", group: "Predict", render});
})();
