"""Canaries and shadows: they run beside what an alias names, and one rollback ends them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError, StoreError
from firesteel.registry import alias, bundle
from firesteel.registry.alias import Canary, Served
from firesteel.registry.store import MemoryStore, open_store
from tests.faults.store import FaultyStore
from tests.unit.registry.tickets import beside, key, promote, rollback

LAYER = Path(alias.__file__).parents[2]
GOLDEN = Path(__file__).parents[2] / "golden"


def served(store, version):
    return Served(version, bundle.read_manifest(store, "tickets", version).digest)


def test_a_canary_answers_a_share_and_the_alias_names_what_it_named(store):
    first = promote(store, "1.0.0")
    entry = beside(store, "canary", "1.1.0", why="5 % of all", weight=0.05)
    assert (entry.generation, entry.kind, entry.version, entry.digest) == (2, "canary", "1.0.0", first.digest)
    assert entry.canary == Canary(*served(store, "1.1.0"), 0.05)
    assert (entry.previous, entry.before, entry.shadow, entry.why) == ("1.0.0", (), None, "5 % of all")
    assert alias.current(store, "tickets", "latest") == entry


def test_a_shadow_runs_beside_a_canary_and_a_canary_beside_a_shadow(store):
    promote(store, "1.0.0")
    beside(store, "canary", "1.1.0")
    entry = beside(store, "shadow", "2.0.0")
    assert (entry.canary, entry.shadow) == (Canary(*served(store, "1.1.0"), 0.05), served(store, "2.0.0"))
    entry = beside(store, "canary", "1.1.0", weight=0.5)
    assert (entry.canary.weight, entry.shadow) == (0.5, served(store, "2.0.0"))


def test_a_stored_entry_has_the_optional_fields_that_are_set_and_no_other(store):
    promote(store, "1.0.0")
    beside(store, "canary", "1.1.0")
    beside(store, "shadow", "2.0.0")
    promote(store, "2.0.0")
    first, second, third, fourth = (json.loads(store.get(key(generation), limit=9999)) for generation in range(1, 5))
    optional = {"canary", "shadow", "before"}
    assert [set(one) & optional for one in (first, second, third, fourth)] == [
        {"before"}, {"canary", "before"}, {"canary", "shadow", "before"}, {"before"},
    ]  # fmt: skip
    assert third["canary"] == {**served(store, "1.1.0")._asdict(), "weight": 0.05}
    assert third["shadow"] == served(store, "2.0.0")._asdict()
    assert fourth["before"] == [served(store, "1.0.0")._asdict()]
    assert {one["format"] for one in (first, second, third, fourth)} == {1}


@pytest.mark.parametrize("kind", ["promote", "switch"])
@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", "2.0.0"])
def test_a_promotion_ends_what_runs_beside(store, kind, version):
    promote(store, "1.0.0")
    beside(store, "canary", "1.1.0")
    beside(store, "shadow", "2.0.0")
    entry = alias.promote(store, "tickets", "latest", version, who="ada", kind=kind)
    assert (entry.version, entry.canary, entry.shadow) == (version, None, None)
    assert entry.before == (() if version == "1.0.0" else (served(store, "1.0.0"),))


@pytest.mark.parametrize("running", [("canary",), ("shadow",), ("canary", "shadow")])
def test_a_rollback_ends_what_runs_beside_and_keeps_the_version_and_the_next_goes_back(store, running):
    promote(store, "1.0.0")
    promote(store, "1.1.0")
    for kind in running:
        beside(store, kind, "2.0.0")
    entry = rollback(store)
    assert (entry.kind, entry.version, entry.canary, entry.shadow) == ("rollback", "1.1.0", None, None)
    assert entry.before == (served(store, "1.0.0"),)
    assert rollback(store).version == "1.0.0"


def test_a_rollback_to_a_version_ends_what_runs_beside(store):
    promote(store, "1.0.0")
    promote(store, "1.1.0")
    beside(store, "canary", "2.0.0")
    entry = rollback(store, to="1.0.0")
    assert (entry.version, entry.canary, entry.before) == ("1.0.0", None, ())


def test_what_only_ran_beside_was_never_named(store):
    promote(store, "1.0.0")
    beside(store, "canary", "1.1.0")
    with pytest.raises(NotFoundError, match=r"never named 1\.1\.0"):
        rollback(store, to="1.1.0")


@pytest.mark.parametrize("kind", ["canary", "shadow"])
def test_what_cannot_run_beside_changes_nothing(store, kind):
    with pytest.raises(NotFoundError, match="no alias latest"):
        beside(store, kind, "1.1.0")
    promote(store, "1.0.0")
    store.inner._objects["models/tickets/v2.0.0/program"] = b"broken"
    other = bundle.read_manifest(store, "tickets", "1.0.0").digest
    for options, error, said in (
        ({"version": "1.0.0"}, ConflictError, "cannot run beside itself"),
        ({"version": "9.9.9"}, NotFoundError, "no complete version"),
        ({"version": "2.0.0"}, IntegrityError, "cannot be served"),
        ({"version": "1.1.0", "digest": other}, IntegrityError, "not the manifest"),
        ({"version": "1.1.0", "after": 7}, ConflictError, "generation 1 and not, as you saw it, at 7"),
    ):
        with pytest.raises(error, match=said):
            beside(store, kind, **options)
    assert len(alias.history(store, "tickets", "latest")) == 1


@pytest.mark.parametrize("weight", [0, 1, -0.1, 1.5, float("nan"), float("inf")])
def test_a_share_is_above_none_and_below_all(store, weight):
    promote(store, "1.0.0")
    with pytest.raises(RegistryError, match="above 0 and below 1"):
        beside(store, "canary", "1.1.0", weight=weight)
    assert alias.current(store, "tickets", "latest").generation == 1


def test_sixteen_bundles_are_remembered(store):
    for number in range(20):
        promote(store, ("1.0.0", "1.1.0")[number % 2])
    before = alias.current(store, "tickets", "latest").before
    assert [one.version for one in before] == ["1.0.0", "1.1.0"] * 8
    for one in before:
        assert rollback(store).version == one.version
    with pytest.raises(NotFoundError, match="no version before"):
        rollback(store)


# entries that were written before they told the way back


def forget(store, *generations):
    """Entries as the first releases wrote them."""
    for generation in generations:
        content = json.loads(store.inner._objects[key(generation)])
        del content["before"]
        store.inner._objects[key(generation)] = json.dumps(content).encode()


def test_entries_of_before_they_told_the_way_back_are_rolled_back_by_their_history(store):
    for version in ("1.0.0", "1.1.0", "1.0.0", "2.0.0"):
        promote(store, version)
    forget(store, 1, 2, 3, 4)
    assert alias.current(store, "tickets", "latest").before is None
    assert [rollback(store).version for _ in range(3)] == ["1.0.0", "1.1.0", "1.0.0"]
    with pytest.raises(NotFoundError, match="no version before"):
        rollback(store)


@pytest.mark.parametrize("kind", ["promote", "canary", "shadow"])
def test_the_first_move_after_such_entries_tells_the_way_back_and_rolls_back_in_three_operations(store, kind):
    for version in ("1.0.0", "1.1.0"):
        promote(store, version)
    forget(store, 1, 2)
    if kind == "promote":
        assert promote(store, "2.0.0").before == (served(store, "1.1.0"), served(store, "1.0.0"))
    else:
        assert beside(store, kind, "2.0.0").before == (served(store, "1.0.0"),)
    store.log.clear()
    assert rollback(store).version == "1.1.0"
    assert len(store.log) == 3
    assert rollback(store).version == "1.0.0"


@pytest.mark.parametrize("folder", sorted(GOLDEN.glob("v*")), ids=lambda folder: folder.name)
def test_a_registry_of_an_earlier_release_gets_a_canary_and_loses_it(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    store = open_store(f"file://{tmp_path}")
    stable = alias.current(store, "tickets", "latest")
    assert (stable.canary, stable.shadow, stable.before) == (None, None, None)
    bundle.publish(store, "tickets", "9.0.0", {"program": b"x"}, who="ada")
    assert beside(store, "canary", "9.0.0").served == stable.served
    assert rollback(store).served == stable.served
    assert promote(store, "9.0.0").before == (stable.served,)
    assert rollback(store).served == stable.served


def test_damage_among_such_entries_ends_the_way_back_and_stops_no_promotion(store):
    for version in ("1.0.0", "1.1.0", "2.0.0", "1.1.0"):
        promote(store, version)
    forget(store, 1, 3, 4)
    store.inner._objects[key(2)] = b"damaged"
    assert promote(store, "1.0.0").before == (served(store, "1.1.0"), served(store, "2.0.0"))


def test_a_promotion_that_mends_an_alias_begins_the_way_back(store):
    promote(store, "1.0.0")
    store.inner._objects[key(1)] = b"damaged"
    assert promote(store, "1.1.0").before == ()
    promote(store, "2.0.0")
    assert rollback(store).version == "1.1.0"
    with pytest.raises(NotFoundError, match=r"no version before 1\.1\.0"):
        rollback(store)


# failures


@pytest.mark.parametrize("fault", ["before", "after"])
@pytest.mark.parametrize("count", range(8))
def test_wherever_a_canary_or_its_end_stops_the_stable_version_is_named_and_the_next_attempt_succeeds(fault, count):
    store = FaultyStore(MemoryStore())
    for version in ("1.0.0", "1.1.0"):
        bundle.publish(store, "tickets", version, {"program": version.encode()}, who="ada")
    promote(store, "1.0.0")
    for attempt in (lambda: beside(store, "canary", "1.1.0"), lambda: rollback(store)):
        store.log.clear()
        store.fault = lambda *_: fault if len(store.log) == count + 1 else None
        try:
            attempt()
        except (StoreError, NotFoundError):
            store.fault = lambda *_: None
            entry = alias.current(store, "tickets", "latest")
            assert entry.version == "1.0.0"
            if entry.kind == "promote":
                assert beside(store, "canary", "1.1.0").canary.version == "1.1.0"
            else:
                assert rollback(store).canary is None
        store.fault = lambda *_: None
    entry = alias.current(store, "tickets", "latest")
    assert (entry.version, entry.canary) == ("1.0.0", None)


def test_a_lost_reply_of_a_rollback_is_no_conflict(store):
    promote(store, "1.0.0")
    beside(store, "canary", "1.1.0")
    store.fault = lambda name, _: "after" if name == "create" else None
    assert rollback(store).canary is None
    store.fault = lambda *_: None
    assert [one.kind for one in alias.history(store, "tickets", "latest")] == ["promote", "canary", "rollback"]


ROLLBACK = """
import sys
from firesteel.registry import alias
from firesteel.registry.store import open_store
entry = alias.rollback(open_store(sys.argv[1]), "tickets", "latest", who="ada")
others = ("functions", "cli", "sklearn", "numpy", "boto3")
print(entry.version, sorted(name for name in sys.modules if name.split(".")[0] in others))
"""


def test_a_rollback_needs_the_store_and_nothing_of_what_trains(tmp_path):
    url = f"file://{tmp_path}/store"
    store = open_store(url)
    for version in ("1.0.0", "1.1.0"):
        bundle.publish(store, "tickets", version, {"program": version.encode()}, who="ada")
        promote(store, version)
    shutil.copytree(LAYER / "firesteel", tmp_path / "layer/firesteel")  # all that is left: no functions, no models
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ROLLBACK, url],
        env={"PATH": os.defpath, "PYTHONPATH": str(tmp_path / "layer")}, cwd=tmp_path,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "1.0.0 []"
    assert alias.current(store, "tickets", "latest").version == "1.0.0"
