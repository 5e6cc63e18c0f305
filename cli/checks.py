"""What `firesteel smoke` tries: every operation with good and bad requests, against what the API documents of itself.

Nothing of a model stands here: the rows to send and the fields to expect come from the API's own /openapi.json.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import httpx
from jsonschema import Draft202012Validator

from cli.client import Api
from functions.classify.answers import JSON, REQUEST_ID
from functions.classify.operations import OPERATIONS, Operation

_Spec = dict[str, Any]
_Judge = Callable[[httpx.Response], Iterator[str]]


class Check(NamedTuple):
    """One request, the status it must get, and what to say of an answer that has this status."""

    name: str
    method: str
    path: str
    status: int
    judge: _Judge
    body: bytes | None = None
    media_type: str = JSON


class Outcome(NamedTuple):
    """What became of a check: nothing is wrong when `problems` is empty."""

    name: str
    method: str
    path: str
    wanted: int
    status: int
    milliseconds: float
    problems: list[str]


def try_all(api: Api) -> Iterator[Outcome]:
    """The documentation first: without it nothing is known of the rest, which is then not tried."""
    spec: _Spec = {}
    documented = _try(api, Check("OpenAPI", "GET", "/openapi.json", 200, lambda answer: _take_spec(answer, spec)))
    yield documented
    if documented.problems:
        return
    yield _try(api, Check("docs", "GET", "/docs", 200, _page))
    if "/metrics" in spec["paths"]:
        yield _try(api, Check("metrics", "GET", "/metrics", 200, _text))
    row = _row(spec)
    for check in (*_good_requests(spec, row, _model(api)), *_bad_requests(spec, row)):
        yield _try(api, check)


def _try(api: Api, check: Check) -> Outcome:
    request_id = f"smoke-{os.urandom(8).hex()}"
    headers = {REQUEST_ID: request_id} | ({"content-type": check.media_type} if check.body is not None else {})
    started = time.perf_counter()
    answer = api.request(check.method, check.path, check.body, headers)
    milliseconds = round((time.perf_counter() - started) * 1e3, 1)
    problems = list(_problems(check, answer, request_id))
    return Outcome(check.name, check.method, check.path, check.status, answer.status_code, milliseconds, problems)


def _problems(check: Check, answer: httpx.Response, request_id: str) -> Iterator[str]:
    if check.path != "/metrics" and (echoed := answer.headers.get(REQUEST_ID)) != request_id:
        yield f"{REQUEST_ID} comes back as {echoed!r}"
    if answer.status_code == check.status:
        yield from check.judge(answer)
    else:
        yield f"wanted {check.status}, got {answer.status_code}: {answer.text[:200]}"


def _take_spec(answer: httpx.Response, spec: _Spec) -> Iterator[str]:
    """Keep the document in `spec`, once it has all that the checks need of it."""
    value = _json(answer)
    schemas = value.get("components", {}).get("schemas", {}) if isinstance(value, dict) else {}
    if missing := {"Row", "Result", "Refusal"} - set(schemas):
        yield f"there is no schema {', '.join(sorted(missing))}"
        return
    paths = value.get("paths", {})
    undocumented = [
        f"{one.method} {one.path}" for one in OPERATIONS if one.method.lower() not in paths.get(one.path, {})
    ]
    if undocumented:
        yield f"not documented: {', '.join(undocumented)}"
        return
    spec.update(value)
    if "properties" not in schemas["Row"]:
        yield "no model is loaded, so no row is described; /health says why"


def _good_requests(spec: _Spec, row: dict[str, Any], model: str) -> Iterator[Check]:
    """Every operation as its documentation says."""
    bodies = {"classify": row, "classify_batch": {"items": [row, row]}}
    for operation in OPERATIONS:
        body = _encode(bodies[operation.name]) if operation.name in bodies else None
        path = operation.path.replace("{name}", model)
        yield Check(operation.name, operation.method, path, 200, _as_documented(spec, operation), body)


def _bad_requests(spec: _Spec, row: dict[str, Any]) -> Iterator[Check]:
    """What must be refused, with which status and which code of the catalog."""
    for operation in OPERATIONS:
        if operation.method == "POST":
            yield from _bad_bodies(spec, operation)
    mixed = _encode({"items": [row, {}]})
    yield Check("one bad row of two", "POST", "/classify/batch", 200, _one_error_of_two(spec), mixed)
    yield Check("wrong method", "GET", "/classify", 405, _refusal(spec, "method_not_allowed", header="allow"))
    yield Check("unknown path", "GET", "/no/such/path", 404, _refusal(spec, "not_found"))
    yield Check("unknown model", "GET", "/models/no-such-model", 404, _refusal(spec, "unknown_model"))


def _bad_bodies(spec: _Spec, operation: Operation) -> Iterator[Check]:
    def check(name: str, status: int, code: str, body: bytes, media_type: str = JSON) -> Check:
        judge = _refusal(spec, code)
        return Check(f"{operation.name}: {name}", operation.method, operation.path, status, judge, body, media_type)

    yield check("bad JSON", 400, "invalid_json", b'{"cut')
    yield check("not a number", 400, "invalid_json", b'{"value": NaN}')
    yield check("wrong media type", 415, "unsupported_media_type", b"{}", "text/plain")
    yield check("nothing in it", 422, "invalid_input", b"{}")
    yield check("unknown field", 422, "invalid_input", b'{"no_such_field": 1}')
    yield check("too large", 413, "payload_too_large", b" " * (operation.body_limit + 1))


def _as_documented(spec: _Spec, operation: Operation) -> _Judge:
    documented = spec["paths"][operation.path][operation.method.lower()]["responses"]["200"]

    def judge(answer: httpx.Response) -> Iterator[str]:
        for header in documented.get("headers", {}):
            if header not in answer.headers:
                yield f"the header {header} is missing"
        yield from _misfits(spec, documented["content"][JSON]["schema"], answer)

    return judge


def _refusal(spec: _Spec, code: str, header: str | None = None) -> _Judge:
    def judge(answer: httpx.Response) -> Iterator[str]:
        value = _json(answer)
        misfits = list(_misfits(spec, _ref("Refusal"), answer))
        yield from misfits
        if misfits:
            return
        if value["code"] != code:
            yield f"the code is {value['code']!r}, not {code!r}"
        if value["request_id"] != answer.headers.get(REQUEST_ID):
            yield "request_id is not that of the header"
        if code == "invalid_input" and not value.get("errors"):
            yield "no field is blamed in errors"
        if header and header not in answer.headers:
            yield f"the header {header} is missing"

    return judge


def _one_error_of_two(spec: _Spec) -> _Judge:
    def judge(answer: httpx.Response) -> Iterator[str]:
        misfits = list(_misfits(spec, _ref("BatchResult"), answer))
        yield from misfits
        if not misfits and ["error" in item for item in _json(answer)["items"]] != [False, True]:
            yield "the second item, and no other, should have an error"

    return judge


def _page(answer: httpx.Response) -> Iterator[str]:
    if not answer.headers.get("content-type", "").startswith("text/html"):
        yield "this is no HTML"


def _text(answer: httpx.Response) -> Iterator[str]:
    if not answer.headers.get("content-type", "").startswith("text/plain"):
        yield "this is no text for Prometheus"


def _misfits(spec: _Spec, schema: _Spec, answer: httpx.Response) -> Iterator[str]:
    """Where an answer is not what its schema says, without repeating what it holds."""
    validator = Draft202012Validator({**schema, "components": spec["components"]})
    for error in validator.iter_errors(_json(answer)):
        yield f"{error.json_path.removeprefix('$.')}: does not fit {error.validator} of its documentation"


def _ref(component: str) -> _Spec:
    return {"$ref": f"#/components/schemas/{component}"}


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _row(spec: _Spec) -> dict[str, Any]:
    """A row to classify: the documentation's example, or as little as its schema asks for."""
    schema = spec["components"]["schemas"]["Row"]
    least = {name: "x" * schema["properties"][name].get("minLength", 1) for name in schema["required"]}
    return dict(schema.get("example", least))


def _model(api: Api) -> str:
    """The model that the API says it serves. Whether that is true, the checks will tell."""
    status = _json(api.request("GET", "/model/status"))
    name = status.get("model") if isinstance(status, dict) else None
    return str(name or "unknown").partition("/")[0]  # a segment has no path of its own


def _encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()
