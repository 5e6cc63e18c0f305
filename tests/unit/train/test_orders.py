"""Events come twice, late and in any order, executions run side by side and die: each upload has one effect, the newest wins.

The tasks are the real ones; training alone is pretended. `python -m tests.unit.train.orders` tries the larger sets.
"""

from functools import partial
from itertools import count
from types import SimpleNamespace

import pytest
from tenacity import wait_none

from firesteel.definition import Promotion
from firesteel.errors import ConflictError, StoreError
from firesteel.registry import alias, record
from firesteel.registry.store import MemoryStore
from functions.train import promotion, train
from tests.faults.store import FaultyStore
from tests.unit.train import orders
from tests.unit.train.world import Execution, Killed, World, pretend, put


@pytest.fixture(autouse=True)
def _training_is_pretended(monkeypatch):
    monkeypatch.setattr(train, "train", pretend)
    monkeypatch.setattr(promotion, "_WAIT", wait_none())


def test_every_order_of_five_events_with_every_choice_of_duplicates_has_one_effect_each():
    assert orders.orders_with_duplicates() == 120 * 32


def test_every_sequence_of_uploads_and_repeated_deliveries_has_one_effect_each():
    assert orders.uploads_among_deliveries(2, 2) == 10
    assert orders.uploads_among_deliveries(4, 1) == 105


def test_executions_of_two_uploads_can_go_on_side_by_side_in_any_way():
    assert orders.executions_side_by_side(2) > 50


@pytest.mark.parametrize("hows", [("direct", "direct"), ("canary", "direct"), ("direct", "canary")])
def test_of_two_promotions_the_newer_upload_wins_in_every_interleaving(hows):
    assert orders.promotions_side_by_side(hows, orders.newest_answers) > 100


class Deadly:
    """Kills the process at the operation of that number of all on its stores, once; before or after it has landed."""

    def __init__(self, world, at, landed):
        self._operations, self._at, self._landed = count(), at, landed
        self._world, self._stores = world, (world.registry, world.work)
        world.registry, world.work = map(self._wrapped, self._stores)

    def end(self):
        self._world.registry, self._world.work = self._stores

    def _wrapped(self, store):
        names = ("get", "create", "keys", "folders")
        return SimpleNamespace(**{name: partial(self._do, getattr(store, name)) for name in names})

    def _do(self, operation, *args, **kwargs):
        struck = next(self._operations) == self._at
        if struck and not self._landed:
            raise Killed
        answer = operation(*args, **kwargs)
        if struck:
            raise Killed
        return answer


@pytest.mark.parametrize("landed", [False, True], ids=["before it lands", "after it landed"])
@pytest.mark.parametrize("how", ["direct", "canary"])
def test_a_task_killed_at_any_operation_and_run_again_has_one_effect(landed, how):
    for at in count():
        world = World()
        world.execute("first", put(world, 0))
        world.definition = world.definition.model_copy(update={"promote": Promotion(how=how)})
        execution, deaths, deadly = Execution("own", put(world, 1)), 0, Deadly(world, at, landed)
        while not execution.ended:
            try:
                execution = execution.advance(world)
            except Killed:
                deaths += 1
        deadly.end()
        assert world.published() == {"a.csv-0": 1, "b.csv-0": 1}
        assert world.served(canary=how == "canary").version_id == "b.csv-0"
        assert execution.outcome == "trained"
        assert world.execute("a duplicate", execution.event) == "elsewhere"
        assert world.notices == {"a.csv-0": 1, "b.csv-0": 1}
        if not deaths:
            break
    assert at > 30  # so many operations there were to die at


def test_an_execution_that_is_started_anew_by_its_own_name_goes_on_where_it_died():
    world = World()
    event = put(world, 0)
    died = Execution("own", event).advance(world).advance(world)  # checked and trained
    assert died.outcome == "train"
    assert world.execute("own", event) == "trained"
    assert world.published() == {"a.csv-0": 1}


def test_a_failed_execution_leaves_its_upload_to_a_person_who_is_told():
    world = World()
    event = put(world, 0)
    Execution("dead", event).advance(world)
    assert world.execute("again", event) == "elsewhere"
    assert not world.notices, "a duplicate is nobody's business"
    assert world.execute("by hand", {"model": "small"}) == "elsewhere"
    assert world.notices.total() == 1
    assert world.execute("by hand, again", {"model": "small", "again": True}) == "trained"


def test_a_claim_of_long_ago_ends_when_somebody_comes_on_purpose_and_one_of_them_trains(monkeypatch):
    world = World()
    event = put(world, 0)
    with monkeypatch.context() as earlier:
        earlier.setattr(record, "timestamp", lambda: "2026-11-20T15:00:00Z")
        Execution("dead", event).advance(world)
    schedule = {"model": "small", "by": "schedule"}
    heirs = [Execution(f"heir-{number}", schedule).advance(world) for number in range(3)]
    assert [one.outcome for one in heirs] == ["train", "elsewhere", "elsewhere"]
    assert "the execution heir-0 has had this upload since" in heirs[1].answers["check"]["reason"]
    assert heirs[0].advance(world).advance(world).outcome == "trained"
    assert world.execute("heir-0", schedule) == "trained", "its own retry goes on"
    assert world.execute("late", event) == "elsewhere", "an event that came twice stays one"
    assert world.execute("next week", schedule) == "same"
    assert world.published() == {"a.csv-0": 1}


def test_a_promotion_that_was_rolled_back_is_not_repeated_by_a_task_that_runs_again():
    world = World()
    world.execute("first", put(world, 0))
    second = Execution("second", put(world, 1))
    while second.next != "tell":
        before, second = second, second.advance(world)
    alias.rollback(world.registry, "small", "latest", who="ada")
    assert before.advance(world).answers["promote"]["moved"]
    assert world.served().version_id == "a.csv-0"


def test_a_store_that_cannot_be_reached_is_an_error_worth_a_retry_and_no_outcome():
    world = World()
    event = put(world, 0)
    world.work = FaultyStore(MemoryStore(), lambda name, _: "before" if name == "create" else None)
    with pytest.raises(StoreError):
        world.execute("own", event)
    world.work = world.work.inner
    assert world.execute("own", event) == "trained"


def test_a_promotion_gives_up_when_the_alias_never_stands_still(monkeypatch):
    world = World()
    ready = Execution("own", put(world, 0)).advance(world).advance(world)
    world.registry = FaultyStore(
        world.registry, lambda name, key: "taken" if "/aliases/" in key and name == "create" else None
    )
    with pytest.raises((ConflictError, StoreError)):
        ready.advance(world)


def test_of_two_versions_of_a_file_from_one_second_the_one_that_is_there_wins():
    for order in ((0, 1), (1, 0)):
        world = World()
        events = []
        ready = []
        for number in (0, 1):
            events.append(world.uploads.put("a.csv", f"a,y\n1,0.1\n2,0.2\n3,0.{number}\n".encode(), 7))
            ready.append(Execution(f"run-{number}", events[-1]).advance(world).advance(world))
        for number in order:
            ready[number].advance(world)
        assert world.served().version_id == "a.csv-1"
