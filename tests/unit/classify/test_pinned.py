"""POST /models/{name}/versions/{version}/...: that very version answers, live or not."""

import pytest

from firesteel.errors import NotFoundError
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from tests.unit.classify import bundles, zoo
from tests.unit.classify.asking import ask, blamed, post, refused
from tests.unit.classify.bundles import TICKET, Clock, beside, damage, release, released, serving_over
from tests.unit.classify.test_models import sized

AT = "/models/tickets/versions/{}/{}"
ONE = len(bundles.program())


class Counting(MemoryStore):
    """Counts what is read."""

    def __init__(self):
        super().__init__()
        self.reads = []

    def get(self, key, *, limit):
        self.reads.append(key)
        return super().get(key, limit=limit)


@pytest.fixture
def store():
    """1.0.0 was promoted once, 1.1.0 is live, 1.2.0 was never promoted."""
    store = Counting()
    release(store, "1.0.0", lean=9.0)
    release(store, "1.1.0")
    bundle.publish(store, "tickets", "1.2.0", bundles.files(lean=9.0), who="tests")
    return store


@pytest.mark.parametrize("what", ["predict", "explain", "attributions"])
def test_any_complete_version_answers(store, what):
    serving = serving_over(store)
    for version, label in (("1.0.0", "Low"), ("1.1.0", "Urgent"), ("1.2.0", "Low")):
        answer = post(serving, AT.format(version, what), TICKET)
        assert (answer["predicted_priority"], answer["model_version"]) == (label, version)
    assert post(serving, f"/models/tickets/{what}", TICKET)["model_version"] == "1.1.0"


def test_rows_are_answered_by_it_too(store):
    answers = post(
        serving_over(store), AT.format("1.0.0", "batch"), {"cases": [TICKET, {}], "include_explanations": True}
    )
    first, second = answers["predictions"]
    assert (first["model_version"], second["error"]["code"]) == ("1.0.0", "invalid_input")
    assert "explanations" in first


def test_the_digest_of_its_manifest_is_told(store):
    _, _, headers = ask(serving_over(store), "POST", AT.format("1.2.0", "predict"), TICKET)
    assert headers["x-model-digest"] == bundle.read_manifest(store, "tickets", "1.2.0").digest


def test_it_is_read_once_and_never_again(store):
    clock = Clock()
    serving = serving_over(store, clock=clock)
    post(serving, AT.format("1.0.0", "predict"), TICKET)
    store.reads.clear()
    for _ in range(3):
        clock.now += 1000
        assert post(serving, AT.format("1.0.0", "predict"), TICKET)["model_version"] == "1.0.0"
    assert store.reads == []


def test_the_live_version_is_not_loaded_twice(store):
    serving = serving_over(store)
    store.reads.clear()
    assert serving.at("tickets", "1.1.0") == serving.live()
    serving.live_of("tickets")
    assert store.reads == []


def test_it_belongs_to_no_side_of_a_canary_and_has_no_shadow(store):
    beside(store, "1.3.0", weight=0.5)
    beside(store, "1.4.0")
    serving = serving_over(store, with_shadows=True)
    assert serving.live().side == "stable"
    for version in ("1.1.0", "1.3.0", "1.4.0"):
        found = serving.at("tickets", version)
        assert (found.version, found.side, found.shadow) == (version, "", None)


def test_it_answers_though_nothing_is_live():
    store = MemoryStore()
    bundle.publish(store, "tickets", "1.0.0", bundles.files(), who="tests")
    serving = serving_over(store)
    assert post(serving, AT.format("1.0.0", "predict"), TICKET)["model_version"] == "1.0.0"
    assert refused(serving, "POST", "/models/tickets/predict", TICKET)[1] == "no_model"


@pytest.mark.parametrize("version", ["9.9.9", "latest", "..", "1.0", "1.0.0@1.0.0", "@", "%00"])
@pytest.mark.parametrize("what", ["predict", "explain", "attributions"])
def test_a_version_that_is_not_there_is_unknown_and_leaves_no_trace(store, version, what):
    serving = serving_over(store)
    assert refused(serving, "POST", AT.format(version, what), TICKET)[:2] == (404, "unknown_model")
    assert serving.models._kept == {}


def test_an_unfinished_version_is_unknown(store):
    store.create("models/tickets/v7.0.0/claim.json", b"{}")
    assert refused(serving_over(store), "POST", AT.format("7.0.0", "predict"), TICKET)[:2] == (404, "unknown_model")


@pytest.mark.parametrize("file", ["program.safetensors", "golden.json", "manifest.json"])
def test_a_corrupt_version_is_not_served_and_the_answer_says_which(store, file):
    damage(store, "1.0.0", file)
    told = []
    serving = serving_over(store, on_failure=lambda model, trouble, _: told.append((model, trouble.code)))
    status, content, headers = ask(serving, "POST", AT.format("1.0.0", "predict"), TICKET)
    assert (status, content["code"]) == (503, "no_model")
    assert content["detail"] == "No model is loaded: The bundle of 1.0.0 failed its checks and is not served."
    assert headers["retry-after"] == "30"
    assert told == [("tickets", "corrupt_bundle")]
    assert post(serving, AT.format("1.2.0", "predict"), TICKET)["model_version"] == "1.2.0"


