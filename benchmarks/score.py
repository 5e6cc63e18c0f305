"""Scoring in process: the compiled program against the `predict_proba` calls of the pipelines it was compiled from.

One ticket at a time (both targets, calibrated), and a batch of 1,000. Both sides get the same tickets in one order.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import report
from benchmarks.peers import pipelines
from benchmarks.report import Target
from benchmarks.workload import Subject, arguments, subject
from firesteel.program import predictor

BATCH = 1000
TARGETS = (
    Target("one ms", "firesteel", "predict_proba", 1 / 15, 1 / 40),
    Target("batch ms", "firesteel", "predict_proba", 1 / 2, 1 / 4),
)


def one_by_one[Row](score: Callable[[Row], object], rows: Sequence[Row]) -> float:
    """Median milliseconds of one call, each row once."""
    times = []
    for row in rows:
        started = time.perf_counter()
        score(row)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


def at_once[Row](score: Callable[[list[Row]], object], rows: Sequence[Row]) -> float:
    """Milliseconds of one call with a batch of rows, repeated from the first when there are fewer."""
    batch = [rows[number % len(rows)] for number in range(BATCH)]
    started = time.perf_counter()
    score(batch)
    return (time.perf_counter() - started) * 1e3


def compare(chosen: Subject, *, rounds: int, calls: int) -> report.Samples:
    """Alternate between program and pipelines. Raises RuntimeError when they disagree on a label."""
    program = predictor.load((chosen.bundle / "program.safetensors").read_bytes())
    fitted = list(pipelines.load(chosen.pipelines).items())
    asked = chosen.tickets()
    rows: list[dict[str, Any]] = [program.check(ticket) for ticket in asked]
    texts = [pipelines.text_of(ticket["title"], ticket["description"]) for ticket in asked]
    for target, pipeline in fitted:
        ours = [prediction.labels[target] for prediction in program.predict_batch(rows)]
        if ours != [str(label) for label in pipeline.predict(texts)]:
            raise RuntimeError(f"program and pipeline disagree on {target}")

    def of_program() -> dict[str, float]:
        return {"one ms": one_by_one(program.predict, rows[:calls]), "batch ms": at_once(program.predict_batch, rows)}

    def of_pipelines() -> dict[str, float]:
        def score(batch: list[str]) -> object:
            return [pipeline.predict_proba(batch) for _, pipeline in fitted]

        return {
            "one ms": one_by_one(lambda text: score([text]), texts[:calls]),
            "batch ms": at_once(score, texts),
        }

    contenders = {"firesteel": of_program, "predict_proba": of_pipelines}
    return report.alternate(list(contenders), rounds, lambda name: contenders[name](), warmups=1)


def main() -> None:
    parser = arguments(__doc__, rounds=9)
    parser.add_argument("--calls", type=int, default=200, help="single calls a round")
    options = parser.parse_args()
    samples = compare(subject(options), rounds=options.rounds, calls=options.calls)
    report.finish("score", samples, TARGETS, notes={"rounds": options.rounds, "calls": options.calls, "batch": BATCH})


if __name__ == "__main__":
    main()
