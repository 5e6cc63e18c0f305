"""No route of the public app can move an alias."""

import json
import re
from pathlib import Path

import pytest

from functions.classify import app, operations
from functions.classify.events import Request
from functions.classify.operations import OPERATIONS
from tests.faults.store import FaultyStore
from tests.unit.classify.bundles import TICKET, released, serving_over

CLASSIFY = Path(operations.__file__).parent
MOVES = ("promote", "shadow", "switch", "rollback", "approve", "reject")
BODIES = (b"", json.dumps(TICKET).encode(), json.dumps({"items": [TICKET]}).encode(), b'{"version":"1.0.0"}')


def paths():
    """Every path of the table, and what moves aliases elsewhere, filled in."""
    known = [operation.path for operation in OPERATIONS]
    other = [f"/models/{name}/{kind}" for name in ("{name}", "qb") for kind in MOVES]
    filled = {"{name}": "tickets", "{segment}": "qb", "{version}": "1.0.0", "{file}": "metrics.json"}
    return sorted({re.sub(r"{\w+}", lambda found: filled[found[0]], path) for path in [*known, *other]})


@pytest.mark.parametrize("path", paths())
def test_no_request_to_the_public_app_writes_to_the_registry(path):
    store = FaultyStore(released("1.0.0"))
    serving = serving_over(store)
    headers = {"content-type": "application/json"}
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        for body in BODIES:
            operations.respond(Request(method, path, headers, body, "a", "a"), serving)
    assert {name for name, _ in store.log} <= {"get", "keys", "folders"}


def test_what_can_be_posted_to_is_known():
    """Whoever adds a route that takes a body looks here, and sees that it moves nothing."""
    posted = {operation.path.rpartition("/")[2] for operation in OPERATIONS if operation.method != "GET"}
    assert posted == {
        "classify", "batch", "predict", "explain", "attributions", "batch_predict", "infer", "index", "feedback"
    }  # fmt: skip


def test_the_pages_beside_the_table_are_only_read():
    table = {(operation.path, operation.method) for operation in OPERATIONS}
    routes = app.create(serving_over(released())).routes
    others = {(route.path, method) for route in routes for method in route.methods} - table
    assert {method for _, method in others} <= {"GET", "HEAD"}


@pytest.mark.parametrize("kind", MOVES)
@pytest.mark.parametrize("name", ["tickets", "qb", "recruits/qb"])
def test_what_moves_aliases_is_no_path_of_the_public_app(name, kind):
    answer = operations.respond(Request("POST", f"/models/{name}/{kind}", {}, b"", "a", "a"), serving_over(released()))
    assert answer.status in (404, 405)


def test_no_module_of_the_public_app_calls_what_writes():
    writing = re.compile(r"\b(promote|rollback|publish|put_once)\(|\balias\.(canary|shadow)\(|(?<!Resource)\.create\(")
    sources = {path: path.read_text(encoding="utf-8") for path in CLASSIFY.rglob("*.py")}
    scoring = {path for path in sources if path.parent.name == "scoring" or path.name == "score.py"}
    public = {path.name: text for path, text in sources.items() if path not in scoring}
    assert not [name for name, text in public.items() if "functions.classify.scor" in text], "scoring files is no route"
    writers = {name for name, text in public.items() if writing.search(text)}
    assert writers <= {"handler.py", "lane.py", "server.py"}, "these make the app, and nothing else"
    for name in writers:
        assert all(found[0] == ".create(" for found in writing.finditer(public[name]))
