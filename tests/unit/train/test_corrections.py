"""Corrections as training rows: the latest truth, weighed, never tested on, and every one of them accounted for."""

import gzip
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from firesteel.definition import Definition
from firesteel.errors import DataError, IntegrityError, NotFoundError
from firesteel.monitor import feedback, inferences
from firesteel.program import predictor
from firesteel.registry.store import MemoryStore, open_store
from functions.train import (
    corrected,
    corrections,
    dataset,
    published,
    snapshot,
    tasks,
    train,
)
from functions.train.fit import fit
from tests.unit.train.problems import define, problem, silent
from tests.unit.train.world import World, check, define_anew, put

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DEFINED = {
    "model": "small",
    "inputs": {
        "a": {"kind": "number", "example": 1.0, "log": "plain"},
        "b": {"kind": "number", "example": 1.0, "required": False, "log": "plain"},
        "shop": {"kind": "category", "values": ["north", "south"], "example": "north", "log": "plain"},
        "note": {"kind": "text", "example": "x", "required": False, "min_length": 1, "max_length": 50, "log": "plain"},
        "at": {"kind": "timestamp", "example": "2026-01-01", "required": False, "log": "plain"},
        "who": {"kind": "identifier", "example": "x", "required": False},
    },
    "targets": {
        "y": {"task": "classification", "labels": ["no", "yes"]},
        "z": {"task": "classification", "labels": ["low", "high"]},
    },
    "features": {"numbers": {"step": "number", "inputs": ["a"]}, "shops": {"step": "onehot", "inputs": ["shop"]}},
    "estimator": {"kind": "logistic", "class_weight": 0.5},
    "split": {"seed": 3, "test_share": 0.25},
    "data": {"min_rows": 2, "min_rows_per_class": 2},
}
DEFINITION = Definition.model_validate(DEFINED)
ROWS = 200


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    generator = np.random.default_rng(0)
    lines = ["a,b,shop,note,at,y,z"]
    for number in range(ROWS):
        a = number / 10
        noisy = a + generator.normal(0, 4)
        shop = ("north", "south")[number % 2]
        lines.append(f"{a},,{shop},,,{'yes' if noisy > 10 else 'no'},{'high' if noisy > 5 else 'low'}")
    path = tmp_path_factory.mktemp("data") / "small.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return dataset.read(path, DEFINITION)


def given(number):
    """The input of a row of the file."""
    return {"a": number / 10, "shop": ("north", "south")[number % 2]}


def sent(*said, definition=DEFINITION, weight=None, store=None):
    """The corrections gathered after these were sent, a minute apart: an input or a request id, and the answer."""
    store = store or MemoryStore()
    for minute, (about, answer) in enumerate(said):
        named = about if "request_id" in about else {"input": about}
        feedback.send(store, definition.address, answer, when=NOON + timedelta(minutes=minute), who="ada", **named)
    return corrections.gathered(store, definition, weight)


def parts(rows, definition=DEFINITION):
    """The rows to train on and those held out."""
    indices = train.split(rows, definition)
    return [rows.take(chosen) for chosen in indices]


def applied(rows, *said, weight=None, definition=DEFINITION):
    own, test = parts(rows, definition)
    return corrected.applied(sent(*said, weight=weight, definition=definition), definition, own, test)


def numbers_of(part):
    """Which rows of the file a part has."""
    return [round(a * 10) for a in part.inputs["a"].tolist()]


NEW = {"a": 99.5, "shop": "south"}


def test_a_correction_of_what_the_file_does_not_have_is_a_row_of_its_own(rows):
    own, _ = parts(rows)
    changed, told = applied(
        rows, (NEW | {"note": "hm", "at": "1970-01-02", "who": "x"}, {"y": "yes", "z": "high"}), weight=3
    )
    assert len(changed) == len(own) + 1
    assert [changed.inputs[name][-1] for name in ("a", "shop", "note", "at")] == [99.5, "south", "hm", 86400]
    assert np.isnan(changed.inputs["b"][-1])
    assert [int(changed.targets[name][-1]) for name in ("y", "z")] == [1, 1]
    assert changed.weights["y"].tolist() == changed.weights["z"].tolist() == [1.0] * len(own) + [3.0]
    assert changed.of_file.tolist() == [True] * len(own) + [False]
    assert (told["used"], told["rows_added"], told["rows_replaced"], told["held_out"]) == (1, 1, 0, 0)


