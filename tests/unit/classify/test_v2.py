"""The Open Inference Protocol v2: what a model takes and gives, and predictions by tensors."""

import base64
import json
import struct

import pytest

from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from functions.classify import events, v2
from functions.classify.events import Request
from functions.classify.operations import respond
from tests.unit.classify import handmade
from tests.unit.classify.bundles import TICKET, release, serving_over
from tests.unit.classify.handmade import HOUSE


@pytest.fixture(scope="module")
def registry():
    """Tickets, houses, and recruits with segments; `empty` has a version that nothing names."""
    store = MemoryStore()
    release(store, "1.2.0")
    handmade.publish(store, "houses", "3.0.0", handmade.houses())
    handmade.recruits(store)
    bundle.publish(store, "empty", "1.0.0", {"a.json": b"{}"}, who="tests")
    return store


@pytest.fixture
def ask(registry):
    """Asks the public app by path; gives the status, the body and what the log would know."""
    serving = serving_over(registry)

    def ask(method, path, body=None, headers=None):
        sent = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = respond(Request(method, f"/v2{path}", headers or {}, sent, "mine", "mine"), serving)
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-request-id"] == "mine"
        return answer.status, json.loads(answer.body), answer

    return ask


def tensors(**columns):
    """Tensors of the datatype that their first value has, if it is not missing."""
    kinds = {str: "BYTES", int: "INT64", float: "FP64", type(None): "FP64"}
    return [
        {"name": name, "datatype": kinds[type(values[0])], "shape": [len(values)], "data": values}
        for name, values in columns.items()
    ]


def rows(*some):
    return tensors(**{name: [row[name] for row in some] for name in some[0]})


def outputs(body):
    assert all(tensor["shape"] == [len(tensor["data"])] for tensor in body["outputs"])
    return {tensor["name"]: tensor["data"] for tensor in body["outputs"]}


def error(answered):
    status, body, _ = answered
    assert set(body) == {"error"}
    return status, body["error"]


def test_the_server_says_what_it_is_and_that_it_lives(ask):
    status, body, _ = ask("GET", "")
    assert (status, body["name"], body["extensions"]) == (200, "firesteel", ["binary_tensor_data"])
    assert ask("GET", "/health/live")[:2] == (200, {"live": True})
    assert ask("GET", "/health/ready")[:2] == (200, {"ready": True})


def test_without_a_model_the_server_lives_and_is_not_ready():
    serving = serving_over(MemoryStore())
    statuses = [
        respond(Request("GET", f"/v2/health/{probe}", {}, b"", "a", "a"), serving).status for probe in ("live", "ready")
    ]
    assert statuses == [200, 503]


def test_a_model_says_which_tensors_it_takes_and_gives(ask):
    status, body, _ = ask("GET", "/models/houses")
    assert status == 200
    assert (body["name"], body["versions"], body["platform"]) == ("houses", ["3.0.0"], "firesteel")
    assert {one["name"]: one["datatype"] for one in body["inputs"]} == {
        "area": "FP64", "rooms": "INT64", "age": "FP64", "kind": "BYTES", "sold": "BYTES", "hid": "BYTES",
    }  # fmt: skip
    assert {one["name"]: one["datatype"] for one in body["outputs"]} == {
        "price": "FP64", "price_lower": "FP64", "price_upper": "FP64",
    }  # fmt: skip
    assert all(one["shape"] == [-1] for one in body["inputs"] + body["outputs"])


def test_a_classification_gives_labels_confidences_and_the_review_flag(ask):
    _, body, _ = ask("GET", "/models/tickets")
    assert [(one["name"], one["datatype"]) for one in body["outputs"]] == [
        ("predicted_priority", "BYTES"),
        ("priority_confidence", "FP64"),
        ("review", "BOOL"),
        ("predicted_department", "BYTES"),
        ("department_confidence", "FP64"),
    ]


def test_a_model_of_segments_takes_the_tensors_of_all_of_them(ask):
    _, body, _ = ask("GET", "/models/recruits")
    assert [one["name"] for one in body["inputs"]] == ["position", "speed", "arm", "weight"]
    assert [one["name"] for one in body["outputs"]] == ["rating", "model_version"]
    _, body, _ = ask("GET", "/models/recruits/qb")
    assert (body["name"], [one["name"] for one in body["inputs"]]) == ("recruits/qb", ["position", "speed", "arm"])


