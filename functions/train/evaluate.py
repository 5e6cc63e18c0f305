"""How good the program's answers are on rows that training never saw."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    f1_score,
    log_loss,
    mean_absolute_error,
    mean_poisson_deviance,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from firesteel.definition import ClassificationTarget, RegressionTarget, Review, Target
from firesteel.program.results import Estimate
from functions.train import models, review
from functions.train.review import Answers

_BINS = 15
_CURVE = 50
_TENTHS = 10
_QUANTILES = np.linspace(0, 1, 21)


def score(metric: str, target: Target, truth: np.ndarray, raw: np.ndarray, exposure: np.ndarray) -> float:
    """One metric that a search can choose by, of raw scores [rows, scores]."""
    if isinstance(target, ClassificationTarget):
        match metric:
            case "accuracy":
                return float(accuracy_score(truth, raw.argmax(1)))
            case "macro_f1":
                return float(f1_score(truth, raw.argmax(1), average="macro", zero_division=0))
            case "log_loss":
                return float(log_loss(truth, models.probabilities(raw), labels=range(raw.shape[1])))
    elif isinstance(target, RegressionTarget):
        return float(_NUMBERS[metric](truth, models.clamped(raw[:, 0], target.range)))
    elif metric == "poisson_deviance":
        return poisson_deviance(truth, exposure, models.rates(raw))
    raise ValueError(f"no metric {metric!r} for {target.task}")


_NUMBERS = {"rmse": root_mean_squared_error, "mae": mean_absolute_error, "r2": r2_score}


def poisson_deviance(truth: np.ndarray, exposure: np.ndarray, rate: np.ndarray) -> float:
    """Mean deviance of rates, truth / exposure, from predicted ones [rows], weighted by exposure."""
    return float(mean_poisson_deviance(truth / exposure, rate, sample_weight=exposure))


def classification(
    labels: tuple[str, ...], truth: np.ndarray, predicted: np.ndarray, probability: np.ndarray
) -> dict[str, Any]:
    """Metrics of one target: truth and predicted are label indices [rows], probability has shape [rows, classes].

    `roc_auc` is the area under the curve of the second of two labels, which is also that of the first; of more labels,
    the mean over each against all others. It is absent when a label is absent.
    """
    every = range(len(labels))
    confidence = probability[np.arange(len(predicted)), predicted]
    right = predicted == truth
    metrics = {
        "rows": len(truth),
        "labels": list(labels),
        "accuracy": float(accuracy_score(truth, predicted)),
        "macro_f1": float(f1_score(truth, predicted, average="macro", labels=every, zero_division=0)),
        "weighted_f1": float(f1_score(truth, predicted, average="weighted", labels=every, zero_division=0)),
        "log_loss": float(log_loss(truth, probability, labels=every)),
        "expected_calibration_error": calibration_error(confidence, right),
        "report": classification_report(
            truth, predicted, labels=every, target_names=labels, output_dict=True, zero_division=0
        ),
        "confusion_matrix": confusion_matrix(truth, predicted, labels=every).tolist(),
        "reliability": reliability(confidence, right),
        "review_curve": review_curve(confidence, right),
    }
    if len(np.unique(truth)) == len(labels):
        chances = probability[:, 1] if len(labels) == 2 else probability
        metrics["roc_auc"] = float(roc_auc_score(truth, chances, multi_class="ovr", labels=list(every)))
    return metrics


def regression(truth: np.ndarray, estimates: Sequence[Estimate], stated: float | None = None) -> dict[str, Any]:
    """Metrics of one target: true numbers [rows] and the program's estimates; `stated` is the coverage of its intervals.

    `residual_quantiles` are those of truth - prediction, from 0 % to 100 % by 5; `calibration` parts the rows in tenths
    by their prediction.
    """
    predicted = np.array([one.value for one in estimates])
    return {"rows": len(truth), **_numbers(truth, np.ones(len(truth)), predicted, _ends(estimates), stated)}


def count(
    truth: np.ndarray, exposure: np.ndarray, estimates: Sequence[Estimate], stated: float | None = None
) -> dict[str, Any]:
    """Metrics of one target: true counts and exposures [rows] and the program's estimates.

    `poisson_deviance` is that of rates, weighted by exposure. `mape`, too, is weighted by exposure; it is the mean of
    |truth - prediction| / truth over rows that count something, and absent when there are none. `r2`, `rmse` and `mae`
    are those of counts. `calibration` parts the rows in tenths by their predicted rate, and `calibration_error` is the
    sum of the tenths' |predicted - true counts|, divided by all true counts. `interval_least_coverage` is how often the
    truth is the likeliest count, which every interval holds: none can cover less.
    """
    predicted = np.array([one.value for one in estimates])
    metrics = {
        "rows": len(truth),
        "exposure": float(exposure.sum()),
        "poisson_deviance": poisson_deviance(truth, exposure, predicted / exposure),
        **_numbers(truth, exposure, predicted, _ends(estimates), stated),
    }
    if (some := truth > 0).any():
        relative = np.abs(truth[some] - predicted[some]) / truth[some]
        metrics["mape"] = float(np.average(relative, weights=exposure[some]))
        gaps = sum(tenth["exposure"] * abs(tenth["predicted"] - tenth["observed"]) for tenth in metrics["calibration"])
        metrics["calibration_error"] = float(gaps / truth.sum())
    if "interval_coverage" in metrics:
        metrics["interval_least_coverage"] = float((truth == np.floor(predicted)).mean())
    return metrics


def _numbers(
    truth: np.ndarray, exposure: np.ndarray, predicted: np.ndarray, ends: np.ndarray | None, stated: float | None
) -> dict[str, Any]:
    """What regressions and counts have in common; R2 is absent where all truth is the same."""
    metrics: dict[str, Any] = {name: float(_NUMBERS[name](truth, predicted)) for name in ("rmse", "mae")}
    if np.ptp(truth) > 0:
        metrics["r2"] = float(r2_score(truth, predicted))
    metrics["residual_quantiles"] = [float(value) for value in np.quantile(truth - predicted, _QUANTILES)]
    if ends is not None:
        lower, upper = ends
        metrics["interval_stated"] = stated
        metrics["interval_coverage"] = float(((truth >= lower) & (truth <= upper)).mean())
        metrics["interval_below"], metrics["interval_above"] = (
            float((truth < lower).mean()),
            float((truth > upper).mean()),
        )
        metrics["interval_width"] = float((upper - lower).mean())
    metrics["calibration"] = _tenths(truth, exposure, predicted, ends)
    return metrics


def _ends(estimates: Sequence[Estimate]) -> np.ndarray | None:
    """Lower and upper ends [2, rows]; None without intervals."""
    ends = [(one.lower, one.upper) for one in estimates if one.lower is not None and one.upper is not None]
    return np.array(ends).T if ends else None


def _tenths(
    truth: np.ndarray, exposure: np.ndarray, predicted: np.ndarray, ends: np.ndarray | None
) -> list[dict[str, float]]:
    """Truth and prediction per unit of exposure, in tenths of the rows by ascending prediction; equal ones stay together."""
    rate = predicted / exposure
    edges = np.unique(np.quantile(rate, np.linspace(0, 1, _TENTHS + 1)[1:-1]))
    places = np.searchsorted(edges, rate, side="left")
    tenths = []
    for number in np.unique(places):
        inside = places == number
        total = exposure[inside].sum()
        tenth = {"rows": int(inside.sum()), "exposure": float(total)}
        tenth |= {"predicted": float(predicted[inside].sum() / total), "observed": float(truth[inside].sum() / total)}
        if ends is not None:
            lower, upper = ends[:, inside]
            tenth["coverage"] = float(((truth[inside] >= lower) & (truth[inside] <= upper)).mean())
            tenth["width"] = float((upper - lower).mean())
        tenths.append(tenth)
    return tenths


def reliability(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """Mean confidence and accuracy in bins of equal width; empty bins are left out."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return [
        {
            "rows": int(inside.sum()),
            "confidence": float(confidence[inside].mean()),
            "accuracy": float(right[inside].mean()),
        }
        for number in range(_BINS)
        if (inside := bins == number).any()
    ]


def calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Expected calibration error: the mean gap of confidence and accuracy, weighted by rows (Naeini et al. 2015)."""
    bins = reliability(confidence, right)
    return float(sum(b["rows"] * abs(b["confidence"] - b["accuracy"]) for b in bins) / len(confidence))


def review_curve(confidence: np.ndarray, right: np.ndarray) -> list[dict[str, float]]:
    """Accuracy of the answers that stay automatic, by the share that does, surest first."""
    order = np.argsort(-confidence, kind="stable")
    accuracy = np.cumsum(right[order]) / np.arange(1, len(order) + 1)
    places = np.unique(np.linspace(1, len(order), min(_CURVE, len(order))).astype(int)) - 1
    return [
        {"share": float((k + 1) / len(order)), "accuracy": float(accuracy[k]), "threshold": float(confidence[order[k]])}
        for k in places
    ]


def review_policy(
    policy: Review, out_of_fold: dict[str, Answers], held_out: dict[str, Answers] | None
) -> tuple[dict[str, float], dict[str, Any]]:
    """Thresholds by target, and what they mean: per target and for answers automatic in all targets at once."""
    tested = held_out or out_of_fold
    found = {name: review.find(out_of_fold[name], tested[name], policy) for name in tested}
    thresholds = {name: result.threshold for name, result in found.items()}
    automatic = np.logical_and.reduce([answers.confidence >= thresholds[name] for name, answers in tested.items()])
    all_right = np.logical_and.reduce([answers.right for answers in tested.values()])
    targets = {name: result.summary(policy, held_out=held_out is not None) for name, result in found.items()}
    overall = {
        "automatic_share": float(automatic.mean()),
        "automatic_accuracy_of_all_targets": float(all_right[automatic].mean()) if automatic.any() else None,
    }
    return thresholds, {"targets": targets, "overall": overall}