def test_a_correction_of_a_training_row_replaces_its_truth_and_is_no_second_row(rows):
    own, _ = parts(rows)
    number = numbers_of(own)[5]
    was = "no" if own.targets["y"][5] else "yes"
    changed, told = applied(rows, (given(number), {"y": was}), weight=3)
    assert len(changed) == len(own)
    assert changed.targets["y"][5] != own.targets["y"][5]
    assert (np.delete(changed.targets["y"], 5) == np.delete(own.targets["y"], 5)).all()
    assert (changed.targets["z"] == own.targets["z"]).all()
    assert changed.weights["y"][5] == 3
    assert (changed.weights["z"] == 1).all()
    assert changed.of_file.all()
    assert (told["used"], told["rows_added"], told["rows_replaced"]) == (1, 0, 1)
    assert rows.weights == {}  # the file as it was read is not touched


def test_what_is_held_out_is_never_trained_on_and_keeps_the_truth_of_the_file(rows):
    own, test = parts(rows)
    changed, told = applied(rows, (given(numbers_of(test)[0]), {"y": "yes"}), (given(numbers_of(test)[1]), {"y": "no"}))
    assert np.array_equal(changed.lines, own.lines)
    assert np.array_equal(changed.targets["y"], own.targets["y"])
    assert changed.weights == {}
    assert (told["used"], told["held_out"], told["sent"]) == (0, 2, 2)


def test_a_file_to_test_on_is_held_out_as_well(rows):
    other = rows.take([7])
    _, told = corrected.applied(sent((given(7), {"y": "no"}), (given(8), {"y": "no"})), DEFINITION, rows, other)
    assert (told["used"], told["held_out"]) == (1, 1)


def test_no_correction_is_of_a_group_that_is_held_out(rows):
    by_shop = Definition.model_validate(DEFINED | {"split": {"kind": "group", "group": "shop", "seed": 3}})
    own, test = parts(replace(rows, extra={"shop": rows.inputs["shop"]}), by_shop)
    [tested] = set(test.inputs["shop"])
    [trained] = set(own.inputs["shop"])
    said = sent(
        ({"a": 99.0, "shop": tested}, {"y": "yes"}), ({"a": 99.0, "shop": trained}, {"y": "yes"}), definition=by_shop
    )
    changed, told = corrected.applied(said, by_shop, own, test)
    assert (told["used"], told["held_out"]) == (1, 1)
    assert changed.extra["shop"][-1] == trained


def test_who_answers_one_target_of_two_is_believed_on_that_one_alone(rows):
    own, _ = parts(rows)
    changed, _ = applied(rows, (NEW, {"z": "low"}), weight=2)
    assert changed.weights["y"][-1] == 0
    assert changed.weights["z"][-1] == 2
    X = np.column_stack([changed.inputs["a"]])
    without = fit(X[:-1], own, "y", DEFINITION, report=silent)
    fitted = fit(X, changed, "y", DEFINITION, report=silent)
    assert np.array_equal(fitted.raw, without.raw)
    assert np.array_equal(fitted.model.estimator.coef_, without.model.estimator.coef_)
    assert not np.array_equal(
        fit(X, changed, "z", DEFINITION, report=silent).model.estimator.coef_,
        fit(X[:-1], own, "z", DEFINITION, report=silent).model.estimator.coef_,
    )


def test_the_latest_truth_counts_whoever_said_it_about_whichever_subject():
    store = MemoryStore()
    feedback.send(store, "small", {"y": "no", "z": "low"}, input=NEW, request_id="r-1", when=NOON, who="ada")
    feedback.send(store, "small", {"y": "yes"}, input=NEW, when=NOON + timedelta(minutes=2), who="bob")
    feedback.send(
        store, "small", {"z": "high"}, input=NEW, request_id="r-1", when=NOON + timedelta(minutes=3), who="ada"
    )
    feedback.send(store, "small", {"y": "no"}, input=NEW, request_id="r-2", when=NOON + timedelta(minutes=1), who="cy")
    found = corrections.gathered(store, DEFINITION)
    [one] = found.usable
    assert one.truth == {"y": 1, "z": 1}
    assert {name: each.who for name, each in one.said.items()} == {"y": "bob", "z": "ada"}
    assert found.conflicts == 3  # r-1 with itself, and the two others with what was known of the same input


