"""Every order in which events can arrive, executions can go on, and promotions can touch the alias.

    python -m tests.unit.train.orders

tries them all and prints how many (minutes); the tests try the smaller sets. Orders that begin alike share what they
have in common: the world is copied where they part.
"""

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import product
from threading import Semaphore, Thread, get_ident
from typing import Any

from tenacity import wait_none

from firesteel.definition import Promotion
from firesteel.registry.store import MemoryStore
from functions.train import promotion, train
from tests.unit.train.world import Execution, World, pretend, put


def check_end(world: World, uploads: int) -> None:
    """After all events: the newest upload is served, each was trained at most once, and told of exactly once."""
    newest = world.uploads.current("memory://incoming/small")[-1]
    served = world.served()
    assert served
    assert (served.order, served.etag) == (newest.order, newest.etag)
    assert all(count == 1 for count in world.published().values()), world.published()
    assert len(world.notices) == uploads
    assert set(world.notices.values()) == {1}


def check_step(world: World, before: World) -> None:
    """On the way, `latest` never goes back to an older upload."""
    now, then = world.served(), before.served()
    assert not then or (now and now.order >= then.order), (then, now)


def uploaded(count: int) -> tuple[World, list[dict[str, Any]]]:
    """A world in which so many uploads are there, and their events, which nobody has heard of."""
    world = World()
    return world, [put(world, number) for number in range(count)]


def orders_with_duplicates() -> int:
    """Each of the 5! orders of 5 events, with each of the 2^5 choices of events that come again at once. How many."""
    start, events = uploaded(5)

    def go(world: World, left: frozenset[int]) -> int:
        if not left:
            check_end(world, 5)
            return 1
        count = 0
        for number in sorted(left):
            once = world.copy()
            once.execute(f"{number}-once", events[number])
            twice = once.copy()
            twice.execute(f"{number}-again", events[number])
            count += go(once, left - {number}) + go(twice, left - {number})
        return count

    return go(start, frozenset(range(5)))


def sequences_of_deliveries(uploads: int, times: int) -> int:
    """All sequences in which each of so many events comes so many times, when all uploads are there. How many."""
    start, events = uploaded(uploads)

    def go(world: World, left: tuple[int, ...]) -> int:
        if not any(left):
            check_end(world, uploads)
            return 1
        count = 0
        for number, rest in enumerate(left):
            if rest:
                after = world.copy()
                after.execute(f"run-{sum(left)}", events[number])
                count += go(after, (*left[:number], rest - 1, *left[number + 1 :]))
        return count

    return go(start, (times,) * uploads)


def uploads_among_deliveries(uploads: int, times: int) -> int:
    """All sequences of `uploads` uploads in their order and `times` deliveries of each event after it. How many."""

    def go(world: World, events: tuple[dict[str, Any], ...], left: tuple[int, ...], depth: int) -> int:
        if len(events) == uploads and not any(left):
            check_end(world, uploads)
            return 1
        count = 0
        if len(events) < uploads:
            after = world.copy()
            count += go(after, (*events, put(after, len(events))), (*left, times), depth + 1)
        for number, rest in enumerate(left):
            if rest:
                after = world.copy()
                after.execute(f"run-{depth}", events[number])
                check_step(after, world)
                count += go(after, events, (*left[:number], rest - 1, *left[number + 1 :]), depth + 1)
        return count

    return go(World(), (), (), 0)


def executions_side_by_side(uploads: int) -> int:
    """All ways in which the uploads and the tasks of one execution of each can follow one another. How many."""

    def go(world: World, running: tuple[Execution, ...]) -> int:
        count = 0
        if len(running) < uploads:
            after, number = world.copy(), len(running)
            count += go(after, (*running, Execution(f"run-{number}", put(after, number))))
        for number, execution in enumerate(running):
            if not execution.ended:
                after = world.copy()
                advanced = execution.advance(after)
                check_step(after, world)
                count += go(after, (*running[:number], advanced, *running[number + 1 :]))
        if not count:
            check_end(world, uploads)
        return count or 1

    return go(World(), ())


