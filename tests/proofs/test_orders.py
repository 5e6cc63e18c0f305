"""Two who move an alias at the same time: one wins. And the proof of it fails where that is broken."""

import pytest

from firesteel.registry import alias
from tests.faults.schedules import World, drawn, every, in_threads
from tests.faults.stepping import Actor
from tests.proofs import orders_actors as actors
from tests.proofs.orders import PAIR, PROMOTES_B, PROMOTES_C, SERVES, all_orders, cast, one_by_one
from tests.proofs.orders_checks import Call, linearizable
from tests.proofs.proof import Run, holds


def wrong(begin, *roles):
    """What is wrong in some order of a cast."""
    run = Run("orders", seed=0, full=False)
    with actors.playing():
        all_orders(run, "", begin, cast(roles))
    return run.wrong


def test_of_two_who_move_an_alias_one_wins_and_its_history_is_a_line():
    holds("orders")


def test_a_promoter_that_overwrites_is_found():
    assert "the moves that were acknowledged" in wrong("set", PROMOTES_B, ("", actors.overwrites("2.0.0")))[0]


def test_a_generation_that_is_used_again_is_found():
    assert wrong("set", PROMOTES_B, ("", actors.reuses))
    assert wrong("moved", ("", actors.reuses), SERVES)


def test_a_server_that_remembers_a_listing_is_found():
    assert "no order of the calls explains" in " ".join(
        wrong("set", PROMOTES_B, ("", actors.serves(3, actors.Remembering)))
    )


def test_a_collector_that_does_not_wait_is_found():
    assert not wrong("set", ("", actors.collects), PROMOTES_B)
    assert wrong("set", ("", actors.collects_rashly), PROMOTES_B)


def test_a_promoter_that_stalled_while_the_alias_went_away_and_came_back_loses():
    run = Run("orders", seed=0, full=False)
    stalled = ("stalled", actors.moves(alias.promote, "2.0.0", seen=1))
    with actors.playing():
        judge = all_orders(run, "", "set", cast((stalled, ("to and fro", actors.back_and_forth))))
    assert not run.wrong
    assert judge.orders.total() > 1_000_000


def test_merging_finds_every_order_and_no_other():
    run = Run("orders", seed=0, full=False)
    with actors.playing():
        assert one_by_one(run, *PAIR) == 3432  # 14! / (7! 7!): seven operations each
    assert not run.wrong


def test_a_schedule_is_the_same_when_the_code_itself_runs_it_in_threads():
    run = Run("orders", seed=0, full=False)
    with actors.playing():
        players = cast((PROMOTES_B, PROMOTES_C, SERVES))
        for number in range(20):
            schedule = drawn(players, World(actors.world("set")), run.random(number))
            told, objects = in_threads(players, actors.world("set"), schedule.turns)
            last = dict(zip(schedule.turns, schedule.nodes, strict=True))
            assert [tuple(one) for one in told] == [last[index].told for index in range(3)]
            assert objects == schedule.objects


def test_every_order_is_walked_once():
    def twice(store, tell):
        store.keys("a/")
        store.keys("a/")

    seen = []
    every([Actor("one", twice), Actor("two", twice)], World({}), lambda schedule: seen.append(schedule.turns))
    assert sorted(seen) == [(0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 0), (1, 0, 0, 1), (1, 0, 1, 0), (1, 1, 0, 0)]


@pytest.mark.parametrize(
    ("begin", "end", "saw", "right"),
    [
        (0, 1, 0, True),  # a look before the move
        (0, 1, 1, False),  # that saw it
        (2, 6, 0, True),  # during the move, either
        (2, 6, 1, True),
        (6, 7, 1, True),  # after it
        (6, 7, 0, False),  # a stale one
        (6, 7, 2, False),  # of what nobody made
    ],
)
def test_a_history_is_linearizable_or_not(begin, end, saw, right):
    with actors.playing():
        won = alias.current(actors.stored(actors.world("set").items()), actors.MODEL, actors.ALIAS)
    done = [Call(3, 5, 0, actors.Won(won, None)), Call(begin, end, 1, actors.Saw(saw, ()))]
    assert linearizable(done, generation=0) is right
