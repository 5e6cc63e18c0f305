"""The registry is what its model is; and where it is not, the walk that shows it is told."""

import pytest
from hypothesis import Phase

from firesteel.registry import alias, bundle, collect
from tests.faults.machine import RegistryMachine
from tests.faults.model import PlainAlias, PlainVersions
from tests.proofs.machine import walked
from tests.proofs.proof import Run, holds


def test_the_registry_is_what_a_plain_dictionary_is():
    holds("machine")


def replaced(module, name, change):
    """A function of the registry, broken: `change` gets what it returns."""
    real = getattr(module, name)
    return module, name, lambda *arguments, **options: change(real(*arguments, **options))


BROKEN = {
    "rollbacks that forget the way back": replaced(alias.entry, "way_back", lambda way: way[1:]),
    "promotions that are not checked": replaced(bundle, "problems", lambda _: []),
    "a collector that forgets the way back": replaced(collect, "_roles", lambda roles: roles[:1]),
    "a collector that does not wait for a day": (collect, "GRACE", 0.0),
    "numbers that are used again": replaced(bundle, "next_version", lambda _: "1.0.0"),
}


@pytest.mark.parametrize(("module", "name", "broken"), BROKEN.values(), ids=BROKEN)
def test_a_broken_registry_is_found_and_the_way_to_it_told(monkeypatch, module, name, broken):
    monkeypatch.setattr(module, name, broken)
    for seed in range(1, 9):  # which walks are taken depends on what was imported before
        run = Run("machine", seed, full=False)
        walked(run, RegistryMachine, 400, 40, phases=[Phase.generate])  # as found: to shorten it takes longer
        if run.failed:
            break
    assert run.failed
    assert "state.publish(version=" in run.wrong[0]
    assert "state.teardown()" in run.wrong[0]


def test_the_way_back_of_the_model():
    plain = PlainAlias()
    for version in ("1.0.0", "1.1.0", "1.1.0", "2.0.0"):
        plain.promote("promote", version)
    plain.run_beside("canary", "1.0.0")
    assert plain.roll_back() == "2.0.0"  # the canary ends
    assert plain.roll_back() == "1.1.0"
    plain.roll_back_to("2.0.0")
    assert plain.roll_back() == "1.0.0"
    assert not plain.can_roll_back


def test_the_way_back_of_the_model_over_what_is_damaged():
    plain = PlainAlias()
    for version in ("1.0.0", "2.0.0", "1.0.0", "3.0.0"):
        plain.promote("promote", version)
    plain.damage()
    plain.promote("promote", "4.0.0", {"1.0.0", "4.0.0"})
    assert plain.moves[-1].back == ("1.0.0",)
    plain.damage()
    plain.promote("promote", "2.0.0")
    assert plain.moves[-1].back == ()


def test_what_the_model_collects():
    plain = PlainVersions({"1.0.0": 0, "1.1.0": 0, "1.2.0": 0, "2.0.0": 50})
    assert plain.collect({"1.0.0"}, 100, 1, 60) == {
        "1.0.0": "keep", "1.1.0": "mark", "1.2.0": "mark", "2.0.0": "keep"
    }  # fmt: skip
    assert plain.collect({"1.2.0"}, 100 + 86_400, 1, 60)["1.2.0"] == "keep"
    assert plain.collect(None, 100 + 86_400, 1, 60)["1.2.0"] == "keep"
    assert [plain.state(version) for version in plain.claimed] == ["marked", "collected", "marked", "complete"]
