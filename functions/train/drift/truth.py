"""How good the answers were where feedback says what was right, by day and in all, and whether that is less than in training.

Answers that somebody corrected are no fair sample of all answers: people write when something is wrong. So what is found here
is shown beside the drift, with its rows, and raises no alarm by itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import stats

from firesteel.monitor.feedback import Settled
from firesteel.monitor.inferences import Inference
from functions.train import evaluate
from functions.train.drift import tests
from functions.train.drift.sketch import Key, begin, day_of

LEAST = 30  # rows with a truth
LEVEL = 0.05  # of a fall that is none
RESAMPLES, OF_A_DAY = 1000, 200  # of the bootstrap: of all rows, of a day's
_ENDS = (2.5, 97.5)  # percent


class Measure(NamedTuple):
    """A metric of the answers whose truth is known, with an interval of 95 %; the same metric of the version's held-out
    rows, None if that is unknown; and whether it is significantly worse now.

    `expected` is the mean of the metric of as many rows, answered as well as the held-out ones, where fewer rows alone
    make another value of it: of macro F1.
    """

    name: str
    value: float
    low: float
    high: float
    trained: float | None
    fell: bool
    expected: float | None = None


Pairs = Sequence[tuple[Inference, Any]]
"""Answers to one target, and what is true."""


def judge(
    metrics: Mapping[str, Any],
    corrections: Iterable[Settled],
    found: Mapping[Key, Inference],
    version: str,
    until: datetime,
) -> dict[str, Any]:
    """By target: rows and measures, of all and of each day, oldest first. `metrics` is the version's metrics.json."""
    pairs: dict[str, list[tuple[Inference, Any]]] = {}
    for one in corrections:
        inference = found.get((one.request_id, one.row)) if one.request_id else None
        if inference and inference.version == version:
            for target, right in one.answer.items():
                if target in (inference.labels if isinstance(right, str) else inference.estimates):
                    pairs.setdefault(target, []).append((inference, right))
    known = metrics.get("targets", {})
    return {target: _target(target, own, known.get(target, {}), until) for target, own in pairs.items()}


def fallen(truth: Mapping[str, Any]) -> list[str]:
    """`target.metric` of what is significantly worse than in training."""
    return [f"{target}.{one['name']}" for target, own in truth.items() for one in own["measures"] if one["fell"]]


def _target(target: str, pairs: Pairs, trained: Mapping[str, Any], until: datetime) -> dict[str, Any]:
    enough = len(pairs) >= LEAST
    measures = _measures(target, pairs, trained, RESAMPLES)
    told = [one if enough else one._replace(fell=False) for one in measures]
    by_day: dict[int, list[tuple[Inference, Any]]] = {}
    for pair in pairs:
        by_day.setdefault(day_of(until, pair[0].when), []).append(pair)
    return {
        "rows": len(pairs),
        "enough": enough,
        "sentence": _sentence(target, len(pairs), told, enough),
        "measures": [one._asdict() for one in told],
        "days": [_day(target, by_day[day], begin(until, day), trained) for day in sorted(by_day, reverse=True)],
    }


def _day(target: str, pairs: Pairs, begins: datetime, trained: Mapping[str, Any]) -> dict[str, Any]:
    """The measures of a day's answers. Whether something fell is asked of all days together."""
    measures = _measures(target, pairs, {name: trained[name] for name in ("labels",) if name in trained}, OF_A_DAY)
    told = [{name: getattr(one, name) for name in ("name", "value", "low", "high")} for one in measures]
    return {"begins": begins.isoformat(timespec="seconds").replace("+00:00", "Z"), "rows": len(pairs), "measures": told}


def _measures(target: str, pairs: Pairs, trained: Mapping[str, Any], resamples: int) -> list[Measure]:
    if target in pairs[0][0].labels:
        return _labels(target, pairs, trained, resamples)
    return _numbers(target, pairs, trained, resamples)


def _labels(target: str, pairs: Pairs, trained: Mapping[str, Any], resamples: int) -> list[Measure]:
    right = np.array([one.labels[target] == truth for one, truth in pairs])
    measures = [_share("accuracy", right, trained.get("accuracy"), trained.get("rows"))]
    places = {str(label): number for number, label in enumerate(trained.get("labels", ()))}
    said = [(places.get(truth), places.get(one.labels[target])) for one, truth in pairs]
    if all(None not in pair for pair in said):
        true, predicted = np.array(said, np.int64).T
        now = _Confused(true, predicted, np.ones(len(said), np.int64), len(places))
        before = np.array(trained.get("confusion_matrix", np.zeros((0, 0))), np.int64)
        measures.append(_macro_f1(now, before, resamples))
    confidence = np.array([one.confidences.get(target, np.nan) for one, _ in pairs])
    if not np.isnan(confidence).any():
        measures.append(_calibration(confidence, right, trained.get("expected_calibration_error"), resamples))
    return measures


def _numbers(target: str, pairs: Pairs, trained: Mapping[str, Any], resamples: int) -> list[Measure]:
    true = np.array([truth for _, truth in pairs], np.float64)
    estimates = [one.estimates[target] for one, _ in pairs]
    errors = np.abs(true - np.array([one["value"] for one in estimates], np.float64))
    random, mae = np.random.default_rng(0), trained.get("mae")
    fell = mae is not None and _is_more(errors, mae, trained.get("rmse"), trained.get("rows"))
    drawn = [errors[random.integers(0, len(errors), len(errors))].mean() for _ in range(resamples)]
    low, high = np.percentile(drawn, _ENDS)
    measures = [Measure("mae", float(errors.mean()), float(low), float(high), mae, fell)]
    ends = [(one["lower"], one["upper"]) for one in estimates]
    if any(None in pair for pair in ends):
        return measures
    lower, upper = np.array(ends, np.float64).T
    inside = (true >= lower) & (true <= upper)
    return [*measures, _share("coverage", inside, trained.get("interval_coverage"), trained.get("rows"))]


