"""Several models in one process: loaded when asked for, put out when there is no room, none in another's way."""

from threading import Event, Thread
from time import sleep
from types import SimpleNamespace

import pytest

from firesteel.errors import NotFoundError, StoreError
from firesteel.registry import alias
from firesteel.registry.store import MemoryStore
from functions.classify.answers import Refused
from functions.classify.live import Live, Segmented
from functions.classify.models import Models
from tests.unit.classify import zoo
from tests.unit.classify.bundles import Clock, release, serving_over

SIZE = len(zoo.readiness())


class Counting(MemoryStore):
    """Counts what it is asked, and does not answer below `refused`."""

    def __init__(self):
        super().__init__()
        self.asked, self.refused = [], "nothing"

    def get(self, key, *, limit):
        self._ask(key)
        return super().get(key, limit=limit)

    def keys(self, prefix):
        self._ask(prefix)
        return super().keys(prefix)

    def _ask(self, key):
        self.asked.append(key)
        if key.startswith(self.refused):
            raise StoreError("connection refused")


@pytest.fixture
def store():
    store = Counting()
    zoo.release_all(store)
    for number in range(4):
        release(store, "1.0.0", zoo.files(sized(f"model-{number}"), zoo.BUSINESS), name=f"model-{number}")
    store.asked.clear()
    return store


def sized(name, *steps):
    """A small program of a model; the more steps, the larger."""
    inputs = [zoo.field("identifier", "gid"), zoo.field("number", "revenue"), zoo.field("number", "debt")]
    inputs += [zoo.field("category", "region"), zoo.field("text", "description")]
    target = {"name": "score", "task": "regression", "range": None, "unit": None, "interval": None}
    steps = [zoo.numbers(step, "revenue") for step in steps or ("one",)]
    return zoo.linear(name, inputs, steps, [target], [[1.0]] * len(steps), intercept=[0.0])


ONE = len(sized("model-0"))


def loaded(serving):
    return [freshness.model for freshness in serving.models.all()]


def test_a_model_is_loaded_when_it_is_first_asked_for_and_then_kept(store):
    serving = serving_over(store)
    assert loaded(serving) == []
    live = serving.live_of("readiness")
    assert isinstance(live, Live)
    assert (live.model, live.version, live.size) == ("readiness", "2.0.0", SIZE)
    store.asked.clear()
    assert serving.live_of("readiness") is live
    assert store.asked == []


def test_segments_and_the_model_that_chooses_them_are_models_each(store):
    serving = serving_over(store)
    assert isinstance(serving.live_of("recruits"), Segmented)
    live = serving.live_of("recruits/qb")
    assert isinstance(live, Live)
    assert (live.model, live.version) == ("recruits/qb", "1.1.0")


def test_the_served_model_is_not_loaded_twice(store):
    serving = serving_over(store)
    assert serving.live_of("tickets") is serving.live()
    assert loaded(serving) == []


def test_each_model_follows_its_own_alias_within_the_time_to_live(store):
    clock = Clock()
    serving = serving_over(store, clock=clock)
    serving.live_of("readiness")
    clock.now += 20
    gifts = serving.live_of("gifts")
    release(store, "2.1.0", zoo.files(zoo.readiness(), zoo.BUSINESS), name="readiness")
    clock.now += 9
    assert serving.live_of("readiness").version == "2.0.0"
    clock.now += 2
    assert serving.live_of("readiness").version == "2.1.0"
    assert serving.live_of("gifts") is gifts


def test_the_least_recently_asked_is_put_out(store):
    serving = serving_over(store, memory=3 * ONE)
    for name in ("model-0", "model-1", "model-2", "model-0", "model-3"):
        serving.live_of(name)
    assert loaded(serving) == ["model-2", "model-0", "model-3"]
    store.asked.clear()
    serving.live_of("model-1")
    assert store.asked
    assert loaded(serving) == ["model-0", "model-3", "model-1"]