@pytest.mark.parametrize(
    ("about", "answer", "reason"),
    [
        ({"request_id": "r-1"}, {"y": "yes"}, "its input is not known"),
        ({"a": "SECRET", "shop": "north"}, {"y": "yes"}, "a must be a number"),
        ({"a": 1.0}, {"y": "yes"}, "shop is required"),
        ({"a": 1.0, "shop": "SECRET"}, {"y": "yes"}, "shop must be one of"),
        (NEW | {"SECRET": 1}, {"y": "yes"}, "a field that is none of"),
        (NEW, {"y": "SECRET"}, "y must be one of no, yes"),
        (NEW, {"y": 1}, "y must be one of no, yes"),
        (NEW, {"x": "SECRET"}, "x is no target"),
    ],
)
def test_what_does_not_fit_is_reported_and_never_silently_dropped(rows, about, answer, reason):
    own, test = parts(rows)
    changed, told = corrected.applied(sent((about, answer), (NEW | {"a": 98.0}, {"y": "no"})), DEFINITION, own, test)
    assert (told["sent"], told["used"], told["refused"]) == (2, 1, 1)
    [(refused, times)] = told["refused_because"].items()
    assert reason in refused
    assert times == 1
    assert "SECRET" not in refused
    assert len(changed) == len(own) + 1


def test_one_answer_that_does_not_fit_spoils_no_other():
    found = sent((NEW, {"y": "maybe", "z": "high"}))
    [one] = found.usable
    assert one.truth == {"z": 1}
    assert [refused.reason for refused in found.refused] == ["its answer: y must be one of no, yes"]


@pytest.mark.parametrize(
    ("task", "value", "fits"),
    [("regression", 0.5, True), ("regression", 1.5, False), ("regression", "0.5", False), ("regression", 1, True),
     ("count", 3, True), ("count", 2.0, True), ("count", 2.5, False), ("count", -1, False)],
)  # fmt: skip
def test_numbers_and_counts_must_be_possible(task, value, fits):
    found = sent(({"a": 1.0, "size": 2.0}, {"y": value}), definition=define(task))
    assert (len(found.usable), len(found.refused)) == ((1, 0) if fits else (0, 1))


def test_a_count_has_the_exposure_of_its_input():
    definition = define("count")
    _, data = problem("count", 50)
    data.inputs["size"] = data.exposure
    changed, _ = corrected.applied(
        sent(({"a": 1.0, "size": 7.0}, {"y": 4}), definition=definition), definition, data, None
    )
    assert changed.exposure[-1] == 7
    assert changed.targets["y"][-1] == 4


def log(store, *lines):
    text = "".join(
        json.dumps({
            "message": "request", "timestamp": "2026-11-20T12:00:00.000Z", "model": "small", "model_version": "1.0.0",
            "model_digest": "0" * 64, "status": 200, "labels": {"y": "no"}, "confidences": {"y": 0.5}, "review": False, **line,
        }) + "\n"
        for line in lines
    )  # fmt: skip
    folder = inferences.day_folder("small", datetime(2026, 11, 20, tzinfo=UTC).date())
    store.create(f"{folder}x.jsonl.gz", gzip.compress(text.encode()))


def test_an_input_that_was_not_sent_along_is_found_in_the_inference_log():
    store = MemoryStore()
    plainly = {"a": 4.5, "b": None, "shop": "north", "note": {"text": "hm", "characters": 2}, "at": None}
    hashed = plainly | {"a": {"sha256": "0" * 16}}
    log(store, {"request_id": "r-1", "inputs": plainly}, {"request_id": "r-2", "inputs": hashed}, {"request_id": "r-3"})
    found = sent(*[({"request_id": f"r-{number}"}, {"y": "yes"}) for number in (1, 2, 3, 4)], store=store)
    [one] = found.usable
    assert one.subject == "r-1"
    assert {name: one.row[name] for name in ("a", "shop", "note")} == {"a": 4.5, "shop": "north", "note": "hm"}
    assert [refused.subject for refused in found.refused] == ["r-2", "r-3", "r-4"]


def test_the_log_is_not_read_where_it_keeps_nothing_plainly():
    store = MemoryStore()
    log(store, {"request_id": "r-1", "inputs": {"a": 1.0, "shop": "north"}})
    inputs = {name: one | {"log": "no"} for name, one in DEFINED["inputs"].items()}
    silent_about_it = Definition.model_validate(DEFINED | {"inputs": inputs})
    found = sent(({"request_id": "r-1"}, {"y": "yes"}), store=store, definition=silent_about_it)
    assert (found.usable, len(found.refused)) == ((), 1)