def test_a_segment_that_cannot_be_served_does_not_hide_the_others():
    store = MemoryStore()
    handmade.recruits(store)
    store._objects["models/recruits/rb/v1.0.0/program.safetensors"] += b" "
    answer = respond(Request("GET", "/v2/models/recruits", {}, b"", "a", "a"), serving_over(store))
    assert [one["name"] for one in json.loads(answer.body)["inputs"]] == ["position", "speed", "arm"]


@pytest.mark.parametrize("name", ["tickets", "houses", "recruits", "recruits/rb"])
def test_a_model_is_ready_when_it_can_answer(ask, name):
    assert ask("GET", f"/models/{name}/ready")[:2] == (200, {"name": name, "ready": True})


@pytest.mark.parametrize(
    ("method", "end"), [("GET", ""), ("GET", "/ready"), ("POST", "/infer"), ("GET", "/versions/1.0.0/ready")]
)
@pytest.mark.parametrize("name", ["nope", "empty", "recruits/te", "%2e%2e", "a\x00b"])
def test_what_is_not_served_is_not_ready(ask, name, method, end):
    status, said = error(ask(method, f"/models/{name}{end}", {"inputs": tensors(a=[1.0])}))
    assert status == 404
    assert name not in said


def test_only_the_live_version_can_be_asked_for(ask):
    body = {"inputs": rows(HOUSE)}
    assert ask("GET", "/models/houses/versions/3.0.0")[0] == 200
    assert ask("GET", "/models/houses/versions/3.0.0/ready")[0] == 200
    assert ask("POST", "/models/houses/versions/3.0.0/infer", body)[0] == 200
    assert ask("GET", "/models/recruits/qb/versions/1.0.0")[0] == 200
    for method, path in (("GET", ""), ("GET", "/ready"), ("POST", "/infer")):
        status, said = error(ask(method, f"/models/houses/versions/2.0.0{path}", body))
        assert (status, "3.0.0" in said) == (404, True)


def test_the_index_lists_every_model_and_its_version(ask):
    status, body, _ = ask("POST", "/repository/index")
    assert status == 200
    assert {one["name"]: (one["version"], one["state"]) for one in body} == {
        "empty": ("", "UNAVAILABLE"),
        "houses": ("3.0.0", "READY"),
        "recruits": ("1.0.0", "READY"),
        "recruits/qb": ("1.0.0", "READY"),
        "recruits/rb": ("1.0.0", "READY"),
        "tickets": ("1.2.0", "READY"),
    }
    assert all(bool(one["reason"]) == (one["state"] != "READY") for one in body)
    ready = ask("POST", "/repository/index", {"ready": True})[1]
    assert "empty" not in {one["name"] for one in ready}
    assert len(ask("POST", "/repository/index", {"ready": False})[1]) == 6


@pytest.mark.parametrize("body", [[], 5, {"ready": 1}])
def test_the_index_takes_an_object_or_nothing(ask, body):
    assert error(ask("POST", "/repository/index", body))[0] == 422


def test_rows_are_predicted_as_everywhere_in_this_api(ask):
    other = {**HOUSE, "area": 100.0, "age": None, "kind": None}
    status, body, answer = ask("POST", "/models/houses/infer", {"id": "42", "inputs": rows(HOUSE, other)})
    assert status == 200
    assert outputs(body) == {"price": [170.0, 230.0], "price_lower": [160.0, 220.0], "price_upper": [190.0, 250.0]}
    assert (body["model_name"], body["model_version"], body["id"]) == ("houses", "3.0.0", "42")
    assert body["parameters"] == {"model_version": "3.0.0", "digest": answer.headers["x-model-digest"]}


