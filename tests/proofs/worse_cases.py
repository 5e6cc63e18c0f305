"""Evaluations that must not let a version be served: each with its gates, its metrics and those of what is served."""

import math
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple

Metrics = dict[str, Any] | None


class Case(NamedTuple):
    """`latest` is metrics.json of the served version `version`; both are None where nothing is served."""

    name: str
    gates: list[dict[str, Any]]
    metrics: Any
    latest: Any = None
    version: str | None = None


GOOD = 0.9
BOUNDS = ({"at_least": 0.8}, {"at_most": 0.95}, {"max_drop": 0.03}, {"max_rise": 0.03})
NO_NUMBERS: dict[str, Any] = {
    "NaN": math.nan,
    "infinity": math.inf,
    "minus infinity": -math.inf,
    "true": True,
    "false": False,
    "a text": "0.9",
    "an empty text": "",
    "null": None,
    "a list": [0.9],
    "an object": {"value": 0.9},
    "a number beyond every float": 10**400,
    "one below every float": -(10**400),
}


def measured(value: Any, rows: Any = 100, repeated: Any = 0) -> dict[str, Any]:
    """metrics.json of one target with one metric."""
    return {"targets": {"y": {"rows": rows, "r2": value}}, "repeated_rows": {"y": repeated}}


def gate(**bound: float) -> dict[str, Any]:
    return {"metric": "y.r2", **bound}


def cases(random: Random) -> Iterator[Case]:
    yield from _no_numbers()
    yield from _elsewhere()
    yield from _before()
    yield from _just_worse(random)
    yield from _doubtful()
    yield from _several()


def _no_numbers() -> Iterator[Case]:
    for name, value in NO_NUMBERS.items():
        for bound in BOUNDS:
            yield Case(f"{name} for {bound}", [gate(**bound)], measured(value), measured(GOOD), "1.0.0")
        yield Case(f"{name} of a first version", [gate(max_drop=1.0)], measured(value))


def _elsewhere() -> Iterator[Case]:
    """The number is there, and not where it belongs."""
    places: dict[str, Any] = {
        "no metrics": {},
        "no target": {"targets": {}},
        "another target": {"targets": {"z": {"rows": 100, "r2": GOOD}}},
        "another metric": {"targets": {"y": {"rows": 100, "r2s": GOOD}}},
        "at the top": {"r2": GOOD, "y": {"r2": GOOD}},
        "too deep": {"targets": {"y": {"rows": 100, "metrics": {"r2": GOOD}}}},
        "a dotted name": {"targets": {"y.r2": GOOD}},
        "targets that are a list": {"targets": [{"name": "y", "r2": GOOD}]},
        "targets that are a text": {"targets": "y.r2"},
        "targets that are null": {"targets": None},
        "a target that is a number": {"targets": {"y": GOOD}},
        "a target that is a list": {"targets": {"y": [GOOD]}},
        "another case": {"targets": {"Y": {"rows": 100, "R2": GOOD}}},
    }
    for name, metrics in places.items():
        yield Case(f"{name}, new", [gate(at_least=0.0)], metrics)
        yield Case(f"{name}, served", [gate(max_drop=1.0)], measured(GOOD), metrics, "1.0.0")


def _before() -> Iterator[Case]:
    """What is served cannot be compared with."""
    for name, value in NO_NUMBERS.items():
        yield Case(f"served {name}, drop", [gate(max_drop=1.0)], measured(GOOD), measured(value), "1.0.0")
        yield Case(f"served {name}, rise", [gate(max_rise=1.0)], measured(GOOD), measured(value), "1.0.0")
    for latest in (None, [], "damaged", 0.9):
        yield Case(f"served metrics are {latest!r}", [gate(max_drop=1.0)], measured(GOOD), latest, "1.0.0")


def _just_worse(random: Random) -> Iterator[Case]:
    """By one unit in the last place, and by anything."""
    for bound in (0.8, 0.0, -0.0, 1.0, 1e-300, 1e300, random.random()):
        below, above = math.nextafter(bound, -math.inf), math.nextafter(bound, math.inf)
        yield Case(f"right below {bound:g}", [gate(at_least=bound)], measured(below))
        yield Case(f"right above {bound:g}", [gate(at_most=bound)], measured(above))
        yield Case(f"right below a served {bound:g}", [gate(max_drop=0.0)], measured(below), measured(bound), "1.0.0")
        yield Case(f"right above a served {bound:g}", [gate(max_rise=0.0)], measured(above), measured(bound), "1.0.0")
    for number in range(20):
        served, drop = random.random(), random.random() / 10
        worse = served - drop - 1e-9 - random.random()
        yield Case(f"drop {number}", [gate(max_drop=drop)], measured(worse), measured(served), "1.0.0")
        yield Case(f"rise {number}", [gate(max_rise=drop)], measured(2 * served - worse), measured(served), "1.0.0")
    yield Case("a whole number below", [gate(at_least=1)], measured(0))


