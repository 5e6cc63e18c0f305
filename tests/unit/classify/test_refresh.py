from threading import Barrier, Event, Thread

import pytest

from firesteel.errors import IntegrityError, ProgramError, StoreError
from firesteel.program import predictor
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from functions.classify import refresh
from functions.classify.refresh import Freshness
from tests.unit.classify import bundles, zoo
from tests.unit.classify.asking import ask
from tests.unit.classify.bundles import Clock, damage, release, released, serving_over, source_over


def test_the_newest_bundle_is_loaded_at_the_start():
    store = MemoryStore()
    digest = release(store, "1.0.0")
    live = serving_over(store).live()
    assert (live.version, live.digest, live.generation) == ("1.0.0", digest, 1)
    assert live.example == bundles.TICKET


def test_a_moved_alias_is_served_after_the_time_to_live_and_not_before():
    store, clock = released("1.0.0"), Clock()
    serving = serving_over(store, clock=clock)
    release(store, "1.1.0")
    clock.now += 29.9
    assert serving.live().version == "1.0.0"
    clock.now += 0.2
    assert serving.live().version == "1.1.0"


def test_several_moves_are_taken_at_once():
    store, clock = released("1.0.0"), Clock()
    serving = serving_over(store, clock=clock)
    release(store, "1.1.0")
    release(store, "1.2.0")
    clock.now += 31
    assert (serving.live().version, serving.live().generation) == ("1.2.0", 3)


def test_a_rollback_is_a_newer_generation_of_an_older_version():
    store, clock = released("1.0.0"), Clock()
    release(store, "1.1.0")
    serving = serving_over(store, clock=clock)
    alias.rollback(store, "tickets", "latest", who="tests")
    clock.now += 31
    assert (serving.live().version, serving.live().generation) == ("1.0.0", 3)


def test_a_bundle_that_is_live_already_is_not_loaded_again():
    store, clock = released("1.0.0"), Clock()
    serving = serving_over(store, clock=clock)
    before = serving.live()
    alias.promote(store, "tickets", "latest", "1.0.0", who="tests")
    clock.now += 31
    after = serving.live()
    assert after.predictor is before.predictor
    assert after.generation == 2


def test_a_corrupt_successor_leaves_the_last_good_model_and_is_counted_and_tried_again():
    store, clock, told = released("1.0.0"), Clock(), []
    serving = serving_over(store, clock=clock, on_failure=lambda _, trouble, error: told.append((trouble.code, error)))
    release(store, "1.1.0", lean=9.0)
    good = store._objects["models/tickets/v1.1.0/program.safetensors"]
    damage(store, "1.1.0")
    for failures in (1, 2):
        clock.now += 31
        assert serving.live().version == "1.0.0"
        assert serving.freshness.state.status == "degraded"
        assert serving.freshness.state.trouble.code == "corrupt_bundle"
        assert serving.freshness.failures == len(told) == failures
    assert isinstance(told[0][1], IntegrityError)
    store._objects["models/tickets/v1.1.0/program.safetensors"] = good
    clock.now += 31
    assert serving.live().version == "1.1.0"
    assert serving.freshness.state.status == "ok"
    assert serving.freshness.state.trouble is None


def test_a_corrupt_newest_bundle_is_not_served_by_a_new_environment():
    store, clock = released("1.0.0"), Clock()
    release(store, "1.1.0")
    damage(store, "1.1.0")
    serving = serving_over(store, clock=clock)
    assert serving.freshness.current() is None
    assert serving.freshness.state.status == "unavailable"
    assert serving.freshness.state.trouble.code == "corrupt_bundle"
    alias.rollback(store, "tickets", "latest", who="tests", to="1.0.0")
    assert serving.freshness.current() is None
    clock.now += 31
    assert serving.freshness.current().version == "1.0.0"


@pytest.mark.parametrize("name", ["manifest.json", "golden.json"])
def test_any_file_that_is_served_from_is_checked(name):
    store = released("1.0.0")
    damage(store, "1.0.0", name)
    assert serving_over(store).freshness.state.trouble.code == "corrupt_bundle"


def test_an_empty_registry_is_named():
    assert serving_over(MemoryStore()).freshness.state.trouble.code == "nothing_published"


def test_what_is_warm_goes_on_when_all_that_a_registry_had_is_gone():
    store, clock = released("1.0.0"), Clock()
    serving = serving_over(store, clock=clock)
    store._objects.clear()
    clock.now += 31
    assert (serving.live().version, serving.freshness.state.status) == ("1.0.0", "ok")
    assert serving_over(store).freshness.state.trouble.code == "nothing_published"


def test_a_store_out_of_reach_is_named_and_the_model_stays():
    class Unreachable(MemoryStore):
        down = False

        def get(self, key, *, limit):
            if self.down:
                raise StoreError("connection refused")
            return super().get(key, limit=limit)

    store, clock = Unreachable(), Clock()
    release(store, "1.0.0")
    serving = serving_over(store, clock=clock)
    store.down = True
    clock.now += 31
    assert serving.live().version == "1.0.0"
    assert serving.freshness.state.trouble.code == "store_unreachable"


