"""Actors that take turns, one store operation at a time, and the orders in which they can.

What an actor does next follows from the answers that it got. So its code is run once for each row of answers, until it
asks for something that has no answer yet, and what it asked for is kept in a tree. `schedules` walks through the trees.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from threading import Thread
from typing import Any, NamedTuple
from unittest.mock import patch

from firesteel.errors import ConflictError, IntegrityError, NotFoundError
from firesteel.registry import record
from firesteel.registry.store import MemoryStore

type Answer = bytes | bool | tuple[str, ...] | None
type Play = Callable[["Stepped", Callable[[Any], None]], None]
"""What an actor does with a store, and how it tells of each thing it has done."""


class Step(NamedTuple):
    """An operation that an actor is about to do."""

    name: str
    key: str
    data: bytes = b""


class Stepped:
    """A store for one actor: every operation is a step that waits for its answer."""

    def __init__(self, ask: Callable[[Step], Answer]) -> None:
        self._ask = ask

    def get(self, key, *, limit):
        data = self._ask(Step("get", key))
        if data is None:
            raise NotFoundError(f"{key} does not exist")
        if len(data) > limit:
            raise IntegrityError(f"{key} has more than {limit} bytes")
        return data

    def create(self, key, data):
        if not self._ask(Step("create", key, data)):
            raise ConflictError(f"{key} exists already")

    def replace(self, key, data):
        """What no store has: for actors that are to fail."""
        self._ask(Step("replace", key, data))

    def delete(self, key):
        self._ask(Step("delete", key))

    def keys(self, prefix):
        return list(self._ask(Step("keys", prefix)))

    folders = MemoryStore.folders


class Node:
    """Where an actor is: its next step, None at its end, and what it has told so far. `after` is where answers lead."""

    __slots__ = ("after", "answer", "before", "mark", "step", "told")

    def __init__(self, before: "Node | None", answer: Answer, step: Step | None, told: tuple, mark: int) -> None:
        self.before, self.answer, self.step, self.told, self.mark = before, answer, step, told, mark
        self.after: dict[Answer, Node] = {}


class _Unanswered(BaseException):
    """No Exception: the code that is run must not handle it."""


class Actor:
    """One who does `play`. `runs` counts how often that had to be run."""

    def __init__(self, name: str, play: Play) -> None:
        self.name, self.play, self.runs = name, play, 0
        self._marks: dict[tuple, int] = {}
        self.root = self._node(None, None)

    def next(self, node: Node, answer: Answer) -> Node:
        """Where an answer leads that was not given there before."""
        node.after[answer] = after = self._node(node, answer)
        return after

    def _node(self, before: Node | None, answer: Answer) -> Node:
        answers, told = [], []
        at, last = before, answer
        while at:
            answers.append(last)
            at, last = at.before, at.answer
        step = self._run(answers, told)
        return Node(before, answer, step, tuple(told), self._marks.setdefault(tuple(told), len(self._marks)))

    def _run(self, answers: list[Answer], told: list) -> Step | None:
        """What it asks for after these answers, which are used up from the end of the list."""
        self.runs += 1
        asked: list[Step] = []

        def ask(step: Step) -> Answer:
            if answers:
                return answers.pop()
            asked.append(step)
            raise _Unanswered

        try:
            act(self.name, self.play, ask, told.append)
        except _Unanswered:
            return asked[0]
        return None


_ids: ContextVar[Iterator[str]] = ContextVar("ids")


def act(name: str, play: Play, ask: Callable[[Step], Answer], tell: Callable[[Any], None]) -> None:
    """Do what an actor of this name does. Its write ids are the same each time, and no other's."""
    _ids.set(f"{name}-{number}" for number in count())
    play(Stepped(ask), tell)


@contextmanager
def determined() -> Iterator[None]:
    """What is a matter of chance or of threads in the code is no more: write ids, time, what is read at once."""
    with (
        patch.object(record, "new_write_id", lambda: next(_ids.get())),
        patch.object(record, "timestamp", lambda: "2026-11-21T00:00:00Z"),
        patch.object(Thread, "start", _start),
        patch.object(Thread, "join", _join),
    ):
        yield


class OfActor(Thread):
    """The only kind of thread that is one while all is determined."""


def _start(self: Thread, start=Thread.start) -> None:
    if isinstance(self, OfActor):
        start(self)
    else:
        self.run()


def _join(self: Thread, timeout: float | None = None, join=Thread.join) -> None:
    if isinstance(self, OfActor):
        join(self, timeout)
