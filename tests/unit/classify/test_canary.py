"""While a canary runs: who is answered by it, that it can harm nobody, and that it ends when its alias says so."""

import json
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from math import sqrt
from threading import Barrier

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from functions.classify.events import Request
from functions.classify.live import Sides, place
from functions.classify.operations import respond
from tests.unit.classify import zoo
from tests.unit.classify.asking import JSON, ask, post
from tests.unit.classify.bundles import TICKET, Clock, beside, damage, release, released, serving_over

KEYS = [f"customer-{number}" for number in range(10_000)]
FIRST, SECOND = "1" * 64, "2" * 64  # digests


def members(weight, digest=FIRST):
    """The keys that a canary with this digest answers."""
    stable = serving_over(released("1.0.0")).live()
    sides = Sides(stable, stable._replace(digest=digest), weight)
    return {key for key in KEYS if sides.of(key) is sides.canary}


@pytest.mark.parametrize("weight", [0.01, 0.05, 0.5])
@pytest.mark.parametrize("digest", [FIRST, SECOND])
def test_a_share_of_the_keys_is_as_large_as_its_weight(weight, digest):
    expected, deviation = len(KEYS) * weight, sqrt(len(KEYS) * weight * (1 - weight))
    assert abs(len(members(weight, digest)) - expected) < 4 * deviation


def test_a_share_that_grows_keeps_who_is_in_it():
    shares = [members(weight) for weight in (0.01, 0.05, 0.2, 0.5, 0.99)]
    assert all(smaller < larger for smaller, larger in pairwise(shares))


def test_every_canary_has_others():
    both = len(members(0.05, FIRST) & members(0.05, SECOND))
    assert both < 60  # 25 are expected of 10,000 by chance, 500 if they were the same


@given(st.text(), st.sampled_from([FIRST, SECOND]))
def test_any_text_is_a_key_with_one_place(key, digest):
    assert 0 <= place(key, digest) <= 1
    assert place(key, digest) == place(key, digest)


@pytest.fixture
def store():
    """Stable 1.0.0, and 1.1.0 as a canary of half the keys, which calls every ticket Low."""
    store = released("1.0.0")
    beside(store, "1.1.0", weight=0.5, lean=9.0)
    return store


def key_of(serving, side):
    """A key that this side answers."""
    sides = serving.freshness.sides
    wanted = {"stable": sides.stable, "canary": sides.canary}[side]
    return next(key for key in KEYS if sides.of(key) is wanted)


def version_of(serving, **headers):
    return post(serving, "/classify", TICKET, **headers)["model_version"]


def test_one_request_is_answered_by_one_bundle_and_says_by_which(store):
    serving = serving_over(store)
    digests = {version: bundle.read_manifest(store, "tickets", version).digest for version in ("1.0.0", "1.1.0")}
    seen = set()
    for key in KEYS[:50]:
        for path, body in (("/classify", TICKET), ("/classify/batch", {"items": [TICKET] * 3})):
            _, content, headers = ask(serving, "POST", path, body, JSON | {"x-canary-key": key})
            [version] = {one["model_version"] for one in content.get("items", [content])}
            assert headers["x-model-digest"] == digests[version]
            assert version == serving.freshness.sides.of(key).version
            seen.add(version)
    assert seen == {"1.0.0", "1.1.0"}


def test_the_callers_key_counts_before_its_address_and_that_before_the_request(store):
    serving = serving_over(store)
    stable, canary = key_of(serving, "stable"), key_of(serving, "canary")

    def version(key, client, request_id):
        headers = JSON | ({"x-canary-key": key} if key is not None else {})
        request = Request("POST", "/classify", headers, json.dumps(TICKET).encode(), request_id, "", client)
        return json.loads(respond(request, serving).body)["model_version"]

    assert version(canary, stable, stable) == "1.1.0"
    assert version(None, canary, stable) == version("", canary, stable) == "1.1.0"
    assert version(None, "", canary) == "1.1.0"
    assert version(stable, canary, canary) == version(None, stable, canary) == version(None, "", stable) == "1.0.0"


