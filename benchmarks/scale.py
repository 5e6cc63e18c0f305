"""Scale: a million synthetic tickets trained in one process; seconds a row and peak memory against 100,000 rows.

Takes about half an hour on two cores.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.process import timed
from benchmarks.report import Target
from benchmarks.workload import HOME, ROOT, arguments, generated

SIZES = {"rows_100000": 100_000, "rows_1000000": 1_000_000}
TARGETS = (
    Target("ms a row", "rows_1000000", "rows_100000", 1.15, 1.0),
    Target("GiB", "rows_1000000", "bound_6_gib", 1.0, 1.0),
)


def measure(who: str) -> dict[str, float]:
    rows = SIZES[who]
    data = generated(HOME / f"tickets-{rows}.csv", rows)
    command = [sys.executable, "-m", "cli.main", "train", "tickets", "--data", str(data), "--no-tune"]
    with tempfile.TemporaryDirectory() as folder:
        taken = timed(command, cwd=ROOT, FIRESTEEL_STORE=Path(folder).as_uri())
    seconds = taken["cpu seconds"]  # one process, one thread: its own time, whatever else the machine does
    return {"seconds": taken["seconds"], "ms a row": 1e3 * seconds / rows, "GiB": taken["MiB"] / 1024}


def main() -> None:
    options = arguments(__doc__, rounds=1).parse_args()
    samples = report.alternate(list(SIZES), options.rounds, measure)
    samples["bound_6_gib"] = {"GiB": [6.0] * options.rounds}
    report.finish("scale", samples, TARGETS, notes=SIZES)


if __name__ == "__main__":
    main()
