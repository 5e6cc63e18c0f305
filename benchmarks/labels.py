"""How many labels the review queue saves: on banking77, rows are labelled in its order and, beside that, in random order.

The pool is the official training part with its labels hidden, the test part is the official one. Both begin with the same
random rows; then, batch by batch, the rows that the queue ranks first for the model so far (firesteel.monitor.queue.order,
the program's own doubt and likeness) are labelled and the model is fitted anew, vocabulary and all, on what is labelled
alone. The definition is the example's without its character features, so that a fit takes a second; its C is fixed.
"""

import argparse
import io
import itertools
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from sklearn.pipeline import FeatureUnion

from benchmarks import report
from benchmarks.report import RESULTS, Target, spread
from benchmarks.workload import ROOT
from firesteel import definition_file
from firesteel.definition import Definition
from firesteel.monitor import queue
from firesteel.monitor.likeness import Alike
from firesteel.monitor.queue import Groups
from firesteel.program.row import Features
from functions.train import dataset, estimators, features, models
from functions.train.dataset import Dataset

FOLDER = ROOT / "examples" / "banking77"
DOCUMENT = ROOT / "docs" / "feedback.md"
PLOT = ROOT / "docs" / "labels.svg"
TARGET, SHARE = "intent", 0.95
FIRST, BATCH = 100, 200
ORDERS = {"queue": "the queue's order", "random": "random order"}
MOST = {"queue": 2500, "random": 4500}
SHOWN = (500, 900, 1500, 2100, 2500)
SEED = 100  # lower ones were used while the queue's formula was chosen
MEASURE = "labels to 95 % of full-data accuracy"
BEGIN, END = "<!-- labels: written by `python -m benchmarks.labels` -->", "<!-- end of labels -->"


class Fit(NamedTuple):
    """A model of the rows that are labelled so far; `labels` are those it has seen."""

    union: FeatureUnion
    estimator: Any
    labels: np.ndarray

    def probabilities(self, X: Any) -> np.ndarray:
        return models.probabilities(models.raw_scores(self.estimator, X))

    def accuracy(self, rows: Dataset) -> float:
        said = self.labels[self.probabilities(self.union.transform(rows.columns)).argmax(1)]
        return float((said == rows.targets[TARGET]).mean())


class Simulation:
    """The pool, the test rows, and how the accuracy goes with the number of labels."""

    def __init__(self, definition: Definition, seed: int) -> None:
        self.definition, self.seed = definition, seed
        self.pool = dataset.read(FOLDER / "banking77_train.csv", definition)
        self.test = dataset.read(FOLDER / "banking77_test.csv", definition, training=False)
        self.full = self.fit(np.arange(len(self.pool))).accuracy(self.test)
        self.curves: dict[str, list[dict[int, float]]] = defaultdict(list)

    def fit(self, labelled: np.ndarray) -> Fit:
        """As training fits: features and estimator on the labelled rows alone."""
        rows, settings = self.pool.take(labelled), self.definition.estimator_of(TARGET)
        union = features.build(self.definition)
        X = union.fit_transform(rows.columns).tocsr()
        labels, y = np.unique(rows.targets[TARGET], return_inverse=True)
        sample = estimators.sample(settings, X, y, rows.exposure)
        made = estimators.make(settings, "classification", y, self.definition.split.seed)
        return Fit(union, estimators.fit(made, "classification", sample), labels)

    def measure(self, order: str) -> Mapping[str, float]:
        """One run with a seed of its own; runs of both orders with one seed begin with the same rows."""
        shuffled = np.random.default_rng(self.seed + len(self.curves[order])).permutation(len(self.pool))
        labelled, curve = shuffled[:FIRST], dict[int, float]()
        while True:
            fit = self.fit(labelled)
            curve[len(labelled)] = fit.accuracy(self.test)
            if len(labelled) >= MOST[order]:
                break
            more = shuffled[len(labelled) :][:BATCH] if order == "random" else self.queued(fit, labelled)
            labelled = np.concatenate([labelled, more])
        self.curves[order].append(curve)
        return {MEASURE: reached(curve, SHARE * self.full)} | {f"accuracy at {count}": curve[count] for count in SHOWN}

    def queued(self, fit: Fit, labelled: np.ndarray) -> np.ndarray:
        """The rows of the pool that the queue has first."""
        rest = np.setdiff1d(np.arange(len(self.pool)), labelled)
        X = fit.union.transform(self.pool.take(rest).columns).tocsr()
        texts = [(X.indices[begin:end], X.data[begin:end]) for begin, end in zip(X.indptr, X.indptr[1:], strict=False)]
        probabilities = fit.probabilities(X)
        known = np.bincount(np.searchsorted(fit.labels, self.pool.targets[TARGET][labelled])).astype(float)
        groups = Groups(probabilities.argmax(1), known, np.full(len(known), known.mean()))
        alike = Alike(Features(texts, np.zeros((len(rest), 0)), X.shape[1]))
        return rest[queue.order(queue.doubt_of(probabilities), groups, alike=alike, most=BATCH)]


