"""The two pipelines, as every server but Firesteel's scores them."""

import os
from pathlib import Path

import joblib
from sklearn.pipeline import Pipeline


class Classifier:
    """Priority and department of one ticket, by one `predict_proba` each."""

    def __init__(self, folder: Path) -> None:
        self.priority: Pipeline = joblib.load(folder / "pipeline-priority.joblib")
        self.department: Pipeline = joblib.load(folder / "pipeline-department.joblib")

    def classify(self, title: str, description: str) -> dict[str, str | float]:
        text = f"{title}\n{description}"
        priority, priority_confidence = _best(self.priority, text)
        department, department_confidence = _best(self.department, text)
        return {
            "predicted_priority": priority,
            "predicted_department": department,
            "priority_confidence": priority_confidence,
            "department_confidence": department_confidence,
        }


def load() -> Classifier:
    """The classifier of the folder that the benchmark names in PIPELINES."""
    return Classifier(Path(os.environ["PIPELINES"]))


def _best(pipeline: Pipeline, text: str) -> tuple[str, float]:
    probabilities = pipeline.predict_proba([text])[0]
    winner = probabilities.argmax()
    return str(pipeline.classes_[winner]), float(probabilities[winner])
