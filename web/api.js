"use strict";
/** The API: where it is, who asks, what it answers, and what its refusals mean. Keys live in memory alone. */
const Api = (() => {
  /** Two services: what answers, and (with the right to) what moves aliases. `auth` is {kind, ...} as `headers` reads it. */
  const services = {api: {base: here(), auth: {kind: "none"}}, registry: {base: "", auth: {kind: "none"}}};

  function here() {
    return location.protocol === "file:" ? "" : location.origin + location.pathname.replace(/\/+(index\.html)?$/, "");
  }

  const ADVICE = {
    unreachable: "Is the service running, its address right? Another origin must stand in FIRESTEEL_CORS_ORIGINS.",
    not_connected: "Open Connection and type the address of the API.",
    not_allowed: "Open Connection and give a key or token that may do this.",
    not_found: "This service does not have it. /admin needs FIRESTEEL_ADMIN=true (firesteel serve --admin).",
    unknown_model: "Choose another model or version.",
    no_model: "Nothing is published yet, or it failed its checks: GET /health says why.",
    registry_unavailable: "The object store did not answer. Try again.",
    rate_limited: "The page asks again when it may.",
    invalid_input: "Correct what is named.",
    internal_error: "The service's log has the cause under this request id.",
    conflict: "Look at the alias anew before you try again.",
    not_identified: "Open Connection and give AWS keys, or the token of firesteel control.",
  };

  /** A refusal of the catalog, or the like of it where something else refused. */
  class Refused extends Error {
    constructor(facts) {
      super(facts.detail);
      Object.assign(this, facts);
      this.advice = ADVICE[facts.code];
    }
  }

  /** Ask a service. Gives {data, headers, ms}; `data` is JSON, or a Blob with `blob: true`. Throws Refused, AbortError. */
  async function call(method, path, {query, body, signal, on = "api", blob = false} = {}) {
    const {base, auth} = services[on];
    if (!base) throw new Refused({code: "not_connected", detail: `No ${on === "api" ? "API" : on} address is set.`});
    const url = new URL(base + path);
    const asked = Object.entries(query || {}).filter(([, value]) => value !== "" && value != null);
    url.search = asked.map(pair => pair.map(escaped).join("=")).join("&");
    const text = body === undefined ? undefined : JSON.stringify(body);
    const sent = {accept: blob ? "*/*" : "application/json", ...(text === undefined ? {} : {"content-type": "application/json"})};
    Object.assign(sent, await credentials(auth, method, url, text));
    const started = performance.now();
    let response;
    try {
      response = await fetch(url, {method, headers: sent, body: text, signal, credentials: "omit", cache: "no-cache"});
      if (response.ok && blob) return {data: await response.blob(), headers: response.headers};
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Refused({code: "unreachable", detail: `No answer from ${url.origin}.`});
    }
    const data = await response.json().catch(() => undefined);
    signal?.throwIfAborted();
    if (!response.ok) throw refusal(response, data);
    if (data === undefined) throw new Refused({code: "not_json", detail: `${url.origin} does not answer like Firesteel's API.`});
    return {data, headers: response.headers, ms: performance.now() - started};
  }

  function refusal(response, data) {
    const request_id = data?.request_id || response.headers.get("x-request-id");
    const wait = Number(response.headers.get("retry-after")) || 0;
    const outside = {401: "not_allowed", 403: "not_allowed", 404: "not_found", 429: "rate_limited"}[response.status] || "refused";
    const detail = data?.detail || data?.message || `The service answered ${response.status}.`;
    return new Refused({status: response.status, code: data?.code || outside, detail, errors: data?.errors, request_id, wait});
  }

  const get = async (path, options) => (await call("GET", path, options)).data;
  const post = async (path, body, options) => (await call("POST", path, {...options, body})).data;

  async function credentials(auth, method, url, text) {
    if (auth.kind === "key") return {"x-api-key": auth.secret};
    if (auth.kind === "bearer") return {authorization: `Bearer ${auth.secret}`};
    if (auth.kind === "aws") return signature(auth, method, url, text ?? "", new Date());
    return {};
  }

  // AWS Signature Version 4, https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

  const encoder = new TextEncoder();
  const hex = buffer => [...new Uint8Array(buffer)].map(byte => byte.toString(16).padStart(2, "0")).join("");
  const sha256 = async text => hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
  const escaped = text => encodeURIComponent(text).replace(/[!'()*]/g, one => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);

  async function hmac(key, text) {
    const raw = typeof key === "string" ? encoder.encode(key) : key;
    const made = await crypto.subtle.importKey("raw", raw, {name: "HMAC", hash: "SHA-256"}, false, ["sign"]);
    return crypto.subtle.sign("HMAC", made, encoder.encode(text));
  }

  /** The headers that sign a request; service and region stand in the host's name, else in `keys`. */
  async function signature(keys, method, url, text, now) {
    if (!globalThis.crypto?.subtle) throw new Refused({code: "not_allowed", detail: "The browser signs on https and on localhost only."});
    const [, service, region] = /\.(execute-api|lambda-url)\.([a-z0-9-]+)\./.exec(url.host) || [null, "execute-api", keys.region];
    const name = service === "lambda-url" ? "lambda" : service;
    const moment = now.toISOString().replace(/[-:]|\.\d{3}/g, "");
    const scope = `${moment.slice(0, 8)}/${region || keys.region}/${name}/aws4_request`;
    const sent = {"x-amz-date": moment, ...(keys.session ? {"x-amz-security-token": keys.session} : {})};
    const all = {host: url.host, ...sent};
    const names = Object.keys(all).sort();
    const query = [...url.searchParams].map(([key, value]) => `${escaped(key)}=${escaped(value)}`).sort().join("&");
    const canonical = [
      method, url.pathname.split("/").map(escaped).join("/"), query,
      ...names.map(one => `${one}:${all[one]}`), "", names.join(";"), await sha256(text),
    ].join("\n");
    let key = `AWS4${keys.secret}`;
    for (const part of scope.split("/")) key = await hmac(key, part);
    const signed = hex(await hmac(key, ["AWS4-HMAC-SHA256", moment, scope, await sha256(canonical)].join("\n")));
    return {...sent, authorization: `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope}, SignedHeaders=${names.join(";")}, Signature=${signed}`};
  }

  return {services, call, get, post, signature, Refused};
})();
