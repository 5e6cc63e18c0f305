"""What every lane is asked: HTTP requests, good and bad, and the status that each must get."""

import json
from typing import NamedTuple

from firesteel.registry import bundle
from tests.unit.classify import bundles, zoo
from tests.unit.classify.bundles import TICKET

JSON = {"content-type": "application/json"}
ROW = json.dumps(TICKET).encode()


class Case(NamedTuple):
    """One HTTP request, and the status it must get."""

    status: int
    method: str
    path: str
    body: bytes = b""
    headers: dict[str, str] = JSON
    query: str = ""


BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def send(status, path, body, **headers):
    return Case(status, "POST", path, json.dumps(body).encode(), JSON | headers)


def stocked():
    """All models, and of tickets an earlier version with a plot that was never promoted, and one that is corrupt."""
    store = zoo.stocked()
    files = bundles.files(lean=9.0) | {
        "plot.svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        "trials.csv": b"\xff,1\n",
    }
    bundle.publish(store, "tickets", "0.1.0", files, who="tests")
    bundle.publish(store, "tickets", "0.2.0", bundles.files(), who="tests")
    bundles.damage(store, "0.2.0")
    return store


def ticket(**changes):
    return json.dumps({**TICKET, **changes}).encode()


def post(status, body, headers=JSON):
    return Case(status, "POST", "/classify", body, headers)


def batch(status, body):
    return Case(status, "POST", "/classify/batch", body if isinstance(body, bytes) else json.dumps(body).encode())