def test_a_failure_nobody_thought_of_leaves_the_model_too():
    class Broken(MemoryStore):
        broken = False

        def get(self, key, *, limit):
            if self.broken:
                raise RuntimeError("a bug")
            return super().get(key, limit=limit)

    store, clock = Broken(), Clock()
    release(store, "1.0.0")
    serving = serving_over(store, clock=clock)
    store.broken = True
    clock.now += 31
    assert serving.live().version == "1.0.0"
    assert serving.freshness.state.trouble.code == "refresh_failed"


def test_a_program_of_another_model_is_not_served():
    store = MemoryStore()
    release(store, "1.0.0", model="invoices")
    assert serving_over(store).freshness.state.trouble.code == "corrupt_bundle"


def test_the_programs_features_are_those_that_the_manifest_names():
    signature = predictor.load(bundles.program()).signature
    for named, status in ((signature, "ok"), ("0" * 64, "unavailable"), (None, "ok")):
        store = MemoryStore()
        release(store, "1.0.0", signature=named)
        freshness = serving_over(store).freshness
        assert freshness.state.status == status
        if freshness.state.trouble:
            assert freshness.state.trouble.code == "corrupt_bundle"


def test_a_program_that_answers_with_what_it_has_not_is_not_served():
    contents = zoo.files(zoo.readiness(), zoo.BUSINESS)
    store = MemoryStore()
    broken = {**contents, "program.safetensors": zoo.readiness(answer={"a": "b"})}
    release(store, "1.0.0", broken, name="readiness")
    assert serving_over(store, model="readiness").freshness.state.trouble.code == "corrupt_bundle"


def test_a_generation_never_goes_back():
    store, clock, told = released("1.0.0"), Clock(), []
    first = alias.current(store, "tickets", "latest")
    release(store, "1.1.0")
    source = source_over(store)

    class Forgetful:
        newest, fetch = source.newest, source.fetch

        def newer(self, generation):
            return first

    freshness = Freshness(Forgetful(), "tickets", ttl=30, on_failure=lambda *failure: told.append(failure), clock=clock)
    freshness.start()
    clock.now += 31
    assert (freshness.current().version, freshness.current().generation) == ("1.1.0", 2)
    assert "from generation 2 back to 1" in str(told[0][2])


def test_a_file_that_is_no_program_is_refused():
    fetched = source_over(released("1.0.0")).newest()
    with pytest.raises(ProgramError):
        refresh.load(fetched._replace(program=b"nonsense"), "tickets")


def test_while_one_thread_refreshes_the_others_go_on_with_the_old_model():
    store, clock = released("1.0.0"), Clock()
    source = source_over(store)
    entered, let_go = Event(), Event()
    looks = []

    class Slow:
        newest, fetch = source.newest, source.fetch

        def newer(self, generation):
            looks.append(generation)
            entered.set()
            assert let_go.wait(10)
            return source.newer(generation)

    freshness = Freshness(Slow(), "tickets", ttl=30, on_failure=lambda *_: None, clock=clock)
    freshness.start()
    release(store, "1.1.0")
    clock.now += 31
    refresher = Thread(target=freshness.current)
    refresher.start()
    assert entered.wait(10)
    assert [freshness.current().version for _ in range(5)] == ["1.0.0"] * 5
    let_go.set()
    refresher.join(10)
    assert freshness.current().version == "1.1.0"
    assert looks == [1]


def test_a_server_refreshes_aside():
    store, clock = released("1.0.0"), Clock()
    freshness = Freshness(
        source_over(store), "tickets", ttl=30, on_failure=lambda *_: None, clock=clock, run=refresh.run_aside
    )
    freshness.start()
    release(store, "1.1.0")
    clock.now += 31
    freshness.current()
    freshness._refreshing.acquire(timeout=10)  # taken by the thread until it is done
    freshness._refreshing.release()
    assert freshness.current().version == "1.1.0"


class Held:
    """A source that says nothing of what is newer until it is let go."""

    def __init__(self, source):
        self.newest, self.fetch, self._source = source.newest, source.fetch, source
        self.asked, self.let_go = 0, Event()

    def newer(self, generation):
        self.asked += 1
        assert self.let_go.wait(10)
        return self._source.newer(generation)


def test_on_lambda_a_request_waits_for_a_slow_look_only_so_long_and_the_next_ones_have_what_comes(monkeypatch):
    monkeypatch.setattr(refresh, "PATIENCE", 0.02)
    store, clock = released("1.0.0"), Clock()
    source = Held(source_over(store))
    freshness = Freshness(source, "tickets", ttl=30, on_failure=lambda *_: None, clock=clock, run=refresh.run_awaited)
    freshness.start()
    release(store, "1.1.0")
    clock.now += 31
    assert [freshness.current().version for _ in range(3)] == ["1.0.0"] * 3
    assert source.asked == 1
    source.let_go.set()
    assert freshness._refreshing.acquire(timeout=10)  # taken by the thread until it is done
    freshness._refreshing.release()
    assert freshness.current().version == "1.1.0"


