"use strict";
/** Markdown as model cards have it, made of elements: headings, paragraphs, lists, tables, code, images beside the card. */
const Markdown = (() => {
  const {h} = Dom;
  const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|!\[([^\]]*)\]\(([\w.-]+)\)/;

  /** Nodes of a line. `image(file, alt)` gives the element of a file beside the card; any other address stays text. */
  function inline(text, image) {
    const nodes = [];
    for (let rest = text; rest; ) {
      const found = INLINE.exec(rest);
      if (!found) return [...nodes, rest];
      const [whole, code, strong, alt, file] = found;
      nodes.push(rest.slice(0, found.index), code ? h("code", code) : strong ? h("strong", strong) : image(file, alt));
      rest = rest.slice(found.index + whole.length);
    }
    return nodes;
  }

  const cells = line => line.trim().replace(/^\||\|$/g, "").split(/(?<!\\)\|/).map(cell => cell.trim().replaceAll("\\|", "|"));

  /** The document's elements; its headings begin at `level`. */
  function render(source, image, level = 2) {
    const lines = source.replace(/\r\n?/g, "\n").split("\n");
    const made = [];
    let title = "Table";
    for (let at = 0; at < lines.length; ) {
      const line = lines[at];
      const heading = /^(#{1,6}) +(.*)$/.exec(line);
      const item = /^ *[-*] +/;
      const block = test => {
        const begin = at;
        while (at < lines.length && test(lines[at])) at++;
        return lines.slice(begin, at);
      };
      if (!line.trim()) at++;
      else if (heading) {
        title = heading[2];
        made.push(h(`h${Math.min(6, heading[1].length + level - 1)}`, inline(title, image)));
        at++;
      } else if (line.startsWith("```")) {
        at++;
        const code = block(one => !one.startsWith("```"));
        at++;
        made.push(h("pre", {tabindex: "0"}, h("code", code.join("\n"))));
      } else if (item.test(line)) {
        const items = block(one => item.test(one));
        made.push(h("ul", items.map(one => h("li", inline(one.replace(item, ""), image)))));
      } else if (line.startsWith("|") && /^\|?[\s:|-]+$/.test(lines[at + 1] || "")) {
        const [head, , ...rows] = block(one => one.startsWith("|"));
        const told = rows.map(one => cells(one).map((cell, index) => (/[`*[]/.test(cell) ? h(index ? "td" : "th", inline(cell, image)) : cell)));
        made.push(Dom.table(title, cells(head), told));
      } else {
        const paragraph = block(one => one.trim() && !/^(#{1,6} |```|\|)/.test(one) && !item.test(one));
        made.push(h("p", paragraph.length ? paragraph.flatMap(one => [...inline(one, image), " "]) : lines[at++]));
      }
    }
    return made;
  }

  return {render};
})();