def test_a_corrupt_version_is_tried_again_after_the_time_to_live(store):
    clock, key = Clock(), "models/tickets/v1.0.0/golden.json"
    sound = store._objects[key]
    damage(store, "1.0.0", "golden.json")
    serving = serving_over(store, clock=clock)
    assert refused(serving, "POST", AT.format("1.0.0", "predict"), TICKET)[1] == "no_model"
    store._objects[key] = sound
    assert refused(serving, "POST", AT.format("1.0.0", "predict"), TICKET)[1] == "no_model"
    clock.now += 31
    assert post(serving, AT.format("1.0.0", "predict"), TICKET)["model_version"] == "1.0.0"


def test_its_signature_may_be_demanded(store):
    serving = serving_over(store)
    own = serving.live().predictor.signature
    path = AT.format("1.0.0", "predict")
    assert post(serving, path, TICKET, **{"x-feature-signature": own})["model_version"] == "1.0.0"
    assert refused(
        serving, "POST", path, TICKET, {"content-type": "application/json", "x-feature-signature": "0" * 64}
    )[1] == ("signature_mismatch")


def test_limits_and_checks_are_those_of_every_request(store):
    serving = serving_over(store)
    assert blamed(serving, AT.format("1.0.0", "predict"), {"title": "a"}) == [("description", "missing")]
    assert refused(serving, "POST", AT.format("1.0.0", "predict"), b" " * (64 * 1024 + 1))[1] == "payload_too_large"
    assert refused(serving, "POST", AT.format("1.0.0", "batch"), b" " * (1024 * 1024 + 1))[1] == "payload_too_large"
    assert blamed(serving, AT.format("1.0.0", "batch"), {"cases": [TICKET] * 1001}) == [("cases", "wrong_length")]


def test_a_version_of_segments_chooses_and_what_is_live_of_the_segment_answers():
    store = zoo.stocked()
    release(store, "1.1.0", zoo.files(zoo.router(QB="rb"), None), name="recruits")
    serving = serving_over(store)
    assert post(serving, "/models/recruits/versions/1.0.0/predict", zoo.PLAYERS["qb"])["model_version"] == "1.1.0"
    assert blamed(serving, "/models/recruits/predict", zoo.PLAYERS["qb"])
    answer = post(serving, "/models/recruits/qb/versions/1.1.0/predict", zoo.PLAYERS["qb"])
    assert answer["model_version"] == "1.1.0"


def test_versions_share_the_memory_of_other_models(store):
    for number in range(3, 9):
        bundle.publish(store, "tickets", f"1.{number}.0", bundles.files(lean=float(number)), who="tests")
    serving = serving_over(store, memory=6 * ONE)
    for number in range(3, 9):
        serving.at("tickets", f"1.{number}.0")
    assert list(serving.models._kept) == ["tickets@1.6.0", "tickets@1.7.0", "tickets@1.8.0"]


@pytest.mark.parametrize("room", [0, 2, 3, 6])
def test_versions_put_out_one_another_and_no_model_that_is_live(store, room):
    for number in range(3, 9):
        bundle.publish(store, "tickets", f"1.{number}.0", bundles.files(lean=float(number)), who="tests")
    serving = serving_over(store, memory=room * ONE)
    for name in ("billing", "shipping"):
        release(store, "1.0.0", zoo.files(sized(name), zoo.BUSINESS), name=name)
        serving.live_of(name)
    live = [name for name in serving.models._kept if "@" not in name]
    for number in range(3, 9):
        serving.at("tickets", f"1.{number}.0")
    kept = list(serving.models._kept)
    assert [name for name in kept if "@" not in name] == live
    assert kept[-1] == "tickets@1.8.0"


def test_a_live_model_puts_out_versions_before_other_live_models(store):
    serving = serving_over(store, model="elsewhere", memory=2 * ONE)
    serving.at("tickets", "1.0.0")
    serving.live_of("tickets")
    serving.at("tickets", "1.2.0")
    release(store, "1.0.0", zoo.files(sized("billing"), zoo.BUSINESS), name="billing")
    serving.live_of("billing")
    assert list(serving.models._kept) == ["tickets", "billing"]


def test_a_model_cannot_be_called_by_a_name_with_a_version(store):
    serving = serving_over(store)
    serving.at("tickets", "1.0.0")
    for name in ("tickets@1.0.0", "tickets@", "@1.0.0"):
        assert refused(serving, "POST", f"/models/{name}/predict", TICKET)[:2] == (404, "unknown_model")
        with pytest.raises(NotFoundError):
            serving.live_of(name)


def test_health_says_nothing_of_versions_that_somebody_asked_for(store):
    damage(store, "1.0.0")
    serving = serving_over(store)
    post(serving, AT.format("1.2.0", "predict"), TICKET)
    refused(serving, "POST", AT.format("1.0.0", "predict"), TICKET)
    _, health, _ = ask(serving, "GET", "/health")
    assert health["status"] == "ok"
    assert "models" not in health


def test_under_v2_only_the_live_version_is_served_as_before():
    store = released("1.0.0")
    release(store, "1.1.0")
    status, _, _ = ask(serving_over(store), "GET", "/v2/models/tickets/versions/1.0.0/ready")
    assert status == 404


def test_a_version_that_becomes_live_is_still_the_same_answer(store):
    clock = Clock()
    serving = serving_over(store, clock=clock)
    before = post(serving, AT.format("1.2.0", "predict"), TICKET)
    alias.promote(store, "tickets", "latest", "1.2.0", who="tests")
    clock.now += 31
    assert post(serving, AT.format("1.2.0", "predict"), TICKET) == before == post(serving, "/predict", TICKET)
