"use strict";
/** CSV by RFC 4180, as spreadsheets write it: quotes, CRLF or LF, a byte order mark, comma, semicolon or tab. */
const Csv = (() => {
  /** Raised for a text that is no CSV; says the line. */
  class CsvError extends Error {}

  /** The delimiter of the first record: whichever stands in it most often outside of quotes. */
  function delimiter(text) {
    const counts = {",": 0, ";": 0, "\t": 0};
    let quoted = false;
    for (const one of text) {
      if (one === '"') quoted = !quoted;
      else if (!quoted && (one === "\n" || one === "\r")) break;
      else if (!quoted && one in counts) counts[one]++;
    }
    return Object.entries(counts).sort((a, b) => b[1] - a[1])[0][0];
  }

  /** {head, rows, lines, delimiter}: `lines` says at which line of the file each row begins. Empty lines are passed over. */
  function parse(source) {
    const text = source.replace(/^\ufeff/, "");
    const separator = delimiter(text);
    const records = [];
    const lines = [];
    let record = [];
    let [line, begun, at] = [1, 1, 0];
    const finish = () => {
      if (record.length > 1 || record[0] !== "") {
        records.push(record);
        lines.push(begun);
      }
      record = [];
      begun = line;
    };
    while (at < text.length || record.length) {
      let value;
      if (text[at] === '"') {
        const opened = line;
        value = "";
        for (at++; ; ) {
          const close = text.indexOf('"', at);
          if (close < 0) throw new CsvError(`line ${opened}: a quote is opened and never closed`);
          const part = text.slice(at, close);
          value += part;
          line += breaks(part);
          at = close + 1;
          if (text[at] !== '"') break;
          value += '"';
          at++;
        }
        if (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") {
          throw new CsvError(`line ${line}: there is text after a closing quote; a quote inside a quoted cell is written twice`);
        }
      } else {
        const start = at;
        while (at < text.length && text[at] !== separator && text[at] !== "\n" && text[at] !== "\r") at++;
        value = text.slice(start, at);
      }
      record.push(value);
      if (text[at] === separator) {
        at++;
        if (at === text.length) record.push("");
        if (at < text.length) continue;
      } else if (at < text.length) {
        at += text[at] === "\r" && text[at + 1] === "\n" ? 2 : 1;
        line++;
      }
      finish();
    }
    if (!records.length) throw new CsvError("there is no line in it");
    const [head, ...rows] = records;
    return {head: head.map(name => name.trim()), rows, lines: lines.slice(1), delimiter: separator};
  }

  const breaks = text => (text.match(/\r\n|\n|\r/g) || []).length;

  const isNumber = text => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) && Number.isFinite(Number(text));

  /** A cell that a spreadsheet would take for a formula: it begins with = + - @ tab or CR, and is no number. */
  const isFormula = text => /^[=+\-@\t\r]/.test(text) && !isNumber(text);

  /** A cell as it is written: what looks like a formula gets an apostrophe before it, so that no spreadsheet runs it. */
  function cell(value) {
    const text = value == null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
    const safe = isFormula(text) ? `'${text}` : text;
    return /[",\r\n;\t]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  const write = (head, rows) => [head, ...rows].map(row => row.map(cell).join(",")).join("\r\n") + "\r\n";

  /** The text of a file: UTF-8, else what Windows' spreadsheets write. */
  function decode(buffer) {
    try {
      return new TextDecoder("utf-8", {fatal: true}).decode(buffer);
    } catch {
      return new TextDecoder("windows-1252").decode(buffer);
    }
  }

  return {parse, write, decode, isNumber, CsvError};
})();
