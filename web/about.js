"use strict";
/** About: what a version is made of, how good it is and where it fails, and its model card. */
(() => {
  const {h, number, percent} = Dom;
  async function render(root, {described, address, signal}) {
    const urls = [];
    const file = async name => (await Api.call("GET", `/models/${address}/versions/${described.version}/files/${name}`, {blob: true, signal})).data;

    /** A plot is fetched like all else, with the caller's key, and shown as an image: no script of it can run. */
    function image(name, alt) {
      const made = h("img", {alt: alt || name});
      file(name).then(data => urls.push((made.src = URL.createObjectURL(data))), () => made.replaceWith(h("p.muted", `${name} could not be read.`)));
      return made;
    }

    const card = h("div.doc", Dom.loading());
    root.replaceChildren(
      Dom.card("Version", h("p", described.description), facts(described)),
      ...Object.entries(described.metrics?.targets || {}).map(([name, own]) => Dom.card(name, h("h2", name), measures(own), confusion(name, own))),
      Dom.card("Model card", card));
    file("model_card.md").then(data => data.text()).then(
      text => card.replaceChildren(...Markdown.render(text, image, 2)),
      error => error.name !== "AbortError" && card.replaceChildren(Dom.problem(error)));
    return () => urls.forEach(url => URL.revokeObjectURL(url));
  }

  function facts({version, digest, created, metadata}) {
    const told = [["version", version], ["digest", h("code", digest)], ["published", Dom.time(created)], ["changes", metadata?.changelog]];
    return h("dl", told.filter(([, value]) => value).map(([name, value]) => [h("dt", name), h("dd", value)]));
  }

  function measures(own) {
    const known = Object.entries(own).filter(([, value]) => typeof value === "number");
    return Dom.table("Measures on held-out rows", known.map(([name]) => name.replaceAll("_", " ")), [known.map(([, value]) => number(value))], {plain: true});
  }

  /** Rows are the truth, columns what was predicted; the shade is the share of the row. */
  function confusion(name, {labels, confusion_matrix: matrix}) {
    if (!matrix) return null;
    const rows = matrix.map((counts, truth) => {
      const total = counts.reduce((sum, count) => sum + count, 0) || 1;
      const cell = count => h("td.cell", {style: {"--share": (count / total).toFixed(3)}, title: `${percent(count / total)} of ${labels[truth]}`}, String(count));
      return [labels[truth], ...counts.map(cell)];
    });
    return Dom.table(`Confusion matrix of ${name}: lines are true, columns predicted`, ["true \\ predicted", ...labels], rows, {shown: true});
  }

  Views.add({id: "about", title: "About the model", group: "Model", render});
})();
