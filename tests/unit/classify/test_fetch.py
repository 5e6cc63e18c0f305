from threading import Event

import pytest

from firesteel.errors import IntegrityError, NotFoundError
from firesteel.registry.store import MemoryStore
from functions.classify.fetch import Ahead
from tests.unit.classify import zoo
from tests.unit.classify.bundles import release, released, source_over


def test_the_newest_bundle_comes_with_its_entry_program_and_golden_rows():
    store = released("1.0.0")
    fetched = source_over(store).newest()
    assert fetched.entry.version == "1.0.0"
    assert fetched.program == store._objects["models/tickets/v1.0.0/program.safetensors"]
    assert fetched.golden == store._objects["models/tickets/v1.0.0/golden.json"]


def test_nothing_newer_is_none_and_something_newer_is_its_entry():
    store = released("1.0.0")
    source = source_over(store)
    assert source.newer(1) is None
    release(store, "1.1.0")
    newer = source.newer(1)
    assert newer
    assert (newer.version, newer.generation) == ("1.1.0", 2)


def test_a_look_at_an_alias_that_did_not_move_is_one_request_to_the_store():
    class Counting(MemoryStore):
        asked = 0

        def get(self, key, *, limit):
            self.asked += 1
            return super().get(key, limit=limit)

        def keys(self, prefix):
            raise AssertionError("no listing")

    store = Counting()
    store._objects = released("1.0.0")._objects
    assert source_over(store).newer(1) is None
    assert store.asked == 1


def test_a_manifest_that_is_not_the_promoted_one_is_refused():
    store = released("1.0.0")
    other = released("1.0.0")
    store._objects["models/tickets/v1.0.0/manifest.json"] = other._objects["models/tickets/v1.0.0/manifest.json"]
    with pytest.raises(IntegrityError):
        source_over(store).newest()


def test_a_source_of_another_model_is_over_the_same_store():
    store = zoo.stocked()
    fetched = source_over(store).of("recruits/qb").newest()
    assert fetched.program == store._objects["models/recruits/qb/v1.1.0/program.safetensors"]


def test_the_manifests_signature_comes_along():
    store = MemoryStore()
    release(store, "1.0.0", signature="a" * 64)
    assert source_over(store).newest().signature == "a" * 64


def test_an_empty_registry_has_no_newest():
    with pytest.raises(NotFoundError):
        source_over(MemoryStore()).newest()


def test_work_begun_ahead_is_done_while_others_go_on():
    done, go = [], Event()

    def work():
        assert go.wait(10)
        done.append(1)
        return "value"

    ahead = Ahead(work)
    assert not done
    go.set()
    assert ahead.result() == ahead.result() == "value"
    assert done == [1]


def test_an_exception_of_work_begun_ahead_is_raised_where_its_result_is_asked_for():
    ahead = Ahead(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ahead.result()
