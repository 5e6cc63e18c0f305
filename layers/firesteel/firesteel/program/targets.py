"""What a program predicts, and how raw scores become an answer: labels with confidences, or numbers with intervals."""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from firesteel.errors import InputError, Problem, ProgramError
from firesteel.program.results import Estimate

EXPONENT = 700.0  # e ** 700 is a float, e ** 710 is not
LARGEST = 1e300
_CALIBRATION = 1e60  # a score is less than 1e240: times a scale it is a float


class Classification(NamedTuple):
    """One label of several: how its scores become a confidence, and below which one a person looks.

    The label is that of the highest score. Its confidence is the softmax of scale * score + bias at that label.
    """

    name: str
    labels: tuple[str, ...]
    scale: float
    bias: tuple[float, ...]
    threshold: float | None

    @property
    def task(self) -> Literal["classification"]:
        return "classification"

    @property
    def scores(self) -> int:
        """How many raw scores the target has."""
        return len(self.labels)

    def probabilities(self, scores: Sequence[float]) -> list[float]:
        """Calibrated probabilities of all labels."""
        shifted = [self.scale * score + bias for score, bias in zip(scores, self.bias, strict=True)]
        top = max(shifted)
        exponentials = [math.exp(value - top) for value in shifted]
        total = sum(exponentials)
        return [value / total for value in exponentials]

    def answer(self, scores: Sequence[float]) -> tuple[str, float]:
        """The label of the highest score and its calibrated probability."""
        best = scores.index(max(scores))
        return self.labels[best], self.probabilities(scores)[best]


class Interval(NamedTuple):
    """How far the truth may be below and above a prediction, by bins of the prediction.

    `edges` part the bins; `below` and `above` have one width a bin. A width of the whole interval up to `high` is
    called High, one up to `medium` Medium.
    """

    coverage: float
    edges: tuple[float, ...]
    below: tuple[float, ...]
    above: tuple[float, ...]
    high: float | None
    medium: float | None

    def widths(self, value: float) -> tuple[float, float]:
        """Below and above a predicted value."""
        place = bisect_right(self.edges, value)
        return self.below[place], self.above[place]

    def level(self, width: float) -> str | None:
        if self.high is None or self.medium is None:
            return None
        return "High" if width <= self.high else "Medium" if width <= self.medium else "Low"


class Regression(NamedTuple):
    """A number, clamped to `range`."""

    name: str
    range: tuple[float, float] | None
    unit: str | None
    interval: Interval | None

    @property
    def task(self) -> Literal["regression"]:
        return "regression"

    @property
    def scores(self) -> int:
        return 1

    def estimate(self, score: float) -> Estimate:
        """The number and its interval, both within the range."""
        value = self._clamped(score)
        if self.interval is None:
            return Estimate(value, None, None, None, None)
        below, above = self.interval.widths(value)
        lower, upper = self._clamped(value - below), self._clamped(value + above)
        width = upper - lower
        doubt = min(1.0, width / (self.range[1] - self.range[0])) if self.range else _doubt(width, value)
        return Estimate(value, lower, upper, self.interval.level(width), _score(doubt))

    def _clamped(self, value: float) -> float:
        low, high = self.range or (-LARGEST, LARGEST)
        return min(max(value, low), high)


class Count(NamedTuple):
    """How many: `exposure` (an input, or 1) times the rate, whose logarithm is the raw score."""

    name: str
    exposure: str | None
    unit: str | None
    interval: Interval | None

    @property
    def task(self) -> Literal["count"]:
        return "count"

    @property
    def scores(self) -> int:
        return 1

    def estimate(self, score: float, exposure: float = 1.0) -> Estimate:
        """The expected count and the interval of the count itself, in units of the expected count's square root.

        Counts are whole: of the interval's numbers only the whole ones can come true, so its lower end is never above
        the whole number at or below the expected count. Raises InputError for an exposure that is not above 0.
        """
        if exposure <= 0:
            raise InputError((Problem(self.exposure or "", "out_of_range", "must be more than 0"),))
        expected = min(exposure * math.exp(min(score, EXPONENT)), LARGEST)
        if self.interval is None:
            return Estimate(expected, None, None, None, None)
        below, above = self.interval.widths(expected)
        unit = math.sqrt(expected)
        lower = max(0.0, min(expected - below * unit, math.floor(expected)))
        upper = min(expected + above * unit, LARGEST)
        width = upper - lower
        level = self.interval.level(width / max(expected, 1.0))
        return Estimate(expected, lower, upper, level, _score(_doubt(width, expected)))

    def total(self, estimates: Sequence[Estimate]) -> Estimate:
        """The sum of several counts. The ends of their intervals add up, too: a wide interval, which holds the sum
        whenever each part lies within its own.
        """
        value = sum([one.value for one in estimates])
        ends = [(one.lower, one.upper) for one in estimates if one.lower is not None and one.upper is not None]
        if self.interval is None or len(ends) < len(estimates):
            return Estimate(value, None, None, None, None)
        lower, upper = (sum(of_all) for of_all in zip(*ends, strict=True))
        width = upper - lower
        return Estimate(value, lower, upper, self.interval.level(width / max(value, 1.0)), _score(_doubt(width, value)))


