"""Batch scoring on two cores: `firesteel score` against the scikit-learn pipelines' predict_proba in two processes.

End to end is a CSV file in, JSON lines out, with starting, reading, checking, hashing and writing; the peer reads with
the csv module in its main process, scores parts of the same size, and checks and hashes nothing. Scoring alone is
`predict_batch` on checked rows against the two `predict_proba` calls on the same texts, in two processes each. Memory is
the resident memory of a whole tree of processes at its peak, for 100,000 rows and for 1,000,000. Rows per core second are
those of all processes together: what is left of a figure when others use the machine, too.
"""

import csv
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import batched, islice
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.peers import batch_worker
from benchmarks.report import Target
from benchmarks.workload import HOME, ROOT, Subject, arguments, generated, subject
from firesteel.program import predictor

WORKERS, PART, SCORED = 2, 5000, 10_000
SIZES = {"rows_100000": 100_000, "rows_1000000": 1_000_000}
TARGETS = (
    Target("rows/s end to end", "firesteel", "predict_proba", 4.0, 6.0, higher_is_better=True),
    Target("rows per core second", "firesteel", "predict_proba", 4.0, 6.0, higher_is_better=True),
    Target("rows/s scoring", "firesteel", "predict_proba", 4.0, 6.0, higher_is_better=True),
    Target("MiB", "rows_1000000", "rows_100000", 1.1, 1.02),
)
_FEW_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


def firesteel(data: Path, registry: Path) -> dict[str, float]:
    """Run the command; its seconds, those of the cores, and MiB of its processes at their peak."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "cli.main", "score", "tickets", str(data), "--out", folder]
        environment = os.environ | {"FIRESTEEL_STORE": registry.as_uri()}
        return _watched([*command, "--workers", str(WORKERS)], environment)


def peer(data: Path, fitted: Path) -> dict[str, float]:
    """Run the peer in a process of its own, as the command is."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.batch", "--peer", str(data), str(fitted), f"{folder}/out.jsonl"]
        return _watched(command, os.environ | _FEW_THREADS)


def run_peer(data: Path, fitted: Path, out: Path) -> None:
    """Score a file with the pipelines, a few parts ahead of what is written."""
    context = multiprocessing.get_context("spawn")
    with (
        data.open(encoding="utf-8", newline="") as file,
        out.open("w", encoding="utf-8") as written,
        ProcessPoolExecutor(WORKERS, context, initializer=batch_worker.begin, initargs=(fitted,)) as pool,
    ):
        parts = batched(_rows(file), PART, strict=False)
        running: set[Future[tuple[str, int, float]]] = set()
        while True:
            running |= {
                pool.submit(batch_worker.answer, list(part)) for part in islice(parts, 2 * WORKERS - len(running))
            }
            if not running:
                return
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for one in done:
                written.write(one.result()[0])


def _rows(file: Any) -> Iterator[tuple[int, str, str, str]]:
    reader = csv.reader(file)
    next(reader)
    return ((reader.line_num, row[0], row[1], row[2]) for row in reader)


def _watched(command: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Run a command to its end. Raises CalledProcessError when it fails."""
    started, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT)
        ended = 0
        while not ended:
            peak = max(peak, _resident(process.pid))
            time.sleep(0.05)
            ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, output.read().decode()[-2000:])
    return {"seconds": seconds, "cpu": usage.ru_utime + usage.ru_stime, "MiB": peak}


def _resident(pid: int) -> float:
    """MiB of a process and all below it. What processes share counts once for each, as /proc has it."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20) + sum(_resident(int(child)) for child in children)


def scoring(of_firesteel: bool, chosen: Subject, data: Path) -> float:
    """Rows a second of the cores of two processes that score the same rows at once, and do nothing else."""
    environment = os.environ | _FEW_THREADS
    words = [sys.executable, "-m", "benchmarks.batch", "--scoring", "firesteel" if of_firesteel else "peer", str(data)]
    words += [str(chosen.bundle / "program.safetensors"), str(chosen.pipelines)]
    running = [subprocess.Popen(words, cwd=ROOT, env=environment, stdout=subprocess.PIPE) for _ in range(WORKERS)]
    return sum(float(json.loads(one.communicate()[0])) for one in running)


def score_alone(who: str, data: Path, program: Path, fitted: Path) -> None:
    """Print the rows a second of this process's core, after a warm-up."""
    with data.open(encoding="utf-8", newline="") as file:
        rows = list(islice(_rows(file), SCORED))
    if who == "firesteel":
        loaded = predictor.load(program.read_bytes())
        assert isinstance(loaded, predictor.Predictor)
        checked = [loaded.check({"title": row[1], "description": row[2], "customer_email": row[3]}) for row in rows]
        loaded.predict_batch(checked[:500])
        started = time.process_time()
        for batch in batched(checked, 500, strict=False):
            loaded.predict_batch(batch)
        print(len(rows) / (time.process_time() - started))
        return
    batch_worker.begin(fitted)
    batch_worker.answer(rows[:500])
    print(len(rows) / sum(batch_worker.answer(list(part))[2] for part in batched(rows, PART, strict=False)))


def measure(who: str, chosen: Subject, data: Path) -> dict[str, float]:
    """One round of a contender."""
    whole = firesteel(data, chosen.registry) if who == "firesteel" else peer(data, chosen.pipelines)
    rows = SIZES["rows_100000"]
    return {
        "rows/s end to end": rows / whole["seconds"],
        "rows per core second": rows / whole["cpu"],
        "rows/s scoring": scoring(who == "firesteel", chosen, data),
        "MiB of tree": whole["MiB"],
    }


def main() -> None:
    if sys.argv[1:2] == ["--peer"]:
        run_peer(*map(Path, sys.argv[2:5]))
        return
    if sys.argv[1:2] == ["--scoring"]:
        score_alone(sys.argv[2], *map(Path, sys.argv[3:6]))
        return
    options = arguments(__doc__, rounds=3).parse_args()
    chosen = subject(options)
    files = {name: generated(HOME / f"tickets-{rows}.csv", rows) for name, rows in SIZES.items()}
    samples = report.alternate(
        ["firesteel", "predict_proba"], options.rounds, lambda who: measure(who, chosen, files["rows_100000"])
    )
    for name, rows in SIZES.items():
        taken = firesteel(files[name], chosen.registry)
        told = {"rows/s end to end": rows / taken["seconds"], "rows per core second": rows / taken["cpu"]}
        told |= {"seconds": taken["seconds"], "MiB": taken["MiB"]}
        samples[name] = {key: [round(value, 4)] for key, value in told.items()}
    notes = {"rounds": options.rounds, "workers": WORKERS, "rows of a part": PART, **SIZES}
    report.finish("batch", samples, TARGETS, notes=notes)


if __name__ == "__main__":
    main()