def test_a_key_stays_on_its_side_in_every_environment_and_when_the_share_grows(store):
    clock = Clock()
    first, second = serving_over(store, clock=clock), serving_over(store)
    before = [version_of(first, **{"x-canary-key": key}) for key in KEYS[:100]]
    assert [version_of(second, **{"x-canary-key": key}) for key in KEYS[:100]] == before
    alias.canary(store, "tickets", "latest", "1.1.0", weight=0.8, who="tests")
    clock.now += 31
    after = [version_of(first, **{"x-canary-key": key}) for key in KEYS[:100]]
    assert after.count("1.1.0") > before.count("1.1.0")
    assert all(then == "1.1.0" for now, then in zip(before, after, strict=True) if now == "1.1.0")


def test_without_a_canary_there_is_one_side_and_it_has_no_name():
    sides = serving_over(released("1.0.0")).freshness.sides
    assert (sides.canary, sides.stable.side) == (None, "")
    assert all(sides.of(key) is sides.stable for key in KEYS[:20])


@pytest.mark.parametrize("file", ["program.safetensors", "golden.json", "manifest.json"])
def test_a_damaged_canary_never_answers_and_never_harms_the_stable_model(store, file):
    told = []
    damage(store, "1.1.0", file)
    serving = serving_over(store, on_failure=lambda model, trouble, _: told.append((model, trouble.code, trouble.role)))
    assert {version_of(serving, **{"x-canary-key": key}) for key in KEYS[:100]} == {"1.0.0"}
    assert told == [("tickets", "corrupt_bundle", "canary")]
    assert (serving.freshness.state.trouble, serving.freshness.failures) == (None, 1)
    assert serving.live().side == ""


def test_a_canary_that_cannot_be_loaded_is_tried_again_and_then_runs(store):
    clock = Clock()
    key = "models/tickets/v1.1.0/program.safetensors"
    good = store._objects[key]
    damage(store, "1.1.0")
    serving = serving_over(store, clock=clock)
    clock.now += 31
    assert (serving.live().version, serving.freshness.failures) == ("1.0.0", 2)
    store._objects[key] = good
    clock.now += 31
    serving.live()
    assert (serving.freshness.sides.canary.version, serving.freshness.state.beside) == ("1.1.0", {})
    assert serving.freshness.state.status == "ok"


def test_health_and_status_tell_what_runs_beside_the_model(store):
    serving = serving_over(store)
    digest = serving.freshness.sides.canary.digest
    canary = {"version": "1.1.0", "digest": digest, "weight": 0.5}
    assert ask(serving, "GET", "/model/status")[1]["canary"] == {**canary, "loaded": True, "reason": None}
    assert ask(serving, "GET", "/model/status")[1]["shadow"] is None
    assert ask(serving, "GET", "/health")[1]["canary"] == {"model_version": "1.1.0", "reason": None}
    latest = ask(serving, "GET", "/models/tickets")[1]["aliases"]["latest"]
    assert (latest["version"], latest["kind"], latest["canary"]) == ("1.0.0", "canary", canary)


def test_health_names_the_trouble_of_a_canary_while_the_model_answers(store):
    damage(store, "1.1.0")
    serving = serving_over(store)
    _, health, _ = ask(serving, "GET", "/health")
    assert (health["status"], health["model_version"], health["reason"]) == ("degraded", "1.0.0", None)
    assert health["canary"]["model_version"] == "1.1.0"
    assert health["canary"]["reason"]["code"] == "corrupt_bundle"
    status = ask(serving, "GET", "/model/status")[1]
    assert (status["canary"]["loaded"], status["canary"]["reason"]["code"]) == (False, "corrupt_bundle")
    assert ask(serving, "GET", "/health/ready")[0] == 200


def test_a_canary_that_ends_or_is_promoted_does_so_within_the_time_to_live(store):
    clock = Clock()
    serving = serving_over(store, clock=clock)
    key = key_of(serving, "canary")
    assert version_of(serving, **{"x-canary-key": key}) == "1.1.0"
    alias.rollback(store, "tickets", "latest", who="tests")
    clock.now += 31
    assert version_of(serving, **{"x-canary-key": key}) == "1.0.0"
    assert (serving.freshness.sides.canary, serving.live().side) == (None, "")
    alias.promote(store, "tickets", "latest", "1.1.0", who="tests")
    clock.now += 31
    assert version_of(serving, **{"x-canary-key": key_of(serving, "stable")}) == "1.1.0"


