"""OK, DRIFT or INSUFFICIENT_DATA for each series: a test corrected for the many of them, and an effect that matters.

Both are asked for: with a test alone, a million rows make an alarm of a trifle; with an effect alone, chance makes one of
fifty. Each series is tested in each window, and the p-values of all tests of a look are corrected together, so that of
looks at data without drift at most ALPHA raise any alarm.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from functions.train.drift import cells, describe, tests
from functions.train.drift.baseline import Numbers, Series, Terms
from functions.train.drift.cells import Counts
from functions.train.drift.tests import Tested

ALPHA = 0.05  # of looks without drift may raise an alarm
BOUND = 0.1  # Jensen-Shannon distance; a normal variable that moves by 0.24 standard deviations has it
LEAST = 100  # rows of a window, and of the baseline
BINS = 10  # of numbers, for PSI and Jensen-Shannon, of equal size in the baseline; missing ones are one more

State = Literal["OK", "DRIFT", "INSUFFICIENT_DATA"]


class Compared(NamedTuple):
    """One series in one window. `p_corrected` is that of Holm; `bins` the counts that PSI and distance are of."""

    days: int
    rows: int
    statistic: float
    p: float
    p_corrected: float
    psi: float
    distance: float
    counts: Counts

    @property
    def significant(self) -> bool:
        return self.p_corrected <= ALPHA

    @property
    def state(self) -> State:
        return "DRIFT" if self.significant and self.distance >= BOUND else "OK"


class Finding(NamedTuple):
    """What was found of one series. `windows` has those with enough rows; `rows` are those of the longest, enough or not."""

    series: Series
    state: State
    sentence: str
    rows: int
    windows: tuple[Compared, ...]

    @property
    def telling(self) -> Compared | None:
        """The window to speak of: of those that drifted, else of all, the one least likely by chance."""
        drifted = [one for one in self.windows if one.state == "DRIFT"]
        return min(drifted or self.windows, key=lambda one: (one.p, -one.distance), default=None)


def decide(series: Sequence[Series], current: Callable[[Series, int], Counts], windows: Sequence[int]) -> list[Finding]:
    """Judge each series; `current` gives its counts in the last days, of which `windows` says how many, ascending."""
    compared: dict[tuple[str, str], list[Compared]] = {}
    for one in series:
        looks = [(days, current(one, days)) for days in windows]
        compared[one.key] = [
            _compare(one, days, counts)
            for days, counts in looks
            if min(one.rows_in(counts), one.rows_in(one.counts)) >= LEAST
        ]
    corrected = iter(tests.holm([look.p for looks in compared.values() for look in looks]))
    return [
        _finding(
            one,
            tuple(look._replace(p_corrected=next(corrected)) for look in compared[one.key]),
            one.rows_in(current(one, windows[-1])),
        )
        for one in series
    ]


def overall(states: Sequence[State]) -> State:
    """DRIFT if anything drifted; INSUFFICIENT_DATA if nothing could be judged."""
    if "DRIFT" in states:
        return "DRIFT"
    return "OK" if "OK" in states else "INSUFFICIENT_DATA"


def binned(one: Series, counts: Counts) -> tuple[Counts, Counts]:
    """The baseline's counts and these in the bins of PSI and distance: tenths of the baseline, or categories."""
    if not isinstance(one, Numbers):
        return one.counts, counts
    parts = cells.bins(one.counts, BINS)
    return np.array([one.counts[part].sum() for part in parts]), np.array([counts[part].sum() for part in parts])


def _compare(one: Series, days: int, counts: Counts) -> Compared:
    if isinstance(one, Terms):
        tested, reference, current = _terms(one, counts)
    else:
        test = tests.ks if isinstance(one, Numbers) else tests.chi_squared
        tested = test(one.counts, counts)
        reference, current = binned(one, counts)
    effects = tests.psi(reference, current), tests.jensen_shannon(reference, current)
    return Compared(days, one.rows_in(counts), tested.statistic, tested.p, tested.p, *effects, counts)


def _terms(one: Terms, counts: Counts) -> tuple[Tested, Counts, Counts]:
    """The term whose share moved least by chance: its test, corrected for their number, and the rows with it and without."""
    had, has = _with_and_without(one.counts), _with_and_without(counts)
    statistics, p = tests.fourfold(had, has)
    place = int(statistics.argmax())
    return Tested(float(statistics[place]), min(1.0, float(p[place]) * len(p))), had[place], has[place]


def _with_and_without(counts: Counts) -> Counts:
    """Rows that have each term, and rows that do not [terms, 2]."""
    return np.column_stack([counts[:-1], counts[-1] - counts[:-1]])


def _finding(one: Series, windows: tuple[Compared, ...], rows: int) -> Finding:
    if not windows:
        return Finding(one, "INSUFFICIENT_DATA", describe.insufficient(one, rows, LEAST), rows, ())
    found = Finding(one, overall([look.state for look in windows]), "", rows, windows)
    look = found.telling
    assert look
    return found._replace(sentence=describe.sentence(one, look, BOUND))
