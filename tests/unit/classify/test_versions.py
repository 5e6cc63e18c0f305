"""One version as a person looks at it: what it takes, its files, and how aliases moved."""

import json

import pytest

from firesteel.registry import alias, bundle
from functions.classify.events import Request
from functions.classify.operations import respond
from tests.unit.classify import bundles, zoo
from tests.unit.classify.asking import ask, refused
from tests.unit.classify.bundles import damage, release, serving_over

CARD = "# tickets\n\n![matrix](priority-confusion.svg)\n\nGrüße\n"
PLOT = "<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
DEFINITION = {
    "description": "Sends a ticket on.",
    "inputs": {
        "title": {"description": "The subject.", "example": "Cannot log in", "log": "hash"},
        "description": {"description": "What the customer wrote.", "example": None},
        "customer_email": {},
    },
    "targets": {"priority": {"description": "How soon."}},
}


@pytest.fixture(scope="module")
def store():
    store = zoo.stocked()
    files = bundles.files(threshold=0.6) | {
        "model_card.md": CARD.encode(),
        "priority-confusion.svg": PLOT.encode(),
        "definition.json": json.dumps(DEFINITION).encode(),
        "trials.csv": b"a,b\r\n1,2\r\n",
        "reference.json": b"\xff\x00",
        "pipeline-priority.joblib": b"a pickle",
    }
    release(store, "1.3.0", files)
    return store


@pytest.fixture(scope="module")
def serving(store):
    return serving_over(store)


def get(serving, path):
    status, content, _ = ask(serving, "GET", path)
    assert status == 200, content
    return content


def read(serving, path, **headers):
    return respond(Request("GET", path, headers, b"", "req-1", "req-1"), serving)


def test_a_version_says_what_it_takes_in_the_order_of_a_request(serving):
    told = get(serving, "/models/tickets/versions/1.3.0")
    assert (told["name"], told["version"], told["state"]) == ("tickets", "1.3.0", "complete")
    assert told["description"] == "Sends a ticket on."
    title, description, email = told["inputs"]
    assert title == {
        "kind": "text", "name": "title", "required": True, "min_length": 1, "max_length": 200,
        "description": "The subject.", "example": "Cannot log in", "log": "hash",
    }  # fmt: skip
    assert (description["example"], description["log"]) == ("My account is locked.", "no")  # that of the golden row
    assert (email["description"], email["required"]) == ("", False)


def test_a_version_says_what_it_answers(serving):
    told = get(serving, "/models/tickets/versions/1.3.0")
    priority, department = told["targets"]
    labels = ["Urgent", "High", "Medium", "Low"]
    assert priority == {"name": "priority", "task": "classification", "labels": labels, "description": "How soon."}
    assert department["description"] == ""
    assert told["review_thresholds"] == {"priority": 0.6, "department": 0.6}
    assert told["answer"]["predicted_priority"] == "priority.label"
    assert told["segments"] is told["segment_by"] is told["request"] is None


def test_a_version_says_how_it_came_about_and_what_it_is_made_of(serving, store):
    told = get(serving, "/models/tickets/versions/1.3.0")
    assert told["digest"] == bundle.read_manifest(store, "tickets", "1.3.0").digest
    assert told["metrics"]["targets"]["priority"]["confusion_matrix"] == [[1, 0], [0, 1]]
    assert told["metadata"]["changelog"] == "made by hand"
    assert told["files"]["trials.csv"] == 10
    assert told["signature"] == get(serving, "/model/info")["signature"]


def test_numbers_have_bounds_and_units_and_a_request_its_lists(serving):
    revenue = next(
        one for one in get(serving, "/models/readiness/versions/2.0.0")["inputs"] if one["name"] == "revenue"
    )
    assert (revenue["minimum"], revenue["maximum"], revenue["unit"]) == (0, None, "million dollars")
    gifts = get(serving, "/models/gifts/versions/3.0.0")
    assert gifts["request"]["sum"] == {"name": "groups", "inputs": ["group_id", "employees"]}
    [target] = gifts["targets"]
    assert (target["exposure"], target["unit"], target["coverage"]) == ("employees", "pieces", 0.9)


def test_a_version_of_segments_says_which_there_are(serving):
    told = get(serving, "/models/recruits/versions/1.0.0")
    assert (told["segment_by"], told["segments"]) == ("position", {"QB": "qb", "RB": "rb", "WR": "wr"})
    assert [one["name"] for one in told["inputs"]] == ["position"]
    assert told["targets"] == []
    assert get(serving, "/models/recruits/qb/versions/1.1.0")["targets"][1]["labels"] == ["Elite", "Backup"]


def test_a_version_that_is_damaged_is_corrupt():
    store = bundles.released("1.0.0")
    release(store, "1.1.0", lean=1.0)
    damage(store, "1.0.0")
    damage(store, "1.1.0", "metrics.json")
    release(store, "1.2.0")
    damage(store, "1.2.0", "manifest.json")
    serving = serving_over(store)
    for version in ("1.0.0", "1.1.0", "1.2.0"):
        told = get(serving, f"/models/tickets/versions/{version}")
        assert told == {"name": "tickets", "version": version, "state": "corrupt"}