def test_on_lambda_a_request_waits_for_a_look_that_does_not_take_long():
    store, clock = released("1.0.0"), Clock()
    serving = serving_over(store, clock=clock)
    release(store, "1.1.0")
    clock.now += 31
    assert serving.freshness._run is refresh.run_awaited
    assert serving.live().version == "1.1.0"


def test_a_look_that_was_frozen_is_followed_by_another_before_the_next_request_is_answered():
    """Lambda froze the environment in a slow look: what that had read hours ago was served for one more time to live."""
    store, clock = released("1.0.0"), Clock()
    source, threads = Held(source_over(store)), []
    old, asked = source.newest().entry, source.newer
    source.newer = lambda generation: (asked(generation), None if source.asked == 1 else alias_now())[1]

    def alias_now():
        newest = alias.current(store, "tickets", "latest")
        return newest if newest.generation > old.generation else None

    def run(work):
        threads.append(refresh._aside(work))
        if len(threads) > 1:
            source.let_go.set()  # thawed: the first look goes on with what it read before
            threads[-1].join(10)

    freshness = Freshness(source, "tickets", ttl=30, on_failure=lambda *_: None, clock=clock, run=run)
    freshness.start()
    clock.now += 31
    assert freshness.current().version == "1.0.0"
    clock.now += 0.5
    assert freshness.current().version == "1.0.0"
    assert len(threads) == 1  # a look that may be well is not joined
    release(store, "1.1.0")
    clock.now += 3600
    assert freshness.current().version == "1.1.0"
    assert (len(threads), source.asked) == (2, 2)


def test_what_a_look_found_is_as_old_as_when_it_began():
    store, clock = released("1.0.0"), Clock()
    source = source_over(store)
    newer = source.newer

    def slow(generation):
        found = newer(generation)
        clock.now += 20
        return found

    source.newer = slow
    freshness = Freshness(source, "tickets", ttl=30, on_failure=lambda *_: None, clock=clock)
    freshness.start()
    clock.now += 31
    freshness.look()
    release(store, "1.1.0")
    clock.now += 11
    assert freshness.current().version == "1.1.0"


@pytest.mark.parametrize("run", [refresh.run_aside, refresh.run_awaited])
def test_a_look_for_which_there_is_no_thread_has_failed_and_is_tried_again(monkeypatch, run):
    """The lock stayed taken: the request was a 500, and nobody looked at the alias ever again."""
    store, clock, told = released("1.0.0"), Clock(), []
    about = {"on_failure": lambda *failure: told.append(failure[1].code), "clock": clock, "run": run}
    freshness = Freshness(source_over(store), "tickets", ttl=30, **about)
    freshness.start()
    release(store, "1.1.0")

    def none_left(_thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(Thread, "start", none_left)
        clock.now += 31
        assert [freshness.current().version for _ in range(3)] == ["1.0.0"] * 3
    assert (freshness.failures, told, freshness.state.status) == (1, ["refresh_failed"], "degraded")
    clock.now += 31
    freshness.look()
    with freshness._refreshing:  # taken until the look has ended
        assert (freshness.sides.stable.version, freshness.state.status) == ("1.1.0", "ok")


def test_what_is_said_of_a_model_is_of_one_moment():
    """While a server fetched a bundle, /model/status had the canary of the new entry beside the version of the old."""
    store, clock = released("1.0.0"), Clock()
    bundles.beside(store, "1.1.0", weight=0.5, lean=1.0)
    serving = serving_over(store, clock=clock)
    seen = []

    def fetch(*arguments):
        seen.append(ask(serving, "GET", "/model/status")[1])
        return fetched(*arguments)

    source = serving.freshness._source
    fetched, source.fetch = source.fetch, fetch
    alias.promote(store, "tickets", "latest", "1.1.0", who="tests")
    bundles.beside(store, "1.2.0", weight=0.5, lean=2.0)
    clock.now += 31
    after = ask(serving, "GET", "/model/status")[1]
    versions = [(one["version"], one["canary"]["version"], one["canary"]["loaded"]) for one in (*seen, after)]
    assert versions == [("1.0.0", "1.1.0", True), ("1.1.0", "1.2.0", True)]


def test_many_threads_see_one_model_or_the_other_and_never_an_older_one_again():
    store, clock = released("1.0.0"), Clock()
    serving = serving_over(store, clock=clock)
    start, seen = Barrier(5), [[] for _ in range(4)]

    def read(generations):
        start.wait(10)
        for _ in range(300):
            live = serving.live()
            assert live.version == f"1.{live.generation - 1}.0"
            generations.append(live.generation)

    threads = [Thread(target=read, args=(generations,)) for generations in seen]
    for thread in threads:
        thread.start()
    start.wait(10)
    for minor in range(1, 6):
        release(store, f"1.{minor}.0")
        clock.now += 31
    for thread in threads:
        thread.join(10)
    assert all(generations == sorted(generations) and len(generations) == 300 for generations in seen)


def test_unfinished_versions_are_not_looked_at():
    store = released("1.0.0")
    store.create("models/tickets/v1.1.0/claim.json", b"{}")
    assert serving_over(store).live().version == "1.0.0"
    assert [version.complete for version in bundle.versions(store, "tickets")] == [True, False]
