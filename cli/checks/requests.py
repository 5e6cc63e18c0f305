"""What is sent: every operation as it is documented, and what must be refused."""

from collections.abc import Iterator

from cli.checks import judges
from cli.checks.check import Check
from cli.checks.served import Served, encode
from functions.classify.answers import JSON
from functions.classify.operations import OPERATIONS, Operation
from functions.classify.serving import SIGNATURE

_NOBODYS = "0" * 64  # the signature of no model


def good(served: Served) -> Iterator[Check]:
    """Every operation that there is for the served model, as its documentation says; but no correction is written."""
    for operation in OPERATIONS:
        path = served.path(operation)
        if path is None or operation.name == "feedback":
            continue
        if operation.path.startswith("/admin/") and not served.admin:
            yield Check(operation.name, operation.method, path, 404, judges.refusal(served, "not_found"))
            continue
        judge = judges.file(served, path) if "{file}" in operation.path else judges.documented(served, operation)
        yield Check(operation.name, operation.method, path, 200, judge, _body(operation, served))


def bad(served: Served) -> Iterator[Check]:
    """What must be refused, with which status and which code of the catalog."""
    for operation in OPERATIONS:
        if operation.method == "POST" and "{name}" not in operation.path and not operation.path.startswith("/v2"):
            yield from _bad_bodies(served, operation)
    row, address = served.row, f"/models/{served.model}"
    mixed = judges.one_error_of_two(served, "BatchResult", "items")
    yield Check("one bad row of two", "POST", "/classify/batch", 200, mixed, encode({"items": [row, {}]}))
    mixed = judges.one_error_of_two(served, "AnyPredictions", "predictions")
    yield Check("one bad case of two", "POST", f"{address}/batch", 200, mixed, encode({"cases": [row, {}]}))
    other = judges.refusal(served, "signature_mismatch")
    body = encode(served.request)
    yield Check("other features", "POST", "/predict", 409, other, body, headers={SIGNATURE: _NOBODYS})
    wrong_method = judges.refusal(served, "method_not_allowed", header="allow")
    yield Check("wrong method", "GET", "/classify", 405, wrong_method)
    yield Check("unknown path", "GET", "/no/such/path/at/all", 404, judges.refusal(served, "not_found"))
    unknown = judges.refusal(served, "unknown_model")
    yield Check("unknown model", "GET", "/models/no-such-model", 404, unknown)
    yield Check("prediction of an unknown model", "POST", "/models/no-such-model/predict", 404, unknown, body)
    yield Check("unknown segment", "GET", f"/models/{served.model.partition('/')[0]}/no-such-segment", 404, unknown)
    yield from _bad_versions(served)
    yield from _bad_corrections(served)
    yield from _bad_inferences(served)


def _body(operation: Operation, served: Served) -> bytes | None:
    """What an operation's documentation asks for, filled with the example."""
    what = operation.name.rpartition("_")[2]
    if operation.method == "GET":
        return None
    if operation.name == "classify_batch":
        return encode({"items": [served.row, served.row]})
    if operation.name == "batch_predict" or what == "batch":
        return encode({"cases": [served.row, served.row], "include_explanations": True})
    if what in ("classify", "predict", "explain", "attributions"):
        return encode(served.request)
    return served.tensors() if what == "infer" else b"{}"


def _bad_bodies(served: Served, operation: Operation) -> Iterator[Check]:
    def check(name: str, status: int, code: str, body: bytes, media_type: str = JSON) -> Check:
        judge = judges.refusal(served, code)
        return Check(f"{operation.name}: {name}", operation.method, operation.path, status, judge, body, media_type)

    yield check("bad JSON", 400, "invalid_json", b'{"cut')
    yield check("not a number", 400, "invalid_json", b'{"value": NaN}')
    yield check("wrong media type", 415, "unsupported_media_type", b"{}", "text/plain")
    yield check("nothing in it", 422, "invalid_input", b"{}")
    yield check("unknown field", 422, "invalid_input", b'{"no_such_field": 1}')
    yield check("too large", 413, "payload_too_large", b" " * (operation.body_limit + 1))


def _bad_versions(served: Served) -> Iterator[Check]:
    unknown, none = judges.refusal(served, "unknown_model"), judges.refusal(served, "not_found")
    address, body = f"/models/{served.model}/versions", encode(served.request)
    yield Check("unknown version", "GET", f"{address}/0.0.0", 404, unknown)
    yield Check("prediction of an unknown version", "POST", f"{address}/0.0.0/predict", 404, unknown, body)
    yield Check("unknown file", "GET", f"{address}/{served.live[served.model]}/files/no-such-file", 404, none)
    yield Check("aliases of an unknown model", "GET", "/models/no-such-model/aliases", 404, unknown)


def _bad_corrections(served: Served) -> Iterator[Check]:
    """Each of them is refused before anything is written."""
    invalid = judges.refusal(served, "invalid_input")
    wrong: dict[str, dict[str, object]] = {
        "unknown label": {"input": served.row, "answer": {served.target: "no such label"}},
        "unknown target": {"input": served.row, "answer": {"no_such_target": 1}},
        "about nothing": {"answer": {served.target: "no such label"}},
    }
    for name, sent in wrong.items():
        yield Check(f"feedback: {name}", "POST", "/feedback", 422, invalid, encode(sent))


def _bad_inferences(served: Served) -> Iterator[Check]:
    error = judges.component(served, "InferenceError")
    address = f"/v2/models/{served.model}"
    yield Check("v2: bad JSON", "POST", f"{address}/infer", 400, error, b'{"cut')
    yield Check("v2: no tensors", "POST", f"{address}/infer", 422, error, b"{}")
    yield Check("v2: unknown model", "GET", "/v2/models/no-such-model", 404, error)
    yield Check("v2: unknown version", "GET", f"{address}/versions/0.0.0", 404, error)
