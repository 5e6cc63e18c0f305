"use strict";
/** Where the API is and who asks, and light or dark. Keys are kept in memory: reloading the page forgets them. */
const Connection = (() => {
  const {h, byId, field, select} = Dom;
  const KINDS = [["none", "none"], ["key", "API key (x-api-key)"], ["bearer", "token (Authorization: Bearer)"], ["aws", "AWS keys (Signature Version 4)"]];

  function open() {
    const parts = [service("api", "API", "Answers, versions, monitoring."),
      service("registry", "Registry", "To move aliases: what firesteel control prints, or the stack's output.")];
    const dialog = byId("dialog");
    const submit = event => {
      event.preventDefault();
      for (const part of parts) part.take();
      dialog.close();
      Views.show(true);
    };
    dialog.replaceChildren(h("form", {onsubmit: submit},
      h("h2", {id: "dialog-title"}, "Connection"),
      h("p.muted", "Nothing typed here is stored."),
      parts.map(part => part.element),
      h("p.row.end", Dom.button("Forget keys", forget), Dom.button("Cancel", () => dialog.close()), h("button.primary", {type: "submit"}, "Connect"))));
    dialog.showModal();
  }

  function forget() {
    for (const one of Object.values(Api.services)) one.auth = {kind: "none"};
    byId("dialog").close();
    Views.show(true);
  }

  function service(name, title, hint) {
    const known = Api.services[name];
    const base = h("input", {type: "url", placeholder: "https://…", value: known.base, autocomplete: "off"});
    const secret = (key, type = "password") => h("input", {type, autocomplete: "off", spellcheck: "false", value: known.auth[key] || ""});
    const inputs = {id: secret("id", "text"), secret: secret("secret"), session: secret("session"), region: secret("region", "text")};
    const own = h("div");
    const needs = {
      none: [], key: [["secret", "Key"]], bearer: [["secret", "Token"]],
      aws: [["id", "Access key id"], ["secret", "Secret access key"], ["session", "Session token (optional)"], ["region", "Region (if not in the address)"]],
    };
    let kind = known.auth.kind;
    const choose = chosen => own.replaceChildren(...needs[(kind = chosen)].map(([key, label]) => field(label, inputs[key])));
    choose(kind);
    const element = h("fieldset", h("legend", title), h("p.muted", hint), field("Address", base), field("Who asks", select(KINDS, kind, choose)), own);
    const take = () => {
      const typed = Object.fromEntries(needs[kind].map(([key]) => [key, inputs[key].value.trim()]));
      Api.services[name] = {base: base.value.trim().replace(/\/+$/, ""), auth: {kind, ...typed}};
    };
    return {element, take};
  }

  const THEMES = [["", "Follow the system"], ["light", "Light"], ["dark", "Dark"]];

  function theme(name) {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    try {
      localStorage.setItem("theme", name);
    } catch {
      // a browser that stores nothing follows the system next time
    }
  }

  function start() {
    let known = "";
    try {
      known = localStorage.getItem("theme") || "";
    } catch {
      known = "";
    }
    theme(known);
    byId("foot").replaceChildren(
      Dom.button("Connection", open),
      h("label.hidden", {for: "theme"}, "Colours"), select(THEMES, known, theme, {id: "theme"}));
  }

  return {open, start};
})();
