"""Scale of counts: the 678,013 French motor policies trained whole, against their first 100,000 rows; time a row, memory.

The data are not ours to ship: say where freMTPL2freq.csv (or .csv.gz) is. Then g2g's training time without tuning.
"""

import argparse
import gzip
import sys
import tempfile
from itertools import islice
from pathlib import Path

from benchmarks import report
from benchmarks.process import timed
from benchmarks.report import Target
from benchmarks.workload import HOME, ROOT, generated

PART = 100_000
TARGETS = (
    Target("ms a row", "policies_whole", "policies_100000", 1.2, 1.0),
    Target("GiB", "policies_whole", "bound_4_gib", 1.0, 1.0),
    Target("seconds", "g2g", "bound_20_seconds", 1.0, 8 / 20),
)


def opened(path: Path) -> list[str]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        return list(file)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    lines = opened(options.data)
    parts = {"policies_whole": len(lines) - 1, "policies_100000": PART}
    HOME.mkdir(exist_ok=True)
    for name, rows in parts.items():
        (HOME / f"{name}.csv").write_text("".join(islice(lines, rows + 1)), encoding="utf-8")
    g2g = generated(HOME / "g2g.csv", 5000, "g2g")

    def measure(who: str) -> dict[str, float]:
        definition, data = (
            ("models/g2g.yaml", g2g) if who == "g2g" else ("examples/fremtpl2/fremtpl2.yaml", HOME / f"{who}.csv")
        )
        command = [sys.executable, "-m", "cli.main", "train", definition, "--data", str(data), "--no-tune"]
        with tempfile.TemporaryDirectory() as folder:
            taken = timed(command, cwd=ROOT, FIRESTEEL_STORE=Path(folder).as_uri())
        per_row = {"ms a row": 1e3 * taken["cpu seconds"] / parts[who]} if who in parts else {}
        return {"seconds": taken["seconds"], "GiB": taken["MiB"] / 1024, **per_row}

    samples = report.alternate([*parts, "g2g"], options.rounds, measure)
    samples["bound_4_gib"] = {"GiB": [4.0] * options.rounds}
    samples["bound_20_seconds"] = {"seconds": [20.0] * options.rounds}
    report.finish("policies", samples, TARGETS, notes=parts)


if __name__ == "__main__":
    main()
