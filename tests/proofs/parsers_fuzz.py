"""`python -m tests.proofs.parsers_fuzz SEED RUNS`: fuzzes every target in a child of its own, guided by coverage.

Prints a line of JSON a target: how often it was run, which bytes broke it, and how.
"""

import json
import os
import re
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["firesteel", "functions"]):
    from tests.proofs.parsers_targets import TARGETS

LONGEST = 4096
SLOWEST = 20  # seconds for one input: beyond it libFuzzer calls it a hang


def fuzz(name: str, seed: int, runs: int, folder: Path) -> None:
    """Fuzzes one target in this process, which ends with it."""
    corpus, said = folder / "corpus", folder / "said"
    corpus.mkdir()
    for number, content in enumerate(TARGETS[name].seeds()):
        (corpus / str(number)).write_bytes(content)
    output = os.open(said, os.O_WRONLY | os.O_CREAT)
    os.dup2(output, 1)
    os.dup2(output, 2)
    options = [f"-seed={seed}", f"-runs={runs}", f"-max_len={LONGEST}", f"-timeout={SLOWEST}"]
    options += [f"-artifact_prefix={folder}/", "-print_final_stats=1", "-rss_limit_mb=4096", "-reload=0"]
    atheris.Setup([name, *options, str(corpus)], TARGETS[name].run)
    atheris.Fuzz()


def told(name: str, folder: Path) -> dict[str, object]:
    """What is known of a run that has ended."""
    said = (folder / "said").read_text(errors="replace")
    units = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
    covered = re.findall(r"cov: (\d+)", said)
    broke = [path.read_bytes().hex() for kind in ("crash", "timeout", "oom") for path in folder.glob(f"{kind}-*")]
    how = said.partition("=== Uncaught Python exception: ===")[2].partition("\n==")[0].strip()
    return {
        "target": name,
        "runs": int(units[1]) if units else 0,
        "covered": int(covered[-1]) if covered else 0,
        "broke": broke,
        "how": how[-600:] if broke else ("" if units else said[-600:]),
    }


def main(seed: int, runs: int, names: list[str]) -> None:
    for number, name in enumerate(names or TARGETS):
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            child = os.fork()
            if child == 0:
                try:
                    fuzz(name, seed % 2**31 + number, max(1, round(runs * TARGETS[name].share)), folder)
                finally:
                    os._exit(1)
            os.waitpid(child, 0)
            print(json.dumps(told(name, folder)), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
