"""Corrections as training rows: what holds of what people said, checked against the definition.

What is wrong with a correction costs it alone, and is reported: nothing is silently dropped.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, NamedTuple

from firesteel.definition import (
    ClassificationTarget,
    CountTarget,
    Definition,
    Feedback,
    IdentifierInput,
    Target,
)
from firesteel.errors import InputError
from firesteel.monitor import feedback, inferences
from firesteel.monitor.feedback import Correction, Settled
from firesteel.monitor.queue import AHEAD, plain
from firesteel.monitor.subject import canonical
from firesteel.monitor.truth import label_misfit, number_misfit
from firesteel.program import schema
from firesteel.registry.store import Store

JOINED = timedelta(days=30)  # before a correction, in which its request is looked for in the inference log


class Usable(NamedTuple):
    """A correction that fits: its input by column as a dataset holds it; by target the label's index or the number, and
    who said so.
    """

    subject: str
    row: dict[str, Any]
    truth: dict[str, float]
    said: Mapping[str, Correction]


class Refusal(NamedTuple):
    """What cannot be trained on, and why; the reason repeats nothing of what was sent."""

    subject: str
    reason: str


class Said(NamedTuple):
    """All that was said of a model up to a moment, and what the inference log knew then of what it was said about.

    `fingerprint` says which moment that is, see `feedback.fingerprint`; `damaged` names records that cannot be read.
    """

    corrections: list[Correction]
    logged: "Logged"
    fingerprint: str | None
    damaged: list[str]


Logged = Mapping[tuple[str | None, int | None], Mapping[str, Any]]
"""Inputs, by request id and row."""


class Corrections(NamedTuple):
    """What was said, as far as it can be trained on; at most `share` of the rows to train on may be theirs."""

    weight: float
    share: float
    sent: int
    fingerprint: str | None
    usable: tuple[Usable, ...]
    refused: tuple[Refusal, ...]
    conflicts: int
    damaged: tuple[str, ...]


def collected(store: Store, definition: Definition, keys: list[str] | None = None) -> Said:
    """Read what was said of a model or segment, all of it or what stands at these keys, and find what each is about in
    the inference log where it does not say so itself. Raises StoreError.
    """
    keys, damaged = feedback.listed(store, definition.address) if keys is None else keys, list[str]()
    said = feedback.read(store, definition.address, keys=keys, damaged=damaged)
    return Said(said, _logged(store, definition, feedback.settled(said)), feedback.fingerprint(keys), damaged)


def gathered(store: Store, definition: Definition, weight: float | None = None) -> Corrections:
    """Read what was said, and check it. Raises StoreError."""
    return checked(collected(store, definition), definition, weight)


def checked(said: Said, definition: Definition, weight: float | None = None) -> Corrections:
    """What of it fits the definition. A row of them counts for `weight`, by default for what the definition says, else 1."""
    policy = definition.feedback or Feedback()
    settled = feedback.settled(said.corrections)
    usable: dict[bytes, Usable] = {}
    refused: list[Refusal] = []
    conflicts = sum(one.disputed or bool(one.conflicts) for one in settled)
    for one in settled:
        for found in _usable(one, said.logged, definition, refused):
            key = canonical({name: None if value != value else value for name, value in found.row.items()})
            if other := usable.get(key):
                conflicts += any(other.truth.get(name, value) != value for name, value in found.truth.items())
            usable[key] = _both(other, found) if other else found
    return Corrections(
        policy.weight if weight is None else weight,
        policy.share,
        len(said.corrections),
        said.fingerprint,
        tuple(usable.values()),
        tuple(refused),
        conflicts,
        tuple(said.damaged),
    )


def _logged(store: Store, definition: Definition, settled: Sequence[Settled]) -> Logged:
    """What the inference log knows of the inputs of requests that were corrected without their input."""
    silent = [each for one in settled for each in one.latest.values() if each.input is None]
    wanted = {(one.request_id, one.row) for one in silent}
    if not wanted or not any(one.log == "plain" for one in definition.inputs.values()):
        return {}
    times = [one.when for one in silent]
    found: dict[tuple[str | None, int | None], dict[str, Any]] = {}
    for one in inferences.read(store, definition.address, min(times) - JOINED, max(times) + AHEAD):
        if (one.request_id, one.row) in wanted and one.model == definition.address:
            found[one.request_id, one.row] = plain(one.inputs)
    return found


def _usable(one: Settled, logged: Logged, definition: Definition, refused: list[Refusal]) -> list[Usable]:
    """What of a subject can be trained on; what cannot is `refused`.

    Every answer goes with the input that came with it, or with what the log has: with nobody else's.
    """
    if one.disputed:
        refused.append(Refusal(one.subject, "its corrections name different inputs"))
        return []
    own = {name: each for name, each in one.latest.items() if each.input is not None}
    joined = {name: each for name, each in one.latest.items() if each.input is None}
    known = logged.get((one.request_id, one.row))
    found = [
        _fitting(one.subject, given, said, definition, refused)
        for given, said in ((one.input, own), (known, joined))
        if said
    ]
    return [each for each in found if each]


def _fitting(
    subject: str,
    given: Mapping[str, Any] | None,
    said: Mapping[str, Correction],
    definition: Definition,
    refused: list[Refusal],
) -> Usable | None:
    """What can be trained on; what cannot is `refused`, target by target where the input fits."""
    if given is None:
        refused.append(Refusal(subject, "its input is not known: neither it nor the inference log has it plainly"))
        return None
    inputs = {name: each for name, each in definition.inputs.items() if not isinstance(each, IdentifierInput)}
    known = {name: value for name, value in given.items() if name in inputs or name not in definition.inputs}
    try:
        row = schema.Schema(tuple(each.field(name) for name, each in inputs.items())).check(known)
    except InputError as error:
        refused.append(Refusal(subject, f"its input: {error}"))
        return None
    if definition.exposure and not row[definition.exposure] > 0:
        refused.append(Refusal(subject, f"its input: {definition.exposure} must be more than 0"))
        return None
    truth = {}
    for name, each in said.items():
        target, value = definition.targets.get(name), each.answer[name]
        found = "is no target of the definition" if target is None else _truth(target, value)
        if isinstance(found, str):
            refused.append(Refusal(subject, f"its answer: {name[:80]} {found}"))
        else:
            truth[name] = found
    values = {name: _held(each.kind, row[name]) for name, each in inputs.items()}
    return Usable(subject, values, truth, {name: said[name] for name in truth}) if truth else None


def _truth(target: Target, value: str | float) -> float | str:
    """The label's index or the number; or what is wrong with it."""
    if isinstance(target, ClassificationTarget):
        wrong = label_misfit(value, target.label_names)
    elif isinstance(target, CountTarget):
        wrong = number_misfit(value, count=True)
    else:
        wrong = number_misfit(value, target.range)
    if wrong:
        return wrong[1]
    return float(target.label_names.index(str(value)) if isinstance(target, ClassificationTarget) else value)


def _held(kind: str, value: Any) -> Any:
    """A checked value as a dataset's column holds it."""
    match kind:
        case "number":
            return math.nan if value is None else float(value)
        case "timestamp":
            return math.nan if value is None else schema.seconds(value)
        case "text":
            return value or ""
    return value


def _both(one: Usable, other: Usable) -> Usable:
    """Two subjects with one input as one: of each target the later truth."""
    said = dict(one.said)
    for name, each in other.said.items():
        said[name] = max(said.get(name, each), each, key=lambda correction: correction.order)
    truth = {name: (other if each is other.said.get(name) else one).truth[name] for name, each in said.items()}
    return Usable(one.subject, one.row, truth, said)
