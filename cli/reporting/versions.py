"""What a report says of one version by itself: where it comes from, how good it is, and when a person looks."""

from collections.abc import Iterator, Mapping
from typing import Any

from cli.reporting.document import Part, Plot, Section, Table, Text
from cli.reporting.subject import Subject
from firesteel.definition import ClassificationTarget
from functions.train import plots

MEASURES = {
    "classification": {
        "accuracy": "accuracy",
        "macro_f1": "macro F1",
        "log_loss": "log loss",
        "roc_auc": "ROC AUC",
        "expected_calibration_error": "calibration error",
    },
    "regression": {"r2": "R2", "rmse": "RMSE", "mae": "MAE", "interval_coverage": "coverage of intervals"},
    "count": {
        "poisson_deviance": "Poisson deviance",
        "r2": "R2",
        "rmse": "RMSE",
        "mae": "MAE",
        "mape": "MAPE",
        "calibration_error": "calibration error",
        "interval_coverage": "coverage of intervals",
    },
}
_LABELS = 40  # in a table, the worst
_PAIRS = 10
_FIELDS = 15  # in a plot, the most important

Metrics = Mapping[str, Mapping[str, Any]]


def number(value: float | None, digits: int = 4) -> str:
    """A metric in a cell; nothing where there is none."""
    return "" if value is None else f"{value:.{digits}f}"


def origin(subject: Subject) -> Iterator[Part]:
    """A table of facts, and the gates that failed."""
    metadata, manifest = subject.metadata, subject.manifest
    data, parted = metadata.get("data", {}), metadata.get("split", {})
    facts = {
        "model": manifest.model,
        "version": manifest.version,
        "what it does": subject.definition.description,
        "changes": metadata.get("changelog"),
        "trained": metadata.get("trained_at"),
        "data": data and f"{data['source']}, {data['rows_used']:,} rows, SHA-256 {data['sha256'][:16]}",
        "split": parted and f"{parted['kind']}, {parted['train']:,} rows to train on, {parted['test']:,} held out",
        "Firesteel's commit": metadata.get("git_commit"),
        "digest": manifest.digest[:16],
    }
    yield Table(("what", "of this version"), tuple((name, str(fact)) for name, fact in facts.items() if fact))
    for gate in metadata.get("gates", []):
        if not gate["passed"]:
            value = "is missing" if gate["value"] is None else f"is {gate['value']:.4f}"
            yield Text(f"A gate failed: {gate['metric']} {value}, wanted {gate['bound']}.", "warning")


def quality(subject: Subject, metrics: Metrics) -> Iterator[Part]:
    """A table of metrics for each task."""
    for task, measures in MEASURES.items():
        of_task = {name: own for name, own in metrics.items() if subject.definition.targets[name].task == task}
        shown = {key: title for key, title in measures.items() if any(key in own for own in of_task.values())}
        if of_task:
            cells = tuple(
                (name, f"{own['rows']:,}", *(number(own.get(key)) for key in shown)) for name, own in of_task.items()
            )
            yield Table(("target", "rows", *shown.values()), cells)


def details(subject: Subject, metrics: Metrics) -> Iterator[Section]:
    """Plots and a table of labels, or of tenths of the rows, for each target."""
    importance = subject.metrics.get("importance") or {}
    for name, own in metrics.items():
        is_labelled = isinstance(subject.definition.targets[name], ClassificationTarget)
        parts = _of_labels(subject, name, dict(own)) if is_labelled else _of_numbers(name, dict(own))
        if fields := importance.get(name):
            top = dict(sorted(fields.items(), key=lambda item: -item[1])[:_FIELDS])
            parts.append(Plot(f"{name}-importance", f"{name}: what the inputs contribute", plots.importance(top, name)))
        tables = (_labels(own), *_confused(own)) if is_labelled else (_tenths(own),)
        yield Section(name, (*parts, *tables))


def _of_labels(subject: Subject, name: str, own: dict[str, Any]) -> list[Part]:
    policy = ((subject.metrics.get("review") or {}).get("targets") or {}).get(name)
    drawn = {
        "confusion": ("true labels in rows, predicted ones in columns", plots.confusion(own, name)),
        "reliability": ("accuracy against confidence; on the line it is calibrated", plots.reliability(own, name)),
        "review": ("accuracy of automatic answers against their share", plots.review_curve(own, policy, name)),
    }
    return [Plot(f"{name}-{what}", f"{name}: {said}", svg) for what, (said, svg) in drawn.items()]


def _of_numbers(name: str, own: dict[str, Any]) -> list[Part]:
    drawn = {
        "calibration": ("observed against predicted, by tenths of the rows", plots.calibration(own, name)),
        "residuals": ("how far the truth is from the prediction", plots.residuals(own, name)),
    }
    if "interval_coverage" in own:
        held = plots.intervals(own, own["interval_stated"], name)
        drawn["intervals"] = ("how often the truth is in the interval, by tenths", held)
    return [Plot(f"{name}-{what}", f"{name}: {said}", svg) for what, (said, svg) in drawn.items()]


def _labels(own: Mapping[str, Any]) -> Table:
    """Labels, the worst first."""
    report = own["report"]
    order = sorted(own["labels"], key=lambda label: report[label]["f1-score"])
    rows = tuple(
        (
            label,
            *(number(report[label][key], 3) for key in ("precision", "recall", "f1-score")),
            f"{report[label]['support']:.0f}",
        )
        for label in order[:_LABELS]
    )
    left_out = f"; {len(order) - _LABELS} better ones are left out" if len(order) > _LABELS else ""
    return Table(("label", "precision", "recall", "F1", "rows"), rows, f"Labels, the worst first{left_out}")


def _confused(own: Mapping[str, Any]) -> Iterator[Table]:
    """Which labels are taken for which, the most frequent first."""
    labels, counts = own["labels"], own["confusion_matrix"]
    pairs = [
        (count, labels[true], labels[said])
        for true, row in enumerate(counts)
        for said, count in enumerate(row)
        if count and true != said
    ]
    rows = tuple((true, said, f"{count:,}") for count, true, said in sorted(pairs, key=lambda pair: -pair[0])[:_PAIRS])
    if rows:
        yield Table(("true", "predicted", "rows"), rows, "What is most often taken for what")


def _tenths(own: Mapping[str, Any]) -> Table:
    rows = tuple(
        (
            str(place),
            f"{tenth['rows']:,}",
            f"{tenth['predicted']:.4g}",
            f"{tenth['observed']:.4g}",
            f"{tenth['coverage']:.1%}" if "coverage" in tenth else "",
        )
        for place, tenth in enumerate(own["calibration"], 1)
    )
    return Table(
        ("tenth", "rows", "predicted", "observed", "in the interval"), rows, "Tenths of the rows by prediction"
    )


def policy(subject: Subject) -> Iterator[Part]:
    """When a person should look, as training found it."""
    review = subject.metrics.get("review")
    if not review:
        return
    rows = tuple(
        (
            name,
            f"{one['automatic_share']:.1%}",
            number(one["automatic_accuracy"]),
            f"{one['wanted_accuracy']:.1%}",
            number(one["threshold"]) if one["automatic_accuracy"] is not None else "",
        )
        for name, one in review["targets"].items()
    )
    yield Table(("target", "automatic", "their accuracy", "wanted", "from confidence"), rows)
    yield from (Text(f"{name}: guarantee {one['guarantee']}.", "note") for name, one in review["targets"].items())
