"""What the log keeps of inputs: what the definition says, field by field, and nothing else, by every way."""

import json
import logging

import pytest

from firesteel.errors import ProgramError
from firesteel.monitor import inferences
from firesteel.program import predictor
from functions.classify import logged, telemetry
from functions.classify.lane import Lane
from functions.classify.telemetry import Telemetry
from tests.unit.classify import canaries, zoo
from tests.unit.classify.bundles import files, release, serving_over
from tests.unit.classify.canaries import CHOICES, ROW, SAID
from tests.unit.classify.test_telemetry import post


@pytest.fixture
def written(request, capsys):
    """Ask a model over a store through the lane; gives the lines as text."""
    name = f"tests-{hash(request.node.name)}"  # the name itself says what is asked

    def written(store, path, body, *, model="stories", **changes):
        serving = serving_over(store, model=model)
        capsys.readouterr()
        answer = Lane(serving, Telemetry(service=name, level="INFO"))(post(path, body, **changes))
        written.status = answer["statusCode"]
        return capsys.readouterr().out.splitlines()

    yield written
    logging.getLogger(name).handlers.clear()


def inputs_of(lines):
    [line] = lines
    [found] = inferences.parse_line(line)
    return found.inputs


WAYS = [
    ("/predict", ROW),
    ("/classify", ROW),
    ("/explain", ROW),
    ("/batch_predict", {"cases": [ROW, ROW], "include_explanations": True}),
    ("/classify/batch", {"items": [ROW, {"story": 1, "shop": SAID["shop"]}]}),
    ("/models/stories/predict", ROW),
    ("/v2/models/stories/infer", {
        "inputs": [
            {"name": name, "datatype": "FP64" if name == "size" else "BYTES", "shape": [1], "data": [value]}
            for name, value in ROW.items()
        ]
    }),
]  # fmt: skip
REFUSED = [
    ("/predict", {**ROW, "size": SAID["shop"]}),
    ("/predict", {**ROW, SAID["shop"]: 1}),
    ("/predict", [ROW]),
    ("/models/canarycategory/predict", ROW),
    ("/predict", "canarytext"),
]


@pytest.mark.parametrize(("path", "body"), [*WAYS, *REFUSED])
@pytest.mark.parametrize("policy", [None, {}, *({name: how} for name, how in CHOICES if how == "hash")], ids=str)
def test_nothing_of_a_request_is_in_the_log_unless_a_field_is_logged_plain(written, path, body, policy):
    lines = written(canaries.stocked(policy), path, body)
    assert lines
    assert not [said for said in SAID.values() for line in lines if said in line]


@pytest.mark.parametrize(("path", "body"), WAYS)
@pytest.mark.parametrize(("name", "how"), [choice for choice in CHOICES if choice[1] == "plain"])
def test_a_field_that_is_logged_plain_brings_no_other_with_it(written, path, body, name, how):
    lines = written(canaries.stocked({name: how}), path, body)
    assert written.status == 200
    assert not [said for field, said in SAID.items() for line in lines if said in line and field != name]


@pytest.mark.parametrize(("path", "body"), REFUSED)
def test_what_was_refused_is_not_logged_though_its_fields_are(written, path, body):
    lines = written(canaries.stocked(dict(CHOICES)), path, body)
    assert written.status >= 400
    assert not [said for said in SAID.values() for line in lines if said in line]


@pytest.mark.parametrize("policy", [None, {}, dict(CHOICES)])
def test_a_fault_of_ours_tells_nothing_of_the_row(written, monkeypatch, policy):
    def fail(_self, row):
        raise RuntimeError(str(row))

    store = canaries.stocked(policy)
    monkeypatch.setattr("functions.classify.replay.replay", lambda *_: None)
    monkeypatch.setattr(predictor.Predictor, "predict", fail)
    lines = written(store, "/predict", ROW)
    assert written.status == 500
    assert not [said for said in SAID.values() for line in lines if said in line]


