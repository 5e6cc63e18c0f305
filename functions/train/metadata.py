"""What differs by nature between two runs on the same data: version, time, commit, libraries, durations."""

import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from firesteel.definition import ClassificationTarget, Target
from functions.train.gate import Verdict
from functions.train.train import Trained
from functions.train.upload import Upload

installed = cache(version)  # which parses a file each time

LIBRARIES = ("numpy", "scipy", "scikit-learn", "joblib", "pydantic")


class Origin(NamedTuple):
    """Where a version comes from: what its rows are called, why it was trained, and, of a retraining, the upload and run."""

    data_name: str
    changelog: str = ""
    commit: str | None = None
    upload: Upload | None = None
    run: str | None = None


def describe(
    trained: Trained, origin: Origin, version: str, verdicts: Sequence[Verdict], latest: str | None
) -> dict[str, Any]:
    """The content of model_metadata.json. `latest` is the version that the gates compared with."""
    definition, dataset = trained.definition, trained.dataset
    retrained = {"upload": origin.upload._asdict(), "run": origin.run} if origin.upload else {}
    return {
        "format": 1,
        "model": definition.address,
        "segment": definition.segment,
        "signature": trained.signature,
        "version": version,
        "changelog": origin.changelog,
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data": {
            "source": origin.data_name,
            "sha256": dataset.sha256,
            "rows_read": dataset.rows_read,
            "rows_used": len(dataset),
            "rows_quarantined": len(dataset.bad_rows),
            "rows_merged": dataset.merged,
            "duplicate_rows": dataset.duplicates,
            "conflicting_texts": len(dataset.conflicts),
        },
        **({"feedback": trained.feedback} if trained.feedback is not None else {}),
        "split": trained.split,
        "targets": {name: _distribution(target, dataset.targets[name]) for name, target in definition.targets.items()},
        "settings": trained.settings,
        "seed": definition.split.seed,
        "definition_sha256": definition.sha256,
        "gates": [verdict._asdict() for verdict in verdicts],
        "compared_with": latest,
        **retrained,
        "git_commit": origin.commit,
        "python": platform.python_version(),
        "libraries": {name: installed(name) for name in (*LIBRARIES, *_extras(trained))},
        "durations_seconds": trained.durations,
    }


def git_commit(folder: Path) -> str | None:
    """The commit checked out in `folder`, with `-dirty` for uncommitted changes; None outside of a checkout."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"],  # noqa: S607
            cwd=folder, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except OSError:
        return None
    return answer.stdout.strip() or None


def _distribution(target: Target, values: np.ndarray) -> dict[str, float]:
    """How many rows have which label; what a number is on average, and between what."""
    if isinstance(target, ClassificationTarget):
        counts = np.bincount(values, minlength=len(target.label_names))
        return dict(zip(target.label_names, map(int, counts), strict=True))
    summary = {"mean": values.mean(), "lowest": values.min(), "highest": values.max()}
    return {name: float(value) for name, value in summary.items()}


def _extras(trained: Trained) -> list[str]:
    """The libraries beside our own that had a part in it."""
    definition = trained.definition
    kinds = {definition.estimator_of(name).kind for name in definition.targets}
    methods = {search.method for name in definition.targets if (search := definition.search_of(name))}
    return sorted((kinds & {"lightgbm", "catboost"}) | (methods & {"optuna"} if trained.trials else set()))