Target = Classification | Regression | Count


def _doubt(width: float, value: float) -> float:
    """From 0 for an interval of no width to 1 for one that dwarfs the value."""
    half = width / 2
    return half / (half + abs(value)) if half else 0.0


def _score(doubt: float) -> float:
    return 0.95 - 0.45 * doubt


def load(entry: Mapping[str, Any]) -> Target:
    """The target that an entry of a program's metadata describes. Raises ProgramError; KeyError, TypeError, ValueError."""
    task = entry["task"]
    if task not in _TASKS:
        raise ProgramError(f"target {entry['name']} has the unknown task {task!r}; there are: {', '.join(_TASKS)}")
    return _TASKS[task](entry)


def _classification(entry: Mapping[str, Any]) -> Classification:
    name, labels, threshold = entry["name"], tuple(entry["labels"]), entry["threshold"]
    bias = _numbers(name, entry["bias"])
    if len(labels) < 2 or len(labels) != len(bias) or not all(isinstance(label, str) for label in labels):
        raise ProgramError(f"target {name} has {len(labels)} labels for {len(bias)} biases")
    scale = _number(name, entry["scale"])
    if max(abs(scale), *map(abs, bias)) > _CALIBRATION:
        raise ProgramError(f"target {name} has a scale or bias beyond {_CALIBRATION:g}")
    return Classification(name, labels, scale, bias, None if threshold is None else _number(name, threshold))


def _regression(entry: Mapping[str, Any]) -> Regression:
    name, bounds = entry["name"], entry["range"]
    if bounds is not None:
        low, high = _numbers(name, bounds)
        if low >= high:
            raise ProgramError(f"target {name} has the range {low:g} to {high:g}")
        bounds = (low, high)
    return Regression(name, bounds, _unit(entry), _interval(name, entry["interval"]))


def _count(entry: Mapping[str, Any]) -> Count:
    return Count(entry["name"], entry["exposure"], _unit(entry), _interval(entry["name"], entry["interval"]))


_TASKS: dict[str, Callable[[Mapping[str, Any]], Target]] = {
    "classification": _classification,
    "regression": _regression,
    "count": _count,
}


def _interval(name: str, entry: Mapping[str, Any] | None) -> Interval | None:
    if entry is None:
        return None
    edges, below, above = (_numbers(name, entry[part]) for part in ("edges", "below", "above"))
    levels = (entry["high"], entry["medium"])
    if not len(edges) + 1 == len(below) == len(above):
        raise ProgramError(f"target {name}: {len(edges)} edges part {len(below)} and {len(above)} bins")
    if list(edges) != sorted(set(edges)):
        raise ProgramError(f"target {name}: the edges of its intervals do not ascend")
    if min(*below, *above) < 0:
        raise ProgramError(f"target {name}: an interval has a width below 0")
    if (levels[0] is None) != (levels[1] is None):
        raise ProgramError(f"target {name}: levels need both high and medium")
    high, medium = (None if level is None else _number(name, level) for level in levels)
    return Interval(_number(name, entry["coverage"]), edges, below, above, high, medium)


def _unit(entry: Mapping[str, Any]) -> str | None:
    unit = entry["unit"]
    if unit is not None and not isinstance(unit, str):
        raise ProgramError(f"the unit of target {entry['name']} is no text")
    return unit


def _numbers(name: str, values: Sequence[object]) -> tuple[float, ...]:
    return tuple(_number(name, value) for value in values)


def _number(name: str, value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= LARGEST:
        raise ProgramError(f"target {name} has {value!r} where a finite number should be")
    return float(value)
