"""Requests that list things: what they share at the top, the list of `each`, and the list that is summed over.

There is a row for every object of `each` and every object of `sum`, and an answer for every object of `each`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from firesteel.errors import InputError, Problem
from firesteel.program.results import Prediction
from firesteel.program.schema import Schema
from firesteel.program.targets import Count
from functions.classify import shape
from functions.classify.body import LIMIT
from functions.classify.live import Live


class Line(NamedTuple):
    """One object of `each` with what it shares, and the checked rows that its answer is the sum of."""

    own: dict[str, Any]
    rows: list[dict[str, Any]]


class Answered(NamedTuple):
    """The answer's content, with one prediction an object of `each` and what that shares and has of its own."""

    content: dict[str, Any]
    totals: list[Prediction]
    rows: list[dict[str, Any]]


Tell = Callable[[Live, list[dict[str, Any]]], Iterable[dict[str, Any]]]
"""What an explained answer has besides, row by row of checked ones."""


def predict(live: Live, sent: object) -> Answered:
    """The answer. Raises InputError."""
    lines = read(live, sent)
    totals = [_total(live, predictions) for predictions in _predictions(live, lines)]
    told_of = [shape.answer(line.own, total, live) for line, total in zip(lines, totals, strict=True)]
    return Answered(_content(live, told_of), totals, [line.own for line in lines])


def explain(live: Live, sent: object, tell: Tell) -> Answered:
    """`predict` with what `tell` says of each row; of a sum, of each object of `sum`, under its name and with its fields."""
    lines = read(live, sent)
    explained = iter(tell(live, [row for line in lines for row in line.rows]))
    request = live.predictor.request or {}
    told_of, totals = [], []
    for line, predictions in zip(lines, _predictions(live, lines), strict=True):
        totals.append(_total(live, predictions))
        answer = shape.answer(line.own, totals[-1], live)
        parts = list(islice(explained, len(line.rows)))
        if summed := request["sum"]:
            answer[summed["name"]] = [
                {name: row[name] for name in summed["inputs"]} | shape.answer(row, prediction, live) | part
                for row, prediction, part in zip(line.rows, predictions, parts, strict=True)
            ]
        else:
            answer |= parts[0]
        told_of.append(answer)
    return Answered(_content(live, told_of), totals, [line.own for line in lines])


def read(live: Live, sent: object) -> list[Line]:
    """The rows of a request. Raises InputError, which names what is wrong as `products[3].price`."""
    request = live.predictor.request or {}
    parts = {part["name"]: part["inputs"] for part in (request["each"], request["sum"]) if part}
    common, *inside = schemas(live)
    problems: list[Problem] = []
    if not isinstance(sent, Mapping):
        raise InputError((Problem("", "wrong_type", f"must be an object with {_names(common, parts)}"),))
    known = {field.name for field in common.fields} | parts.keys()
    if not sent.keys() <= known:
        problems.append(Problem("", "unknown_field", f"has a field that is none of {_names(common, parts)}"))
    top = {name: value for name, value in sent.items() if name in known and name not in parts}
    shared = _checked(common, top, "", problems)
    each, *sums = [_listed(sent, name, schema, problems) for name, schema in zip(parts, inside, strict=True)]
    summed = sums[0] if sums else [{}]
    if not problems and len(each) * len(summed) > LIMIT:
        problems.append(Problem("", "too_many_rows", f"is for {len(each) * len(summed)} rows, more than {LIMIT}"))
    if problems:
        raise InputError(tuple(problems))
    return [Line({**shared, **one}, [{**shared, **one, **other} for other in summed]) for one in each]


def schemas(live: Live) -> list[Schema]:
    """What stands at the top of a request, and what in its lists: in `each`, and in `sum` if there is one."""
    inputs, request = live.predictor.inputs.fields, live.predictor.request or {}
    lists = [part["inputs"] for part in (request["each"], request["sum"]) if part]
    common = tuple(field for field in inputs if not any(field.name in names for names in lists))
    return [Schema(common), *(Schema(tuple(field for field in inputs if field.name in names)) for names in lists)]


def _names(common: Schema, parts: Mapping[str, Any]) -> str:
    return ", ".join([*(field.name for field in common.fields), *parts])


def _listed(sent: Mapping[str, Any], name: str, schema: Schema, problems: list[Problem]) -> list[dict[str, Any]]:
    listed = sent.get(name)
    if name not in sent:
        problems.append(Problem(name, "missing", "is required"))
    elif not isinstance(listed, list):
        problems.append(Problem(name, "wrong_type", "must be an array"))
    elif not 1 <= len(listed) <= LIMIT:
        problems.append(Problem(name, "wrong_length", f"must have between 1 and {LIMIT} objects"))
    else:
        return [_checked(schema, one, f"{name}[{number}]", problems) for number, one in enumerate(listed)]
    return []


def _checked(schema: Schema, value: object, where: str, problems: list[Problem]) -> dict[str, Any]:
    try:
        return schema.check(value)
    except InputError as error:
        for problem in error.problems:
            field = ".".join(part for part in (where, problem.field) if part)
            problems.append(Problem(field, problem.kind, problem.message))
        return {}


def _predictions(live: Live, lines: Sequence[Line]) -> list[list[Prediction]]:
    """Of each line's rows; all are scored at once."""
    predictions = iter(live.predictor.predict_batch(chain.from_iterable(line.rows for line in lines)))
    return [list(islice(predictions, len(line.rows))) for line in lines]


def _total(live: Live, predictions: Sequence[Prediction]) -> Prediction:
    """What is predicted of all rows of a line together."""
    if len(predictions) == 1:
        return predictions[0]
    estimates = {
        target.name: target.total([one.estimates[target.name] for one in predictions])
        for target in live.predictor.targets
        if isinstance(target, Count)
    }
    return Prediction({}, {}, False, estimates)


def _content(live: Live, predictions: list[dict[str, Any]]) -> dict[str, Any]:
    return {"predictions": predictions, "model_version": live.version}
