"""Small problems of each task, with columns of numbers alone, for tests of what fits and judges."""

from typing import Any

import numpy as np

from firesteel.definition import Definition
from functions.train.dataset import Dataset

TARGETS = {
    "classification": {"task": "classification", "labels": ["low", "middle", "high"]},
    "binary": {"task": "classification", "labels": ["no", "yes"]},
    "regression": {"task": "regression", "range": [0.0, 1.0]},
    "count": {"task": "count", "exposure": "size"},
}
TREES = ("gradient_boosting", "lightgbm", "catboost")
ESTIMATORS = {
    "classification": ("logistic", *TREES),
    "binary": ("logistic", *TREES),
    "regression": ("linear", *TREES),
    "count": ("poisson", *TREES),
}


def define(task: str, kind: str | None = None, **parts: Any) -> Definition:
    settings = {"kind": kind} if kind else None
    if kind in TREES:
        settings |= {"iterations": 15}
    number = {"kind": "number", "example": 1.0}
    whole = {
        "model": "small",
        "inputs": {"a": number, "size": {**number, "minimum": 0.1}},
        "targets": {"y": TARGETS[task]},
        "features": {"numbers": {"step": "number", "inputs": ["a"]}},
        "estimator": settings,
        "split": {"seed": 3},
    }
    return Definition.model_validate(whole | parts)


def problem(task: str, rows: int = 600, seed: int = 0, **parts: Any) -> tuple[np.ndarray, Dataset]:
    """Features [rows, 4] and a dataset whose target follows from them, with noise."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(rows, 4))
    signal = X[:, 0] + 0.5 * X[:, 1] * X[:, 2]
    noisy = signal + 0.5 * generator.normal(size=rows)
    exposure = generator.uniform(0.5, 20, rows) if task == "count" else np.ones(rows)
    y = {
        "classification": np.digitize(noisy, [-0.5, 0.5]).astype(np.int32),
        "binary": (noisy > 0).astype(np.int32),
        "regression": np.clip(0.5 + 0.2 * noisy, 0, 1),
        "count": generator.poisson(exposure * np.exp(0.4 * signal - 1)).astype(float),
    }[task]
    return X, Dataset(
        source="small.csv",
        sha256="0" * 64,
        rows_read=rows,
        inputs={"a": X[:, 0]},
        targets={"y": y},
        exposure=exposure,
        lines=np.arange(2, rows + 2),
        **parts,
    )


def silent(*_stage: object) -> None:
    """Nobody watches."""
