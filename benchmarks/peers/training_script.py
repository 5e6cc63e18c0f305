"""What a data scientist writes without Firesteel: read, split, fit both pipelines, report, dump. Used by benchmarks.training.

`--calibrate` adds scikit-learn's own calibration on the same number of folds, which Firesteel always does.
"""

import argparse
import csv
from pathlib import Path

import joblib
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split
from sklearn.pipeline import FeatureUnion, Pipeline


def pipeline(calibrate: bool) -> Pipeline:
    """The pipeline of models/tickets.yaml, written out."""
    common = {"min_df": 2, "max_features": 20_000, "sublinear_tf": True}
    words = TfidfVectorizer(ngram_range=(1, 2), **common)
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 3), **common)
    classifier = LogisticRegression(C=4.0, max_iter=1000)
    if calibrate:
        classifier = CalibratedClassifierCV(classifier, method="temperature", cv=3, ensemble=False)
    return Pipeline([("features", FeatureUnion([("words", words), ("characters", characters)])), ("clf", classifier)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--calibrate", action="store_true")
    options = parser.parse_args()
    with options.data.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    strata = [f"{row['priority']} {row['department']}" for row in rows]
    train, test = train_test_split(rows, test_size=0.2, random_state=7, stratify=strata)
    for target in ("priority", "department"):
        fitted = pipeline(options.calibrate)
        fitted.fit([f"{row['title']}\n{row['description']}" for row in train], [row[target] for row in train])
        predicted = fitted.predict([f"{row['title']}\n{row['description']}" for row in test])
        print(classification_report([row[target] for row in test], predicted))
        joblib.dump(fitted, options.out / f"{target}.joblib", compress=3)


if __name__ == "__main__":
    main()