def test_a_model_that_was_put_out_never_comes_back_older(store):
    """Its newest entry deleted meanwhile, a warm process answered from the one before."""
    clock = Clock()
    serving = serving_over(store, memory=ONE, clock=clock)
    release(store, "1.1.0", zoo.files(sized("model-0"), zoo.BUSINESS), name="model-0")
    assert serving.live_of("model-0").generation == 2
    serving.live_of("model-1")
    assert loaded(serving) == ["model-1"]
    entry = store._objects.pop("models/model-0/aliases/latest/00000002.json")
    with pytest.raises(Refused, match="failed its checks"):
        serving.live_of("model-0")
    assert serving.at("model-0", "1.0.0").version == "1.0.0"  # a version that is asked for is no alias's
    store._objects["models/model-0/aliases/latest/00000002.json"] = entry
    clock.now += 31
    assert serving.live_of("model-0").generation == 2


def test_the_one_asked_last_stays_however_large_and_the_served_one_always(store):
    serving = serving_over(store, memory=0)
    served = serving.live()
    for name in ("model-0", "model-1", "model-1"):
        serving.live_of(name)
    assert loaded(serving) == ["model-1"]
    store.asked.clear()
    assert serving.live() is served
    assert store.asked == []


def test_a_model_that_grew_makes_room_for_itself(store):
    clock = Clock()
    serving = serving_over(store, memory=2 * ONE, clock=clock)
    serving.live_of("model-0")
    serving.live_of("model-1")
    larger = sized("model-1", "one", "two")
    assert len(larger) > ONE
    release(store, "1.1.0", zoo.files(larger, zoo.BUSINESS), name="model-1")
    clock.now += 31
    for _ in range(2):
        assert serving.live_of("model-1").version == "1.1.0"
    assert loaded(serving) == ["model-1"]


@pytest.mark.parametrize("name", ["nope", "recruits/te", "tickets/latest", "nope/nope"])
def test_an_unknown_name_costs_one_question_and_leaves_nothing(store, name):
    told = []
    serving = serving_over(store, on_failure=lambda *failure: told.append(failure))
    store.asked.clear()
    with pytest.raises(NotFoundError):
        serving.live_of(name)
    assert len(store.asked) == 1
    assert (loaded(serving), serving.models._opening, serving.models._sizes, told) == ([], {}, {}, [])


@pytest.mark.parametrize("name", ["..", "a/b/c", "TICKETS", "a b", "x" * 64, "recruits/aliases", "\x00", "", "/"])
def test_what_can_be_no_name_is_not_even_asked_for(store, name):
    serving = serving_over(store)
    store.asked.clear()
    with pytest.raises(NotFoundError):
        serving.live_of(name)
    assert store.asked == []


def test_a_model_that_was_unknown_is_served_as_soon_as_it_is_there(store):
    serving = serving_over(store)
    with pytest.raises(NotFoundError):
        serving.live_of("new")
    release(store, "1.0.0", zoo.files(sized("new"), zoo.BUSINESS), name="new")
    assert serving.live_of("new").version == "1.0.0"


def test_a_program_of_another_model_is_not_served_under_this_name(store):
    release(store, "1.0.0", zoo.files(sized("new"), zoo.BUSINESS), name="newer")
    with pytest.raises(Refused, match="failed its checks"):
        serving_over(store).live_of("newer")


def test_a_store_out_of_reach_leaves_nothing_either(store):
    serving = serving_over(store)
    store.refused = "models/gifts/"
    with pytest.raises(StoreError):
        serving.live_of("gifts")
    assert loaded(serving) == []
    store.refused = "nothing"
    assert serving.live_of("gifts").version == "3.0.0"


def test_a_model_that_cannot_be_loaded_has_its_own_trouble_and_is_tried_again_in_time(store):
    clock, told = Clock(), []
    serving = serving_over(store, clock=clock, on_failure=lambda model, trouble, _: told.append((model, trouble.code)))
    key = "models/gifts/v3.0.0/program.safetensors"
    good, store._objects[key] = store._objects[key], b"nonsense"
    for _ in range(3):
        with pytest.raises(Refused, match="failed its checks") as refused:
            serving.live_of("gifts")
        assert (refused.value.code, refused.value.headers["retry-after"]) == ("no_model", "30")
    assert told == [("gifts", "corrupt_bundle")]
    assert serving.live_of("readiness").version == "2.0.0"
    assert serving.live().version == "1.2.0"
    assert (serving.freshness.state.status, serving.freshness.failures) == ("ok", 0)
    store._objects[key] = good
    clock.now += 31
    assert serving.live_of("gifts").version == "3.0.0"


