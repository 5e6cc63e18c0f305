"""Feature steps as ONNX: each gives its features [rows, size] in doubles, as program/steps has them."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx

from cli.peers.onnx.graph import DOUBLE, ML, RUNTIME, TEXT, Graph
from firesteel.errors import CompileError
from firesteel.program.steps.calendar import PARTS
from firesteel.program.steps.parts import LIMIT, vocabularies

Meta = Mapping[str, Any]
Tensors = Mapping[str, np.ndarray]


def plain(graph: Graph, meta: Meta, tensors: Tensors) -> str:
    """The features of a step that is not of texts. Raises CompileError for one that has no ONNX form."""
    if meta["kind"] not in _KINDS:
        raise CompileError(
            f"step {meta.get('name')} ({meta['kind']}) has no ONNX form; there are: {', '.join(_KINDS)}, tfidf of words"
        )
    return _KINDS[meta["kind"]](graph, meta, tensors)


def _number(graph: Graph, meta: Meta, tensors: Tensors) -> str:
    given = graph.joined([graph.input(name, DOUBLE) for name in meta["inputs"]])
    values = graph.clipped(given, tensors["low"], tensors["high"])
    missing = graph.missing(values)
    values = graph.op("Where", missing, graph.constant(tensors["fill"]), values)
    values = graph.op("Sub", values, graph.constant(tensors["centre"]))
    values = graph.op("Div", values, graph.constant(tensors["scale"]))
    return graph.joined([values, graph.cast(missing)]) if meta["missing_flags"] else values


def _codes(graph: Graph, name: str, values: list[str], otherwise: int) -> str:
    """The place [rows, 1] of each category in `values`."""
    given = graph.input(name, TEXT)
    if not values:
        zeros = graph.op("Mul", graph.op("Shape", given), graph.constant([0, 0], np.int64))
        return graph.op(
            "Expand", graph.constant([[otherwise]], np.int64), graph.op("Add", graph.op("Shape", given), zeros)
        )
    return graph.op(
        "LabelEncoder",
        given,
        domain=ML,
        keys_strings=values,
        values_int64s=range(len(values)),
        default_int64=otherwise,
    )


def _indicators(graph: Graph, codes: str, width: int) -> str:
    """[rows, width] with a 1 in the column of each code."""
    return graph.cast(graph.op("Equal", codes, graph.constant([range(width)], np.int64)))


def _onehot(graph: Graph, meta: Meta, tensors: Tensors) -> str:
    lists = vocabularies(meta, tensors, len(meta["inputs"]))
    columns = zip(meta["inputs"], lists, strict=True)
    return graph.joined(
        [_indicators(graph, _codes(graph, name, values, -1), len(values)) for name, values in columns if values]
        or [graph.constant(np.zeros((1, 0)))]
    )


def _ordinal(graph: Graph, meta: Meta, tensors: Tensors) -> str:
    lists = vocabularies(meta, tensors, len(meta["inputs"]))
    codes = graph.joined([_codes(graph, *one, -1) for one in zip(meta["inputs"], lists, strict=True)])
    unknown = graph.op("Less", codes, graph.constant(0, np.int64))
    return graph.op("Where", unknown, graph.constant(np.nan), graph.cast(codes))


def _lookup(graph: Graph, meta: Meta, tensors: Tensors) -> str:
    lists = vocabularies(meta, tensors, len(meta["inputs"]))
    means, begin = tensors["means"], sum(map(len, lists))
    found = graph.constant(means[-1:])
    for name, values in reversed(list(zip(meta["inputs"], lists, strict=True))):  # better choices over worse ones
        begin -= len(values)
        table = np.vstack([means[begin : begin + len(values)], np.full((1, means.shape[1]), np.nan)])
        codes = graph.flat(_codes(graph, name, values, len(values)))
        own = graph.op("Gather", graph.constant(table), codes, axis=0)
        found = graph.op("Where", graph.missing(own), found, own)
    return found


def _ratio(graph: Graph, meta: Meta, tensors: Tensors) -> str:
    *names, group = meta["inputs"]
    [values] = vocabularies(meta, tensors, 1)
    zero = np.abs(tensors["means"]) < 1 / LIMIT
    place = graph.flat(_codes(graph, group, values, len(values)))
    divisors = graph.op("Gather", graph.constant(np.where(zero, 1.0, tensors["means"])), place, axis=0)
    numbers = graph.clipped(graph.joined([graph.input(name, DOUBLE) for name in names]), -LIMIT, LIMIT)
    ratios = graph.op("Div", numbers, divisors)
    if not zero.any():
        return ratios
    no_mean = graph.op("Gather", graph.constant(zero, np.bool_), place, axis=0)
    ones = graph.op("And", no_mean, graph.op("Not", graph.missing(ratios)))
    return graph.op("Where", ones, graph.constant(1.0), ratios)


def _hash(graph: Graph, meta: Meta, tensors: Tensors) -> str:  # noqa: ARG001 - as every step's
    columns = graph.constant([range(meta["width"])], np.int64)
    parts = []
    for first, second in meta["pairs"]:
        hashed = graph.cast(_hashed(graph, first, second), onnx.TensorProto.INT64)
        place = graph.op("Mod", graph.op("Abs", hashed), graph.constant(meta["width"], np.int64))
        negative = graph.op("Less", hashed, graph.constant(0, np.int64))
        sign = graph.op("Where", negative, graph.constant(-1.0), graph.constant(1.0))
        parts.append(graph.op("Mul", graph.cast(graph.op("Equal", place, columns)), sign))
    return graph.op("Sum", *parts)


def _hashed(graph: Graph, first: str, second: str) -> str:
    """The hash [rows, 1] of a pair's token, as program/steps/hash.py writes it; missing categories are empty."""
    one, other = graph.input(first, TEXT), graph.input(second, TEXT)

    def written(*parts: str) -> str:
        joined = parts[0]
        for part in parts[1:]:
            joined = graph.op("StringConcat", joined, part)
        return joined

    def said(text: str) -> str:
        return graph.constant([[text]], str)

    def known(name: str, given: str, full: str) -> str:
        return graph.op("Where", graph.op("Equal", given, said("")), said(name), full)

    length = graph.cast(_length(graph, one), TEXT)
    left = known(first, one, written(said(f"{first}="), length, said(":"), one))
    right = known(second, other, written(said(f"{second}="), other))
    return graph.op("MurmurHash3", written(left, said(" x "), right), domain=RUNTIME, positive=0, seed=0)


