"""The review queue: of all answers nobody corrected, those whose truth would teach the next training the most.

One after the other, the row of the greatest

    doubt x (1 - likeness to the nearest row already in the queue) x (usual / labelled rows of its answer) ** 0.5

Doubt is 1 less the margin of the two likeliest labels (Scheffer et al. 2001, "Active Hidden Markov Models"), or the width
of a number's interval beside the widest. The second factor keeps near-duplicates, which are doubtful together, from
filling the queue (maximal marginal relevance; Carbonell and Goldstein 1998); the third looks for labels that training has
seen little of. Answers below the review policy's threshold come first: somebody has to look at them anyway.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from firesteel.monitor import feedback, inferences, subject
from firesteel.monitor.feedback import Settled
from firesteel.monitor.inferences import Inference
from firesteel.monitor.likeness import Alike, among
from firesteel.program.row import Features
from firesteel.registry.store import Store

if TYPE_CHECKING:
    from firesteel.program.predictor import Predictor

READ = 2000  # of the newest answers that a queue is made of
CORRECTIONS = 5000  # of the newest, that are looked at for what was corrected already
AHEAD = timedelta(minutes=1)  # by which the clock that wrote a line may be ahead of ours
EARLIER = timedelta(days=30)  # before the answers: corrections of inputs that came again
BALANCE = 0.5

Known = Mapping[str, Mapping[str, float]]
"""How many rows a model was trained on, by target and label."""


class Item(NamedTuple):
    """One answer to look at. `target` is the one in most doubt, `doubt` from 0 to 1, `times` how often the input came."""

    inference: Inference
    target: str
    doubt: float
    times: int

    def document(self) -> dict[str, Any]:
        """As it is shown. `inputs` has what the log keeps plainly; without any, the request id has to do."""
        one = self.inference.document()
        kept = ("request_id", "row", "when", "model", "version", "labels", "confidences", "estimates", "review")
        about = {"target": self.target, "doubt": round(self.doubt, 4), "times": self.times}
        return {**{name: one[name] for name in kept}, "inputs": plain(self.inference.inputs), **about}


class Queue(NamedTuple):
    """What to look at, in this order; `complete` when all answers and corrections of the time were seen."""

    items: list[Item]
    complete: bool


class Groups(NamedTuple):
    """What rows are answered: `of_row` [rows] is the number of a row's answer, -1 of a number.

    Of each answer [groups]: how many rows `known` to training have it, and how many are `usual` for its target.
    """

    of_row: np.ndarray
    known: np.ndarray
    usual: np.ndarray


def of_store(
    store: Store,
    model: str,
    since: datetime,
    until: datetime,
    predictor: "Predictor | None" = None,
    known: Known | None = None,
    *,
    most: int = 50,
) -> Queue:
    """The queue of the newest answers that a model, or a segment, gave from `since` on. Raises NotFoundError, StoreError."""
    found = inferences.recent(store, model, since, until + AHEAD, limit=READ, only=lambda one: one.model == model)
    said, all_said = feedback.newest(store, model, since - EARLIER, CORRECTIONS, damaged=[])
    items = queue(found.inferences, feedback.settled(said), predictor, known, most=most)
    return Queue(items, found.complete and all_said)


def queue(
    answered: Iterable[Inference],
    corrected: Iterable[Settled],
    predictor: "Predictor | None" = None,
    known: Known | None = None,
    *,
    most: int = 50,
) -> list[Item]:
    """The `most` answers of one model to look at, in this order.

    What was corrected is left out, by request or by input; of equal inputs the newest stands for all. With the model's
    `predictor`, rows that are logged plainly are scored anew: their doubt is today's, and it is seen which are alike.
    Without, or where inputs are not logged, the confidence that the log has says how doubtful a row is.
    """
    rows = _Rows([one for one in answered if one.labels or one.estimates], predictor)
    open_rows = rows.open(list(corrected))
    if not open_rows:
        return []
    chosen = [inference for inference, _, _ in open_rows]
    doubts = _doubts(chosen, [values for _, values, _ in open_rows], predictor)
    names = list(doubts.by_target)
    worst = np.array([doubts.by_target[name] for name in names]).argmax(0)
    doubt = np.array([doubts.by_target[name] for name in names]).max(0)
    answers = [
        doubts.labels[names[place]][row] if names[place] in doubts.labels else None for row, place in enumerate(worst)
    ]
    picked = order(
        doubt,
        _groups([names[place] for place in worst], answers, known or {}),
        flagged=np.array([one.review for one in chosen]),
        alike=doubts.alike,
        most=most,
    )
    return [Item(chosen[row], names[worst[row]], float(doubt[row]), open_rows[row][2]) for row in picked]


def order(
    doubt: np.ndarray,
    groups: Groups,
    *,
    flagged: np.ndarray | None = None,
    alike: Callable[[int], np.ndarray] | None = None,
    most: int,
) -> list[int]:
    """The numbers of the rows to look at, the first first: see the module. `doubt` and `flagged` have shape [rows].

    `alike` gives the likeness [rows], from 0 to 1, of all rows to one. Of equals the first is taken.
    """
    rows = len(doubt)
    waiting, nearest = np.ones(rows, bool), np.zeros(rows)
    first = np.zeros(rows, bool) if flagged is None else flagged
    known, labelled = groups.known.astype(np.float64), groups.of_row >= 0
    picked: list[int] = []
    for _ in range(min(most, rows)):
        rarity = ((1 + groups.usual) / (1 + known)) ** BALANCE
        value = doubt * (1 - nearest)
        value[labelled] *= rarity[groups.of_row[labelled]]
        allowed = waiting & first if (waiting & first).any() else waiting
        row = int(np.where(allowed, value, -1.0).argmax())
        picked.append(row)
        waiting[row] = False
        if labelled[row]:
            known[groups.of_row[row]] += 1
        if alike is not None:
            np.maximum(nearest, alike(row), out=nearest)
    return picked


def doubt_of(probabilities: np.ndarray) -> np.ndarray:
    """1 less the margin [rows] of the two likeliest labels, of probabilities [rows, labels]."""
    second, top = np.partition(probabilities, (-2, -1), axis=1)[:, -2:].T
    return np.asarray(1 - (top - second))


def plain(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a log line keeps as they were, by field."""
    kept = {}
    for name, value in inputs.items():
        if not isinstance(value, Mapping):
            kept[name] = value
        elif "text" in value:
            kept[name] = value["text"]
    return kept