def test_hashes_are_digests_and_texts_are_measured(written):
    found = inputs_of(written(canaries.stocked(dict.fromkeys(ROW, "hash")), "/predict", ROW))
    assert found == {
        "story": {
            "sha256": inferences.digest("stories", "story", ROW["story"]),
            "characters": 16,
            "words": 2,
            "known": 0.5,
        },
        **{name: {"sha256": inferences.digest("stories", name, ROW[name])} for name in ("shop", "size", "at", "who")},
    }


def test_plain_values_are_themselves_and_texts_are_measured(written):
    plain = dict.fromkeys([name for name in ROW if name != "who"], "plain")
    found = inputs_of(written(canaries.stocked(plain), "/predict", ROW))
    story = {"text": ROW["story"], "characters": 16, "words": 2, "known": 0.5}
    assert found == {"story": story, "shop": ROW["shop"], "size": ROW["size"], "at": ROW["at"]}


@pytest.mark.parametrize("how", ["hash", "plain"])
def test_what_is_missing_is_null(written, how):
    fields = dict.fromkeys([name for name in ROW if name != "who"], how)
    found = inputs_of(written(canaries.stocked(fields), "/predict", {"story": "late"}))
    assert {name: found[name] for name in ("shop", "size", "at")} == dict.fromkeys(("shop", "size", "at"))


def test_a_line_without_policy_has_no_inputs(written):
    [line] = written(canaries.stocked(None), "/predict", ROW)
    assert "inputs" not in json.loads(line)


def test_a_batch_keeps_its_answers_and_inputs_in_columns_by_row(written):
    items = [ROW, {"story": 1}, {"story": "late late", "shop": "b"}]
    [line] = written(canaries.stocked({"shop": "plain", "story": "hash"}), "/classify/batch", {"items": items})
    first, last = inferences.parse_line(line)
    assert (first.row, last.row) == (0, 2)
    assert (first.labels, last.labels) == ({"mood": "Good"}, {"mood": "Bad"})
    assert (first.inputs["shop"], last.inputs["shop"]) == (ROW["shop"], "b")
    assert (last.inputs["story"]["words"], last.inputs["story"]["known"]) == (2, 1.0)
    assert last.estimates["score"]["lower"] is not None
    assert json.loads(line)["rows_refused"] == 1
    assert list(json.loads(line))[-1] == "answers"  # the last: CloudWatch looks at the first 200 members


def test_batches_and_single_rows_are_answered_and_kept_alike(written):
    store = canaries.stocked(dict(CHOICES[::-1]))
    [single] = [found for line in written(store, "/predict", ROW) for found in inferences.parse_line(line)]
    [many] = [
        found for line in written(store, "/batch_predict", {"cases": [ROW]}) for found in inferences.parse_line(line)
    ]
    assert many.row == 0
    assert single._replace(row=0, when=many.when, request_id=many.request_id) == many


def test_an_order_keeps_what_its_products_share_and_have_of_their_own(written):
    store = zoo.stocked()
    logs = canaries.logging(zoo.gifts(), {"shop": "plain", "price": "plain", "employees": "plain"})
    release(store, "3.1.0", zoo.files(logs, zoo.GIFT), name="gifts")
    [line] = written(store, "/models/gifts/predict", zoo.ORDER)
    found = list(inferences.parse_line(line))
    assert [one.inputs for one in found] == [{"shop": "north", "price": 20}, {"shop": "north", "price": 80}]
    assert all(one.estimates["chosen"]["value"] > 0 for one in found)


def test_a_batch_over_segments_says_which_of_them_answered_each_row(written):
    store = zoo.stocked()
    logs = canaries.logging(zoo.segment("rb"), {"fumbles": "plain"})
    release(store, "1.5.0", zoo.files(logs, zoo.PLAYERS["rb"]), name="recruits/rb")
    cases = [zoo.PLAYERS["rb"], {"position": "TE"}, zoo.PLAYERS["qb"], zoo.PLAYERS["rb"]]
    [line] = written(store, "/models/recruits/batch", {"cases": cases})
    found = [(one.row, one.model, one.version, one.inputs["fumbles"]) for one in inferences.parse_line(line)]
    assert found == [(0, "recruits/rb", "1.5.0", 3), (2, "recruits/qb", "1.1.0", None), (3, "recruits/rb", "1.5.0", 3)]
    digests = {one.model: one.digest for one in inferences.parse_line(line)}
    assert len(set(digests.values())) == 2
    assert all(len(digest) == 64 for digest in digests.values())


