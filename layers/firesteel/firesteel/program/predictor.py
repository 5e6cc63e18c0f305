"""A loaded program: from a checked row to answers, and to why they are what they are."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import cycle, pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np

from firesteel.errors import ProgramError
from firesteel.program import contract, explain, format, log, old, schema, steps, targets
from firesteel.program.estimators.linear import Linear
from firesteel.program.results import Explanation, Prediction
from firesteel.program.router import Router
from firesteel.program.row import Features
from firesteel.program.signature import signature
from firesteel.program.steps.tfidf import Tfidf


class Estimator(Protocol):
    """Raw scores of rows, and what each feature did to them."""

    columns: dict[str, tuple[int, int]]
    """Which of the scores are whose: target -> [begin, end)."""

    def score(self, features: Features) -> np.ndarray: ...

    @property
    def base(self) -> np.ndarray: ...

    def contributions(self, features: Features, margin: np.ndarray) -> np.ndarray: ...


class Part(NamedTuple):
    """An estimator and the text steps whose features it takes, besides all plain ones."""

    estimator: Estimator
    begin: int
    end: int


class Predictor:
    """Scores rows of one model. Holds no state between calls; safe to use from several threads."""

    def __init__(self, content: format.Content) -> None:
        meta, tensors = content
        self.model = str(meta["model"])
        self.inputs = schema.load(meta["inputs"])
        self.targets = tuple(targets.load(entry) for entry in meta["targets"])
        self.answer = contract.answer(meta["answer"])
        self.request = contract.request(meta["request"], self.inputs, self.targets)
        self.log = log.load(meta.get("log"), self.inputs)
        self.signature = signature(meta)
        if self.signature != meta["signature"]:
            raise ProgramError("the program's feature signature is not that of its inputs and steps")
        steps.check_count(meta["text"], meta["steps"], meta["estimators"], meta["targets"])
        self.texts = [Tfidf(step, _under(tensors, f"text.{number}.")) for number, step in enumerate(meta["text"])]
        self.steps = [
            steps.load(step, _under(tensors, f"steps.{number}.")) for number, step in enumerate(meta["steps"])
        ]
        steps.check_sizes(self.texts, self.steps)
        self.offsets = np.cumsum([0, *(step.size for step in self.texts)])
        self.bounds = np.cumsum([0, *(step.size for step in self.steps)])
        self.parts = [self._part(entry, number, tensors) for number, entry in enumerate(meta["estimators"])]
        self._columns = [
            (name, number, *span)
            for number, part in enumerate(self.parts)
            for name, span in part.estimator.columns.items()
        ]
        self._check(meta["text"])

    def _part(self, entry: Mapping[str, Any], number: int, tensors: Mapping[str, np.ndarray]) -> Part:
        begin, end = entry["text"]
        if not (type(begin) is type(end) is int and 0 <= begin <= end <= len(self.texts)):
            raise ProgramError(f"an estimator takes the text steps {begin} to {end} of {len(self.texts)}")
        size = int(self.offsets[end] - self.offsets[begin] + self.bounds[-1])
        estimator = _estimator(entry, _under(tensors, f"estimators.{number}."), size)
        if not all(type(place) is int for span in estimator.columns.values() for place in span):
            raise ProgramError("a target's scores are no whole numbers")
        return Part(estimator, begin, end)

    def _check(self, texts: Sequence[Mapping[str, Any]]) -> None:
        widths = {name: end - begin for name, _, begin, end in self._columns}
        if len({target.name for target in self.targets}) < len(self.targets):
            raise ProgramError("two targets have one name")
        for target in self.targets:
            if target.scores != widths[target.name]:
                raise ProgramError(f"target {target.name} needs {target.scores} scores, not {widths[target.name]}")
        kinds = {field.name: schema.kind_of(field) for field in self.inputs.fields}
        optional = {field.name for field in self.inputs.fields if not field.required}
        if any(target.task == "count" and target.exposure in optional for target in self.targets):
            raise ProgramError("an exposure may be missing")
        used = [(name, kind) for step in self.steps for name, kind in zip(step.inputs, step.kinds, strict=True)]
        used += [(name, "text") for step in self.texts for name in step.inputs]
        used += [(target.exposure, "number") for target in self.targets if target.task == "count" and target.exposure]
        if any(step["kind"] != "tfidf" for step in texts):
            raise ProgramError("a text step is no tfidf")
        for name, kind in used:
            if kinds.get(name) != kind:
                raise ProgramError(f"a step reads {name}, which is no {kind} input")

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """The inputs that features are made of, in the order of the request."""
        used = {name for text in self.texts for name in text.inputs} | {
            name for one in self.steps for name in one.inputs
        }
        return tuple(field.name for field in self.inputs.fields if field.name in used)

    @property
    def size(self) -> int:
        """The number of features."""
        return int(self.offsets[-1] + self.bounds[-1])

    def check(self, row: object) -> dict[str, Any]:
        """The row's values, ready for `predict`. Raises InputError with one problem a field."""
        return self.inputs.check(row)

    def scores(self, row: Mapping[str, Any]) -> dict[str, list[float]]:
        """The raw scores of each target, before calibration, of a checked row."""
        return {name: scores[0].tolist() for name, scores in self.scores_of([row]).items()}

    def scores_of(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, np.ndarray]:
        """The raw scores [rows, scores] of each target, of checked rows."""
        plain, texts = self.measure(rows)
        scored = [part.estimator.score(self.features(part, plain, texts)) for part in self.parts]
        return {name: scored[number][:, begin:end] for name, number, begin, end in self._columns}

    def measure(self, rows: Sequence[Mapping[str, Any]]) -> tuple[np.ndarray, list["Text"]]:
        """The features of rows: those of plain steps [rows, features], and each row's of texts if there are any."""
        plain = np.zeros((len(rows), int(self.bounds[-1])))
        for number, step in enumerate(self.steps):
            step.fill(rows, plain[:, self.bounds[number] : self.bounds[number + 1]])
        if not self.texts:
            return plain, []
        return plain, [self._text(row) for row in rows] if len(rows) < _FEW else self._texts(rows)

    def features(self, part: Part, plain: np.ndarray, texts: Sequence["Text"]) -> Features:
        """What an estimator takes of the features of rows."""
        if part.begin == 0 and part.end == len(self.texts):
            return Features(texts, plain, int(self.offsets[-1]))
        own = []
        offset = self.offsets[part.begin]
        for ids, values in texts:
            begin, end = ids.searchsorted((offset, self.offsets[part.end]))
            own.append((ids[begin:end] - offset, values[begin:end]))
        return Features(own, plain, int(self.offsets[part.end] - offset))

    def _text(self, row: Mapping[str, Any]) -> "Text":
        """The row's text features that are not zero: numbers ascending over all steps, and their values."""
        prepared: dict[object, str] = {}
        found = []
        for step, offset in zip(self.texts, self.offsets, strict=False):
            text = prepared.get(step.preparation)
            if text is None:
                text = prepared[step.preparation] = step.prepare(row)
            found.append(step.lookup(text) + offset)
        every = np.concatenate(found)
        every.sort()
        changes = np.empty(len(every) + 1, bool)
        changes[0] = changes[-1] = True
        np.not_equal(every[1:], every[:-1], changes[1:-1])
        starts = changes.nonzero()[0]
        ids = every.take(starts[:-1])
        values = np.empty(len(ids))
        np.subtract(starts[1:], starts[:-1], values)
        bounds = ids.searchsorted(self.offsets).tolist()
        for number, step in enumerate(self.texts):
            begin, end = bounds[number], bounds[number + 1]
            if begin < end:
                step.weigh(values[begin:end], ids[begin:end] - self.offsets[number])
        return ids, values

    def _texts(self, rows: Sequence[Mapping[str, Any]]) -> list["Text"]:
        """`_text` of many rows, to the same bits: found and counted together, normalised row by row."""
        bits = int(self.offsets[-1]).bit_length()  # a feature of a row is one number: the row's, then the feature's
        prepared: dict[object, list[str]] = {}
        found = []
        for step, offset in zip(self.texts, self.offsets, strict=False):
            texts = prepared.get(step.preparation)
            if texts is None:
                texts = prepared[step.preparation] = [step.prepare(row) for row in rows]
            owners, numbers = step.lookup.many(texts)
            found.append((owners << bits) + (numbers + offset))
        every = np.concatenate(found)
        if len(rows) << bits < 1 << 31:
            every = every.astype(np.int32)  # sorts in half the time
        every.sort()
        starts = np.flatnonzero(np.diff(every, prepend=-1, append=-1))
        keys = every.take(starts[:-1])
        ids, values = (keys & ((1 << bits) - 1)).astype(np.int64), np.diff(starts).astype(np.float64)
        firsts = np.arange(len(rows) + 1) << bits
        bounds = keys.searchsorted(firsts[:, None] + self.offsets[:-1])  # [rows, steps], and one row beyond
        bounds = bounds.ravel()[: len(rows) * len(self.texts) + 1]
        lengths = np.diff(bounds)
        steps_of = np.tile(np.arange(len(self.texts)), len(rows)).repeat(lengths)
        for number, step in enumerate(self.texts):
            places = np.flatnonzero(steps_of == number)
            scaled = values.take(places)
            step.scale(scaled, ids.take(places) - self.offsets[number])
            values[places] = scaled
        ends = bounds.tolist()
        factors = [
            step.factor(values[begin:end]) if begin < end else 1.0
            for step, begin, end in zip(cycle(self.texts), ends, ends[1:], strict=False)
        ]
        values *= np.repeat(factors, lengths)
        of_rows = ends[:: len(self.texts)]
        return [(ids[begin:end], values[begin:end]) for begin, end in pairwise(of_rows)]

    def predict(self, row: Mapping[str, Any]) -> Prediction:
        """The answer to a checked row."""
        return self._answer(self.scores(row), row)

    def predict_batch(self, rows: Iterable[Mapping[str, Any]]) -> list[Prediction]:
        """`predict` for each row, in order; quicker than one by one."""
        listed = list(rows)
        if not listed:
            return []
        scores = {name: array.tolist() for name, array in self.scores_of(listed).items()}
        return [
            self._answer({name: of_rows[number] for name, of_rows in scores.items()}, row)
            for number, row in enumerate(listed)
        ]

    def _answer(self, scores: Mapping[str, list[float]], row: Mapping[str, Any]) -> Prediction:
        labels, confidences, estimates, review = {}, {}, {}, False
        for target in self.targets:
            if target.task == "classification":
                label, confidence = target.answer(scores[target.name])
                labels[target.name], confidences[target.name] = label, confidence
                if target.threshold is not None and confidence < target.threshold:
                    review = True
            elif target.task == "count":
                exposure = row[target.exposure] if target.exposure else 1.0
                estimates[target.name] = target.estimate(scores[target.name][0], exposure)
            else:
                estimates[target.name] = target.estimate(scores[target.name][0])
        return Prediction(labels, confidences, review, estimates)

    def explain(self, row: Mapping[str, Any]) -> dict[str, Explanation]:
        """What every input field did to each target's raw score, of a checked row."""
        return explain.explain(self, [row])[0]

    def explain_batch(self, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Explanation]]:
        """`explain` for each row, in order."""
        listed = list(rows)
        return explain.explain(self, listed) if listed else []

    def attribute(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Explanation]]:
        """`explain` for each row, in order, with the spans of texts."""
        from firesteel.program import spans  # nobody else pays for it

        return explain.explain(self, rows, [spans.Located(self, row) for row in rows]) if rows else []