ADMIN = ("/admin/recent_inferences", "/admin/drift", "/admin/review", "/admin/feedback")
GOOD = {
    "a ticket": post(200, ROW),
    "without what is optional": post(200, b'{"title":"a","description":"b"}'),
    "with null for what is optional": post(200, ticket(customer_email=None)),
    "spaces around": post(200, b" \r\n\t" + ROW + b"\n"),
    "any Unicode": post(200, ticket(title="Grüße 🙂 \u2028 \u0000 \u202e ﷺ", description="日本語 \U0010ffff")),
    "escaped surrogate pair": post(200, b'{"title":"\\ud83d\\ude42","description":"b"}'),
    "longest texts": post(200, ticket(title="a" * 200, description="é" * 10_000)),
    "only unknown words": post(200, ticket(title="zzz", description="qqq")),
    "another JSON type": post(200, ROW, {"content-type": "application/problem+json"}),
    "charset": post(200, ROW, {"content-type": 'application/json; charset="UTF-8"'}),
    "header name in capitals": post(200, ROW, {"Content-Type": "application/json"}),
    "a batch": batch(200, {"items": [TICKET, {}, 5, TICKET]}),
    "a batch of a thousand": batch(200, {"items": [{"title": "a", "description": "b"}] * 1000}),
    **{f"GET {path}": Case(200, "GET", path) for path in (
        "/", "/health", "/health/live", "/health/ready", "/version", "/model/status", "/model/info", "/models",
        "/models/tickets", "/models/tickets/versions", "/models/recruits/qb", "/models/recruits/qb/versions", "/docs",
        "/openapi.json", "/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/readiness", "/v2/models/gifts/ready",
        "/v2/models/recruits/qb/versions/1.1.0",
    )},
    "predict": send(200, "/predict", TICKET),
    "explain": send(200, "/explain", TICKET),
    "cases": send(200, "/batch_predict", {"cases": [TICKET, {}]}),
    "cases explained": send(200, "/batch_predict", {"cases": [TICKET, {}], "include_explanations": True}),
    "a regression": send(200, "/models/readiness/predict", zoo.BUSINESS),
    "a regression explained": send(200, "/models/readiness/explain", zoo.BUSINESS),
    "regressions": send(200, "/models/readiness/batch", {"cases": [zoo.BUSINESS, 5], "include_explanations": True}),
    "an order": send(200, "/models/gifts/predict", zoo.ORDER),
    "an order explained": send(200, "/models/gifts/explain", zoo.ORDER),
    "rows of orders": send(200, "/models/gifts/batch", {"cases": [zoo.GIFT]}),
    "a segment's row": send(200, "/models/recruits/predict", zoo.PLAYERS["rb"]),
    "a segment's row explained": send(200, "/models/recruits/explain", zoo.PLAYERS["qb"]),
    "rows of segments": send(200, "/models/recruits/batch", {"cases": [*zoo.PLAYERS.values(), {"position": "WR"}, {}]}),
    "a segment": send(200, "/models/recruits/qb/predict", zoo.PLAYERS["qb"]),
    "a segment explained": send(200, "/models/recruits/qb/explain", zoo.PLAYERS["qb"]),
    "rows of one segment": send(200, "/models/recruits/qb/batch", {"cases": [zoo.PLAYERS["qb"]]}),
    "an index": Case(200, "POST", "/v2/repository/index"),
    "attributions": send(200, "/attributions", TICKET),
    "attributions of any Unicode": send(200, "/attributions", {**TICKET, "title": "İstanbul 🙂 CANNOT \u0000"}),
    "attributions of a regression": send(200, "/models/readiness/attributions", zoo.BUSINESS),
    "attributions of an order": send(200, "/models/gifts/attributions", zoo.ORDER),
    "attributions of a segment's row": send(200, "/models/recruits/attributions", zoo.PLAYERS["qb"]),
    "attributions of a segment": send(200, "/models/recruits/qb/attributions", zoo.PLAYERS["qb"]),
    **{f"GET {path}": Case(200, "GET", path) for path in (
        "/models/tickets/aliases", "/models/recruits/qb/aliases", "/models/tickets/versions/1.2.0",
        "/models/gifts/versions/3.0.0", "/models/recruits/versions/1.0.0", "/models/recruits/qb/versions/1.1.0",
        "/models/tickets/versions/1.2.0/files/metrics.json",
        "/models/readiness/versions/2.0.0/files/definition.json",
        "/models/recruits/qb/versions/1.1.0/files/golden.json", "/models/tickets/versions/0.1.0/files/plot.svg",
        "/models/tickets/versions/0.1.0/files/trials.csv",
    )},
    **{f"{what} at a version": send(200, f"/models/tickets/versions/0.1.0/{what}", TICKET) for what in (
        "predict", "explain", "attributions",
    )},
    "rows at a version": send(200, "/models/tickets/versions/0.1.0/batch", {"cases": [TICKET, {}]}),
    "predict at the live version": send(200, "/models/tickets/versions/1.2.0/predict", TICKET),
    "an order at a version": send(200, "/models/gifts/versions/3.0.0/predict", zoo.ORDER),
    "a version of segments": send(200, "/models/recruits/versions/1.0.0/predict", zoo.PLAYERS["rb"]),
    "a version of a segment": send(200, "/models/recruits/rb/versions/1.4.0/explain", zoo.PLAYERS["rb"]),
    "the page": Case(200, "GET", "/", headers=BROWSER),
    "the page that is known": Case(304, "GET", "/", headers={**BROWSER, "if-none-match": "*"}),
    "a file that is known": Case(
        304, "GET", "/models/tickets/versions/1.2.0/files/metrics.json", headers={"if-none-match": "*"}
    ),
    "a query that nobody reads": Case(200, "GET", "/health", query="a=1&a=2&b=%ff%fe&=&&c=%D1%8F+x&%00=%"),
    "a GET with a body": Case(200, "GET", "/health", b"whatever", {"content-type": "text/plain"}),
}  # fmt: skip
BAD = {
    "attributions of nothing": send(422, "/attributions", {}),
    "attributions over 64 KiB": Case(413, "POST", "/attributions", b" " * (64 * 1024 + 1)),
    "an unknown version": send(404, "/models/tickets/versions/9.9.9/predict", TICKET),
    "a version that is none": send(404, "/models/tickets/versions/latest/explain", TICKET),
    "a model with its version in its name": send(404, "/models/tickets@0.1.0/predict", TICKET),
    "a corrupt version": send(503, "/models/tickets/versions/0.2.0/predict", TICKET),
    "rows over 1 MiB at a version": Case(413, "POST", "/models/tickets/versions/0.1.0/batch", b" " * (1024 * 1024 + 1)),
    "other features at a version": send(
        409, "/models/tickets/versions/0.1.0/predict", TICKET, **{"x-feature-signature": "0" * 64}
    ),
    "a program": Case(404, "GET", "/models/tickets/versions/1.2.0/files/program.safetensors"),
    "a file that is a path": Case(404, "GET", "/models/tickets/versions/1.2.0/files/%2e%2e%2fmanifest.json"),
    "a file of no version": Case(404, "GET", "/models/tickets/versions/9.9.9/files/metrics.json"),
    "aliases of no model": Case(404, "GET", "/models/nope/aliases"),
    "POST a version": send(405, "/models/tickets/versions/1.2.0", {}),
    "GET predict at a version": Case(405, "GET", "/models/tickets/versions/1.2.0/predict"),
    **{f"GET {path} for nobody": Case(404, "GET", path) for path in ADMIN},
    "POST /admin/drift": send(405, "/admin/drift", {}),
    "GET /feedback": Case(405, "GET", "/feedback"),
    "feedback of nothing": send(422, "/feedback", {}),
    "no body": post(400, b""),
    "cut off": post(400, ROW[:-1]),
    "more after it": post(400, ROW + b"x"),
    "not JSON": post(400, b"title=a"),
    "single quotes": post(400, b"{'title':'a'}"),
    "BOM": post(400, b"\xef\xbb\xbf" + ROW),
    "UTF-16": post(400, ROW.decode().encode("utf-16")),
    "Latin-1": post(400, '{"title":"é","description":"b"}'.encode("latin-1")),
    "NaN": post(400, b'{"title":NaN,"description":"b"}'),
    "Infinity": post(400, b'{"title":-Infinity,"description":"b"}'),
    "1e400": post(400, b'{"title":1e400,"description":"b"}'),
    "5,000 digits": post(400, b'{"title":' + b"9" * 5000 + b"}"),
    "a key twice": post(400, b'{"title":"a","title":"b","description":"c"}'),
    "a key twice, deeper": post(400, b'{"title":{"a":1,"a":2},"description":"c"}'),
    "lone surrogate as value": post(400, b'{"title":"\\ud800","description":"b"}'),
    "lone surrogate as key": post(400, b'{"\\udfff":"a","description":"b"}'),
    "depth 17": post(400, b"[" * 17 + b"]" * 17),
    "depth 30,000": post(400, b"[" * 30_000),
    "raw control character": post(400, b'{"title":"a\nb","description":"c"}'),
    "depth 16": post(422, b"[" * 16 + b"]" * 16),
    "an array": post(422, b"[]"),
    "a string": post(422, b'"a"'),
    "a number": post(422, b"1"),
    "null": post(422, b"null"),
    "empty object": post(422, b"{}"),
    "title missing": post(422, b'{"description":"b"}'),
    "title null": post(422, ticket(title=None)),
    "title a number": post(422, ticket(title=1.5)),
    "title true": post(422, ticket(title=True)),
    "title an array": post(422, ticket(title=["a"])),
    "title empty": post(422, ticket(title="")),
    "title blank": post(422, ticket(title=" \u2003\t")),
    "title too long": post(422, ticket(title="a" * 201)),
    "description too long": post(422, ticket(description="a" * 10_001)),
    "email a number": post(422, ticket(customer_email=1)),
    "email too long": post(422, ticket(customer_email="a" * 321)),
    "unknown field": post(422, ticket(canary="canary")),
    "everything wrong": post(422, b'{"title":1,"description":"","customer_email":{},"x":1}'),
    "no media type": post(415, ROW, {}),
    "empty media type": post(415, ROW, {"content-type": ""}),
    "text/plain": post(415, ROW, {"content-type": "text/plain"}),
    "a form": post(415, b"title=a", {"content-type": "application/x-www-form-urlencoded"}),
    "multipart": post(415, ROW, {"content-type": "multipart/form-data; boundary=x"}),
    "pickle": post(415, b"\x80\x04.", {"content-type": "application/octet-stream"}),
    "another charset": post(415, ROW, {"content-type": "application/json; charset=utf-16"}),
    "odd media type": post(415, ROW, {"content-type": ";;==,"}),
    "64 KiB": post(400, b" " * 64 * 1024),
    "64 KiB and a byte": post(413, b" " * (64 * 1024 + 1)),
    "1 MiB to /classify": post(413, b" " * 1024 * 1024),
    "batch of none": batch(422, {"items": []}),
    "batch of 1,001": batch(422, {"items": [5] * 1001}),
    "batch that is none": batch(422, [TICKET]),
    "batch with more": batch(422, {"items": [TICKET], "x": 1}),
    "batch over 1 MiB": batch(413, b" " * (1024 * 1024 + 1)),
    "other features": send(409, "/predict", TICKET, **{"x-feature-signature": "0" * 64}),
    "no signature": send(409, "/models/readiness/explain", zoo.BUSINESS, **{"x-feature-signature": "abc"}),
    "predict with nothing": send(422, "/predict", {}),
    "cases of none": send(422, "/batch_predict", {"cases": []}),
    "explanations, maybe": send(422, "/batch_predict", {"cases": [TICKET], "include_explanations": "maybe"}),
    "an order of nothing": send(422, "/models/gifts/predict", {**zoo.ORDER, "products": []}),
    "an order too long": send(422, "/models/gifts/explain", {**zoo.ORDER, "groups": zoo.ORDER["groups"] * 300}),
    "an order over 64 KiB": Case(413, "POST", "/models/gifts/predict", b" " * (64 * 1024 + 1)),
    "an unknown segment": send(422, "/models/recruits/predict", {"position": "TE"}),
    "a segment without a model": send(503, "/models/recruits/predict", {"position": "WR"}),
    "predict with no such model": send(404, "/models/nope/predict", TICKET),
    "predict with no such segment": send(404, "/models/recruits/wr/predict", TICKET),
    "batch with no such model": send(404, "/models/nope/batch", {"cases": [TICKET]}),
    "predict with a path": send(404, "/models/%2e%2e/predict", TICKET),
    "GET /predict": Case(405, "GET", "/predict"),
    "GET /models/tickets/predict": Case(405, "GET", "/models/tickets/predict"),
    "POST a segment": send(405, "/models/recruits/qb", {}),
    "POST /models/tickets/switch": send(405, "/models/tickets/switch", {}),
    "POST /models/recruits/qb/switch": send(404, "/models/recruits/qb/switch", {}),
    "POST /model/info": send(405, "/model/info", {}),
    "unknown path": Case(404, "GET", "/nope"),
    "slash at the end": Case(404, "POST", "/classify/", ROW),
    "two slashes": Case(404, "POST", "//classify", ROW),
    "capitals": Case(404, "POST", "/Classify", ROW),
    "metrics are the server's own": Case(404, "GET", "/metrics.json"),
    "unknown model": Case(404, "GET", "/models/nope"),
    "a model that is a path": Case(404, "GET", "/models/%2e%2e%2fsecret"),
    "a model with a zero byte": Case(404, "GET", "/models/%00"),
    "an empty model": Case(404, "GET", "/models//versions"),
    "GET /classify": Case(405, "GET", "/classify"),
    "PUT /classify": Case(405, "PUT", "/classify", ROW),
    "OPTIONS /classify": Case(405, "OPTIONS", "/classify"),
    "HEAD /health": Case(405, "HEAD", "/health"),
    "POST /docs": Case(405, "POST", "/docs", ROW),
    "HEAD /openapi.json": Case(405, "HEAD", "/openapi.json"),
    "DELETE a model": Case(405, "DELETE", "/models/tickets"),
    "a method of one's own": Case(405, "BREW", "/health"),
}
CASES = GOOD | BAD
POSTED = ["a ticket", "a batch", "predict", "explain", "cases", "cases explained", "a segment", "rows of one segment"]
"""Answered by models that the lanes are given canaries of."""
CANARY_KEYS = [f"customer-{number}" for number in range(24)]

OTHERS = {
    "readiness": [
        send(200, "/predict", zoo.BUSINESS),
        send(200, "/explain", zoo.BUSINESS),
        send(200, "/batch_predict", {"cases": [zoo.BUSINESS]}),
        send(422, "/classify", TICKET),
    ],
    "gifts": [
        send(200, "/predict", zoo.ORDER),
        send(200, "/explain", zoo.ORDER),
        send(422, "/classify", zoo.GIFT),
        send(200, "/classify/batch", {"items": [zoo.GIFT, 5]}),
    ],
    "recruits": [
        *(send(200, path, player) for path in ("/predict", "/explain") for player in zoo.PLAYERS.values()),
        send(503, "/predict", {"position": "WR"}),
        send(422, "/explain", {}),
        send(200, "/batch_predict", {"cases": [*zoo.PLAYERS.values(), {}], "include_explanations": True}),
    ],
    "recruits/rb": [send(200, path, zoo.PLAYERS["rb"]) for path in ("/predict", "/models/recruits/rb/predict")],
}
"""Served models of the other kinds, and what is sent to them."""
PAGES = [
    Case(200, "GET", path)
    for path in ("/", "/health", "/model/status", "/model/info", "/models/gifts", "/openapi.json")
]