def test_a_loaded_model_survives_a_bad_successor(store):
    clock = Clock()
    serving = serving_over(store, clock=clock)
    serving.live_of("gifts")
    release(store, "3.1.0", zoo.files(zoo.gifts(), zoo.GIFT), name="gifts")
    store._objects["models/gifts/v3.1.0/golden.json"] = b"{}"
    clock.now += 31
    assert serving.live_of("gifts").version == "3.0.0"
    [freshness] = serving.models.all()
    assert (freshness.state.status, freshness.state.trouble.code) == ("degraded", "corrupt_bundle")


def test_many_threads_load_a_model_once_and_another_meanwhile(store):
    entered, let_go = Event(), Event()
    found, looks = [], []
    serving = serving_over(store)
    opened = serving.models._opened

    def slow(name):
        looks.append(name)
        if name == "gifts":
            entered.set()
            assert let_go.wait(10)
        return opened(name)

    serving.models._opened = slow
    threads = [Thread(target=lambda: found.append(serving.live_of("gifts"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert entered.wait(10)
    assert serving.live_of("readiness").version == "2.0.0"
    let_go.set()
    for thread in threads:
        thread.join(10)
    assert len(found) == 8
    assert len({id(live) for live in found}) == 1
    assert looks.count("gifts") == 1


def test_after_a_failure_too_one_thread_alone_loads_a_model():
    """Who waited for a load that failed, and who came after it, loaded both: the slower one brought back an older model."""
    first, second, go_on = Event(), Event(), Event()
    opened, at_once, most = [], [], []

    def open_it(name):
        opened.append(name)
        at_once.append(name)
        most.append(len(at_once))
        try:
            if len(opened) == 1:
                first.set()
                assert second.wait(10)
                raise StoreError("connection refused")
            assert go_on.wait(10)
            return SimpleNamespace(size=len(opened))
        finally:
            at_once.pop()

    models = Models(open_it, bound=100)
    found = []

    def ask():
        try:
            found.append(models.of("tickets").size)
        except StoreError:
            found.append(None)

    threads = [Thread(target=ask) for _ in range(2)]
    threads[0].start()
    assert first.wait(10)
    threads[1].start()
    while models._opening["tickets"].waiting < 2:
        sleep(0.001)
    second.set()
    threads[0].join(10)  # it failed; the other one loads now
    threads.append(Thread(target=ask))
    threads[2].start()
    sleep(0.05)
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert (found, max(most), models._opening) == ([None, 2, 2], 1, {})


def test_many_threads_and_little_room_never_harm_an_answer(store):
    serving = serving_over(store, memory=2 * ONE)
    wrong = []

    def ask(first):
        for turn in range(60):
            number = (first + turn) % 4
            if serving.live_of(f"model-{number}").model != f"model-{number}":
                wrong.append(number)

    threads = [Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []
    assert len(loaded(serving)) == 2
    assert serving.models._opening == {}


def test_a_segment_that_is_a_program_of_segments_is_not_served(store):
    release(store, "2.0.0", zoo.files(zoo.router(QB="qb"), None), name="recruits/qb")
    with pytest.raises(Refused, match="failed its checks"):
        serving_over(store).live_of("recruits/qb")


def test_a_segmented_model_is_refreshed_like_any_other(store):
    clock = Clock()
    serving = serving_over(store, model="recruits", clock=clock)
    before = serving.live()
    alias.promote(store, "recruits", "latest", "1.0.0", who="tests")
    clock.now += 31
    assert serving.live().router is before.router
    release(store, "1.1.0", zoo.files(zoo.router("qb"), None), name="recruits")
    clock.now += 31
    assert serving.live().router.fallback == "qb"