def row_of(inputs: Mapping[str, Any], predictor: "Predictor") -> dict[str, Any] | None:
    """The checked row that a log line's inputs are; None unless all that features are made of is there, and plain."""
    logged = plain(inputs)
    row: dict[str, Any] = {}
    for field in predictor.inputs.fields:
        value = row[field.name] = logged.get(field.name)
        if field.name not in predictor.fields:
            continue
        if field.name not in logged or (value is None and field.required):
            return None
        if value is not None and field.check(value):
            return None
    return row


class _Rows:
    """The answers of a log, and what is known of the inputs of each."""

    def __init__(self, answered: Sequence[Inference], predictor: "Predictor | None") -> None:
        self._inferences = sorted(answered, key=lambda one: one.when, reverse=True)
        self._fields = predictor.fields if predictor else ()
        self._rows = [row_of(one.inputs, predictor) if predictor else None for one in self._inferences]

    def open(self, corrected: Sequence[Settled]) -> list[tuple[Inference, dict[str, Any] | None, int]]:
        """Those that nobody corrected, the newest first, with their row where it is known, and how often it came."""
        subjects = {one.subject for one in corrected}
        inputs = {self._key(one.input) for one in corrected if one.input is not None}
        found = []
        for one, row in zip(self._inferences, self._rows, strict=True):
            if subject.subject_of(one.request_id, one.row, None) not in subjects:
                found.append((one, row))
            elif row is not None:
                inputs.add(self._key(row))
        times: dict[bytes, int] = {}
        kept: dict[bytes | int, tuple[Inference, dict[str, Any] | None]] = {}
        for number, (one, row) in enumerate(found):
            key = number if row is None else self._key(row)
            if isinstance(key, bytes):
                if key in inputs:
                    continue
                times[key] = times.get(key, 0) + 1
            kept.setdefault(key, (one, row))
        return [(one, row, times[key] if isinstance(key, bytes) else 1) for key, (one, row) in kept.items()]

    def _key(self, row: Mapping[str, Any]) -> bytes:
        """The same for rows that the model cannot tell apart."""
        return subject.canonical({name: row.get(name) for name in self._fields})


class _Doubts(NamedTuple):
    """By target, how doubtful each row's answer is [rows], and the labels [rows] of those that are labels."""

    by_target: dict[str, np.ndarray]
    labels: dict[str, list[str | None]]
    alike: Callable[[int], np.ndarray] | None


def _doubts(
    answered: Sequence[Inference], rows: Sequence[Mapping[str, Any] | None], predictor: "Predictor | None"
) -> _Doubts:
    """What the log says, and, of rows that are known, what the predictor says today."""
    labelled = dict.fromkeys(name for one in answered for name in one.labels)
    labels: dict[str, list[str | None]] = {name: [one.labels.get(name) for one in answered] for name in labelled}
    by_target = {name: np.array([1 - one.confidences.get(name, 1.0) for one in answered]) for name in labelled}
    for name in dict.fromkeys(name for one in answered for name in one.estimates):
        widths = np.array([_width(one.estimates.get(name, {})) for one in answered])
        by_target[name] = widths / widths.max() if widths.any() else widths
    places = [place for place, row in enumerate(rows) if row is not None]
    if predictor is None or not places:
        return _Doubts(by_target, labels, None)
    there = [row for row in rows if row is not None]
    scores = predictor.scores_of(there)
    for target in predictor.targets:
        if target.task == "classification" and target.name in by_target:
            every = scores[target.name]
            by_target[target.name][places] = doubt_of(np.array([target.probabilities(one) for one in every.tolist()]))
            for place, best in zip(places, every.argmax(1).tolist(), strict=True):
                labels[target.name][place] = target.labels[best]
    measured, texts = predictor.measure(there)
    return _Doubts(
        by_target, labels, among(Alike(Features(texts, measured, int(predictor.offsets[-1]))), places, len(rows))
    )


def _groups(targets: Sequence[str], labels: Sequence[str | None], known: Known) -> Groups:
    """The answers of rows, and how often training saw each; those of which nothing is known are neither rare nor common."""
    numbers: dict[tuple[str, str], int] = {}
    of_row = [
        -1 if label is None or not known.get(target) else numbers.setdefault((target, label), len(numbers))
        for target, label in zip(targets, labels, strict=True)
    ]
    counts = [known[target].get(label, 0) for target, label in numbers]
    usual = [sum(known[target].values()) / len(known[target]) for target, _ in numbers]
    return Groups(np.array(of_row, np.intp), np.array(counts, np.float64), np.array(usual, np.float64))


def _width(estimate: Mapping[str, float | None]) -> float:
    lower, upper = estimate.get("lower"), estimate.get("upper")
    return 0.0 if lower is None or upper is None else max(0.0, upper - lower)