def test_a_damaged_record_is_named_in_the_metadata():
    store = MemoryStore()
    sent((NEW, {"y": "yes"}), store=store)
    [key] = store.keys("feedback/")
    store._objects[key] = b"{}"
    assert key in corrections.gathered(store, DEFINITION).damaged[0]


def test_the_weight_is_that_of_the_command_else_of_the_definition_else_1():
    weighty = Definition.model_validate(DEFINED | {"feedback": {"weight": 5}})
    assert corrections.gathered(MemoryStore(), DEFINITION).weight == 1
    assert corrections.gathered(MemoryStore(), weighty).weight == 5
    assert corrections.gathered(MemoryStore(), weighty, 2.0).weight == 2


def test_the_provenance_says_which_when_by_whom_and_is_the_same_for_the_same(rows):
    own, test = parts(rows)
    store = MemoryStore()
    gathered = sent((NEW, {"y": "yes"}), (NEW, {"y": "no"}), (NEW | {"a": 98.0}, {"y": "no"}), store=store)
    _, told = corrected.applied(gathered, DEFINITION, own, test)
    assert told["people"] == 1
    assert (told["from"], told["until"]) == ("2026-11-21T12:01:00.000000Z", "2026-11-21T12:02:00.000000Z")
    assert (told["sent"], told["used"], told["conflicts"]) == (3, 2, 1)
    again = corrected.applied(corrections.gathered(store, DEFINITION), DEFINITION, own, test)[1]
    assert again == told
    sent((NEW | {"a": 97.0}, {"y": "no"}), store=store)
    more = corrected.applied(corrections.gathered(store, DEFINITION), DEFINITION, own, test)[1]
    assert more["sha256"] != told["sha256"]
    assert more["fingerprint"] != told["fingerprint"]


def test_what_is_measured_is_measured_on_the_rows_of_the_file(rows):
    own, test = parts(rows)
    many = [({"a": 50.0 + number, "shop": "south"}, {"y": "no", "z": "low"}) for number in range(30)]
    changed, _ = corrected.applied(sent(*many), DEFINITION, own, test)
    X = np.column_stack([changed.inputs["a"]])
    fitted = fit(X, changed, "y", DEFINITION, report=silent)
    assert len(fitted.raw) == len(fitted.out_of_fold) == len(own)
    searched = Definition.model_validate(
        DEFINED | {"search": {"folds": 3, "metric": "accuracy", "space": {"C": [1.0]}}}
    )
    [trial] = fit(X, changed, "y", searched, report=silent).trials
    assert trial["mean"] < 0.8  # 30 rows beyond all others that contradict: on them alone it would be near 1


def test_without_a_correction_that_is_used_the_program_is_the_same_to_the_bit(rows):
    plain = train.train(DEFINITION, rows)
    _, test = parts(rows)
    said = sent((given(numbers_of(test)[0]), {"y": "yes"}), ({"request_id": "r"}, {"y": "no"}))
    unused = train.train(DEFINITION, rows, corrections=said)
    assert unused.program == plain.program
    assert unused.metrics == plain.metrics
    assert unused.reference == plain.reference
    assert plain.feedback is None
    assert (unused.feedback["used"], unused.feedback["held_out"], unused.feedback["refused"]) == (0, 1, 1)


def test_a_model_learns_what_it_was_told_and_the_heavier_the_more(rows):
    said = [({"a": 30.0 + number / 7, "shop": "north"}, {"y": "no"}) for number in range(20)]

    def chance(weight):
        trained = train.train(DEFINITION, rows, corrections=sent(*said, weight=weight) if weight else None)
        loaded = predictor.load(trained.program)
        scores = loaded.scores(loaded.check({"a": 31.0, "shop": "north"}))["y"]
        return loaded.targets[0].probabilities(scores)[1], trained

    (without, plain), (light, told), (heavy, _) = chance(None), chance(1.0), chance(10.0)
    assert without > light > heavy
    assert told.metrics["targets"]["y"]["rows"] == plain.metrics["targets"]["y"]["rows"]
    assert told.reference["rows"] == plain.reference["rows"]
    assert told.feedback["rows_added"] == 20