class Turns:
    """Threads that go on one at a time, one operation each, as a schedule says; it notes which could have gone on."""

    def __init__(self, schedule: Sequence[int]) -> None:
        self._schedule, self.choices = list(schedule), list[tuple[int, list[int]]]()
        self._go: list[Semaphore] = []
        self._paused = Semaphore(0)
        self._mine: dict[int, int] = {}

    def run(self, jobs: Sequence[Callable[[], object]]) -> None:
        waiting = set(range(len(jobs)))
        self._go = [Semaphore(0) for _ in jobs]

        def work(number: int, job: Callable[[], object]) -> None:
            self._go[number].acquire()
            try:
                job()
            finally:
                waiting.discard(number)
                self._paused.release()

        threads = [Thread(target=work, args=one, daemon=True) for one in enumerate(jobs)]
        for number, thread in enumerate(threads):
            thread.start()
            self._mine[thread.ident or 0] = number
        while waiting:
            able = sorted(waiting)
            step = len(self.choices)
            chosen = self._schedule[step] if step < len(self._schedule) else able[0]
            self.choices.append((chosen, able))
            self._go[chosen].release()
            assert self._paused.acquire(timeout=30)
        for thread in threads:
            thread.join()

    def pause(self) -> None:
        """Called by a thread of the jobs before each operation."""
        if (number := self._mine.get(get_ident())) is not None:
            self._paused.release()
            self._go[number].acquire()


class _Interleaved(MemoryStore):
    """Pauses before each operation on an alias. Bundles never change, so the order of their reads makes no difference."""

    turns: Turns | None = None

    def get(self, key: str, *, limit: int) -> bytes:
        self._pause(key)
        return super().get(key, limit=limit)

    def create(self, key: str, data: bytes) -> None:
        self._pause(key)
        super().create(key, data)

    def keys(self, prefix: str) -> list[str]:
        self._pause(prefix)
        return super().keys(prefix)

    def _pause(self, key: str) -> None:
        if self.turns and "/aliases/" in key:
            self.turns.pause()


def promotions_side_by_side(hows: Sequence[str], check: Callable[[World], None]) -> int:
    """All interleavings, operation by operation, of the promotions of as many uploads, served before: one. How many."""
    world = World()
    world.execute("run-first", put(world, 0))
    ready = []
    for number, how in enumerate(hows, 1):
        world.definition = world.definition.model_copy(update={"promote": Promotion.model_validate({"how": how})})
        ready.append(Execution(f"run-{number}", put(world, number)).advance(world).advance(world))
    schedule: list[int] | None = []
    count = 0
    while schedule is not None:
        after = world.copy()
        after.registry = _Interleaved()
        after.registry._objects |= world.registry._objects
        turns = after.registry.turns = Turns(schedule)
        turns.run([partial(one.advance, after) for one in ready])
        after.registry.turns = None
        check(after)
        count += 1
        schedule = _next(turns.choices)
    return count


def newest_answers(world: World) -> None:
    """After promotions side by side: the newest of their uploads is served, or is the canary."""
    assert (world.served(canary=True) or world.served()) == world.uploads.find("memory://incoming/small/a.csv")[0]


def _next(choices: list[tuple[int, list[int]]]) -> list[int] | None:
    """The schedule after the one that was run: the last choice that has another one takes it."""
    while choices:
        chosen, able = choices.pop()
        if later := [number for number in able if number > chosen]:
            return [number for number, _ in choices] + later[:1]
    return None


def main() -> None:
    """Everything, with counts and seconds."""
    train.train = pretend  # type: ignore[assignment]
    promotion._WAIT = wait_none()

    def tried(what: str, count: Callable[[], int]) -> None:
        began = time.perf_counter()
        sys.stdout.write(f"{count():9,} {what}: one effect each ({time.perf_counter() - began:.0f} s)\n")
        sys.stdout.flush()

    tried("orders of 5 events, each with every choice of duplicates", orders_with_duplicates)
    tried("sequences of 5 events, each delivered twice", lambda: sequences_of_deliveries(5, 2))
    tried("sequences of 3 uploads and 2 deliveries of each", lambda: uploads_among_deliveries(3, 2))
    tried("sequences of 5 uploads and 1 delivery of each", lambda: uploads_among_deliveries(5, 1))
    tried("ways of 3 executions side by side, task by task", lambda: executions_side_by_side(3))
    for hows in product(("direct", "canary"), repeat=2):
        what = f"interleavings of two promotions ({', '.join(hows)}), operation by operation"
        tried(what, lambda hows=hows: promotions_side_by_side(hows, newest_answers))  # type: ignore[misc]


if __name__ == "__main__":
    main()