class Counting(MemoryStore):
    """Counts what is read."""

    def __init__(self):
        super().__init__()
        self.read = []

    def get(self, key, *, limit):
        self.read.append(key)
        return super().get(key, limit=limit)


def counting(store):
    made = Counting()
    made._objects = store._objects
    return made


def test_bundles_that_are_in_memory_are_not_fetched_again(store):
    clock, counted = Clock(), counting(store)
    serving = serving_over(counted, clock=clock)
    before = serving.freshness.sides
    moves = [
        lambda: alias.canary(store, "tickets", "latest", "1.1.0", weight=0.9, who="tests"),
        lambda: alias.rollback(store, "tickets", "latest", who="tests"),
    ]
    for move in moves:
        move()
        counted.read.clear()
        clock.now += 31
        serving.live()
        assert all("/aliases/" in key for key in counted.read)
    assert serving.live().predictor is before.stable.predictor


def test_a_canary_ends_even_when_the_stable_bundle_can_no_longer_be_read(store):
    clock = Clock()
    serving = serving_over(store, clock=clock)
    alias.rollback(store, "tickets", "latest", who="tests")
    for file in ("program.safetensors", "manifest.json"):
        damage(store, "1.0.0", file)
    clock.now += 31
    assert {version_of(serving, **{"x-canary-key": key}) for key in KEYS[:50]} == {"1.0.0"}


def test_a_successor_that_cannot_be_served_ends_the_canary_and_leaves_the_last_good_model(store):
    clock = Clock()
    serving = serving_over(store, clock=clock)
    release(store, "2.0.0")
    damage(store, "2.0.0")
    clock.now += 31
    assert {version_of(serving, **{"x-canary-key": key}) for key in KEYS[:50]} == {"1.0.0"}
    assert serving.freshness.state.status == "degraded"


def test_without_a_canary_nothing_more_is_read():
    store = counting(released("1.0.0"))
    serving_over(store)
    assert sorted(store.read) == [
        "models/tickets/aliases/latest/00000001.json",
        *(f"models/tickets/v1.0.0/{name}" for name in ("golden.json", "manifest.json", "program.safetensors")),
    ]


def test_the_canary_is_on_its_way_while_the_stable_bundle_is(store):
    """Each program is given only once the other was asked for: one after the other would never end."""

    class Meeting(MemoryStore):
        both = Barrier(2)

        def get(self, key, *, limit):
            if key.endswith("program.safetensors"):
                self.both.wait(10)
            return super().get(key, limit=limit)

    meeting = Meeting()
    meeting._objects = store._objects
    assert serving_over(meeting).freshness.sides.canary.version == "1.1.0"


def test_a_request_that_asks_for_a_version_or_for_features_is_answered_by_the_side_that_has_them():
    store = zoo.stocked()
    beside(store, "2.1.0", zoo.files(wider(), {**zoo.BUSINESS, "age": 3.0}), weight=0.5, name="readiness")
    serving = serving_over(store, model="readiness")
    sides = serving.freshness.sides
    for key in KEYS[:20]:
        for side in sides.all():
            headers = {"x-canary-key": key, "x-feature-signature": side.predictor.signature}
            assert post(serving, "/predict", zoo.BUSINESS, **headers)["version"] == side.version
            path = f"/v2/models/readiness/versions/{side.version}"
            assert ask(serving, "GET", f"{path}/ready", headers=JSON | {"x-canary-key": key})[0] == 200
            assert ask(serving, "GET", path)[1]["versions"] == ["2.0.0", "2.1.0"]
    assert ask(serving, "GET", "/v2/models/readiness/versions/9.9.9")[0] == 404


def wider():
    """Readiness with one more input, which is optional."""
    target = {"name": "score", "task": "regression", "range": [0.0, 1.0], "unit": None, "interval": None}
    inputs = [
        zoo.field("identifier", "gid"),
        zoo.field("category", "region", values=["EU", "US"]),
        zoo.field("number", "revenue"),
        zoo.field("number", "debt", required=False),
        zoo.field("number", "age", required=False),
        zoo.field("text", "description"),
    ]
    answer = {"gid": "input.gid", "score": "score.value", "version": "model_version"}
    steps = [zoo.numbers("size", "revenue", "debt", "age")]
    weights = [[0.1], [0.05], [-0.05], [0.01]]
    return zoo.linear("readiness", inputs, steps, [target], weights, intercept=[0.2], terms=("debts",), answer=answer)


