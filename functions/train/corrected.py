"""Training rows with corrections among them.

A correction whose input stands in the training file replaces the truth of those rows, for it is the latest; any other is a
row of its own. One whose input, or group, is held out is left out: what is tested must not have been trained on. Rows held
out keep the file's truth. Who corrected one target of two is believed on that one alone: of an added row the other counts
for nothing, of a replaced one it stays the file's. Rows that are added or changed are at most a share of all: who sends
many takes turns with who sends few, and what came first stays, so that nobody can crowd out the others.

Every caller of the API may read the metadata: it has numbers and reasons, and names nobody and no request.
"""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from firesteel.definition import Definition
from firesteel.registry import record
from functions.train import repeats
from functions.train.columns import Values
from functions.train.corrections import Corrections, Usable
from functions.train.dataset import Dataset

TOLD = 100  # reasons of refusals that the metadata has


def applied(
    corrections: Corrections, definition: Definition, train: Dataset, test: Dataset | None
) -> tuple[Dataset, dict[str, Any]]:
    """The rows to train on with the corrections among them, and what the metadata says of these."""
    part, groups = _Part(train, test, corrections.usable), _groups(corrections.usable, definition)
    tested = set(test.extra[str(definition.split.group)]) if test and groups else set()
    targets = {name: values.copy() for name, values in train.targets.items()}
    weights = {name: np.ones(len(train)) for name in targets}
    open_rows = {
        number: part.rows_of(number)
        for number in range(len(corrections.usable))
        if not (part.is_held_out(number) or (groups and groups[number] in tested))
    }
    admitted = _admitted(corrections, {number: len(rows) for number, rows in open_rows.items()}, len(train))
    for number in admitted:
        for name, value in corrections.usable[number].truth.items():
            targets[name][open_rows[number]] = value
            weights[name][open_rows[number]] = corrections.weight
    used = [corrections.usable[number] for number in admitted]
    added = [number for number in admitted if not len(open_rows[number])]
    counts = {
        "used": len(used),
        "rows_replaced": sum(len(open_rows[number]) for number in admitted),
        "rows_added": len(added),
        "held_out": len(corrections.usable) - len(open_rows),
        "beyond_share": len(open_rows) - len(admitted),
    }
    told = _told(corrections, used, counts)
    if not used:
        return train, told
    changed = replace(train, targets=targets, weights=weights, corrected=told["sha256"])
    extra: dict[str, Values] = {str(definition.split.group): [groups[number] for number in added]} if groups else {}
    return _with(changed, [corrections.usable[number] for number in added], extra, corrections.weight, definition), told


def _admitted(corrections: Corrections, replaced: Mapping[int, int], rows: int) -> list[int]:
    """The corrections that the share has room for, of those that `replaced` says how many of the `rows` they change."""
    said = {number: max(corrections.usable[number].said.values(), key=lambda one: one.order) for number in replaced}
    sent: Counter[str] = Counter()
    turns: list[tuple[int, int]] = []
    for number in sorted(said, key=lambda number: said[number].order):
        turns.append((sent[said[number].caller], number))
        sent[said[number].caller] += 1
    admitted: list[int] = []
    touched, total = 0, rows
    for _, number in sorted(turns, key=lambda turn: turn[0]):
        new = 0 if replaced[number] else 1
        if (touching := touched + replaced[number] + new) <= corrections.share * (total + new):
            admitted.append(number)
            touched, total = touching, total + new
    return sorted(admitted)


class _Part:
    """Which rows of the file have the input of which correction."""

    def __init__(self, train: Dataset, test: Dataset | None, usable: Sequence[Usable]) -> None:
        sets = [train, *([test] if test else [])]
        columns = [
            repeats.joined([*(one.inputs[name] for one in sets), _column(values, [one.row[name] for one in usable])])
            for name, values in train.inputs.items()
        ]
        of_file = sum(map(len, sets))
        first = repeats.first_of(columns, of_file + len(usable))
        self._train, self._tested, self._own = (
            first[: len(train)],
            set(first[len(train) : of_file].tolist()),
            first[of_file:],
        )

    def is_held_out(self, number: int) -> bool:
        return int(self._own[number]) in self._tested

    def rows_of(self, number: int) -> np.ndarray:
        """The training rows with the correction's input."""
        return np.flatnonzero(self._train == self._own[number])


def _groups(usable: Sequence[Usable], definition: Definition) -> list[str]:
    """The group of each correction, where rows are split by one: what its input says, else a group of its own."""
    by = definition.split.group
    if not by:
        return []
    if by not in definition.inputs:
        return [f"correction {one.subject}" for one in usable]
    return [f"{value:.15g}" if isinstance(value := one.row[by], float) else str(value) for one in usable]


def _with(
    train: Dataset, added: Sequence[Usable], extra: dict[str, Values], weight: float, definition: Definition
) -> Dataset:
    """The rows, and after them those of corrections. What requests do not send, such as what is looked up, is missing."""
    count = len(added)
    own = {name: _column(values, [one.row[name] for one in added]) for name, values in train.inputs.items()}
    missing: dict[str, Values] = {name: np.full(count, math.nan) for name in train.extra}
    exposure = own[definition.exposure] if definition.exposure else np.ones(count)
    truth = {name: [one.truth.get(name, 0) for one in added] for name in train.targets}
    counted = {name: [weight * (name in one.truth) for one in added] for name in train.targets}
    return replace(
        train,
        inputs={name: repeats.joined([values, own[name]]) for name, values in train.inputs.items()},
        extra={name: repeats.joined([values, (missing | own | extra)[name]]) for name, values in train.extra.items()},
        targets={
            name: np.concatenate([values, np.array(truth[name], values.dtype)])
            for name, values in train.targets.items()
        },
        weights={name: np.concatenate([values, counted[name]]) for name, values in train.weights.items()},
        exposure=np.concatenate([train.exposure, np.asarray(exposure, np.float64)]),
        lines=np.concatenate([train.lines, np.zeros(count, train.lines.dtype)]),
    )


def _column(like: Values, values: list[Any]) -> Values:
    return np.array(values, np.float64) if isinstance(like, np.ndarray) else values


def _told(corrections: Corrections, used: Sequence[Usable], counts: Mapping[str, int]) -> dict[str, Any]:
    """The provenance: which corrections had a part in it, and which had none, and why."""
    said = {each.id: each for one in used for each in one.said.values()}
    ordered = sorted(said.values(), key=lambda each: each.order)
    digest = hashlib.sha256()
    for each in ordered:
        digest.update(record.encode(each.document()))
    return {
        "weight": corrections.weight,
        "share": corrections.share,
        "sent": corrections.sent,
        **counts,
        "from": ordered[0].document()["when"] if ordered else None,
        "until": ordered[-1].document()["when"] if ordered else None,
        "people": len({(each.caller, each.who) for each in ordered}),
        "sha256": digest.hexdigest(),
        "fingerprint": corrections.fingerprint,
        "conflicts": corrections.conflicts,
        "refused": len(corrections.refused),
        "refused_because": dict(Counter(one.reason for one in corrections.refused).most_common(TOLD)),
        "damaged": len(corrections.damaged),
    }
