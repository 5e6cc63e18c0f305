"""Quality on held-out rows: what the definitions reach as they are, against references, and how honest their intervals are.

g2g also against CatBoost's defaults on the same features and rows, and against the best R2 that any model could reach on
these rows, which its generator knows. The French motor policies are not ours to ship: name their file to judge them, too.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from catboost import CatBoostRegressor
from sklearn.metrics import r2_score

from benchmarks import report
from benchmarks.report import Target
from benchmarks.workload import HOME, ROOT, generated
from firesteel import definition_file
from firesteel.definition import Definition
from functions.train import dataset, features, train
from functions.train.dataset import Dataset
from functions.train.split import split
from models import g2g

ROWS = 5000


class Subject(NamedTuple):
    """A definition, its data, and by metric the references to reach: `{"nfl/qb drafted.roc_auc": (reach, stretch)}`."""

    definition: str
    data: Path
    references: dict[str, tuple[float, float]]


def subjects(fremtpl2: Path | None) -> list[Subject]:
    examples = ROOT / "examples"
    drafted = {"qb": 0.66, "rb": 0.67, "wr": 0.77}
    found = [
        Subject("models/g2g.yaml", generated(HOME / "g2g.csv", ROWS, "g2g"), {}),
        Subject("models/gifts.yaml", generated(HOME / "gifts.csv", 20_000, "gifts"), {}),
        Subject("models/recruits.yaml", generated(HOME / "recruits.csv", 3000, "recruits"), {}),
        Subject(
            "examples/inspections/inspections.yaml",
            examples / "inspections" / "inspections.csv.gz",
            {"inspections score.r2": (0.86, 0.90)},
        ),
        Subject(
            "examples/nfl/nfl.yaml",
            examples / "nfl" / "combine.csv",
            {f"nfl/{name} drafted.roc_auc": (auc, auc + 0.02) for name, auc in drafted.items()},
        ),
    ]
    if fremtpl2:
        reference = {"fremtpl2 claims.poisson_deviance": (0.5754, 0.570)}
        found.append(Subject("examples/fremtpl2/fremtpl2.yaml", fremtpl2, reference))
    return found


def judged(subject: Subject) -> Iterator[tuple[str, float]]:
    """Every metric of the definition's models on their held-out rows: `<model> <target>.<metric>`."""
    whole = definition_file.load(ROOT / subject.definition)
    for definition in [whole.of_segment(name) for name in whole.segments] or [whole]:
        rows = dataset.read(subject.data, definition)
        run = train.train(definition, rows)
        for target, metrics in run.metrics["targets"].items():
            for name in (
                "r2",
                "poisson_deviance",
                "mape",
                "roc_auc",
                "macro_f1",
                "interval_coverage",
                "interval_stated",
            ):
                if metrics.get(name) is not None:
                    yield f"{definition.address} {target}.{name}", metrics[name]
        if definition.address == "g2g":
            yield from _limits(definition, rows)


def _limits(definition: Definition, rows: Dataset) -> Iterator[tuple[str, float]]:
    """The best R2 on the held-out rows, and that of CatBoost's defaults."""
    trained, tested = split(rows, definition)
    seen, unseen = rows.take(trained), rows.take(tested)
    every = list(g2g.rows(ROWS, 0))
    expected = [g2g.expected(every[line - 2]) for line in unseen.lines.tolist()]
    yield "g2g ceiling.r2", float(r2_score(unseen.targets["g2g_score"], expected))
    union = features.build(definition)
    X, other = (
        np.asarray(part.todense()) for part in (union.fit_transform(seen.columns), union.transform(unseen.columns))
    )
    usual = CatBoostRegressor(verbose=0, thread_count=2, random_seed=0, allow_writing_files=False)
    usual.fit(X, seen.targets["g2g_score"])
    yield "g2g catboost.r2", float(r2_score(unseen.targets["g2g_score"], np.clip(usual.predict(other), 0, 1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fremtpl2", type=Path, help="freMTPL2freq.csv or .csv.gz")
    options = parser.parse_args()
    samples: report.Samples = {"definitions": {}, "references": {}}
    targets = []
    for subject in subjects(options.fremtpl2):
        for name, value in judged(subject):
            print(f"{name} {value:.4f}", flush=True)
            samples["definitions"][name] = [value]
        for name, (reach, stretch) in subject.references.items():
            samples["references"][name] = [1.0]
            more = not name.endswith("deviance")
            targets.append(Target(name, "definitions", "references", reach, stretch, higher_is_better=more))
    ours = samples["definitions"]
    for limit, bound in (("ceiling", 0.97), ("catboost", 1.0)):
        measure = f"g2g share of {limit}"
        ours[measure] = ours["g2g g2g_score.r2"]
        samples["references"][measure] = ours[f"g2g {limit}.r2"]
        targets.append(Target(measure, "definitions", "references", bound, bound, higher_is_better=True))
    report.finish("quality", samples, targets, notes={"fremtpl2": bool(options.fremtpl2)})


if __name__ == "__main__":
    main()