Text = tuple[np.ndarray, np.ndarray]
_FEW = 64  # rows below which finding their terms together saves less than making its tables costs


def load(data: bytes | memoryview) -> Predictor | Router:
    """Check a program file and make it ready to answer. Raises ProgramError; copies no array."""
    try:
        content = old.upgrade(format.read(data))
        return Router(content.meta) if "segments" in content.meta else Predictor(content)
    except ProgramError as error:
        raise ProgramError(_told(error)) from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError, MemoryError) as error:
        raise ProgramError(
            f"the program's content is not what its format says: {type(error).__name__}: {_told(error)}"
        ) from None


def _told(error: Exception) -> str:
    """What an error says, fit for a terminal and a line of a log: it may quote the program."""
    said = "".join([character if character.isprintable() else "?" for character in str(error)[: _SAID + 1]])
    return said if len(said) <= _SAID else f"{said[:_SAID]}..."


_SAID = 400  # characters


def _estimator(entry: Mapping[str, Any], tensors: Mapping[str, np.ndarray], size: int) -> Estimator:
    """Trees are imported only by models that have some: a cold start pays for what it uses."""
    if entry["kind"] == "linear":
        return Linear(entry, tensors, size)
    from firesteel.program.estimators.dense import Dense

    return Dense(entry, tensors, size)


def _under[Value](tensors: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
