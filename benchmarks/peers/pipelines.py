"""The two scikit-learn pipelines that every peer serves: those that Firesteel's own training published.

They are handed over as a user of scikit-learn would have written them: text in, label names out, classes of
scikit-learn alone, so that any environment can load them.
"""

from pathlib import Path

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline

TARGETS = ("priority", "department")


def prepare(folder: Path, bundle: Path) -> Path:
    """Put the plain `pipeline-<target>.joblib` of a bundle's folder into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for target in TARGETS:
        joblib.dump(plain(joblib.load(bundle / file_name(target))), folder / file_name(target))
    return folder


def load(folder: Path) -> dict[str, Pipeline]:
    """The pipelines of a prepared folder, by target."""
    return {target: joblib.load(folder / file_name(target)) for target in TARGETS}


def plain(published: Pipeline) -> Pipeline:
    """The fitted parts of a published pipeline without Firesteel's own classes around them.

    What is left out is the joining of the inputs and the calibration: the labels stay, and the peers have less to do.
    """
    features, calibrated = published["features"], published["model"]
    vectorizers = [(name, step["tfidf"]) for name, step in features.transformer_list]
    classifier: LogisticRegression = calibrated.estimator
    classifier.classes_ = np.array(calibrated.labels)[classifier.classes_]
    union = FeatureUnion(vectorizers, transformer_weights=features.transformer_weights)
    return Pipeline([("features", union), ("classifier", classifier)])


def text_of(title: str, description: str) -> str:
    """What the pipelines read of a ticket."""
    return f"{title}\n{description}"


def file_name(target: str) -> str:
    return f"pipeline-{target}.joblib"
