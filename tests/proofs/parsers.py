"""No bytes break a parser: each is fuzzed by Atheris, guided by the lines that an input reaches, in a process of its own.

What may come of an input stands in parsers_targets.py: documented errors alone, and where there is another way to read the
same bytes, what that says.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.proofs.parsers_targets import TARGETS
from tests.proofs.proof import Run

QUICK, FULL = 60_000, 2_200_000
"""Runs of all targets together."""
ROOT = Path(__file__).parents[2]
LONGEST = 3600  # seconds


def prove(run: Run) -> None:
    covered = {}
    for told in fuzzed(run.seed, FULL if run.full else QUICK):
        name, runs, broke = str(told["target"]), int(told["runs"]), list(told["broke"])
        covered[name] = int(told["covered"])
        run.check(bool(runs) and not broke, lambda told=told: _broken(told), count=1)
        if runs > 1:
            run.check(True, "", count=runs - 1)
    missing = TARGETS.keys() - covered.keys()
    run.check(not missing, f"these were not fuzzed to the end: {', '.join(sorted(missing))}")
    run.note(targets=len(covered), branches_reached=sum(covered.values()))


def fuzzed(seed: int, runs: int, names: tuple[str, ...] = ()) -> list[dict[str, object]]:
    """What the child process says of each target."""
    command = [sys.executable, "-m", "tests.proofs.parsers_fuzz", str(seed), str(runs), *names]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=LONGEST)
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


def _broken(told: dict[str, object]) -> str:
    return f"{told['target']}: {told['how']}; the input, in hex: {', '.join(map(str, told['broke'])) or 'none'}"
