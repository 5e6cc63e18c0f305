"""Garbage collection: what is kept and why, the mark, the day of grace, and runs that were interrupted."""

import pytest

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError, StoreError
from firesteel.registry import alias, bundle, collect, record
from firesteel.registry.collect import DAY
from firesteel.registry.collect import collect as collecting
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore

OLD = ("1.0.0", "1.1.0", "1.2.0", "1.3.0")


@pytest.fixture
def store(clock):
    """Four versions of 10 bytes each, claimed a hundred days ago; none is served."""
    store = FaultyStore(MemoryStore())
    clock.now -= 100 * DAY
    for version in OLD:
        publish(store, version)
    clock.now += 100 * DAY
    return store


def publish(store, version):
    return bundle.publish(store, "tickets", version, {"program": version.encode() * 2}, who="ada")


def promote(store, version, name="latest"):
    return alias.promote(store, "tickets", name, version, who="ada")


def run(store, clock, **options):
    options = {"keep": 1, "older_than": 30 * DAY, **options}
    return {one.version: one for one in collecting(store, "tickets", who="eve", now=clock.time, **options)}


def actions(store, clock, **options):
    return [one.action for one in run(store, clock, **options).values()]


def files(store, version):
    return [key.rpartition("/")[2] for key in store.inner.keys(f"models/tickets/v{version}/")]


def replace(store, key, data):
    store.inner._objects[f"models/tickets/{key}"] = data


def test_what_nothing_leads_to_is_marked_and_removed_a_day_later(store, clock):
    first = run(store, clock)
    assert [one.action for one in first.values()] == ["mark", "mark", "mark", "keep"]
    assert first["1.3.0"].why == "one of the 1 newest"
    assert first["1.0.0"].bytes == 10
    clock.now += DAY - 1
    assert actions(store, clock) == ["wait", "wait", "wait", "keep"]
    assert files(store, "1.0.0") == ["claim.json", "collected.json", "manifest.json", "program"]
    clock.now += 1
    last = run(store, clock)
    assert [one.action for one in last.values()] == ["remove", "remove", "remove", "keep"]
    assert last["1.0.0"].why.startswith("marked by eve at ")
    assert last["1.0.0"].bytes == 10
    assert files(store, "1.0.0") == ["claim.json", "collected.json"]
    assert actions(store, clock) == ["keep"]
    assert bundle.verify(store, "tickets", "1.3.0") == []


def test_the_manifest_goes_first_so_that_no_half_of_a_version_is_complete(store, clock):
    run(store, clock)
    clock.now += DAY
    store.log.clear()
    run(store, clock)
    gone = [key.removeprefix("models/tickets/") for name, key in store.log if name == "delete"]
    assert gone[:2] == ["v1.0.0/manifest.json", "v1.0.0/program"]


def test_a_number_that_was_collected_is_not_used_again(store, clock):
    run(store, clock)
    clock.now += DAY
    run(store, clock)
    assert [one.state for one in bundle.versions(store, "tickets")] == ["collected"] * 3 + ["complete"]
    with pytest.raises(ConflictError):
        publish(store, "1.0.0")
    assert bundle.next_version(store, "tickets", "minor") == "1.4.0"


def test_what_is_marked_is_promoted_no_more_and_read_as_before(store, clock):
    promote(store, "1.3.0")
    manifest = bundle.read_manifest(store, "tickets", "1.0.0")
    run(store, clock)
    for move in (alias.promote, alias.shadow, lambda *place, who: alias.canary(*place, who=who, weight=0.5)):
        with pytest.raises(IntegrityError, match=r"collected\.json: it is being collected"):
            move(store, "tickets", "latest", "1.0.0", who="bob")
    assert bundle.read_file(store, manifest, "program") == b"1.0.01.0.0"


def test_a_dry_run_says_the_same_and_writes_nothing(store, clock):
    before = dict(store.inner._objects)
    assert actions(store, clock, dry_run=True) == ["mark", "mark", "mark", "keep"]
    assert store.inner._objects == before
    run(store, clock)
    clock.now += DAY
    before = dict(store.inner._objects)
    assert actions(store, clock, dry_run=True) == ["remove", "remove", "remove", "keep"]
    assert store.inner._objects == before