def test_the_metadata_which_every_caller_reads_name_nobody_and_no_request(rows):
    own, test = parts(rows)
    store = MemoryStore()
    for who, request_id, given_too in (("ada.lovelace", "r-777", NEW), ("bob", "r-888", None), ("bob", "r-999", None)):
        feedback.send(
            store, "small", {"y": "no"}, request_id=request_id, input=given_too, who=who, caller=f"arn:{who}", when=NOON
        )
    key = next(key for key in store.keys("feedback/") if "r-999" in key)
    store._objects[key] = b"{}"
    told = corrected.applied(corrections.gathered(store, DEFINITION), DEFINITION, own, test)[1]
    assert (told["used"], told["people"], told["refused"], told["damaged"]) == (1, 1, 1, 1)
    for name in ("ada", "bob", "r-777", "r-888", "r-999"):
        assert name not in json.dumps(told)


def test_an_answer_is_never_put_on_the_input_that_somebody_else_sent():
    store = MemoryStore()
    feedback.send(store, "small", {"y": "yes"}, request_id="r-1", who="ada", when=NOON)
    feedback.send(
        store, "small", {"z": "low"}, request_id="r-1", input=NEW, who="mallory", when=NOON + timedelta(seconds=1)
    )
    found = corrections.gathered(store, DEFINITION)
    [one] = found.usable
    assert one.truth == {"z": 0}
    assert [refused.subject for refused in found.refused] == ["r-1"]


def test_a_subject_of_which_corrections_name_different_inputs_is_left_out_and_reported():
    store = MemoryStore()
    feedback.send(store, "small", {"y": "yes"}, request_id="r-1", input=NEW, who="ada", when=NOON)
    other = NEW | {"a": 1.0}
    feedback.send(store, "small", {"z": "low"}, request_id="r-1", input=other, when=NOON + timedelta(seconds=1))
    found = corrections.gathered(store, DEFINITION)
    assert (found.usable, found.conflicts) == ((), 1)
    assert [refused.reason for refused in found.refused] == ["its corrections name different inputs"]


def flood(store, caller, first, count, minute):
    for number in range(count):
        when = NOON + timedelta(minutes=minute, seconds=number)
        about = {"a": float(first + number), "shop": "south"}
        feedback.send(store, "small", {"y": "no"}, input=about, caller=caller, who="ada", when=when)


def test_corrections_are_at_most_their_share_of_the_rows_and_callers_take_turns(rows):
    own, test = parts(rows)
    store = MemoryStore()
    flood(store, "mallory", 1000, 100, minute=0)
    flood(store, "ada", 2000, 3, minute=10)
    changed, told = corrected.applied(corrections.gathered(store, DEFINITION), DEFINITION, own, test)
    assert told["used"] == told["rows_added"] == len(changed) - len(own) == int(len(own) / 4)  # which is 0.2 of all
    assert told["beyond_share"] == 103 - told["used"]
    new = sorted(changed.inputs["a"][len(own) :].tolist())
    assert new[-3:] == [2000, 2001, 2002]
    assert new[:-3] == [1000.0 + number for number in range(told["used"] - 3)]  # of one caller the first
    generous = Definition.model_validate(DEFINED | {"feedback": {"share": 1}})
    assert corrected.applied(corrections.gathered(store, generous), generous, own, test)[1]["beyond_share"] == 0


def test_a_correction_of_more_rows_than_the_share_changes_none(rows):
    same = replace(rows, inputs={**rows.inputs, "a": np.full(len(rows), 5.0), "shop": ["north"] * len(rows)})
    said = sent(({"a": 5.0, "shop": "north"}, {"y": "no"}))
    changed, told = corrected.applied(said, DEFINITION, same, None)
    assert (told["used"], told["beyond_share"]) == (0, 1)
    assert (changed.targets["y"] == same.targets["y"]).all()


@pytest.fixture
def world(tmp_path):
    """A deployment whose definition wants feedback, and whose monitoring store is a folder."""
    made = World()
    define_anew(made, feedback={"weight": 2.0})
    made.monitor = f"file://{tmp_path}/monitor"
    return made


def told_feedback(world, **about):
    feedback.send(open_store(world.monitor), "small", {"y": 0.4}, **about)


def look(world, event, run):
    return check(world, event, run, monitor=world.monitor)