def _is_more(errors: npt.NDArray[np.float64], mae: float, rmse: float | None, rows: int | None) -> bool:
    """Whether the mean of absolute errors is more than that of held-out `rows`, which are a sample, too.

    Welch's test (1947), one-sided, with the fewer rows' degrees of freedom: never too many. The variance of the held-out
    errors is what their mean square, rmse^2, is above the square of their mean, mae^2.
    """
    if rmse is None or not rows or rows < 2:
        return False
    before = max(rmse**2 - mae**2, 0) / (rows - 1)
    bound = stats.t.isf(LEVEL, min(rows, len(errors)) - 1) * np.sqrt(before + errors.var() / (len(errors) - 1))
    return bool(errors.mean() - mae > bound)


def _share(name: str, hit: npt.NDArray[np.bool_], before: float | None, rows: int | None) -> Measure:
    """A share with Wilson's interval, less than before by Fisher's exact test, which knows how many rows that was of."""
    hits, n = int(hit.sum()), len(hit)
    fell = False
    if before is not None and rows:
        table = [[hits, n - hits], [round(before * rows), rows - round(before * rows)]]
        fell = bool(stats.fisher_exact(table, alternative="less").pvalue < LEVEL)
    return Measure(name, *tests.wilson(hits, n), before, fell)


class _Confused(NamedTuple):
    """What a confusion matrix has in its cells that have anything: label numbers and rows [cells]."""

    true: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    rows: npt.NDArray[np.int64]
    labels: int

    def macro_f1(self) -> float:
        """The mean of the labels that are true or predicted in any row: of few rows that is not every label."""
        agree = self.true == self.predicted
        right, true, predicted = (
            np.bincount(labels, rows, self.labels)
            for labels, rows in (
                (self.true[agree], self.rows[agree]),
                (self.true, self.rows),
                (self.predicted, self.rows),
            )
        )
        seen = true + predicted
        return float((2 * right[seen > 0] / seen[seen > 0]).mean())

    def resampled(self, resamples: int) -> npt.NDArray[np.float64]:
        """The macro F1 [resamples] of rows drawn again."""
        random, rows = np.random.default_rng(0), int(self.rows.sum())
        drawn = (random.multinomial(rows, self.rows / rows) for _ in range(resamples))
        return np.array([self._replace(rows=one).macro_f1() for one in drawn])

    def predictive(self, rows: int, resamples: int) -> npt.NDArray[np.float64]:
        """The macro F1 [resamples] of `rows` new rows of the same world, whose shares these rows tell only so well
        (Bayesian bootstrap: Rubin 1981).
        """
        random = np.random.default_rng(1)
        drawn = (random.multinomial(rows, random.dirichlet(self.rows)) for _ in range(resamples))
        return np.array([self._replace(rows=one).macro_f1() for one in drawn])


def _macro_f1(now: _Confused, trained: npt.NDArray[np.int64], resamples: int) -> Measure:
    """Fell when it is less than 95 % of what as many rows have that are answered as those of training were.

    Few rows have few of many labels, and an F1 of 0 or 1 for most of these, so nothing else can be compared with them.
    `trained` is a confusion matrix [labels, labels], or empty. The interval is that of the percentile bootstrap.
    """
    low, high = np.percentile(now.resampled(resamples), _ENDS)
    measure = Measure("macro_f1", now.macro_f1(), float(low), float(high), None, fell=False)
    if not trained.any():
        return measure
    true, predicted = trained.nonzero()
    before = _Confused(true, predicted, trained[true, predicted], now.labels)
    drawn = before.predictive(int(now.rows.sum()), resamples)
    fell = bool(measure.value < np.percentile(drawn, 100 * LEVEL))
    return measure._replace(trained=before.macro_f1(), fell=fell, expected=float(drawn.mean()))


def _calibration(
    confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], before: float | None, resamples: int
) -> Measure:
    """Expected calibration error, which of few rows is never zero: worse when it is more than the version's own error and
    what rows as right as their confidence says have by chance (consistency resampling: Broecker & Smith 2007).
    """
    random, rows = np.random.default_rng(0), len(right)
    drawn = (random.integers(0, rows, rows) for _ in range(resamples))
    low, high = np.percentile([evaluate.calibration_error(confidence[one], right[one]) for one in drawn], _ENDS)
    error = evaluate.calibration_error(confidence, right)
    fell = False
    if before is not None:
        consistent = (random.random(rows) < confidence for _ in range(resamples))
        chance = np.percentile([evaluate.calibration_error(confidence, one) for one in consistent], 100 * (1 - LEVEL))
        fell = bool(error > chance + before)
    return Measure("calibration_error", error, float(low), float(high), before, fell)


def _sentence(target: str, rows: int, measures: Sequence[Measure], enough: bool) -> str:
    if not enough:
        return f"{target} has feedback for {rows} answers; {LEAST} are needed for a verdict."
    said = [f"{_words(one.name)} {one.value:.3g} ({one.low:.3g} to {one.high:.3g}{_usual(one)})" for one in measures]
    worse = [_words(one.name) for one in measures if one.fell]
    verdict = f"significantly worse than in training: {', '.join(worse)}" if worse else "nothing is significantly worse"
    return f"{target}, {rows:,} answers with feedback: {', '.join(said)}; {verdict}."


def _usual(one: Measure) -> str:
    return "" if one.expected is None else f"; as in training would be {one.expected:.3g}"


def _words(name: str) -> str:
    return {"macro_f1": "macro F1", "mae": "mean absolute error"}.get(name, name.replace("_", " "))
