"""What the answers to labelled rows come to."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from cli.evaluation.data import Labelled
from cli.evaluation.fields import AUTOMATIC, Fields
from cli.evaluation.row import Row
from firesteel.definition import ClassificationTarget, CountTarget, Definition
from firesteel.program.results import Estimate
from functions.train import evaluate

_LEAST = 5e-7  # answers are rounded to 6 digits; the deviance of an expectation of 0 is infinite


@dataclass(frozen=True, eq=False)
class Evaluation:
    """All rows of a file with their answers; there is at least one."""

    definition: Definition
    fields: Fields
    base_url: str
    data: Labelled
    rows: tuple[Row, ...]

    @property
    def refused(self) -> list[Row]:
        return [row for row in self.rows if row.error is not None]

    @property
    def model_versions(self) -> list[str]:
        return sorted({row.model_version for row in self.rows if row.model_version is not None})

    @property
    def worst_first(self) -> list[Row]:
        """Refused rows, then the largest errors in the first number; in the file's order where all are labels."""
        measured = [name for name in self.definition.targets if name not in self.definition.labelled]
        if not measured:
            return list(self.rows)
        return sorted(self.rows, key=lambda row: -abs(row.difference.get(measured[0], float("inf"))))

    @cached_property
    def metrics(self) -> dict[str, float | None]:
        """By the names of `Fields.metrics`. A refused row has the wrong label, and is in no metric of numbers."""
        found: dict[str, float | None] = {}
        for name, target in self.definition.targets.items():
            told = self._of_labels(name) if isinstance(target, ClassificationTarget) else self.of_numbers(name)
            found |= {f"{name}.{metric}": value for metric, value in told.items()}
        automatic = [row for row in self.rows if row.automatic]
        all_right = [all(row.match.values()) for row in automatic]
        found |= dict(zip(AUTOMATIC, (len(automatic) / len(self.rows), _share(all_right)), strict=True))
        return {name: found.get(name) for name in self.fields.metrics}

    def _of_labels(self, name: str) -> dict[str, float | None]:
        from sklearn.metrics import accuracy_score, f1_score

        truth, predicted = self._labels(name)
        occurring = sorted({*truth, *predicted} - {""})
        return {
            "accuracy": float(accuracy_score(truth, predicted)),
            "macro_f1": float(f1_score(truth, predicted, labels=occurring, average="macro", zero_division=0)),
            "automatic_accuracy": _share([row.match[name] for row in self.rows if row.automatic]),
        }

    def of_numbers(self, name: str) -> dict[str, Any]:
        """All that training measures of such a target too; nothing when no row was answered."""
        answered = [row for row in self.rows if name in row.predicted]
        if not answered:
            return {}
        truth = np.array([float(row.item.truth[name]) for row in answered])
        estimates = [_estimate(row, name) for row in answered]
        if not isinstance(self.definition.targets[name], CountTarget):
            return evaluate.regression(truth, estimates)
        counts = [one._replace(value=max(one.value, _LEAST)) for one in estimates]
        return evaluate.count(truth, np.array([row.item.exposure for row in answered]), counts)

    def by_label(self, name: str) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and support of each of a target's labels."""
        from sklearn.metrics import classification_report

        truth, predicted = self._labels(name)
        target = self.definition.targets[name]
        labels = target.label_names if isinstance(target, ClassificationTarget) else ()
        table = classification_report(truth, predicted, labels=labels, output_dict=True, zero_division=0)
        return {label: table[label] for label in labels}

    def _labels(self, name: str) -> tuple[list[str], list[str]]:
        truth = [str(row.item.truth[name]) for row in self.rows]
        return truth, [str(row.predicted.get(name, "")) for row in self.rows]

    def summary(self) -> dict[str, Any]:
        """Everything but the rows, in terms of JSON."""
        return {
            "model": self.definition.model,
            "model_versions": self.model_versions,
            "base_url": self.base_url,
            "data": {"source": self.data.source, "sha256": self.data.sha256, "bad_rows": len(self.data.bad_rows)},
            "rows": len(self.rows),
            "refused": [{"line": row.item.line, "error": row.error} for row in self.refused],
            "metrics": self.metrics,
            "unmeasured": self.fields.unmeasured,
        }

    def sentences(self) -> list[str]:
        """What the numbers leave out, for people."""
        return [*self._answered(), *self._reviewed(), *self._covered(), *self.fields.unmeasured, *self._left_out()]

    def _answered(self) -> Iterable[str]:
        version = " and ".join(self.model_versions) or "(answers name no version)"
        yield f"{len(self.rows)} rows answered by {self.definition.model} {version} at {self.base_url}"
        if len(self.model_versions) > 1 and not self.definition.segments:
            yield "the alias moved meanwhile: these metrics are a mixture of versions"

    def _reviewed(self) -> Iterable[str]:
        if AUTOMATIC[0] not in self.metrics:
            return
        share, accuracy = (self.metrics[name] for name in AUTOMATIC)
        if accuracy is None:
            yield "every answer asks for review"
        else:
            review = 1 - (share or 0)
            yield f"{review:.1%} ask for review; the others are right in all targets {accuracy:.1%} of the time"

    def _covered(self) -> Iterable[str]:
        for name in self.definition.targets:
            if (share := self.metrics.get(f"{name}.interval_coverage")) is not None:
                stated = self.definition.interval.coverage
                yield f"{share:.1%} of the intervals hold the true {name}; {stated:.0%} should"

    def _left_out(self) -> Iterable[str]:
        if self.data.bad_rows:
            yield f"{len(self.data.bad_rows)} bad rows of the file were not sent"
        if self.data.strays:
            yield f"{self.data.strays} rows are of no segment and were not sent"
        if self.refused:
            yield f"{len(self.refused)} rows were refused: their labels count as wrong, their numbers not at all; such as:"
            yield from (f"  line {row.item.line}: {row.error}" for row in self.refused[:5])


def _estimate(row: Row, name: str) -> Estimate:
    lower, upper = row.interval.get(name, (None, None))
    return Estimate(float(row.predicted[name]), lower, upper, None, None)


def _share(flags: list[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None
