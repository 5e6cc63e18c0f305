"""A g2g business in process: scored and explained by the program, against the pipeline it was compiled from and shap.

One row at a time and 1,000 at once. The pipeline is Firesteel's own of scikit-learn's HistGradientBoosting, on one thread.
shap gets the features ready made and its explainer built; the program gets rows as requests have them, and also tells
what belongs to which field. `shapley` is the program's TreeSHAP alone, on the same ready-made features as shap.
"""

import csv
import warnings
from collections.abc import Callable
from typing import Any

import joblib
import numpy as np
import shap
from threadpoolctl import threadpool_limits

from benchmarks import report
from benchmarks.report import Target
from benchmarks.score import BATCH, at_once, one_by_one
from benchmarks.workload import HOME, arguments, generated, published
from firesteel.program import predictor
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Number

ROWS = 5000
TARGETS = (
    Target("predict one ms", "program", "pipeline", 1 / 10, 1 / 30),
    Target("predict batch ms", "program", "pipeline", 1.0, 1 / 2),
    Target("explain one ms", "program", "shap", 0.7, 1 / 3),
    Target("explain batch ms", "program", "shap", 1.0, 1 / 2),
    Target("explain one ms", "shapley", "shap", 0.7, 1 / 3),
    Target("explain batch ms", "shapley", "shap", 1.0, 1 / 2),
)


def main() -> None:
    parser = arguments(__doc__, rounds=7)
    parser.add_argument("--calls", type=int, default=100, help="single calls a round")
    options = parser.parse_args()
    bundle = published("g2g", generated(HOME / "g2g.csv", ROWS, "g2g"), options.registry)
    program = predictor.load((bundle / "program.safetensors").read_bytes())
    assert isinstance(program, Predictor)
    pipeline = joblib.load(bundle / "pipeline-g2g_score.joblib")
    contenders = contests(program, pipeline, read(program), options.calls)
    with threadpool_limits(1):
        samples = report.alternate(list(contenders), options.rounds, lambda name: contenders[name](), warmups=1)
    report.finish("tabular", samples, TARGETS, notes={"rounds": options.rounds, "calls": options.calls, "batch": BATCH})


def read(program: Predictor) -> list[dict[str, Any]]:
    """The rows of the CSV as checked requests."""
    numbers = numbers_of(program)
    with (HOME / "g2g.csv").open(encoding="utf-8", newline="") as file:
        rows = [
            {
                name: float(cell) if name in numbers else cell
                for name, cell in line.items()
                if cell and name != "g2g_score"
            }
            for line in csv.DictReader(file)
        ]
    return [program.check(row) for row in rows[:BATCH]]


def numbers_of(program: Predictor) -> set[str]:
    return {field.name for field in program.inputs.fields if isinstance(field, Number)}


def columns_of(rows: list[dict[str, Any]], numbers: set[str]) -> dict[str, Any]:
    """Rows as the pipeline takes them: numbers with NaN for what is missing."""
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0]}
    for name in numbers:
        columns[name] = np.array([np.nan if value is None else value for value in columns[name]])
    return columns


def contests(program: Predictor, pipeline: Any, rows: list[dict[str, Any]], calls: int) -> dict[str, Callable[[], Any]]:
    """What is measured of whom. Raises RuntimeError when program, pipeline and shap disagree."""
    numbers = numbers_of(program)
    X = pipeline["features"].transform(columns_of(rows, numbers))
    X = np.asarray(X.todense() if hasattr(X, "todense") else X)
    model = pipeline["model"]
    explainer = shap.TreeExplainer(model.estimator)
    [part] = program.parts
    features = program.features(part, *program.measure(rows))
    margin = np.ones(1)
    ours = [one.estimates["g2g_score"].value for one in program.predict_batch(rows)]
    if not np.allclose(ours, model.predict(X), atol=1e-6):
        raise RuntimeError("program and pipeline disagree")
    told = part.estimator.contributions(features, margin)
    if not np.allclose(np.sort(told, 1), np.sort(explainer.shap_values(X), 1), atol=1e-6):
        raise RuntimeError("program and shap disagree")
    single = [columns_of([row], numbers) for row in rows[:calls]]
    some = [features.take(np.array([number])) for number in range(calls)]

    def of_program() -> dict[str, float]:
        return {
            "predict one ms": one_by_one(program.predict, rows[:calls]),
            "predict batch ms": at_once(program.predict_batch, rows),
            "explain one ms": one_by_one(program.explain, rows[:calls]),
            "explain batch ms": at_once(program.explain_batch, rows),
        }

    def of_pipeline() -> dict[str, float]:
        together = columns_of(rows, numbers)
        return {
            "predict one ms": one_by_one(pipeline.predict, single),
            "predict batch ms": at_once(lambda _: pipeline.predict(together), rows),
        }

    def of_shap() -> dict[str, float]:
        return {
            "explain one ms": one_by_one(explainer.shap_values, [X[number : number + 1] for number in range(calls)]),
            "explain batch ms": at_once(lambda _: explainer.shap_values(X), rows),
        }

    def of_shapley() -> dict[str, float]:
        return {
            "explain one ms": one_by_one(lambda one: part.estimator.contributions(one, margin), some),
            "explain batch ms": at_once(lambda _: part.estimator.contributions(features, margin), rows),
        }

    return {"program": of_program, "pipeline": of_pipeline, "shap": of_shap, "shapley": of_shapley}


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    main()