@pytest.mark.parametrize(
    "version", ["9.9.9", "latest", "1.3", "..", "1.3.0 ", "v1.3.0", "1" * 400, "0\u0663.0.0", "%00"]
)
@pytest.mark.parametrize("path", ["/models/tickets/versions/{}", "/models/recruits/qb/versions/{}/files/metrics.json"])
def test_a_version_that_is_not_there_is_unknown(serving, path, version):
    assert refused(serving, "GET", path.format(version))[:2] == (404, "unknown_model")


def test_an_unfinished_version_is_unknown(store, serving):
    store.create("models/tickets/v7.0.0/claim.json", b"{}")
    assert refused(serving, "GET", "/models/tickets/versions/7.0.0")[:2] == (404, "unknown_model")


@pytest.mark.parametrize(
    ("file", "media_type", "content"),
    [
        ("model_card.md", "text/markdown; charset=utf-8", CARD.encode()),
        ("trials.csv", "text/csv; charset=utf-8", b"a,b\r\n1,2\r\n"),
        ("definition.json", "application/json", json.dumps(DEFINITION).encode()),
        ("reference.json", "application/json", b"\xff\x00"),
    ],
)
def test_a_file_comes_as_it_is(serving, file, media_type, content):
    answer = read(serving, f"/models/tickets/versions/1.3.0/files/{file}")
    assert (answer.status, answer.headers["content-type"], answer.body) == (200, media_type, content)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in answer.headers


def test_a_plot_is_an_image_in_which_nothing_runs(serving):
    answer = read(serving, "/models/tickets/versions/1.3.0/files/priority-confusion.svg")
    assert (answer.headers["content-type"], answer.body) == ("image/svg+xml", PLOT.encode())
    policy = answer.headers["content-security-policy"].split("; ")
    assert {"sandbox", "default-src 'none'"} <= set(policy)
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_card_s_plot_is_found_from_where_the_card_is(serving):
    answer = read(serving, "/models/tickets/versions/1.3.0/files/model_card.md")
    link = answer.body.decode().partition("(")[2].partition(")")[0]
    assert read(serving, f"/models/tickets/versions/1.3.0/files/{link}").status == 200


def test_a_file_that_is_known_is_not_sent_again(serving):
    path = "/models/tickets/versions/1.3.0/files/model_card.md"
    tag = read(serving, path).headers["etag"]
    again = read(serving, path, **{"if-none-match": tag})
    assert (again.status, again.body) == (304, b"")


@pytest.mark.parametrize(
    "file",
    [
        "program.safetensors", "pipeline-priority.joblib", "manifest.json", "claim.json", "nope.svg", "nope.json",
        "..", "../v1.2.0/metrics.json", "a/b", "%2e%2e", "metrics.json\0", "METRICS.JSON", ".svg",
    ],
)  # fmt: skip
def test_no_other_file_is_given_out(serving, file):
    assert refused(serving, "GET", f"/models/tickets/versions/1.3.0/files/{file}")[:2] == (404, "not_found")


def test_a_file_larger_than_an_answer_is_told_so():
    store = bundles.released("1.0.0", contents=bundles.files() | {"metrics.json": b" " * ((4 << 20) + 1)})
    status, content, _ = ask(serving_over(store), "GET", "/models/tickets/versions/1.0.0/files/metrics.json")
    assert (status, content["code"]) == (404, "not_found")
    assert "4194305 bytes" in content["detail"]


def test_a_damaged_file_is_not_given_out():
    store = bundles.released("1.0.0")
    damage(store, "1.0.0", "metrics.json")
    path = "/models/tickets/versions/1.0.0/files/metrics.json"
    assert refused(serving_over(store), "GET", path)[:2] == (503, "registry_unavailable")


def test_an_alias_tells_its_moves_newest_first(serving, store):
    told = get(serving, "/models/tickets/aliases")["aliases"]
    assert told == {"latest": [entry.document() for entry in reversed(alias.history(store, "tickets", "latest"))]}
    assert [entry["version"] for entry in told["latest"]] == ["1.3.0", "1.2.0"]
    assert list(get(serving, "/models/recruits/qb/aliases")["aliases"]) == ["latest"]


def test_of_a_long_history_the_newest_fifty_are_told_and_damaged_ones_left_out():
    store = bundles.released("1.0.0")
    release(store, "1.1.0")
    for number in range(60):
        alias.promote(store, "tickets", "latest", f"1.{number % 2}.0", who="tests")
    store._objects["models/tickets/aliases/latest/00000060.json"] = b"{"
    [entries] = get(serving_over(store), "/models/tickets/aliases")["aliases"].values()
    assert [entry["generation"] for entry in entries] == [62, 61, *range(59, 12, -1)]


def test_a_model_without_aliases_has_none_and_one_that_is_not_there_is_unknown(serving, store):
    bundle.publish(store, "quiet", "1.0.0", bundles.files(), who="tests")
    assert get(serving, "/models/quiet/aliases") == {"aliases": {}}
    assert refused(serving, "GET", "/models/nope/aliases")[:2] == (404, "unknown_model")
    assert refused(serving, "GET", "/models/%2e%2e/aliases")[:2] == (404, "unknown_model")
