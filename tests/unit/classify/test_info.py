import pytest

from firesteel.registry.store import MemoryStore
from tests.unit.classify import zoo
from tests.unit.classify.asking import ask, refused
from tests.unit.classify.bundles import release, serving_over


def info(serving):
    status, content, _ = ask(serving, "GET", "/model/info")
    assert status == 200
    return content


def test_the_served_model_says_all_about_itself():
    store = zoo.stocked()
    release(store, "2.1.0", zoo.files(zoo.readiness(), zoo.BUSINESS), name="readiness")
    store.create("models/readiness/v2.2.0/claim.json", b"{}")
    serving = serving_over(store, model="readiness")
    told = info(serving)
    live = serving.live()
    assert (told["model"], told["alias"], told["model_version"]) == ("readiness", "latest", "2.1.0")
    assert (told["digest"], told["signature"]) == (live.digest, live.predictor.signature)
    assert told["feature_count"] == 7
    assert [one["name"] for one in told["inputs"]] == ["gid", "region", "revenue", "debt", "description"]
    assert told["inputs"][1]["values"] == ["EU", "US"]
    assert told["targets"] == [
        {"name": "score", "task": "regression", "range": [0.0, 1.0], "unit": None, "coverage": 0.9}
    ]
    assert told["configuration"] == {"estimator": {"kind": "linear"}}
    assert told["training"]["changelog"] == "made by hand"
    unfinished, newest, oldest = told["training_history"]
    assert (unfinished["version"], unfinished["state"]) == ("2.2.0", "unfinished")
    assert (newest["version"], newest["changelog"], newest["metrics"]) == (
        "2.1.0",
        "made by hand",
        {"score": {"r2": 0.9}},
    )
    assert (oldest["version"], oldest["state"]) == ("2.0.0", "complete")


def test_a_model_of_segments_says_which_versions_answer():
    told = info(serving_over(zoo.stocked(), model="recruits"))
    assert (told["signature"], told["feature_count"], told["targets"]) == (None, None, None)
    assert {value: one["model_version"] for value, one in told["segments"].items()} == {
        "QB": "1.1.0",
        "RB": "1.4.0",
        "WR": None,
    }
    assert told["segments"]["RB"]["feature_count"] == 2


def test_without_a_model_there_is_nothing_to_say():
    assert refused(serving_over(MemoryStore()), "GET", "/model/info")[:2] == (503, "no_model")


@pytest.mark.parametrize("path", ["/models/recruits/qb", "/models/recruits/qb/versions"])
def test_segments_are_browsed_as_models(path):
    status, content, _ = ask(serving_over(zoo.stocked()), "GET", path)
    assert (status, content["name"], content["aliases"]["latest"]["version"]) == (200, "recruits/qb", "1.1.0")
