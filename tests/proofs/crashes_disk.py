"""The same on a real disk: processes that end, by os._exit, before any single thing they ask of the file system."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from firesteel.registry.disk import DiskStore
from firesteel.registry.seal import Sealed
from tests.proofs.crashes_operations import OPERATIONS, Operation
from tests.proofs.crashes_world import Clock, wrong
from tests.proofs.proof import Run

_ASKED = ("open", "os.link", "os.remove", "os.mkdir", "os.scandir", "os.listdir")
_SAMPLE = 3  # ends of each operation where not all of them are tried
_KILLED = 9


def prove(run: Run) -> None:
    """In a process without threads, which can be forked for each end."""
    words = [sys.executable, "-m", __name__, "full" if run.full else "quick", str(run.random("disk").random())]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)
    run.check(done.returncode == 0, f"the process that forks the others ended with {done.returncode}: {done.stderr}")
    cases = json.loads(done.stdout or "{}")
    for name, found in cases.items():
        run.check(not found, f"on disk, {name}: {found}")
    run.note(ends_of_processes_on_disk=len(cases))


def main(*, full: bool, random: Random) -> dict[str, str]:
    """What was wrong after each end, nothing where nothing was."""
    cases = {}
    with Clock().everywhere() as clock, TemporaryDirectory() as place:
        for operation in OPERATIONS:
            if operation.name == "release":
                continue  # what it loads asks more of the file system than what it writes
            stops = range(1, 1000) if full else sorted(random.sample(range(1, 50), _SAMPLE))
            for stop in stops:
                code, found = _case(operation, stop, Path(place) / "store", clock)
                cases[f"{operation.name}, stopped before {stop}"] = found
                if code == 0:
                    break
    return cases


def _case(operation: Operation, stop: int, folder: Path, clock: Clock) -> tuple[int, str]:
    """How the process ended, and what was wrong with what it left or with what the next one made of it."""
    begin = operation.begin()
    for key, data in begin.items():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    try:
        if not (child := os.fork()):
            _end_at(stop, operation, folder, clock)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        left = objects(folder)
        found = wrong(left, {**left, **begin})
        operation.run(Sealed(DiskStore(str(folder))), clock)
        after = objects(folder)
        found += wrong(after, {**after, **left})
        if not operation.done(after):
            found.append("it is not done when it is run again")
        if code not in (0, _KILLED):
            found.append(f"the process ended with {code}")
        return code, "; ".join(found)
    finally:
        shutil.rmtree(folder)


def _end_at(stop: int, operation: Operation, folder: Path, clock: Clock) -> None:
    """Run the operation in this process, which ends before the `stop`th thing it asks of the file system."""
    count = 0

    def hook(event: str, _: tuple) -> None:
        nonlocal count
        count += event in _ASKED
        if count == stop:
            os._exit(_KILLED)

    sys.addaudithook(hook)
    try:
        operation.run(Sealed(DiskStore(str(folder))), clock)
    finally:
        os._exit(1 if sys.exception() else 0)


def objects(folder: Path) -> Mapping[str, bytes]:
    store = DiskStore(str(folder))
    return {key: store.get(key, limit=10**6) for key in store.keys("models/")}


if __name__ == "__main__":
    print(json.dumps(main(full=sys.argv[1] == "full", random=Random(sys.argv[2]))))
