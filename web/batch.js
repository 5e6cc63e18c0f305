"use strict";
/** Batch: a CSV goes through a model in parts; answers in a table and as a CSV again. */
(() => {
  const {h, plural, say} = Dom;
  // rows a request
  const PART = 500;
  // bytes a request; the API takes 1 MiB
  const BODY = 900_000;
  const AT_ONCE = 2;
  const MOST = 50_000;
  const SHOWN = 100;
  const encoder = new TextEncoder();

  function render(root, state) {
    if (state.described.request) {
      return root.replaceChildren(Dom.empty("Requests of this model are lists", "Ask takes up to 1,000 rows at once.", h("a.button", {href: Views.link("ask")}, "Ask")));
    }
    const place = h("div");
    const paste = h("textarea", {id: "paste", spellcheck: "false"});
    const read = (text, name) => {
      try {
        const file = Csv.parse(text);
        if (!file.rows.length) throw new Csv.CsvError("it has a head and no row");
        if (file.rows.length > MOST) throw new Csv.CsvError(`it has more than ${MOST} rows; firesteel score takes any number`);
        place.replaceChildren(mapping(state, file, name));
        say(`${plural(file.rows.length, "row")} read.`);
      } catch (error) {
        if (!(error instanceof Csv.CsvError)) throw error;
        place.replaceChildren(h("div.problem", {role: "alert"}, h("p.strong", `This cannot be read: ${error.message}.`), h("p", "Correct it, or save the sheet as CSV again.")));
      }
    };
    const take = async file => file && read(Csv.decode(await file.arrayBuffer()), file.name);
    const picker = h("input.hidden", {type: "file", id: "file", accept: ".csv,.tsv,.txt,text/csv", onchange: event => take(event.target.files[0])});
    const drag = event => {
      event.preventDefault();
      drop.classList.toggle("over", event.type === "dragover");
      if (event.type === "drop") take(event.dataTransfer.files[0]);
    };
    const drop = h("div.drop", {ondragover: drag, ondragleave: drag, ondrop: drag}, h("p", "Drop a CSV here, or ", Dom.button("choose a file", () => picker.click())),
    h("label.hidden", {for: "file"}, "CSV file"), picker,
    h("p.muted", "Comma, semicolon or tab; the first line names the columns; up to 50,000 rows."));
    // the button is the way to it
    picker.tabIndex = -1;
    root.replaceChildren(
      Dom.card("Rows", drop,
        h("details", h("summary", "Or paste rows"), h("label.hidden", {for: "paste"}, "Rows as CSV"), paste,
          h("p.row", Dom.button("Read", () => read(paste.value, "pasted.csv"))))),
      place);
  }

  const plainly = name => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");

  const column = (file, name) => String(file.head.findIndex(title => plainly(title) === plainly(name))).replace("-1", "");

  /** Which column is which input, by name; the person may say otherwise. */
  function mapping(state, file, name) {
    const {inputs} = state.described;
    const columns = [["", "– not sent –"], ...file.head.map((title, index) => [String(index), title || `column ${index + 1}`])];
    const chosen = new Map();
    const own = inputs.map(input => {
      chosen.set(input.name, column(file, input.name));
      return Dom.field(input.required ? input.name : `${input.name} (optional)`, Dom.select(columns, chosen.get(input.name), value => {
        chosen.set(input.name, value);
        check();
      }));
    });
    const lacking = h("p.error", {role: "status"});
    const routed = state.segments.length ? h("input", {type: "checkbox", id: "routed"}) : null;
    const others = Views.others();
    let against = "";
    const start = Dom.button(`Ask for ${plural(file.rows.length, "row")}`, () => begin(), {class: "primary"});
    const check = () => {
      const missing = inputs.filter(input => input.required && !chosen.get(input.name)).map(input => input.name);
      lacking.hidden = !missing.length;
      lacking.textContent = `No column for ${missing.join(", ")}: each of these is required.`;
      start.disabled = missing.length > 0 && !routed?.checked;
    };
    routed?.addEventListener("change", check);
    const place = h("div");
    const begin = () => run(place, {state, file, name, against, columns: new Map(chosen), routed: routed?.checked});
    check();
    return h("div", Dom.card("Columns", h("h2", `${name}: ${plural(file.rows.length, "row")}`), h("div.fields", own), lacking,
      routed && h("p", routed, " ", h("label", {for: "routed"}, `Each row chooses its segment of ${state.model}`)),
      others.length > 0 && Dom.field("Also ask version", Dom.select([["", "no other"], ...others], "", value => (against = value)), "Answers of both, and how often they agree."),
      start), place);
  }

  /** A row as it is sent: a cell that is no number stays text, and the API says what is wrong with it. */
  function row(cells, columns, inputs) {
    const sent = {};
    for (const input of inputs) {
      const cell = cells[columns.get(input.name) || -1] ?? "";
      if (cell.trim()) sent[input.name] = input.kind === "number" && Csv.isNumber(cell.trim()) ? Number(cell) : cell;
    }
    return sent;
  }

  /** Rows in parts: at most PART of them, and no more bytes than a request may have. */
  function* parts(rows) {
    let [part, size, first] = [[], 0, 0];
    for (const [index, one] of rows.entries()) {
      const own = encoder.encode(JSON.stringify(one)).length + 1;
      if (part.length && (part.length === PART || size + own > BODY)) {
        yield {first, rows: part};
        [part, size, first] = [[], 0, index];
      }
      part.push(one);
      size += own;
    }
    if (part.length) yield {first, rows: part};
  }

  async function run(place, job) {
    const {state, file} = job;
    const stopped = new AbortController();
    state.signal.addEventListener("abort", () => stopped.abort());
    const bar = h("progress", {max: String(file.rows.length), value: 0, "aria-label": "Rows answered"});
    const status = h("p", {role: "status"});
    const cancel = Dom.button("Cancel", () => stopped.abort());
    const result = h("div");
    place.replaceChildren(Dom.card("Progress", bar, h("div.row.between", status, cancel)), result);
    const inputs = job.routed ? await every(state) : state.described.inputs;
    if (job.routed) for (const input of inputs) if (!job.columns.has(input.name)) job.columns.set(input.name, column(file, input.name));
    const rows = file.rows.map(cells => row(cells, job.columns, inputs));
    const path = job.routed ? `/models/${state.model}/batch` : state.path("batch");
    const paths = [path, job.against && state.path("batch", job.against)].filter(Boolean);
    const answers = paths.map(() => new Array(rows.length));
    const began = performance.now();
    let done = 0;
    const told = text => (status.textContent = text || `${done.toLocaleString("en")} of ${plural(rows.length, "row")}`);
    told();
    const queue = parts(rows);
    const work = async () => {
      for (const part of queue) {
        await Promise.all(paths.map(async (one, which) => {
          const found = await ask(one, part.rows, stopped.signal, told);
          found.forEach((answer, index) => (answers[which][part.first + index] = answer));
        }));
        done += part.rows.length;
        bar.value = done;
        told();
      }
    };
    const failed = await Promise.all(Array.from({length: AT_ONCE}, work)).catch(error => (stopped.abort(), error));
    cancel.hidden = true;
    const seconds = (performance.now() - began) / 1000;
    const bad = answers[0].filter(one => one?.error).length;
    told(`${done < rows.length ? "Stopped after" : "Done:"} ${plural(done, "row")} in ${seconds.toFixed(1)} s${bad ? `, ${plural(bad, "row")} refused` : ""}.`);
    result.replaceChildren(h("div", failed.name && failed.name !== "AbortError" && Dom.problem(failed), done > 0 && results(job, answers)));
  }

  /** The inputs that any segment has. */
  async function every(state) {
    const all = await Promise.all(state.segments.map(async address => {
      const {aliases} = await Api.get(`/models/${address}/versions`, {signal: state.signal});
      return Views.describe(address, (aliases[state.alias] || Object.values(aliases)[0]).version, {signal: state.signal});
    }));
    return [...new Map(all.flatMap(one => one.inputs).map(input => [input.name, input])).values()];
  }

  /** A part's answers; waits as long as the service says when it was asked too often. Parts are small: too large is a row. */
  async function ask(path, rows, signal, told) {
    for (;;) {
      try {
        return (await Api.post(path, {cases: rows}, {signal})).predictions;
      } catch (error) {
        if (error.code === "payload_too_large") {
          return rows.map(() => ({error: {detail: error.detail, fields: []}}));
        }
        if (error.code !== "rate_limited") throw error;
        for (let left = error.wait || 5; left > 0 && !signal.aborted; left--) {
          told(`Asked too often; going on in ${left} s.`);
          await new Promise(resume => setTimeout(resume, 1000));
        }
        signal.throwIfAborted();
      }
    }
  }

  const wrong = answer => answer.error && (answer.error.fields.map(one => `${one.field} ${one.message}`.trim()).join("; ") || answer.error.detail);

  function results(job, answers) {
    const {file, state} = job;
    const texts = new Set(state.described.inputs.filter(one => one.kind === "text").map(one => one.name));
    const fields = answers.map(some => [...new Set(some.flatMap(one => (one && !one.error ? Object.keys(one) : [])))].filter(name => !texts.has(name) && !file.head.includes(name)));
    const versions = [state.shown, job.against];
    const titles = answers.length > 1 ? fields.flatMap((names, which) => names.map(name => `${name}@${versions[which]}`)) : fields[0];
    const values = index => answers.flatMap((some, which) => fields[which].map(name => some[index]?.[name] ?? ""));
    const bad = answers[0].map((one, index) => [index, one && wrong(one)]).filter(([, text]) => text);
    const save = () => {
      const rows = file.rows.map((cells, index) => [...file.head.map((_, at) => cells[at]), ...values(index), answers[0][index] ? wrong(answers[0][index]) : "not asked"]);
      Dom.download(job.name.replace(/\.\w+$/, "") + `-${state.address.replace("/", "-")}.csv`, "text/csv", Csv.write([...file.head, ...titles, "error"], rows));
    };
    const preview = file.rows.slice(0, SHOWN).map((cells, index) => [
      String(file.lines[index]), ...values(index).map(value => (typeof value === "number" ? Dom.number(value) : h("td", String(value)))),
      ...file.head.map((_, at) => h("td", Dom.short(cells[at] ?? "", 60))),
    ]);
    return Dom.card("Answers", h("div.row.between", h("h2", "Answers"), Dom.button("Download CSV", save, {class: "primary"})),
      answers.length > 1 && agreement(job, answers),
      bad.length > 0 && h("details", {open: bad.length <= 10}, h("summary", `${plural(bad.length, "row")} refused`),
        Dom.table("Rows that were refused", ["line", "what is wrong"], bad.slice(0, SHOWN).map(([index, text]) => [String(file.lines[index]), h("td", text)]))),
      file.rows.length > SHOWN && h("p.muted", `The first ${SHOWN} rows; the download has all.`),
      Dom.table("Answers", ["line", ...titles, ...file.head], preview, {tall: true}),
      h("p.muted", "In the download, texts that begin with = + - or @ get an apostrophe before them, against formulas."));
  }

  /** How often two versions give the same label, or how far their numbers are apart. */
  function agreement({state, against}, [first, second]) {
    const both = first.map((one, index) => [one, second[index]]).filter(([one, other]) => one && other && !one.error && !other.error);
    const read = answer => Answer.read(state.described, answer).told;
    const rows = state.described.targets.map((target, at) => {
      if (target.task !== "classification") {
        const gap = both.reduce((sum, [one, other]) => sum + Math.abs(read(one)[at].value - read(other)[at].value), 0) / both.length;
        return [target.name, h("td", `${Dom.number(gap)} apart on average`)];
      }
      const same = both.filter(([one, other]) => read(one)[at].label === read(other)[at].label).length;
      return [target.name, h("td", `${Dom.percent(same / both.length)} agree, ${plural(both.length - same, "row")} differ`)];
    });
    return both.length > 0 && Dom.table(`${state.shown} against ${against}`, ["target", "over all rows"], rows, {shown: true});
  }

  Views.add({id: "batch", title: "Batch", group: "Predict", render});
})();
