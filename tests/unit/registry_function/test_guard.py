"""The guard: an alarm's event ends the canary that runs, and does nothing else, however often and late it comes."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from firesteel.errors import ConflictError, IntegrityError, StoreError
from firesteel.registry import alias, bundle, record
from firesteel.registry.seal import open_registry
from firesteel.registry.store import MemoryStore
from functions.registry import guard
from tests.faults.store import FaultyStore

ROOT = Path(__file__).parents[3]
ALARM = json.loads((ROOT / "events/registry-guard-alarm.json").read_text())
COMPOSITE = ALARM | {
    "detail": {
        "alarmName": "firesteel-canary",
        "configuration": {"actionsEnabled": True, "alarmRule": "ALARM(errors) OR ALARM(latency)"},
        "previousState": {"value": "OK", "timestamp": "2025-08-17T10:40:40.987+0000", "reason": "all are OK"},
        "state": {"value": "ALARM", "timestamp": "2025-08-17T10:47:40.989+0000", "reason": "errors is in ALARM"},
    }
}
SCRIPT = """
import json, sys
from types import SimpleNamespace
from functions.registry import guard
context = SimpleNamespace(function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="lambda-1")
answers = [guard.handler(event, context) for event in json.load(sys.stdin)]
print(json.dumps({"answers": answers, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def state(value="ALARM", of=ALARM, **changes):
    """The event of an alarm that has this state now."""
    now = {"value": value, "timestamp": stamp(datetime.now(UTC))}
    return of | {"detail": of["detail"] | {"state": of["detail"]["state"] | now | changes}}


def stamp(when):
    """A point in time as CloudWatch writes it."""
    return when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


def fill(store, *served):
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        bundle.publish(store, "tickets", version, {"program": version.encode()}, who="ada")
    for version in served:
        alias.promote(store, "tickets", "latest", version, who="ada")
    return store


def canary(store, version="2.0.0", weight=0.05):
    return alias.canary(store, "tickets", "latest", version, weight=weight, who="ada")


def stop(store, rang=None):
    return guard.stop(store, "tickets", "latest", who="alarm:errors", why="3 errors", rang=rang)


def newest(store):
    return alias.current(store, "tickets", "latest")


def invoke(url, *events):
    """What the guard answers, its log lines and the modules that were loaded, in a process of its own."""
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'firesteel'}",
        "FIRESTEEL_STORE": url,
        "FIRESTEEL_MODEL": "tickets",
        "FIRESTEEL_SERVICE": "guard",
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        input=json.dumps(events), env=environment, cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ended = json.loads(done.stderr)
    return ended["answers"], [json.loads(line) for line in done.stdout.splitlines()], ended["modules"]


@pytest.mark.parametrize("event", [ALARM, COMPOSITE], ids=["metric", "composite"])
def test_an_alarm_ends_the_canary_and_says_why(tmp_path, event):
    url = f"file://{tmp_path}"
    store = fill(open_registry(url), "1.0.0", "1.1.0")
    canary(store)
    [answer], [line], modules = invoke(url, state(of=event))
    entry, name = newest(store), event["detail"]["alarmName"]
    assert (entry.kind, entry.version, entry.canary, entry.generation) == ("rollback", "1.1.0", None, 4)
    assert (entry.who, entry.why) == (f"alarm:{name}", event["detail"]["state"]["reason"])
    assert answer == {"stopped": True, "version": "1.1.0", "generation": 4}
    assert (line["message"], line["alarm"], line["model"], line["service"]) == (
        "canary stopped",
        name,
        "tickets",
        "guard",
    )
    assert not {"boto3", "numpy", "functions.classify", "functions.train"} & set(modules)


def test_a_second_delivery_and_what_is_no_alarm_change_nothing(tmp_path):
    url = f"file://{tmp_path}"
    store = fill(open_registry(url), "1.0.0", "1.1.0")
    canary(store)
    quiet = [state("OK"), state("INSUFFICIENT_DATA"), {"detail": {}}, {"Records": []}]
    answers, lines, _ = invoke(url, *quiet, state(), state(), state(of=COMPOSITE))
    assert [answer["stopped"] for answer in answers] == [False] * 4 + [True, False, False]
    assert [line["message"] for line in lines] == ["no alarm"] * 4 + ["canary stopped"] + ["no canary runs"] * 2
    assert [one.kind for one in alias.history(store, "tickets", "latest")] == [
        "promote",
        "promote",
        "canary",
        "rollback",
    ]


def test_an_alias_that_was_never_set_has_no_canary(tmp_path):
    [answer], [line], _ = invoke(f"file://{tmp_path}", ALARM)
    assert (answer, line["message"]) == ({"stopped": False}, "no canary runs")


@pytest.mark.parametrize("order", sorted(set(permutations(["canary", "alarm", "alarm", "promote"]))))
def test_in_every_order_an_alarm_never_moves_what_is_served(order):
    store = fill(MemoryStore(), "1.0.0")
    served = "1.0.0"
    for step in order:
        if step == "canary":
            canary(store, "2.0.0")
        elif step == "promote":
            served = alias.promote(store, "tickets", "latest", "1.1.0", who="ada").version
        else:
            stop(store)
            assert newest(store).canary is None
        assert newest(store).version == served


def test_a_shadow_alone_is_left_to_run():
    store = fill(MemoryStore(), "1.0.0")
    entry = alias.shadow(store, "tickets", "latest", "2.0.0", who="ada")
    assert stop(store) == guard.NONE_RUNS
    assert newest(store) == entry


def test_an_alarm_that_comes_late_does_not_end_a_canary_that_began_after_it(tmp_path):
    url = f"file://{tmp_path}"
    running = canary(fill(open_registry(url), "1.0.0"))
    began = datetime.fromisoformat(running.when)
    late, now = (state(timestamp=stamp(began + timedelta(seconds=apart))) for apart in (-1, 0))
    answers, lines, _ = invoke(url, ALARM, late)
    assert [answer["stopped"] for answer in answers] == [False, False]
    assert [line["message"] for line in lines] == [guard.IS_LATE] * 2
    assert newest(open_registry(url)) == running
    [answer], _, _ = invoke(url, now)
    assert answer["stopped"] is True


@pytest.fixture
def tick(monkeypatch):
    """Every entry is a minute younger than the one before; gives the time of the newest."""
    times = [datetime(2025, 8, 17, 12, tzinfo=UTC)]

    def next_time():
        times.append(times[-1] + timedelta(minutes=1))
        return times[-1].strftime("%Y-%m-%dT%H:%M:%SZ")

    monkeypatch.setattr(record, "timestamp", next_time)
    return lambda: times[-1]


def test_growing_a_canary_or_adding_a_shadow_is_no_new_beginning(tick):
    store = fill(MemoryStore(), "1.0.0")
    canary(store)
    rang = tick() + timedelta(seconds=30)
    canary(store, weight=0.5)
    alias.shadow(store, "tickets", "latest", "1.1.0", who="ada")
    assert stop(store, rang).canary is None


@pytest.mark.parametrize("between", ["another", "rollback", "promote"])
def test_an_alarm_of_an_earlier_canary_does_not_end_a_newer_one(tick, between):
    store = fill(MemoryStore(), "1.0.0")
    canary(store)
    rang = tick() + timedelta(seconds=30)
    if between == "another":
        canary(store, "1.1.0")
    elif between == "rollback":
        alias.rollback(store, "tickets", "latest", who="ada")
    else:
        alias.promote(store, "tickets", "latest", "1.1.0", who="ada")
    running = canary(store)
    assert stop(store, rang) == guard.IS_LATE
    assert newest(store) == running


def test_where_it_cannot_be_known_when_the_canary_began_it_ends(tick):
    store = fill(MemoryStore(), "1.0.0")
    rang = tick()
    canary(store)
    store._objects["models/tickets/aliases/latest/00000001.json"] = b"damaged"
    assert stop(store, rang).canary is None


def test_an_older_entry_that_cannot_be_read_does_not_hide_when_the_canary_began(tick):
    store = fill(MemoryStore(), "1.0.0", "1.1.0")
    rang = tick() + timedelta(seconds=30)
    canary(store)
    running = canary(store, weight=0.5)
    store._objects["models/tickets/aliases/latest/00000001.json"] = b"damaged"
    assert stop(store, rang) == guard.IS_LATE
    assert newest(store) == running


@pytest.mark.parametrize("timestamp", [None, 5, "", "yesterday", "2025-08-17T10:40:00"])
def test_an_alarm_without_a_time_ends_the_canary_that_runs(tmp_path, timestamp):
    url = f"file://{tmp_path}"
    canary(fill(open_registry(url), "1.0.0"))
    [answer], _, _ = invoke(url, state(timestamp=timestamp))
    assert answer["stopped"] is True


def before_operation(store, count, run):
    """Has somebody else act right before an operation of a store."""

    def fault(*_):
        if len(store.log) == count:
            store.fault = lambda *_: None
            run()

    store.log.clear()
    store.fault = fault


@pytest.mark.parametrize("count", range(1, 6))
def test_a_promotion_at_the_same_time_is_never_taken_back(count):
    store = FaultyStore(fill(MemoryStore(), "1.0.0"))
    canary(store)
    before_operation(store, count, lambda: alias.promote(store.inner, "tickets", "latest", "2.0.0", who="ada"))
    assert stop(store) == guard.NONE_RUNS
    assert (newest(store).version, newest(store).kind) == ("2.0.0", "promote")


@pytest.mark.parametrize("count", range(1, 6))
def test_a_canary_that_grows_at_the_same_time_is_ended_all_the_same(count):
    store = FaultyStore(fill(MemoryStore(), "1.0.0"))
    canary(store)
    before_operation(store, count, lambda: canary(store.inner, weight=0.5))
    assert stop(store).canary is None
    kinds = [one.kind for one in alias.history(store.inner, "tickets", "latest")]
    assert kinds == ["promote", "canary", "canary", "rollback"]


def test_who_is_overtaken_again_and_again_says_so():
    inner = fill(MemoryStore(), "1.0.0")
    canary(inner)
    store = FaultyStore(inner, lambda name, _: canary(inner, weight=0.5) and None if name == "create" else None)
    with pytest.raises(ConflictError, match="moved 5 times"):
        stop(store)


@pytest.mark.parametrize("fails", ["keys", "get", "create"])
def test_a_store_that_fails_is_an_error_that_lambda_tries_again(fails):
    store = FaultyStore(fill(MemoryStore(), "1.0.0"))
    canary(store)
    store.fault = lambda name, _: "before" if name == fails else None
    with pytest.raises(StoreError):
        stop(store)
    store.fault = lambda *_: None
    assert stop(store).canary is None


def test_a_damaged_alias_is_an_error_and_no_guess():
    store = fill(MemoryStore(), "1.0.0")
    canary(store)
    store._objects["models/tickets/aliases/latest/00000002.json"] = b"damaged"
    with pytest.raises(IntegrityError):
        stop(store)