def _doubtful() -> Iterator[Case]:
    """A good number that was measured on too little, or on what is known by heart."""
    for rows in (0, 1, 2, 5, 9, -100, True, None, 100.0, "100", math.inf, math.nan):
        yield Case(f"measured on {rows!r} rows", [gate(at_least=0.8)], measured(GOOD, rows))
    yield Case(
        "measured on rows nobody counted", [gate(at_least=0.8)], measured(GOOD) | {"targets": {"y": {"r2": GOOD}}}
    )
    for repeated in (11, 50, 100, 10**6, -1, -(10**9), True, None, 0.0, "0", math.nan, [0], {}):
        metrics = measured(GOOD, repeated=repeated)
        yield Case(f"{repeated!r} of 100 rows were trained on", [gate(at_least=0.8)], metrics)
    for counted in (None, 0, {}, [], "0", {"z": 0}):
        metrics = measured(GOOD) | {"repeated_rows": counted}
        yield Case(f"what was trained on is counted as {counted!r}", [gate(at_least=0.8)], metrics)
    uncounted = {"targets": {"y": {"rows": 100, "r2": GOOD}}}
    yield Case("nobody counted what was trained on", [gate(at_least=0.8)], uncounted)
    yield Case("nor of a first version", [gate(max_drop=0.1)], uncounted)
    yield Case("another release counted texts", [gate(at_least=0.8)], uncounted | {"repeated_texts": 0})
    few = measured(GOOD, 9)
    yield Case("few rows, and better than what is served", [gate(max_drop=0.1)], few, measured(0.5), "1.0.0")
    yield Case("few rows of a first version", [gate(max_drop=0.1)], few)


def _several() -> Iterator[Case]:
    """One gate of several fails, wherever it stands; and one metric has two bounds."""
    for place in range(5):
        gates = [gate(at_least=0.1 * number) for number in range(5)]
        gates[place] = gate(at_least=0.95)
        yield Case(f"gate {place} of five", gates, measured(GOOD))
    yield Case("the same gate twice", [gate(at_least=0.95)] * 2, measured(GOOD))
    yield Case(
        "good enough, and a drop", [gate(at_least=0.5), gate(max_drop=0.05)], measured(0.6), measured(0.9), "1.0.0"
    )
    yield Case(
        "no drop, and not good enough", [gate(at_least=0.7), gate(max_drop=0.1)], measured(0.6), measured(0.6), "1.0.0"
    )
    two = {"targets": {"y": {"rows": 100, "r2": GOOD}, "z": {"rows": 5, "r2": GOOD}}, "repeated_rows": {"y": 0, "z": 0}}
    yield Case("of two targets one has few rows", [gate(at_least=0.5), {"metric": "z.r2", "at_least": 0.5}], two)


def fair() -> Iterator[Case]:
    """What is good enough, and must pass: the control."""
    for bound in BOUNDS:
        yield Case(f"{bound}", [gate(**bound)], measured(GOOD), measured(GOOD), "1.0.0")
        yield Case(f"{bound} of ten rows", [gate(**bound)], measured(GOOD, 10), measured(GOOD), "1.0.0")
        yield Case(f"{bound} of a first version", [gate(**bound)], measured(GOOD))
    for value in (0.8, 1, 0, -0.0, 1e300):
        yield Case(f"{value} is {value}", [gate(at_least=value), gate(at_most=value)], measured(value))
        yield Case(f"as good: {value}", [gate(max_drop=0), gate(max_rise=0)], measured(value), measured(value), "1.0.0")
    yield Case("a tenth of the rows repeat", [gate(at_least=0.8)], measured(GOOD, repeated=10))
    served = {"targets": {"y": {"rows": 100, "r2": GOOD}}}
    yield Case("what is served was not counted", [gate(max_drop=0)], measured(GOOD), served, "1.0.0")
    yield Case("no gates", [], measured(GOOD))
