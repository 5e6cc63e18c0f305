"""Golden rows decide whether a bundle is served."""

import json

import pytest

from firesteel.registry.store import MemoryStore
from tests.unit.classify import bundles, zoo
from tests.unit.classify.bundles import release, serving_over


def with_golden(change):
    contents = bundles.files()
    golden = json.loads(contents["golden.json"])
    change(golden)
    return {**contents, "golden.json": json.dumps(golden).encode()}


@pytest.mark.parametrize(
    "change",
    [
        lambda golden: golden["rows"][0]["labels"].update(priority="Low"),
        lambda golden: golden["rows"][0]["confidences"].update(priority=0.49),
        lambda golden: golden["rows"][0]["confidences"].update(priority=None),
        lambda golden: golden["rows"][0]["labels"].update(mood="Sunny"),
        lambda golden: golden["rows"][0]["input"].pop("title"),
        lambda golden: golden["rows"][0].pop("input"),
        lambda golden: golden["rows"][0]["confidences"].update(priority=10**400),
        lambda golden: golden.update(rows=None),
        lambda golden: golden.update(rows=["a row"]),
        lambda golden: golden.update(rows=golden["rows"] * 1001),
        lambda golden: golden.update(more=[[]] * 20_000),
        lambda golden: golden.update(more=" " * (4 << 20)),
        lambda golden: golden.update(format=2),
    ],
    ids=[
        "label",
        "confidence",
        "no number",
        "unknown target",
        "bad row",
        "no row",
        "400 digits",
        "no rows",
        "text",
        "many",
        "many arrays",
        "long",
        "format",
    ],
)
def test_a_bundle_that_does_not_replay_its_golden_rows_is_not_served(change):
    store = MemoryStore()
    release(store, "1.0.0", with_golden(change))
    assert serving_over(store).freshness.state.trouble.code == "corrupt_bundle"


def test_a_confidence_may_differ_in_the_seventh_digit():
    store = MemoryStore()
    contents = with_golden(lambda golden: golden["rows"][0]["confidences"].update({"priority": 0.49100689 + 5e-7}))
    release(store, "1.0.0", contents)
    assert serving_over(store).live()


@pytest.mark.parametrize(("factor", "served"), [(1 + 5e-7, True), (1 + 2e-6, False), (-1, False)])
def test_a_value_may_differ_by_a_millionth_of_itself(factor, served):
    contents = zoo.files(zoo.gifts(), zoo.GIFT)
    golden = json.loads(contents["golden.json"])
    golden["rows"][0]["values"]["chosen"] *= factor
    store = MemoryStore()
    release(store, "1.0.0", {**contents, "golden.json": json.dumps(golden).encode()}, name="gifts")
    assert serving_over(store, model="gifts").freshness.state.status == ("ok" if served else "unavailable")


@pytest.mark.parametrize("values", [{"chosen": None}, {"chosen": "3"}, {"sold": 1.0}, [], None])
def test_golden_values_that_are_none_are_refused(values):
    contents = zoo.files(zoo.gifts(), zoo.GIFT)
    golden = json.loads(contents["golden.json"])
    golden["rows"][0]["values"] = values
    store = MemoryStore()
    release(store, "1.0.0", {**contents, "golden.json": json.dumps(golden).encode()}, name="gifts")
    assert serving_over(store, model="gifts").freshness.state.status == "unavailable"
