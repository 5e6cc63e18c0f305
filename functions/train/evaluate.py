"""How good the program's answers are on rows that training never saw."""

from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, f1_score, log_loss

from firesteel.definition import Review
from functions.train import review
from functions.train.review import Answers

_BINS = 15
_CURVE = 50


def evaluate(
    labels: tuple[str, ...], truth: np.ndarray, predicted: np.ndarray, probability: np.ndarray
) -> dict[str, Any]:
    """Metrics of one target: truth and predicted are label indices [rows], probability has shape [rows, classes]."""
    every = range(len(labels))
    confidence = probability[np.arange(len(predicted)), predicted]
    right = predicted == truth
    return {
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