def test_tickets_get_the_labels_and_confidences_of_classify(ask, registry):
    _, body, _ = ask("POST", "/models/tickets/infer", {"inputs": rows(TICKET)})
    headers = {"content-type": "application/json"}
    plain = respond(
        Request("POST", "/classify", headers, json.dumps(TICKET).encode(), "a", "a"), serving_over(registry)
    )
    expected = json.loads(plain.body)
    assert "id" not in body
    assert outputs(body) == {name: [expected[name]] for name in outputs(body)}
    assert set(outputs(body)) == {
        "predicted_priority", "predicted_department", "priority_confidence", "department_confidence", "review",
    }  # fmt: skip


def test_optional_tensors_may_be_left_out_and_missing_values_be_empty(ask):
    needed = {name: [HOUSE[name]] * 3 for name in ("area", "rooms")}
    _, plain, _ = ask("POST", "/models/houses/infer", {"inputs": tensors(**needed)})
    missing = tensors(**needed, age=[None] * 3, kind=["", None, ""])
    _, empty, _ = ask("POST", "/models/houses/infer", {"inputs": missing})
    assert outputs(plain) == outputs(empty) == {
        "price": [190.0] * 3, "price_lower": [180.0] * 3, "price_upper": [210.0] * 3,
    }  # fmt: skip


