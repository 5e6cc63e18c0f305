"""From raw scores to answers in ONNX: calibrated probabilities and labels, clamped numbers, expected counts, intervals."""

import math

import numpy as np

from cli.peers.onnx.graph import BOOLEAN, DOUBLE, TEXT, Graph
from firesteel.program.targets import EXPONENT, LARGEST, Classification, Count, Interval, Regression, Target

_ROWS = 1


def answer(graph: Graph, target: Target, raw: str) -> str | None:
    """Write the outputs of a target, of its raw scores [rows, scores]. Gives what says whether a person should look, if it can."""
    if isinstance(target, Classification):
        return _label(graph, target, raw)
    score = graph.flat(raw)
    if isinstance(target, Count):
        _count(graph, target, score)
    else:
        _number(graph, target, score)
    return None


def _label(graph: Graph, target: Classification, raw: str) -> str | None:
    scaled = graph.op("Mul", raw, graph.constant(target.scale))
    probabilities = graph.op("Softmax", graph.op("Add", scaled, graph.constant(target.bias)), axis=_ROWS)
    best = graph.op("ArgMax", raw, axis=_ROWS, keepdims=1)
    label = graph.op("Gather", graph.constant(target.labels, str), graph.flat(best), axis=0)
    confidence = graph.flat(graph.op("GatherElements", probabilities, best, axis=_ROWS))
    graph.output(f"predicted_{target.name}", label, TEXT)
    graph.output(f"{target.name}_confidence", confidence, DOUBLE)
    graph.output(f"{target.name}_probabilities", probabilities, DOUBLE, len(target.labels))
    return None if target.threshold is None else graph.op("Less", confidence, graph.constant(target.threshold))


def _number(graph: Graph, target: Regression, score: str) -> None:
    bounds = target.range or (-LARGEST, LARGEST)
    value = graph.clipped(score, *bounds)
    graph.output(target.name, value, DOUBLE)
    if target.interval:
        below, above = _widths(graph, target.interval, value)
        graph.output(f"{target.name}_lower", graph.clipped(graph.op("Sub", value, below), *bounds), DOUBLE)
        graph.output(f"{target.name}_upper", graph.clipped(graph.op("Add", value, above), *bounds), DOUBLE)


def _count(graph: Graph, target: Count, score: str) -> None:
    rate = graph.op("Exp", graph.clipped(score, -math.inf, EXPONENT))
    exposure = graph.flat(graph.input(target.exposure, DOUBLE)) if target.exposure else graph.constant(1.0)
    value = graph.clipped(graph.op("Mul", exposure, rate), -math.inf, LARGEST)
    graph.output(target.name, value, DOUBLE)
    if target.interval:
        below, above = _widths(graph, target.interval, value)
        unit = graph.op("Sqrt", value)
        lowest = graph.op("Sub", value, graph.op("Mul", below, unit))
        lower = graph.op("Min", lowest, graph.op("Floor", value))
        upper = graph.op("Add", value, graph.op("Mul", above, unit))
        graph.output(f"{target.name}_lower", graph.clipped(lower, 0.0, math.inf), DOUBLE)
        graph.output(f"{target.name}_upper", graph.clipped(upper, -math.inf, LARGEST), DOUBLE)


def _widths(graph: Graph, interval: Interval, value: str) -> tuple[str, str]:
    """Below and above values [rows], by the bin that each falls into."""
    if not interval.edges:
        return graph.constant(interval.below[0]), graph.constant(interval.above[0])
    column = graph.op("Unsqueeze", value, graph.constant([1], np.int64))
    over = graph.op("GreaterOrEqual", column, graph.constant([interval.edges]))
    place = graph.op("ReduceSum", graph.cast(over, 7), graph.constant([1], np.int64), keepdims=0)
    below, above = (
        graph.op("Gather", graph.constant(widths), place, axis=0) for widths in (interval.below, interval.above)
    )
    return below, above


def review(graph: Graph, doubts: list[str]) -> None:
    """Whether a person should look: if any label's confidence is below its threshold."""
    if doubts:
        every = doubts[0]
        for one in doubts[1:]:
            every = graph.op("Or", every, one)
        graph.output("review", every, BOOLEAN)