def test_the_open_inference_protocol_has_the_same_sides(store):
    serving = serving_over(store)
    inputs = [
        {"name": name, "shape": [2], "datatype": "BYTES", "data": ["a", "b"]} for name in ("title", "description")
    ]
    for key in KEYS[:30]:
        _, content, headers = ask(
            serving, "POST", "/v2/models/tickets/infer", {"inputs": inputs}, JSON | {"x-canary-key": key}
        )
        side = serving.freshness.sides.of(key)
        assert (content["model_version"], headers["x-model-digest"]) == (side.version, side.digest)


def test_a_segments_own_alias_decides_for_its_rows():
    store = zoo.stocked()
    beside(store, "1.2.0", zoo.files(zoo.segment("qb", lean=9.0), zoo.PLAYERS["qb"]), weight=0.5, name="recruits/qb")
    serving = serving_over(store, model="recruits")
    cases = {"cases": [zoo.PLAYERS["qb"], zoo.PLAYERS["rb"], zoo.PLAYERS["qb"]]}
    sides = serving.sides("recruits/qb")
    seen = set()
    for key in KEYS[:30]:
        expected = sides.of(key).version
        predictions = post(serving, "/batch_predict", cases, **{"x-canary-key": key})["predictions"]
        assert [one["model_version"] for one in predictions] == [expected, "1.4.0", expected]
        assert post(serving, "/predict", zoo.PLAYERS["qb"], **{"x-canary-key": key})["model_version"] == expected
        seen.add(expected)
    assert seen == {"1.1.0", "1.2.0"}


def test_a_version_that_is_asked_for_is_the_models_and_not_its_segments():
    store = zoo.stocked()
    beside(store, "1.0.0", zoo.files(zoo.segment("qb", lean=9.0), zoo.PLAYERS["qb"]), weight=0.5, name="recruits/qb")
    serving = serving_over(store, model="recruits")
    player = zoo.PLAYERS["qb"]
    inputs = [
        {"name": "position", "shape": [1], "datatype": "BYTES", "data": [player["position"]]},
        {"name": "passing_yards", "shape": [1], "datatype": "FP64", "data": [player["passing_yards"]]},
    ]
    for key in KEYS[:20]:
        path, headers = "/v2/models/recruits/versions/1.0.0/infer", JSON | {"x-canary-key": key}
        _, content, _ = ask(serving, "POST", path, {"inputs": inputs}, headers)
        [version] = [one["data"] for one in content["outputs"] if one["name"] == "model_version"]
        assert version == [serving.sides("recruits/qb").of(key).version]


def test_an_alias_that_moves_under_load_is_never_seen_torn(store):
    """Every answer is one version with its own digest, whatever else happens meanwhile."""
    clock = Clock()
    serving = serving_over(store, clock=clock)
    digests = {version: bundle.read_manifest(store, "tickets", version).digest for version in ("1.0.0", "1.1.0")}

    def answers(worker):
        for key in KEYS[worker * 200 : worker * 200 + 200]:
            _, content, headers = ask(serving, "POST", "/classify", TICKET, JSON | {"x-canary-key": key})
            assert headers["x-model-digest"] == digests[content["model_version"]]
            assert (content["predicted_priority"] == "Low") == (content["model_version"] == "1.1.0")

    with ThreadPoolExecutor(4) as pool:
        running = [pool.submit(answers, worker) for worker in range(4)]
        for _ in range(5):
            alias.rollback(store, "tickets", "latest", who="tests")
            clock.now += 31
            alias.canary(store, "tickets", "latest", "1.1.0", weight=0.5, who="tests")
            clock.now += 31
        for one in running:
            one.result()


def test_memory_counts_what_runs_beside(store):
    freshness = serving_over(store).freshness
    assert freshness.size == freshness.sides.stable.size + freshness.sides.canary.size


def test_what_stands_alone_has_no_side():
    sides = serving_over(released("1.0.0")).freshness.sides
    named = Sides(sides.stable._replace(side="stable"), sides.stable, 0.5)
    assert named.alone() == sides
