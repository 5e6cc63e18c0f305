"""The orders in which actors can take turns: each a walk through their trees, which costs what a dictionary costs.

`every` walks each order alone; `merged` those together that nothing can tell apart; `drawn` one by chance; `in_threads`
runs one with no tree: the code itself, each actor a thread, on the store itself.
"""

from collections.abc import Callable, Iterator, Sequence
from random import Random
from threading import Semaphore
from typing import Any, NamedTuple

from firesteel.errors import ConflictError, NotFoundError
from firesteel.registry.store import MemoryStore
from tests.faults.stepping import Actor, Answer, Node, OfActor, Step, act

_PATIENCE = 5  # seconds for a thread's turn


class World:
    """What a store holds while actors take turns: put-if-absent, each step whole before the next."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.objects = dict(objects)
        self._lists: dict[str, tuple[str, ...]] = {}

    def copy(self) -> "World":
        other = World(self.objects)
        other._lists = self._lists
        return other

    def perform(self, step: Step) -> Answer:
        name, key, data = step
        if name == "get":
            return self.objects.get(key)
        if name == "keys":
            found = self._lists.get(key)
            if found is None:
                found = tuple(sorted(one for one in self.objects if one.startswith(key)))
                self._lists = {**self._lists, key: found}
            return found
        if name == "create" and key in self.objects:
            return False
        self.objects = {**self.objects, key: data}
        if name == "delete":
            del self.objects[key]
        self._lists = {prefix: found for prefix, found in self._lists.items() if not key.startswith(prefix)}
        return True


class Schedule(NamedTuple):
    """What happened: the order of the turns, where each led, and what the store holds at the end."""

    turns: tuple[int, ...]
    nodes: tuple[Node, ...]
    objects: dict[str, bytes]


def every(actors: Sequence[Actor], world: World, told: Callable[[Schedule], None]) -> None:
    """Every order in which the actors can take turns, one by one, depth first."""
    nodes, turns, passed = [actor.root for actor in actors], [], []

    def go(world: World) -> None:
        stuck = True
        for index, node in enumerate(nodes):
            if node.step is None:
                continue
            stuck = False
            after, nodes[index] = _turn(world, actors[index], node)
            turns.append(index)
            passed.append(nodes[index])
            go(after)
            turns.pop()
            passed.pop()
            nodes[index] = node
        if stuck:
            told(Schedule(tuple(turns), tuple(passed), world.objects))

    go(world)


def merged(actors: Sequence[Actor], world: World) -> Iterator[tuple[Schedule, int]]:
    """Every order, where those are one that no judgement can tell apart: one of each, with how many they are.

    Two orders merge when the store holds the same, each actor is at the same place, and the calls began and ended in
    the same order (`outline`): from there on they go the same ways.
    """
    layer = {(): (Schedule((), (), world.objects), world, tuple(actor.root for actor in actors), 1)}
    while layer:
        following: dict[tuple, tuple] = {}
        for schedule, at, nodes, orders in layer.values():
            able = [index for index, node in enumerate(nodes) if node.step]
            if not able:
                yield schedule, orders
            for index in able:
                after, node = _turn(at, actors[index], nodes[index])
                reached = (*nodes[:index], node, *nodes[index + 1 :])
                longer = Schedule((*schedule.turns, index), (*schedule.nodes, node), after.objects)
                key = (reached, outline(longer))
                before = following[key][3] if key in following else 0
                following[key] = (longer, after, reached, before + orders)
        layer = following


def outline(schedule: Schedule) -> tuple:
    """What a judgement depends on: the order in which calls begin and end, what they told, and what the store holds."""
    known: dict[int, int] = {}
    begun = set()
    line: list[Any] = []
    for actor, node in zip(schedule.turns, schedule.nodes, strict=True):
        if actor not in begun:
            begun.add(actor)
            line.append(actor)
        if node.mark != known.get(actor, 0):
            known[actor] = node.mark
            line.append((actor, node.mark))
            begun.discard(actor)
    return tuple(line), frozenset(schedule.objects.items())


def _turn(world: World, actor: Actor, node: Node) -> tuple[World, Node]:
    after = world if node.step.name in ("get", "keys") else world.copy()
    answer = after.perform(node.step)
    return after, node.after.get(answer) or actor.next(node, answer)


def drawn(actors: Sequence[Actor], world: World, random: Random) -> Schedule:
    """One order by chance; some actors have long turns, because what goes wrong is often one who stalls."""
    nodes, turns, passed = [actor.root for actor in actors], [], []
    world, stays = world.copy(), random.choice((0.0, 0.5, 0.85))
    index = -1
    while able := [one for one, node in enumerate(nodes) if node.step]:
        if index not in able or random.random() >= stays:
            index = able[int(random.random() * len(able))]
        node = nodes[index]
        answer = world.perform(node.step)
        nodes[index] = reached = node.after.get(answer) or actors[index].next(node, answer)
        turns.append(index)
        passed.append(reached)
    return Schedule(tuple(turns), tuple(passed), world.objects)


def in_threads(actors: Sequence[Actor], objects: dict[str, bytes], turns: Sequence[int]) -> tuple[list[list], dict]:
    """The same schedule by the code itself: what each actor told, and what a real store holds at the end."""
    store, told = MemoryStore(), [[] for _ in actors]
    for key, data in objects.items():
        store.create(key, data)
    mine, back = [Semaphore(0) for _ in actors], Semaphore(0)

    def live(index: int) -> None:
        def ask(step: Step) -> Answer:
            back.release()
            mine[index].acquire()
            return on(store, step)

        try:
            act(actors[index].name, actors[index].play, ask, told[index].append)
        finally:
            back.release()

    threads = [OfActor(target=live, args=(index,), daemon=True) for index in range(len(actors))]
    for thread in threads:
        thread.start()
        back.acquire(timeout=_PATIENCE)
    for index in turns:
        mine[index].release()
        back.acquire(timeout=_PATIENCE)
    for thread in threads:
        thread.join(_PATIENCE)  # in vain where the code asks for more than it did in the walk: then it tells less
    return told, dict(store._objects)


def on(store: MemoryStore, step: Step) -> Answer:
    """A step on a store."""
    try:
        match step.name:
            case "get":
                return store.get(step.key, limit=2**30)
            case "keys":
                return tuple(store.keys(step.key))
            case "create":
                store.create(step.key, step.data)
            case "delete":
                store.delete(step.key)
    except NotFoundError:
        return None
    except ConflictError:
        return False
    return True