def test_bytes_after_the_json_are_tensors_too(ask):
    inputs = [
        {"name": "area", "datatype": "FP32", "shape": [2, 1], "parameters": {"binary_data_size": 8}},
        {"name": "rooms", "datatype": "INT16", "shape": [2, 1], "parameters": {"binary_data_size": 4}},
        {"name": "age", "datatype": "FP64", "shape": [2, 1], "parameters": {"binary_data_size": 16}},
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    tail = struct.pack("<2f2h2d", 80, 100, 3, 3, 20, float("nan"))
    headers = {"inference-header-content-length": str(len(head)), "content-type": "application/octet-stream"}
    status, body, _ = ask("POST", "/models/houses/infer", head + tail, headers)
    assert (status, outputs(body)["price"]) == (200, [170.0, 230.0])


def test_binary_bodies_reach_a_function_as_base64(registry):
    inputs = [
        {"name": "area", "datatype": "FP64", "shape": [1], "parameters": {"binary_data_size": 8}},
        {"name": "rooms", "datatype": "INT64", "shape": [1], "data": [3]},
    ]
    head = json.dumps({"inputs": inputs}).encode()
    event = {
        "resource": "/{proxy+}",
        "httpMethod": "POST",
        "path": "/v2/models/houses/infer",
        "headers": {"Inference-Header-Content-Length": str(len(head))},
        "requestContext": {"requestId": "gateway-1"},
        "body": base64.b64encode(head + struct.pack("<d", 80.0)).decode(),
        "isBase64Encoded": True,
    }
    answer = respond(events.read(event), serving_over(registry))
    assert outputs(json.loads(answer.body))["price"] == [190.0]


def test_only_what_is_asked_for_is_answered_and_in_its_order(ask):
    wanted = [{"name": "price_upper"}, {"name": "price", "parameters": {"binary_data": False}}]
    _, body, _ = ask("POST", "/models/houses/infer", {"inputs": rows(HOUSE), "outputs": wanted})
    assert list(outputs(body).items()) == [("price_upper", [190.0]), ("price", [170.0])]
    status, said = error(ask("POST", "/models/houses/infer", {"inputs": rows(HOUSE), "outputs": [{"name": "cost"}]}))
    assert (status, "price, price_lower, price_upper" in said, "cost" in said) == (422, True, False)


def test_every_row_of_a_model_of_segments_goes_to_its_own(ask, registry):
    inputs = tensors(
        position=["RB", "QB", "RB"], speed=[1.0, 2.0, 3.0], arm=[None, 10.0, None], weight=[100.0, None, 200.0]
    )
    status, body, answer = ask("POST", "/models/recruits/infer", {"inputs": inputs})
    assert status == 200
    assert outputs(body) == {"rating": [301.0, 22.0, 603.0], "model_version": ["1.0.0"] * 3}
    assert [(live.model, len(predictions)) for live, predictions in answer.facts["parts"]] == [
        ("recruits/rb", 2),
        ("recruits/qb", 1),
    ]
    _, alone, _ = ask(
        "POST", "/models/recruits/qb/infer", {"inputs": tensors(position=["QB"], speed=[2.0], arm=[10.0])}
    )
    assert outputs(alone) == {"rating": [22.0]}


def test_the_log_knows_how_many_rows_and_who_answered(ask):
    _, _, answer = ask("POST", "/models/houses/infer", {"inputs": rows(HOUSE, HOUSE)})
    assert (answer.facts["live"].model, answer.facts["rows"], len(answer.facts["predictions"])) == ("houses", 2, 2)
    assert answer.facts["route"] == "/v2/models/{name}/infer"


WRONG = {
    "out of range": ({"area": [80.0, -1.0], "rooms": [1, 1]}, "tensor area, row 1: must be between 0 and 1000"),
    "not whole": ({"area": [80.0], "rooms": [1.5]}, "tensor rooms, row 0: must be a whole number"),
    "an unknown category": ({"area": [80.0], "rooms": [1], "kind": ["hut"]}, "tensor kind, row 0: must be one of flat, house"),
    "missing": ({"area": [80.0]}, "tensor rooms, row 0: is required"),
    "missing in one row": ({"area": [80.0, None], "rooms": [1, 1]}, "tensor area, row 1: is required"),
    "a text where a number should be": ({"area": ["x"], "rooms": [1]}, "tensor area, row 0: must be a number"),
    "no such tensor": ({"area": [80.0], "rooms": [1], "garden": [1.0]}, "tensor garden, row 0: is none of area, rooms"),
    "no date": ({"area": [80.0], "rooms": [1], "sold": ["May"]}, "tensor sold, row 0: must be a date"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_refusal_names_tensor_and_row_and_not_what_was_sent(ask, name):
    columns, said = WRONG[name]
    status, sentence = error(ask("POST", "/models/houses/infer", {"inputs": tensors(**columns)}))
    assert status == 422
    assert said in sentence
    assert "hut" not in sentence
    assert "May" not in sentence


def test_a_segment_that_is_none_is_named_by_its_tensor(ask):
    inputs = tensors(position=["QB", "K"], speed=[1.0, 1.0], arm=[1.0, 1.0])
    status, said = error(ask("POST", "/models/recruits/infer", {"inputs": inputs}))
    assert (status, "tensor position, row 1: must be one of QB, RB" in said) == (422, True)


def test_of_many_wrong_values_the_first_are_told(ask):
    inputs = tensors(area=[-1.0] * 1000, rooms=[1] * 1000)
    status, said = error(ask("POST", "/models/houses/infer", {"inputs": inputs}))
    assert (status, said.count("row "), said.endswith("; and 995 more.")) == (422, v2.PROBLEMS_SHOWN, True)


def test_a_thousand_rows_are_answered_and_one_more_is_not(ask):
    inputs = tensors(area=[80.0] * 1000, rooms=[3] * 1000)
    status, body, _ = ask("POST", "/models/houses/infer", {"inputs": inputs})
    assert (status, outputs(body)["price"]) == (200, [190.0] * 1000)
    more = tensors(area=[80.0] * 1001, rooms=[3] * 1001)
    assert error(ask("POST", "/models/houses/infer", {"inputs": more}))[0] == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nope", None, 404),
        ("POST", "/repository/models/houses/load", None, 404),
        ("GET", "/models/houses/infer", None, 405),
        ("POST", "/models/houses/infer", b" " * (1024 * 1024 + 1), 413),
        ("POST", "/models/houses/infer", b"{", 400),
    ],
)
def test_every_refusal_is_one_that_the_protocol_knows(ask, method, path, body, status):
    assert error(ask(method, path, body))[0] == status


def test_a_model_that_cannot_be_loaded_is_not_ready_and_harms_no_other():
    store = MemoryStore()
    handmade.publish(store, "houses", "1.0.0", handmade.houses())
    bundle.publish(store, "broken", "1.0.0", {"a.json": b"{}"}, who="tests")
    alias.promote(store, "broken", "latest", "1.0.0", who="tests")
    serving = serving_over(store)
    asked = Request("GET", "/v2/models/houses/versions/1.0.0/ready", {}, b"", "a", "a")
    assert respond(asked, serving).status == 200
    assert respond(asked._replace(path="/v2/models/broken/ready"), serving).status == 503