def test_a_line_is_never_longer_than_it_may_be(written, monkeypatch):
    store, items = canaries.stocked({"shop": "plain"}), {"items": [ROW] * 20}
    [whole] = written(store, "/classify/batch", items)
    assert "inputs" in json.loads(whole)["answers"]
    monkeypatch.setattr(telemetry, "LINE_LIMIT", len(whole) - 50)
    [less] = written(store, "/classify/batch", items)
    assert json.loads(less)["inputs_left_out"] is True
    assert len(list(inferences.parse_line(less))) == 20
    monkeypatch.setattr(telemetry, "LINE_LIMIT", len(less) - 50)
    [least] = written(store, "/classify/batch", items)
    assert json.loads(least)["answers_left_out"] is True
    assert json.loads(least)["rows"] == 20
    assert list(inferences.parse_line(least)) == []


def test_the_longest_batch_of_tickets_fits_a_line(written):
    """1,000 rows, two labels each, and every input as a digest."""
    store = canaries.stocked(None)
    fields = {"title": "hash", "description": "hash", "customer_email": "hash"}
    release(store, "1.0.0", files() | {"program.safetensors": canaries.logging(files()["program.safetensors"], fields)})
    ticket = {"title": "Cannot log in", "description": "It says locked.", "customer_email": "ada@example.com"}
    [line] = written(store, "/models/tickets/batch", {"cases": [ticket] * 1000})
    assert len(line) <= telemetry.LINE_LIMIT
    assert len(list(inferences.parse_line(line))) == 1000


def test_the_share_of_requests_is_that_of_the_definition():
    chosen = [logged.sampled(f"request-{number}", 0.3) for number in range(20_000)]
    assert 0.29 < sum(chosen) / len(chosen) < 0.31
    assert all(logged.sampled(f"request-{number}", 1.0) for number in range(100))
    assert not any(logged.sampled(f"request-{number}", 0.0) for number in range(100))
    assert logged.sampled("request-1", 0.3) == chosen[1]


def test_a_caller_who_repeats_an_id_does_not_choose_what_is_kept(written):
    store = canaries.stocked({"shop": "plain"}, sample=0.5)
    kept = []
    for number in range(40):
        event = post("/predict", ROW, headers={"content-type": "application/json", "x-request-id": "job"})
        context = event["requestContext"] | {"requestId": f"gateway-{number}"}
        kept.append(bool(inputs_of(written(store, "/predict", ROW, headers=event["headers"], requestContext=context))))
    assert 5 < sum(kept) < 35


def test_requests_that_are_no_samples_keep_their_answers_alone(written):
    store = canaries.stocked({"shop": "plain"}, sample=0.0)
    [line] = written(store, "/predict", ROW)
    assert "inputs" not in json.loads(line)
    [found] = inferences.parse_line(line)
    assert found.labels == {"mood": "Good"}
    [line] = written(store, "/batch_predict", {"cases": [ROW]})
    assert "inputs" not in json.loads(line)["answers"]


@pytest.mark.parametrize(
    "log",
    [{"sample": 2, "inputs": {}}, {"sample": True, "inputs": {}}, {"sample": 1, "inputs": {"nobody": "hash"}},
     {"sample": 1, "inputs": {"who": "plain"}}, {"sample": 1, "inputs": {"shop": "all"}}, {"inputs": {}}, [], 7],
)  # fmt: skip
def test_a_program_whose_policy_is_none_is_not_loaded(log):
    meta, tensors = canaries.program_format.read(canaries.program())
    with pytest.raises(ProgramError):
        predictor.load(canaries.program_format.write({**meta, "log": log}, tensors))


def test_a_program_without_a_policy_logs_nothing():
    assert predictor.load(canaries.program()).log is None
