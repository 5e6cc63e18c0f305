"""No artifact runs code, however it is dressed: poisoned bundles, each through ways by which bundles are read.

Whoever made them could write the whole bucket, so all their hashes are right. What a way in reads it must refuse when it is
poisoned (tests/proofs/poison_reads.py says what that is); what it does not need it must leave alone; a program that is well
formed and hostile is refused or answers within bounds. They are tried in a process of its own, which an audit hook watches;
where it dies, that case has failed, and another process goes on with the next.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.proofs import poison_reads
from tests.proofs.poison_entries import entries, unknown
from tests.proofs.proof import Run

FULL, QUICK = 1664, 72  # of eight bundles five must be refused, one be left alone, two have hostile programs
_MUST, _FEWEST = 1000, 50  # of a full run
_FINE = ("0", "200")
_SAID = {"refused": "must_be_refused", "left": "left_alone"}


def prove(run: Run) -> None:
    run.check(not unknown(), lambda: f"commands that nobody tries: {', '.join(sorted(unknown()))}")
    unstated = entries().keys() ^ (poison_reads.READS.keys() | poison_reads.SILENT.keys())
    run.check(not unstated, lambda: f"ways in of which nobody says what they read: {', '.join(sorted(unstated))}")
    counts = dict.fromkeys(("must_be_refused", "left_alone", "programs_refused", "programs_within_bounds"), 0)
    met: Counter[str] = Counter()
    refusals, seconds, memory = 0, 0.0, 0
    for told in outcomes(run.seed, FULL if run.full else QUICK):
        if "good" in told:
            read = {name: said for name, said in told["good"].items() if name in poison_reads.READS}
            bad = {name: said for name, said in read.items() if said not in _FINE}
            run.check(not bad, lambda bad=bad: f"good bundles are not answered from: {bad}")  # type: ignore[misc]
            met.update(dict.fromkeys(read, 0))
            continue
        wrong = told["wrong"]
        run.check(not wrong, lambda told=told: f"bundle {told['number']}, {told['what']}: {'; '.join(told['wrong'])}")  # type: ignore[misc]
        program = "programs_refused" if "POST /predict" in told["refused_by"] else "programs_within_bounds"
        counts[_SAID.get(told["kind"], program)] += 1
        met.update(told["ways"] if told["kind"] == "refused" else ())
        refusals += len(told["refused_by"])
        seconds, memory = max(seconds, told["seconds"]), max(memory, told["memory"])
    fewest = min(met.values(), default=0)
    run.check(fewest >= (_FEWEST if run.full else 1), f"a way in met {fewest} bundles that it must refuse")
    run.check(counts["must_be_refused"] >= (_MUST if run.full else 1), f"too few must be refused: {counts}")
    run.note(
        **counts,
        ways_in=len(entries()),
        ways_that_must_refuse=len(met),
        fewest_for_one_way_in=fewest,
        refusals=refusals,
        longest_in_s=round(seconds, 2),
        most_memory_in_MiB=memory >> 20,
    )


def outcomes(seed: int, count: int, *more: str) -> Iterator[dict[str, Any]]:
    """What the cells tell: of good bundles first, then of each poisoned one."""
    first, greeted = 0, False
    while first < count:
        died = None
        for told in _cell(seed, count, first, *more):
            if "good" in told:
                if not greeted:
                    yield told
                greeted = True
            elif "begun" in told:
                died = told
            else:
                assert died
                yield told | {"number": died["begun"]}
                first, died = died["begun"] + 1, None
        if died is None:
            return
        first = died["begun"] + 1
        dead = {"ways": [], "wrong": ["the process died of it"], "refused_by": [], "seconds": 0.0, "memory": 0}
        yield {"number": died["begun"], "kind": died["kind"], "what": died["what"]} | dead


def _cell(*arguments: object) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "tests.proofs.poison_cell", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if line.endswith("\n"):
                yield json.loads(line)