def tried(world, checked, run, name="train", **about):
    """A task after the check; nothing but the check has to do with the monitoring store."""
    wanted = {name: checked[name] for name in ("model", "upload", "data_sha256")}
    wanted |= {name: checked["segments"][0][name] for name in ("segment", "corrections")}
    return tasks.run(world.deployment, {"task": name, "run": run, **wanted, "trials": [], **about})


BY_HAND = {"model": "small"}


def test_new_feedback_on_known_data_is_trained_at_once_and_known_feedback_is_not(world):
    event = put(world, 0)
    told_feedback(world, input={"a": 77.0})
    checked = look(world, event, "first")
    assert checked["outcome"] == "train"
    trained = tried(world, checked, "first")
    assert tried(world, checked, "first")["version"] == trained["version"]  # a run publishes once
    assert look(world, BY_HAND, "second")["outcome"] == "same"
    metadata = published.read(world.registry, "small", trained["version"]).metadata["feedback"]
    assert (metadata["weight"], metadata["sent"], metadata["used"]) == (2.0, 1, 1)
    for number, run in enumerate(("third", "fourth")):
        told_feedback(world, input={"a": 78.0 + number})
        checked = look(world, BY_HAND, run)
        assert checked["outcome"] == "train"
        assert look(world, BY_HAND, "meanwhile")["outcome"] == "elsewhere"
        tried(world, checked, run)
        assert look(world, BY_HAND, "after")["outcome"] == "same"
    assert look(world, event, "a duplicate")["outcome"] == "elsewhere"


def test_new_feedback_waits_for_the_execution_that_trains_without_it(world):
    event = put(world, 0)
    told_feedback(world, input={"a": 77.0})
    checked = look(world, event, "first")
    told_feedback(world, input={"a": 78.0})
    assert look(world, BY_HAND, "second")["outcome"] == "elsewhere"
    tried(world, checked, "first")
    assert look(world, BY_HAND, "second")["outcome"] == "train"


def test_every_task_of_a_run_learns_from_what_the_check_saw(world, monkeypatch):
    told_feedback(world, input={"a": 77.0}, who="ada")
    define_anew(world, search={"space": {"alpha": [1.0]}, "folds": 2})
    checked = look(world, put(world, 0), "run")
    told_feedback(world, input={"a": 78.0})
    heard = []
    monkeypatch.setattr(train, "judge_candidate", lambda *given: heard.append(given[-1]) or [0.5])
    actually = train.train
    monkeypatch.setattr(
        train, "train", lambda *given, **about: heard.append(about["corrections"]) or actually(*given, **about)
    )
    [candidate] = checked["segments"][0]["candidates"]
    tried(world, checked, "run", "candidate", candidate=candidate)
    tried(world, checked, "run", trials=[candidate | {"scores": [0.5, 0.5]}])
    assert [one.sent for one in heard] == [1, 1]
    assert heard[0] == heard[1]
    assert heard[0].usable[0].said["y"].who == "ada"


def test_a_snapshot_has_what_the_inference_log_knew(world):
    store = open_store(world.monitor)
    inputs = {name: one.model_dump() | {"log": "plain"} for name, one in world.definition.inputs.items()}
    define_anew(world, inputs=inputs)
    told_feedback(world, request_id="r-1", when=NOON)
    log(store, {"request_id": "r-1", "inputs": {"a": 4.5}})
    checked = look(world, put(world, 0), "run")
    found = snapshot.read(world.deployment, world.definition, checked["segments"][0]["corrections"])
    assert found == corrections.gathered(store, world.definition)
    assert found.usable[0].row == {"a": 4.5}


def test_a_snapshot_that_is_not_what_was_checked_is_refused(world):
    told_feedback(world, input={"a": 77.0})
    checked = look(world, put(world, 0), "run")
    [key] = world.work.keys("corrections/")
    world.work._objects[key] += b" "
    with pytest.raises(IntegrityError, match="is not what was checked"):
        tried(world, checked, "run")
    with pytest.raises(DataError, match="SHA-256 that the check gave"):
        tried(world, checked, "run", corrections="../../x")
    with pytest.raises(NotFoundError):
        tried(world, checked, "run", corrections="0" * 64)


def test_a_definition_that_wants_no_feedback_reads_none(world):
    told_feedback(world, input={"a": 77.0})
    define_anew(world, feedback=None)
    checked = look(world, put(world, 0), "run")
    assert checked["segments"][0]["corrections"] is None
    assert world.work.keys("corrections/") == []
    assert snapshot.read(world.deployment, world.definition, None) is None