def _length(graph: Graph, texts: str) -> str:
    """The code points [rows, 1] of texts: as many as there are tokens of one, less the marks of begin and end."""
    tokens = graph.op(
        "Tokenizer", graph.flat(texts), domain=RUNTIME, mark=1, mincharnum=1, pad_value="", tokenexp=r"(?s)."
    )
    filled = graph.op("Not", graph.op("Equal", tokens, graph.constant("", str)))
    counts = graph.op(
        "ReduceSum", graph.cast(filled, onnx.TensorProto.INT64), graph.constant([1], np.int64), keepdims=1
    )
    return graph.op("Sub", counts, graph.constant(2, np.int64))


def _calendar(graph: Graph, meta: Meta, tensors: Tensors) -> str:  # noqa: ARG001 - as every step's
    columns = []
    for name in meta["inputs"]:
        told = _dates(graph, graph.input(name, DOUBLE))
        columns += [told[part] for part in meta["parts"]]
    return graph.joined(columns)


def _dates(graph: Graph, seconds: str) -> dict[str, str]:
    """All parts [rows, 1] of seconds since 1970: the arithmetic of program/steps/calendar.py, in doubles that are whole."""

    def less(one: str, other: str) -> str:
        return graph.op("Sub", one, other)

    def plus(one: str, other: str | float) -> str:
        return graph.op("Add", one, other if isinstance(other, str) else graph.constant(float(other)))

    def times(one: str, factor: float) -> str:
        return graph.op("Mul", one, graph.constant(float(factor)))

    def over(one: str, divisor: float) -> str:
        return graph.op("Floor", graph.op("Div", one, graph.constant(float(divisor))))

    def rest(one: str, divisor: float) -> str:
        return less(one, times(over(one, divisor), divisor))

    moment = graph.op("Floor", seconds)
    days = over(moment, 86400)
    shifted = plus(days, 719468)
    era, day_of_era = over(shifted, 146097), rest(shifted, 146097)
    year_of_era = over(
        less(
            plus(less(day_of_era, over(day_of_era, 1460)), over(day_of_era, 36524)),
            over(day_of_era, 146096),
        ),
        365,
    )
    day_of_year = less(day_of_era, less(plus(times(year_of_era, 365), over(year_of_era, 4)), over(year_of_era, 100)))
    from_march = over(plus(times(day_of_year, 5), 2), 153)
    month = plus(rest(plus(from_march, 2), 12), 1)
    early = graph.cast(graph.op("LessOrEqual", month, graph.constant(2.0)))
    parts = (
        plus(plus(times(era, 400), year_of_era), early),
        month,
        plus(less(day_of_year, over(plus(times(from_march, 153), 2), 5)), 1),
        rest(plus(days, 3), 7),
        over(less(moment, times(days, 86400)), 3600),
        days,
    )
    return dict(zip(PARTS, parts, strict=True))


_KINDS: dict[str, Callable[[Graph, Meta, Tensors], str]] = {
    "number": _number,
    "onehot": _onehot,
    "ordinal": _ordinal,
    "hash": _hash,
    "lookup": _lookup,
    "ratio": _ratio,
    "calendar": _calendar,
}
