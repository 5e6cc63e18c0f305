"""What holds of every schedule: the alias is a register whose history is a line, and nobody was told anything else."""

from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from firesteel.errors import RegistryError
from firesteel.registry import alias, bundle, names
from firesteel.registry.alias import Entry
from tests.faults.model import PlainAlias
from tests.faults.schedules import Schedule
from tests.faults.stepping import Node
from tests.proofs.orders_actors import ALIAS, MODEL, Lost, Nothing, Published, Saw, Won, Wrong, files, stored, swept


class Call(NamedTuple):
    """One thing an actor did, from the turn of its first operation to that of its last."""

    begin: int
    end: int
    actor: int
    told: Any


def calls(schedule: Schedule) -> list[Call]:
    begun: dict[int, int] = {}
    known: dict[int, int] = {}
    found = []
    for turn, (actor, node) in enumerate(zip(schedule.turns, schedule.nodes, strict=True)):
        begun.setdefault(actor, turn)
        if len(node.told) > known.get(actor, 0):
            found += [Call(begun[actor], turn, actor, told) for told in node.told[known.get(actor, 0) :]]
            known[actor] = len(node.told)
            del begun[actor]
    return found


def judged(schedule: Schedule, before: int) -> str | None:
    """What is wrong with a schedule that began with an alias of so many generations; None if nothing is."""
    store = stored(schedule.objects.items())
    done = calls(schedule)
    try:
        history = alias.history(store, MODEL, ALIAS)
        broken = _broken(schedule.objects.items(), history[-1].version) if history else []
    except RegistryError as error:
        return f"the history cannot be read: {error}"
    return next(
        filter(
            None,
            (
                *(one.told.what for one in done if isinstance(one.told, Wrong)),
                *broken,
                *(swept(schedule.objects) if any(key.endswith(bundle.COLLECTED) for key in schedule.objects) else ()),
                _winners(done, history, before),
                _line(history),
                *(_honest(one, done, history, before) for one in done),
                _forward(done),
                None if linearizable(done, before) else "no order of the calls explains what they were told",
            ),
        ),
        None,
    )


def _broken(objects: Iterable[tuple[str, bytes]], version: str) -> list[str]:
    folder = names.version_folder(MODEL, version)
    return _broken_bundle(frozenset((key, data) for key, data in objects if key.startswith(folder)), version)


@cache
def _broken_bundle(objects: frozenset[tuple[str, bytes]], version: str) -> list[str]:
    problems = bundle.verify(stored(objects), MODEL, version)
    return [one for one in problems if "being collected" not in one]


def _winners(done: Sequence[Call], history: Sequence[Entry], before: int) -> str | None:
    """Each new generation is the move of the one who was told so, and each of those is there once."""
    won = sorted((one.told.entry for one in done if isinstance(one.told, Won)), key=lambda entry: entry.generation)
    if won != list(history[before:]):
        told = [(entry.generation, entry.write_id) for entry in won]
        kept = [(entry.generation, entry.write_id) for entry in history[before:]]
        return f"the moves that were acknowledged are {told}, and those that are kept {kept}"
    numbers = [one.told.version for one in done if isinstance(one.told, Published)]
    return f"one number was published twice: {numbers}" if len(set(numbers)) < len(numbers) else None


def _line(history: Iterable[Entry]) -> str | None:
    """Every entry is what its move makes of the entry before it."""
    plain = PlainAlias()
    for entry in history:
        previous = plain.served
        match entry.kind:
            case "canary" | "shadow":
                plain.run_beside(entry.kind, getattr(entry, entry.kind).version)
            case "rollback":
                plain.roll_back_to(entry.version)
            case _:
                plain.promote(entry.kind, entry.version)
        beside = {kind: getattr(entry, kind).version for kind in ("canary", "shadow") if getattr(entry, kind)}
        way = [one.version for one in entry.before or ()]
        if (entry.version, entry.previous, beside, way) != (plain.served, previous, plain.beside, plain.way[-2::-1]):
            return f"generation {entry.generation} does not follow from those before it: {entry}"
    return None


def _honest(call: Call, done: Sequence[Call], history: Sequence[Entry], before: int) -> str | None:
    """A refusal had a reason, a move came after what it had seen, and a look showed what was published."""
    match call.told:
        case Lost(seen):
            won = [one.end for one in done if isinstance(one.told, Won)]
            then, now = (before + sum(end < turn for end in won) for turn in (call.begin, call.end))
            return f"actor {call.actor} met a conflict with nobody" if now == then == (seen or then) else None
        case Won(entry, seen) if seen is not None and entry.generation != seen + 1:
            return f"actor {call.actor} saw generation {seen} and made {entry.generation}"
        case Saw(generation, bundles):
            named = [history[generation - 1].version] if generation <= len(history) else []
            for version, contents in bundles:
                if contents != b" with ".join(files(version).values()):
                    return f"actor {call.actor} serves a mixed bundle as {version}"
            return None if [bundles[0][0]] == named else f"actor {call.actor} serves {bundles[0][0]}, not {named}"
    return None


def _forward(done: Iterable[Call]) -> str | None:
    """A server never goes back."""
    seen: dict[int, int] = {}
    for call in done:
        if isinstance(call.told, Saw):
            if call.told.generation < seen.get(call.actor, 0):
                return f"actor {call.actor} went from generation {seen[call.actor]} to {call.told.generation}"
            seen[call.actor] = call.told.generation
    return None


def linearizable(done: Sequence[Call], generation: int) -> bool:
    """Whether the calls can be put into one order, which keeps that of any two of which one ended before the other
    began, so that each is right when its turn comes (Wing and Gong 1993; a register that counts, compare and set).
    """
    effects = [(one, *_effect(one)) for one in done if isinstance(one.told, Won | Saw | Nothing)]
    dead: set[tuple[frozenset[int], int]] = set()

    def go(left: frozenset[int], generation: int) -> bool:
        if not left:
            return True
        if (left, generation) in dead:
            return False
        first_end = min(effects[index][0].end for index in left)
        for index in left:
            call, needs, makes = effects[index]
            possible = call.begin <= first_end and needs in (None, generation)
            if possible and go(left - {index}, generation if makes is None else makes):
                return True
        dead.add((left, generation))
        return False

    return go(frozenset(range(len(effects))), generation)


def _effect(call: Call) -> tuple[int | None, int | None]:
    """The generation that a call needs, and the one that it makes."""
    match call.told:
        case Won(entry, _):
            return entry.generation - 1, entry.generation
        case Saw(generation, _):
            return generation, None
    return None, None


def spelled(schedule: Schedule, actors: Sequence[Any]) -> str:
    """The schedule as people read it: every turn with its operation."""
    at: dict[int, Node] = {index: actor.root for index, actor in enumerate(actors)}
    words = []
    for actor, node in zip(schedule.turns, schedule.nodes, strict=True):
        step = at[actor].step
        words.append(f"{actor}:{step.name} {step.key.removeprefix('models/m/')}" if step else f"{actor}")
        at[actor] = node
    return " | ".join(words)
