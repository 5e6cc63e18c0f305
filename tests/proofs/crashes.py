"""Wherever an operation stops, every alias names a whole bundle, and the next run of a fresh process succeeds.

Every store operation of each, and every signature, meets every fault, alone and (in full) with every other fault at every
later operation, the recovery's too. What is late lands at any later moment. Faults that nothing can tell apart are one.
"""

from collections.abc import Iterator, Mapping
from math import prod
from typing import NamedTuple

from nacl.signing import SigningKey

from firesteel.errors import RegistryError
from firesteel.registry.seal import Sealed
from tests.faults.store import Crash, FaultyStore, distinct
from tests.proofs import crashes_disk, crashes_durable, crashes_races
from tests.proofs.crashes_operations import OPERATIONS, Operation
from tests.proofs.crashes_world import Clock, Watched
from tests.proofs.proof import Run

_TRIES = 4  # of a run again, which must succeed once nothing fails
_LATE = "late landing"
_KEY = SigningKey(bytes(range(32)))
_MOMENTS = 5  # at which what is late lands, of those of a pair


class Plan(NamedTuple):
    """Faults by the number of the store operation, and before which one what is late lands: at the end, if before none."""

    faults: Mapping[int, str]
    lands: int | None = None


class Seen(NamedTuple):
    """How a schedule went: the names of the store operations it took, with recovery, and what was wrong."""

    names: list[str]
    wrong: list[str]


class Signer:
    """A key that is asked as a store is, and fails as one."""

    def __init__(self, store: FaultyStore) -> None:
        self._store = store

    public_key = bytes(_KEY.verify_key)

    def sign(self, message: bytes) -> bytes:
        return self._store.sign(message, lambda message: _KEY.sign(message).signature)


def prove(run: Run) -> None:
    counted = 0
    for operation in OPERATIONS:
        begun = run.cases
        counted += follow_all(run, operation)
        run.note(**{f"schedules_of_{operation.name}": run.cases - begun})
    run.note(distinct_schedules=run.cases, schedules_with_every_name_of_a_fault=counted)
    crashes_disk.prove(run)
    crashes_durable.prove(run)
    crashes_races.prove(run)


def follow_all(run: Run, operation: Operation) -> int:
    """Every schedule of an operation. One that is not crash-safe (`crashes_operations.BROKEN`) must fail.

    How many it would be if faults that nothing can tell apart were counted one by one.
    """
    counted = 0
    with Clock().everywhere() as clock:
        for plan, names in plans(operation, clock, run):
            seen = follow(operation, plan, clock)
            run.check(not seen.wrong, lambda seen=seen, plan=plan: told(operation, plan, seen))
            counted += prod(distinct(names[place])[fault] for place, fault in plan.faults.items())
    return counted


def plans(operation: Operation, clock: Clock, run: Run) -> Iterator[tuple[Plan, list[str]]]:
    """Nothing; every single fault, and every moment at which what is late can land; in full, every pair.

    Each with the names of the operations that it meets. No two are the same.
    """
    untouched = follow(operation, Plan({}), clock).names
    yield Plan({}), untouched
    for first, name in enumerate(untouched):
        for fault in distinct(name):
            single = Plan({first: fault})
            names = follow(operation, single, clock).names
            yield single, names
            later = range(first + 1, len(names))
            if fault == _LATE:
                yield from ((Plan({first: fault}, lands), names) for lands in later)
            if run.full:
                random = run.random(operation.name, first, fault)
                for second in later:
                    for other in distinct(names[second]):
                        some = random.sample(later, min(len(later), _MOMENTS)) if _LATE in (fault, other) else [None]
                        yield from ((Plan({first: fault, second: other}, lands), names) for lands in some)


def follow(operation: Operation, plan: Plan, clock: Clock) -> Seen:
    """One schedule: the operation, again and again by a fresh process until it is done, and then what is late."""
    watched, late, names = Watched(operation.begin()), list[FaultyStore](), list[str]()
    said = ""

    def fault(name: str, _key: str) -> str | None:
        if len(names) == plan.lands:
            land(late)
        names.append(name)
        return plan.faults.get(len(names) - 1)

    for _ in range(_TRIES):
        store = FaultyStore(watched, fault, watched.cut)
        late.append(store)
        try:
            operation.run(Sealed(store, signer=Signer(store)), clock)
        except (Crash, RegistryError) as error:
            said = f"{type(error).__name__} {error}"
            watched.judge()
            continue
        if operation.done(watched._objects):
            break
        said = "it ended as if all was well, and it was not done"
    else:
        watched.wrong.append(f"it is not done when it is run again: {said}")
    land(late)
    watched.judge()
    return Seen(names, watched.wrong)


def land(late: list[FaultyStore]) -> None:
    for store in late:
        store.land()


def told(operation: Operation, plan: Plan, seen: Seen) -> str:
    return f"{operation.name}, {plan}: {'; '.join(dict.fromkeys(seen.wrong))[:400]}"