def test_what_an_alias_names_is_kept_in_every_role_and_so_is_the_way_back(store, clock):
    publish(store, "1.4.0")
    publish(store, "1.5.0")
    promote(store, "1.0.0")
    promote(store, "1.1.0")
    alias.canary(store, "tickets", "latest", "1.2.0", weight=0.5, who="ada")
    alias.shadow(store, "tickets", "latest", "1.3.0", who="ada")
    promote(store, "1.4.0", "champion")
    clock.now += 90 * DAY
    kept = {one.version: one.why for one in run(store, clock).values()}
    assert kept == {
        "1.0.0": "on the way back of latest",
        "1.1.0": "served by latest",
        "1.2.0": "canary of latest",
        "1.3.0": "shadow of latest",
        "1.4.0": "served by champion",
        "1.5.0": "one of the 1 newest",
    }


def test_what_an_entry_within_retention_named_is_kept_until_it_is_over(store, clock):
    promote(store, "1.0.0")
    alias.canary(store, "tickets", "latest", "1.1.0", weight=0.5, who="ada")
    alias.rollback(store, "tickets", "latest", who="ada")
    clock.now += 30 * DAY
    assert run(store, clock, dry_run=True)["1.1.0"].why.startswith("canary of latest until 2")
    clock.now += DAY + 1
    assert [one.action for one in run(store, clock, dry_run=True).values()] == ["keep", "mark", "mark", "keep"]


def test_the_entry_that_was_the_newest_when_retention_began_counts_however_old_it_is(store, clock):
    promote(store, "1.0.0")
    alias.canary(store, "tickets", "latest", "1.1.0", weight=0.5, who="ada")
    clock.now += 90 * DAY
    alias.rollback(store, "tickets", "latest", who="ada")
    clock.now += 10 * DAY
    assert run(store, clock)["1.1.0"].action == "keep"


def test_a_version_younger_than_that_is_kept(store, clock):
    publish(store, "0.9.0")
    clock.now += 30 * DAY - 1
    assert run(store, clock)["0.9.0"].why == "younger than 30 days"
    clock.now += 2
    assert run(store, clock)["0.9.0"].action == "mark"


def test_an_unfinished_version_goes_as_any_other_and_is_none_of_the_newest(store, clock):
    for version in ("1.3.0", "1.2.0"):
        store.inner.delete(f"models/tickets/v{version}/manifest.json")
    found = run(store, clock, keep=2)
    assert [found[version].action for version in OLD] == ["keep", "keep", "mark", "mark"]
    clock.now += DAY
    run(store, clock, keep=2)
    assert files(store, "1.3.0") == ["claim.json", "collected.json"]


def test_what_lands_late_in_a_collected_folder_goes_at_the_next_run(store, clock):
    run(store, clock)
    clock.now += DAY
    run(store, clock)
    store.inner.create("models/tickets/v1.0.0/manifest.json", b"late")
    assert bundle.versions(store, "tickets")[0].state == "marked"
    assert run(store, clock)["1.0.0"].action == "remove"
    assert files(store, "1.0.0") == ["claim.json", "collected.json"]


@pytest.mark.parametrize("damage", [b"", b"{}", b"x" * 9000])
def test_a_history_that_cannot_be_read_keeps_everything(store, clock, damage):
    promote(store, "1.3.0")
    run(store, clock)
    clock.now += DAY
    replace(store, "aliases/latest/00000001.json", damage)
    found = run(store, clock)
    assert {one.action for one in found.values()} == {"keep"}
    assert "nothing is collected while models/tickets/aliases/latest/00000001.json" in found["1.0.0"].why


def test_a_history_with_a_gap_or_without_times_keeps_everything(store, clock):
    for version in ("1.2.0", "1.3.0"):
        promote(store, version)
    content = store.inner._objects.pop("models/tickets/aliases/latest/00000001.json")
    assert "has no generation 1" in run(store, clock)["1.0.0"].why
    replace(store, "aliases/latest/00000001.json", content.replace(b'"when": "2', b'"when": "some 2'))
    assert "generation 1, says no time" in run(store, clock)["1.0.0"].why
    assert "collected.json" not in files(store, "1.0.0")


def test_what_is_damaged_before_retention_keeps_nothing(store, clock):
    promote(store, "1.2.0")
    promote(store, "1.3.0")
    clock.now += 90 * DAY
    replace(store, "aliases/latest/00000001.json", b"damaged")
    assert actions(store, clock) == ["mark", "mark", "keep", "keep"]


def test_where_the_way_back_was_not_kept_all_that_was_ever_named_stays(store, clock):
    for version in OLD:
        promote(store, version)
    for number in range(1, 5):
        key = f"models/tickets/aliases/latest/{number:08d}.json"
        content = record.decode(store.get(key, limit=9999), alias.entry._ENTRY, key, optional=alias.entry._OPTIONAL)
        del content["before"]
        store.inner._objects[key] = record.encode(content)
    clock.now += 90 * DAY
    assert actions(store, clock) == ["keep"] * 4


