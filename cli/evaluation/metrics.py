"""What the answers to labelled rows come to: metrics, and bounds that they must reach."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from firesteel.definition import Definition
from functions.train.dataset import Dataset

OF_TARGET = ("accuracy", "macro_f1", "automatic_accuracy")
_OF_ALL = ("review.automatic_share", "review.automatic_accuracy")


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled row and its answer, by target. One that the API refused has no answer but `error`."""

    line: int
    inputs: dict[str, str]
    truth: dict[str, str]
    predicted: dict[str, str]
    confidence: dict[str, float]
    review: bool | None
    model_version: str | None
    error: str | None

    @property
    def match(self) -> dict[str, bool]:
        return {name: self.predicted.get(name) == label for name, label in self.truth.items()}

    @property
    def automatic(self) -> bool:
        """Whether the answer asks for nobody to look."""
        return self.review is False

    def to_json(self) -> dict[str, Any]:
        return {
            "line": self.line,
            "input": self.inputs,
            "true": self.truth,
            "predicted": self.predicted,
            "confidence": self.confidence,
            "match": self.match,
            "review": self.review,
            "model_version": self.model_version,
            "error": self.error,
        }


class Verdict(NamedTuple):
    """A bound and how the metric stands to it; `value` is None when there was nothing to measure, which is no pass."""

    metric: str
    at_least: float
    value: float | None
    passed: bool

    def sentence(self) -> str:
        found = "cannot be measured, no answer is automatic" if self.value is None else f"is {self.value:.4f}"
        return f"{self.metric} {found}, wanted at least {self.at_least:g}"


def judge(metrics: Mapping[str, float | None], metric: str, at_least: float) -> Verdict:
    """Whether a metric is at least what it must be."""
    value = metrics[metric]
    return Verdict(metric, at_least, value, value is not None and value >= at_least)


def metric_names(targets: Iterable[str]) -> list[str]:
    """The metrics that an evaluation of these targets has."""
    return [f"{target}.{metric}" for target in targets for metric in OF_TARGET] + list(_OF_ALL)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All rows of a file with their answers; there is at least one."""

    definition: Definition
    base_url: str
    data: Dataset
    rows: tuple[Row, ...]

    @property
    def refused(self) -> list[Row]:
        return [row for row in self.rows if row.error is not None]

    @property
    def model_versions(self) -> list[str]:
        return sorted({row.model_version for row in self.rows if row.model_version is not None})

    @cached_property
    def metrics(self) -> dict[str, float | None]:
        """By the names of `metric_names`, from 0 to 1. A refused row is wrong; macro F1 is over labels that occur."""
        automatic = [row for row in self.rows if row.automatic]
        found: dict[str, float | None] = {}
        for name in self.definition.targets:
            found |= self._of_target(name)
            found[f"{name}.automatic_accuracy"] = _share([row.match[name] for row in automatic])
        found["review.automatic_share"] = len(automatic) / len(self.rows)
        found["review.automatic_accuracy"] = _share([all(row.match.values()) for row in automatic])
        return {name: found[name] for name in metric_names(self.definition.targets)}

    def _of_target(self, name: str) -> dict[str, float | None]:
        from sklearn.metrics import accuracy_score, f1_score

        truth, predicted = self._labels(name)
        occurring = sorted({*truth, *predicted} - {""})
        return {
            f"{name}.accuracy": float(accuracy_score(truth, predicted)),
            f"{name}.macro_f1": float(f1_score(truth, predicted, labels=occurring, average="macro", zero_division=0)),
        }

    def by_label(self, name: str) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and support of each of a target's labels."""
        from sklearn.metrics import classification_report

        truth, predicted = self._labels(name)
        labels = self.definition.targets[name].label_names
        table = classification_report(truth, predicted, labels=labels, output_dict=True, zero_division=0)
        return {label: table[label] for label in labels}

    def _labels(self, name: str) -> tuple[list[str], list[str]]:
        return [row.truth[name] for row in self.rows], [row.predicted.get(name, "") for row in self.rows]

    def summary(self) -> dict[str, Any]:
        """Everything but the rows, in terms of JSON."""
        return {
            "model": self.definition.model,
            "model_versions": self.model_versions,
            "base_url": self.base_url,
            "data": {"source": self.data.source, "sha256": self.data.sha256, "bad_rows": len(self.data.bad_rows)},
            "rows": len(self.rows),
            "refused": [{"line": row.line, "error": row.error} for row in self.refused],
            "metrics": self.metrics,
        }

    def sentences(self) -> list[str]:
        """What the numbers leave out, for people."""
        version = " and ".join(self.model_versions) or "no version"
        share, accuracy = (self.metrics[name] for name in _OF_ALL)
        said = [f"{len(self.rows)} rows answered by {self.definition.model} {version} at {self.base_url}"]
        if accuracy is None:
            said.append("every answer asks for review")
        else:
            said.append(
                f"{1 - (share or 0):.1%} ask for review; the others are right in all targets {accuracy:.1%} of the time"
            )
        if self.data.bad_rows:
            said.append(f"{len(self.data.bad_rows)} bad rows of the file were not sent")
        if len(self.model_versions) > 1:
            said.append("the alias moved meanwhile: these metrics are a mixture of versions")
        if self.refused:
            said.append(f"{len(self.refused)} rows were refused and count as wrong, such as:")
            said += [f"  line {row.line}: {row.error}" for row in self.refused[:5]]
        return said


def _share(flags: list[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
