"""Training time: `firesteel train --no-tune` against the bare scikit-learn script that fits the same pipelines.

Whole processes, 20,000 synthetic tickets. Firesteel's side also validates rows, calibrates, searches the review threshold,
compiles, proves parity, draws the card's plots and publishes. The script runs as it is usually written, and once more with
scikit-learn's own calibration on the same folds.
"""

import sys
import tempfile
from pathlib import Path

from benchmarks import report
from benchmarks.process import timed
from benchmarks.report import Target
from benchmarks.workload import HOME, ROOT, arguments, generated

TARGETS = (
    Target("seconds", "firesteel", "script", 1.15, 1.0),
    Target("seconds", "firesteel", "script_calibrated", 1.15, 1.0),
)


def main() -> None:
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--rows", type=int, default=20_000)
    options = parser.parse_args()
    data = generated(HOME / f"tickets-{options.rows}.csv", options.rows)
    script = [sys.executable, str(ROOT / "benchmarks" / "peers" / "training_script.py"), str(data)]

    def measure(who: str) -> dict[str, float]:
        with tempfile.TemporaryDirectory() as folder:
            if who == "firesteel":
                command = [sys.executable, "-m", "cli.main", "train", "tickets", "--data", str(data), "--no-tune"]
                return timed(command, cwd=ROOT, FIRESTEEL_STORE=Path(folder).as_uri())
            return timed([*script, folder, *(["--calibrate"] if who == "script_calibrated" else [])], cwd=ROOT)

    samples = report.alternate(["firesteel", "script", "script_calibrated"], options.rounds, measure)
    report.finish("training", samples, TARGETS, notes={"rows": options.rows})


if __name__ == "__main__":
    main()