@pytest.mark.parametrize("claim", [None, b"", b"{}"])
def test_a_version_of_unknown_age_is_kept(store, clock, claim):
    key = "models/tickets/v1.0.0/claim.json"
    del store.inner._objects[key]
    if claim is not None:
        store.inner.create(key, claim)
    assert run(store, clock)["1.0.0"].why.startswith("its age is unknown: ")


@pytest.mark.parametrize("mark", [b"", b"{}", None])
def test_a_mark_that_cannot_be_read_deletes_nothing(store, clock, mark):
    run(store, clock)
    clock.now += 10 * DAY
    other = store.get("models/tickets/v1.1.0/collected.json", limit=9999)
    replace(store, "v1.0.0/collected.json", other if mark is None else mark)
    found = run(store, clock)["1.0.0"]
    assert (found.action, "collected.json" in found.why) == ("keep", True)
    assert "program" in files(store, "1.0.0")


def test_two_who_collect_at_once_do_no_harm(store, clock):
    def rival(name, key):
        if name == "create":
            store.fault = lambda *_: None
            run(store, clock)

    store.fault = rival
    assert [one.action for one in run(store, clock).values()] == ["wait", "wait", "wait", "keep"]
    clock.now += DAY
    run(store, clock)
    assert [one.state for one in bundle.versions(store, "tickets")] == ["collected"] * 3 + ["complete"]


@pytest.mark.parametrize("stop", ["manifest.json", "program"])
def test_a_run_that_was_interrupted_is_finished_by_the_next(store, clock, stop):
    run(store, clock)
    clock.now += DAY
    store.fault = lambda name, key: "after" if name == "delete" and key.endswith(stop) else None
    with pytest.raises(StoreError):
        run(store, clock)
    store.fault = lambda *_: None
    run(store, clock)
    assert all(files(store, version) == ["claim.json", "collected.json"] for version in OLD[:3])


def test_a_model_that_is_not_there_has_nothing_to_collect(store, clock):
    assert collecting(store, "none", who="eve", now=clock.time) == []
    with pytest.raises(NotFoundError):
        collecting(store, "../x", who="eve")


def test_a_segment_has_its_own(store, clock):
    clock.now -= 100 * DAY
    for version in OLD:
        bundle.publish(store, "tickets/qb", version, {"program": b"x"}, who="ada")
    clock.now += 100 * DAY
    alias.promote(store, "tickets/qb", "latest", "1.0.0", who="ada")
    found = collecting(store, "tickets/qb", who="eve", keep=1, now=clock.time)
    assert [one.action for one in found] == ["keep", "mark", "mark", "keep"]
    assert all(one.state == "complete" for one in bundle.versions(store, "tickets"))


def test_the_mark_says_who_and_when(store, clock):
    run(store, clock)
    key = "models/tickets/v1.0.0/collected.json"
    mark = record.decode(store.get(key, limit=record.LIMIT), collect._MARK, key)
    assert (mark["who"], mark["version"], mark["when"]) == ("eve", "1.0.0", clock.stamp())


def test_whoever_marked_is_told_from_what_failed(store, clock):
    store.fault = lambda name, _: "before" if name == "create" else None
    with pytest.raises(RegistryError):
        run(store, clock)
    assert "collected.json" not in files(store, "1.0.0")


def test_an_entry_of_a_clock_that_is_behind_ends_nothing_before_those_it_follows(store, clock):
    promote(store, "1.0.0")
    clock.now += 90 * DAY
    alias.canary(store, "tickets", "latest", "1.1.0", weight=0.5, who="ada")
    clock.now -= 60 * DAY
    promote(store, "1.2.0")
    clock.now += 63 * DAY
    assert [one.action for one in run(store, clock).values()] == ["keep"] * 4
    clock.now += 40 * DAY
    assert run(store, clock)["1.1.0"].action == "mark"


def test_a_mark_of_a_clock_that_is_behind_is_as_old_as_the_newest_entry_at_most(store, clock):
    promote(store, "1.3.0")
    entered = clock.stamp()
    clock.now -= 2 * DAY
    assert actions(store, clock) == ["mark", "mark", "mark", "keep"]
    clock.now += 2 * DAY
    found = run(store, clock)["1.0.0"]
    assert (found.action, found.why) == ("wait", f"marked by eve at {entered}")


def test_to_keep_none_of_the_newest_keeps_none(store, clock):
    assert actions(store, clock, keep=0) == ["mark"] * 4
    assert actions(store, clock, keep=9, dry_run=True) == ["wait"] * 4