def reached(curve: Mapping[int, float], wanted: float) -> float:
    """At how many labels the accuracy is first the wanted one, between two counts on the line; infinite if it never is."""
    points = list(curve.items())
    for (few, before), (many, after) in itertools.pairwise(points):
        if after >= wanted:
            return many if before >= wanted else few + (many - few) * (wanted - before) / (after - before)
    return float("inf")


def simplified() -> Definition:
    """The example's definition with its words alone."""
    described = definition_file.load(FOLDER / "banking77.yaml").model_dump()
    described["features"] = {"words": described["features"]["words"] | {"weight": 1.0}}
    return Definition.model_validate(described)


def table(result: Mapping[str, Any]) -> str:
    """What docs/feedback.md says of it."""
    medians, notes = result["medians"], result["notes"]
    lines = ["| labels | " + " | ".join(ORDERS[order] for order in medians) + " |"]
    lines.append("|---" * (len(medians) + 1) + "|")
    for count in notes["shown"]:
        cells = [_share(own[f"accuracy at {count}"]) for own in medians.values()]
        lines.append(f"| accuracy at {count:,} | " + " | ".join(cells) + " |")
    cells = [
        f"**{own[MEASURE]['median']:,.0f}** ({own[MEASURE]['low']:,.0f} to {own[MEASURE]['high']:,.0f})"
        for own in medians.values()
    ]
    lines.append(f"| {MEASURE} ({notes['wanted']:.1%}) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _share(one: Mapping[str, float]) -> str:
    return f"{one['median']:.1%} ({one['low']:.1%} to {one['high']:.1%})"


def document(result: Mapping[str, Any], path: Path = DOCUMENT) -> None:
    """Write the table between its marks."""
    [verdict] = result["verdicts"]
    rounds = len(result["samples"]["queue"][MEASURE])
    about = (
        f"Medians of {rounds} runs, the lowest and highest in brackets; all {result['notes']['pool']:,} labels give "
        f"{result['notes']['full']:.1%}. The queue needs **{verdict['ratio']['median']:.0%}** of the labels of random order."
    )
    text = path.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    path.write_text(f"{before}{BEGIN}\n{about}\n\n{table(result)}\n{END}{after}", encoding="utf-8")


def plot(result: Mapping[str, Any]) -> bytes:
    """Accuracy against labels, median and spread of the runs, as SVG."""
    style = {"svg.fonttype": "none", "svg.hashsalt": "firesteel", "axes.spines.top": False, "axes.spines.right": False}
    with mpl.rc_context(style):
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.subplots()
        for order, colour in (("queue", "#1f5fa8"), ("random", "#9a9a9a")):
            curves = result["notes"]["curves"][order]
            counts = [int(count) for count in curves]
            low, middle, high = ([one[part] for one in curves.values()] for part in ("low", "median", "high"))
            axes.plot(counts, middle, color=colour, label=ORDERS[order])
            axes.fill_between(counts, low, high, color=colour, alpha=0.2, linewidth=0)
        wanted = result["notes"]["wanted"]
        axes.axhline(wanted, color="#444444", linewidth=0.8, linestyle=":", label=f"95 % of full data: {wanted:.1%}")
        axes.set(xlabel="labels", ylabel="accuracy on the test part", title="banking77: labels by the review queue")
        axes.legend(frameon=False, loc="lower right")
        buffer = io.BytesIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rounds", type=int, default=7, help="runs of each order, each with a seed [default: %(default)s]"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the first run [default: %(default)s]")
    options = parser.parse_args()
    simulation = Simulation(simplified(), options.seed)
    samples = report.alternate(("queue", "random"), options.rounds, simulation.measure)
    curves = {
        order: {count: vars(spread([curve[count] for curve in of_order])) for count in of_order[0]}
        for order, of_order in simulation.curves.items()
    }
    about = {"pool": len(simulation.pool), "test": len(simulation.test), "full": simulation.full}
    about |= {
        "first_seed": options.seed,
        "wanted": SHARE * simulation.full,
        "first": FIRST,
        "batch": BATCH,
        "shown": SHOWN,
        "curves": curves,
    }
    report.finish("labels", samples, [Target(MEASURE, "queue", "random", reach=0.6, stretch=0.5)], notes=about)
    result = json.loads((RESULTS / "labels.json").read_text(encoding="utf-8"))
    PLOT.write_bytes(plot(result))
    document(result)


if __name__ == "__main__":
    main()
