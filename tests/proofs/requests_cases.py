"""Requests to every operation of the table, sound and spoiled; each is made of its own seed."""

from random import Random
from typing import Any

from functions.classify.operations import OPERATIONS, Operation
from tests.proofs import requests_bodies as bodies
from tests.proofs.requests_events import HEADERS, KINDS, Sent, every_change, quoted, some_changes
from tests.proofs.requests_world import CANARY, MODELS, Endpoint

METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "get", "", "BREW", "CONNECT", "A" * 300)
NAMES = (*MODELS[:4], "qb", "rb", "wr", "1.0.0", CANARY, "metrics.json", "golden.json", "model_card.md", "latest")
STRANGE = (
    *(
        "",
        "..",
        ".",
        "%2e%2e",
        "a/b",
        "\0",
        "é",
        "a" * 300,
        "a@1.0.0",
        "1.0.0 ",
        "v1.0.0",
        "\\",
        " ",
        "{name}",
        "~",
        "٣",
    ),
    "program.safetensors",
)
QUERIES = (
    *("", "last=24h", "limit=5&last=7d", "model=tickets", "model=recruits%2Fqb", "review=true", "last=%D9%A3d"),
    *("limit=0", "limit=1e9", "limit=" + "9" * 5000, "last=-1h", "last=99999999d", "model=..%2F..", "model=%00"),
    *("&&&=", "a=b" * 4000, "a=1&" * 500, "%ff=%fe", "last", "last=h", "limit=%20", "model=a%40b", "review=maybe"),
)
HEADERS_SENT: tuple[dict[str, str], ...] = (
    {"content-type": "text/plain"},
    {"content-type": 'application/json; charset="utf-8"'},
    {"content-type": "application/json; charset=utf-16"},
    {"content-type": "application/octet-stream"},
    {"content-type": ";" * 5000},
    {"content-type": "application/" + "a" * 5000 + "+json"},
    {"accept": "text/html"},
    {"accept": "text/html;q=0.9,application/json;q=" + "1" * 400},
    {"accept": "," * 8000},
    {"accept": "text/html;q=nan, */*;q=\u0663"},
    {"if-none-match": "*"},
    {"if-none-match": "*", "accept": "text/html"},
    {"if-none-match": 'W/"' + "a" * 3000},
    {"x-feature-signature": "0" * 64},
    {"x-feature-signature": "a\r\nb"},
    {"x-canary-key": "\ud800"},
    {"x-canary-key": "k" * 5000},
    {"x-request-id": "mine-1"},
    {"x-request-id": "a\r\nset-cookie: b"},
    {"x-request-id": "x" * 129},
    {"host": "a:b"},
    {"host": "[::1]:80"},
    {"x-forwarded-port": "443,80"},
    {"x-forwarded-for": ",".join(["1.2.3.4"] * 500)},
    {"content-length": "-1"},
    {"transfer-encoding": "chunked"},
    {"content-encoding": "gzip"},
    {"inference-header-content-length": "99999999999999999999"},
    {"cookie": "a=b; " * 2000},
    {"origin": "null"},
    {"expect": "100-continue"},
    {"\r\nx": "y"},
)


def systematic(endpoint: Endpoint) -> list[tuple[str, Any]]:
    """Every key of every kind of event changed in every way: of a prediction, and of a look at a query."""
    row = endpoint.examples["tickets"][0]
    asked = (
        Sent("POST", "/classify", bodies.written(row, Random(0))),
        Sent("GET", "/admin/recent_inferences", query="last=24h&limit=5"),
    )
    return [
        (f"{kind}, {sent.path}: {what}", changed)
        for sent in asked
        for kind, event in KINDS.items()
        for what, changed in every_change(event(sent))
    ]


def one(endpoint: Endpoint, random: Random) -> Any:
    """An event: in half of the cases the event itself is as it should be, and in a third the body."""
    event = KINDS[random.choice(tuple(KINDS))](request(endpoint, random))
    return some_changes(event, random) if random.random() < 0.5 else event


def request(endpoint: Endpoint, random: Random) -> Sent:
    """An HTTP request to an operation of the table, or near one."""
    operation = random.choice(OPERATIONS)
    method = operation.method if random.random() < 0.95 else random.choice(METHODS)
    model, path = _path(operation, random)
    headers = dict(HEADERS)
    body, added = _body(operation, model, endpoint, random) if operation.method == "POST" else (b"", {})
    headers |= added
    if random.random() < 0.3:
        headers |= random.choice(HEADERS_SENT)
    query = random.choice(QUERIES) if random.random() < 0.3 or "admin" in path else ""
    return Sent(method, path, body, headers, query)


def _path(operation: Operation, random: Random) -> tuple[str, str]:
    """The model that is meant, and the path, which sometimes names another or none."""
    if "{segment}" in operation.path:
        model, names = random.choice(MODELS[4:]), {"{name}": "recruits", "{version}": "1.0.0", "{file}": "metrics.json"}
        names["{segment}"] = model.partition("/")[2]
    else:
        model = random.choice(MODELS[:4]) if "{name}" in operation.path else "tickets"
        names = {"{name}": model, "{version}": random.choice(("1.0.0", CANARY)), "{file}": "golden.json"}
    if random.random() < 0.1 and "{" in operation.path:
        names[random.choice(tuple(names))] = random.choice((*NAMES, *STRANGE))
    parts = [quoted(names[part]) if part in names else part for part in operation.path.split("/")]
    if random.random() < 0.03:
        parts.insert(random.randrange(len(parts) + 1), quoted(random.choice(STRANGE)))
    return model, "/".join(parts)


def _body(operation: Operation, model: str, endpoint: Endpoint, random: Random) -> tuple[bytes, dict[str, str]]:
    name = operation.path.rpartition("/")[2]
    if name == "infer":
        rows = _rows(model, endpoint, random)
        if random.random() < 0.3:
            return bodies.binary(rows, random)
        value: Any = bodies.tensors(rows, random)
    elif name == "index":
        value = {"ready": random.choice((True, False))}
    elif name == "feedback":
        value = _correction(endpoint, random)
    elif name == "batch" and operation.path == "/classify/batch":
        value = {"items": _rows(model, endpoint, random)}
    elif name in ("batch", "batch_predict"):
        value = {"cases": _rows(model, endpoint, random), "include_explanations": random.random() < 0.1}
    elif random.random() < 0.3 and model != "gifts":
        value = random.choice(endpoint.examples[model])
    else:
        value = bodies.fitting(endpoint.rows[model], random)
    if random.random() < 0.6:
        value = bodies.spoiled(value, random)
        return bodies.written(value, random), {}
    return bodies.written(value, Random(0)), {}


def _rows(model: str, endpoint: Endpoint, random: Random) -> list[dict[str, Any]]:
    count = random.choice((1, 1, 2, 3))
    if model == "gifts" or random.random() < 0.5:
        return random.choices(endpoint.examples[model], k=count)
    return [bodies.fitting(endpoint.rows[model], random) for _ in range(count)]


def _correction(endpoint: Endpoint, random: Random) -> dict[str, Any]:
    said = {"request_id": "r-1", "row": 0, "who": "ada", "why": "I know", "model": random.choice(MODELS)}
    kept = {name: value for name, value in said.items() if random.random() < 0.6}
    answer = {"priority": random.choice(("High", "Low", "None")), "g2g_score": random.choice(bodies.NUMBERS)}
    kept["answer"] = dict([random.choice(tuple(answer.items()))])
    if random.random() < 0.5:
        kept["input"] = random.choice(endpoint.examples[str(said["model"])])
    return kept
