"""One part answered: rows in, the bytes of their answers out. The same part and bundles give the same bytes anywhere."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import batched
from typing import Any, NamedTuple

from firesteel.errors import InputError, Problem, ProgramError
from firesteel.program.predictor import Predictor
from firesteel.program.results import Explanation
from firesteel.program.router import Router
from firesteel.program.schema import Field, Text
from functions.classify import refresh, shape
from functions.classify.fetch import Fetched
from functions.classify.live import Live, Segmented
from functions.classify.scoring import cells, write
from functions.classify.scoring.layout import Kind, Layout
from functions.classify.scoring.write import LINE

_BATCH = 500  # rows that are scored at once


class Scored(NamedTuple):
    """The answers to a part and, as JSON lines, the rows that have none with what is wrong with them."""

    rows: int
    failed: int
    answers: bytes
    refused: bytes


class Scorer:
    """Loaded bundles that answer parts. `begun` is what answers with a time tell as theirs.

    Raises ProgramError, IntegrityError when a bundle cannot be loaded.
    """

    def __init__(
        self, bundles: Mapping[str, Fetched], layout: Layout, answers: Kind, *, explained: bool, begun: str
    ) -> None:
        (model, fetched), *segments = bundles.items()
        loaded = refresh.load(fetched, model)
        self._own = _timed(loaded, begun) if isinstance(loaded, Live) else None
        self._router = loaded.router if isinstance(loaded, Segmented) else None
        self._model, self._layout, self._explained = model, layout, explained
        self._segments = {name: _timed(_live(refresh.load(one, name), name), begun) for name, one in segments}
        lives = [self._own] if self._own else [*self._segments.values()]
        if not lives:
            raise ProgramError(f"{model} has no segment in which anything is published")
        self._fields = _fields(lives, self._router)
        self._write = write.writer(answers, lives, explained=explained)

    def score(self, data: bytes, line: int) -> Scored:
        """Answer the rows of a part whose first stands on `line`."""
        answers: list[dict[str, Any]] = []
        refused: list[bytes] = []
        for batch in batched(cells.rows(data, line, self._layout, self._fields), _BATCH, strict=False):
            groups: dict[str, _Group] = {}
            for place, row in enumerate(batch):
                try:
                    if row.error:
                        raise row.error
                    live = self._own or self._segment(row.values)
                    checked = live.predictor.check(row.values if self._own else _known(live, row.values))
                except InputError as error:
                    refused.append(_refusal(row.line, error))
                else:
                    group = groups.get(live.model) or groups.setdefault(live.model, _Group(live, [], []))
                    group.places.append(place)
                    group.rows.append(checked)
            told: dict[int, dict[str, Any]] = {}
            for group in groups.values():
                lines = [batch[place].line for place in group.places]
                told.update(zip(group.places, self._answers(group.live, lines, group.rows), strict=True))
            answers += [told[place] for place in sorted(told)]
        return Scored(len(answers) + len(refused), len(refused), self._write(answers), b"".join(refused))

    def _segment(self, row: Mapping[str, Any]) -> Live:
        assert self._router
        segment = self._router.segment_of(row)
        if live := self._segments.get(f"{self._model}/{segment}"):
            return live
        raise InputError((Problem(self._router.segment_by, "no_model", f"no model is published for {segment}"),))

    def _answers(self, live: Live, lines: Sequence[int], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        predictions = live.predictor.predict_batch(rows)
        sources = [*live.shape.items()]
        told = [
            {LINE: line} | {name: source(row, prediction, live) for name, source in sources}
            for line, row, prediction in zip(lines, rows, predictions, strict=True)
        ]
        if self._explained:
            texts = {field.name for field in live.predictor.inputs.fields if isinstance(field, Text)}
            explained = live.predictor.explain_batch(rows)
            told = [one | _why(explanations, texts) for one, explanations in zip(told, explained, strict=True)]
        return told


class _Group(NamedTuple):
    """The rows of a batch that one bundle answers, and where they stand in it."""

    live: Live
    places: list[int]
    rows: list[dict[str, Any]]


def _known(live: Live, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a segment's model reads of a row that has the inputs of all."""
    known = {field.name for field in live.predictor.inputs.fields}
    return {name: value for name, value in values.items() if name in known}


def _timed(live: Live, begun: str) -> Live:
    """A model's answers as a run tells them: without the texts, which the file has, and all at one time."""
    sources = shape.sources(live.predictor)
    texts = {f"input.{field.name}" for field in live.predictor.inputs.fields if isinstance(field, Text)}
    kept: dict[str, shape.Source] = {name: source for name, source in live.shape.items() if sources[name] not in texts}
    at_once: shape.Source = lambda _row, _prediction, _live: begun  # noqa: E731
    return live._replace(shape={name: at_once if sources[name] == "timestamp" else one for name, one in kept.items()})


def _why(explanations: Mapping[str, Explanation], texts: Collection[str]) -> dict[str, Any]:
    """Why an answer is what it is, without the texts: of them, only the known terms that weighed are told."""
    from functions.classify import explain

    told = explain.told({target: _hidden(one, texts) for target, one in explanations.items()})
    for one in told.get("explanations", {"": told}).values():
        for feature in (*one["top_positive_features"], *one["top_negative_features"]):
            if feature["feature"] in texts:
                del feature["value"]
    return told


def _hidden(explanation: Explanation, texts: Collection[str]) -> Explanation:
    """An explanation whose summary quotes no text."""
    parts = explanation.contributions
    return explanation._replace(
        contributions=tuple(one._replace(value="…") if one.feature in texts else one for one in parts)
    )


def _live(loaded: Live | Segmented, name: str) -> Live:
    if isinstance(loaded, Segmented):
        raise ProgramError(f"{name} is a segment, and its program one of segments")
    return loaded


def _fields(lives: Iterable[Live], router: Router | None) -> list[Field]:
    """The inputs of all models, by name once."""
    every = [
        *(router.inputs.fields if router else ()),
        *(field for live in lives for field in live.predictor.inputs.fields),
    ]
    return list({field.name: field for field in every}.values())


def _refusal(line: int, error: InputError) -> bytes:
    problems = [{"field": one.field, "kind": one.kind, "message": one.message} for one in error.problems]
    return write.jsonl([{LINE: line, "problems": problems}])


def needed(loaded: Predictor | Router) -> list[str]:
    """The columns without which no row of a file can be answered."""
    return [field.name for field in loaded.inputs.fields if field.required]
