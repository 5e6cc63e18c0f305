"""Tries the mutants of one module on its tests: `python -m tests.proofs.mutants_nursery JOB.json`, in a copy of the tree.

Tests are collected once. Every mutant is then a fork of the process that collected them: its function gets the mutant's
code, and the tests that reach the line run, the quickest first, until one fails. What is done at import (constants,
patterns, defaults) cannot be changed afterwards: those mutants are a fork of the process before it imported anything of
ours. A mutant that takes far longer than the tests do without it counts as killed. One JSON line tells of each.
"""

import gc
import importlib
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType

import pytest
from hypothesis import Phase, settings

from tests.proofs.mutants_operators import Mutant, mutants

HEAVY = ("numpy", "obstore", "yaml", "pydantic")
"""Imported before any fork, so that no mutant pays for them."""
ALLOWANCE = 3.0, 4
"""Seconds of CPU, and how many times what the tests take, before a mutant counts as one that never ends."""
MEMORY = 12 << 30
KILLED, SURVIVED, UNREACHED = 1, 0, 3


@dataclass(frozen=True)
class Job:
    """A module's name and file, its tests' files, and the names of the mutants to try (None: all)."""

    module: str
    path: str
    tests: list[str]
    wanted: list[str] | None

    def mutants(self) -> Iterator[Mutant]:
        for mutant in mutants(Path(self.path).read_text(encoding="utf-8"), str(Path(self.path).resolve())):
            if self.wanted is None or mutant.name in self.wanted:
                yield mutant


@dataclass(eq=False)
class Cover:
    """Which lines of a module each test reaches, its fixtures' included, and how long it takes."""

    path: str
    lines: dict[str, set[int]] = field(default_factory=dict)
    fixtures: dict[object, set[int]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    now: set[int] = field(default_factory=set)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
        """A fixture that several tests share is set up in the first alone; its lines are everybody's."""
        before, self.now = self.now, set()
        sys.monitoring.restart_events()
        try:
            return (yield)
        finally:
            self.fixtures[fixturedef] = self.now | self.fixtures.get(fixturedef, set())
            self.now |= before
            sys.monitoring.restart_events()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.now = set()
        sys.monitoring.restart_events()
        begun = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = time.process_time() - begun
            self.lines[item.nodeid] = self.now

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            sys.stderr.write(f"\n{report.nodeid}\n{report.longreprtext}\n")

    def watch(self) -> None:
        """Has the interpreter tell of lines; each is told once a test."""
        monitoring = sys.monitoring
        monitoring.use_tool_id(monitoring.COVERAGE_ID, "mutants")
        monitoring.register_callback(monitoring.COVERAGE_ID, monitoring.events.LINE, self._seen)
        monitoring.set_events(monitoring.COVERAGE_ID, monitoring.events.LINE)

    def _seen(self, code: CodeType, line: int) -> object:
        if code.co_filename == self.path:
            self.now.add(line)
        return sys.monitoring.DISABLE

    def told(self, items: list[pytest.Item]) -> dict[str, tuple[list[int], float]]:
        """What to keep of it for each test that ran: lines and seconds."""
        for item in items:
            for definitions in item._fixtureinfo.name2fixturedefs.values():
                for definition in definitions:
                    self.lines.setdefault(item.nodeid, set()).update(self.fixtures.get(definition, ()))
        return {name: (sorted(self.lines[name]), seconds) for name, seconds in self.seconds.items()}


@dataclass(eq=False)
class Nursery:
    """The plugin of a pytest that has collected a module's tests and now tries its mutants, each in a fork."""

    job: Job
    tell: Callable[[Mutant, int], None]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        cover = self._cover(session)
        made = made_of(str(Path(self.job.path).resolve()))
        gc.collect()
        gc.freeze()  # what stays is not looked at again in every fork
        for mutant in self.job.mutants():
            if mutant.function is not None:
                items = _reaching(mutant, session.items, cover)
                if not items:
                    self.tell(mutant, UNREACHED)
                    continue

                def tried(mutant: Mutant = mutant, items: list[pytest.Item] = items) -> int:
                    plant(mutant, made)
                    return _run(session, items)

                self.tell(mutant, forked(tried, sum(cover[item.nodeid][1] for item in items)))
        return True

    def _cover(self, session: pytest.Session) -> dict[str, tuple[list[int], float]]:
        """What each test reaches and takes, from a run of all of them without a mutant, which must pass.

        It is a fork as well: libraries with threads of their own do not survive being forked after their first use.
        """
        kept = Path(f"{self.job.path}.cover")

        def watched() -> int:
            cover = Cover(str(Path(self.job.path).resolve()))
            session.config.pluginmanager.register(cover)
            cover.watch()
            code = _run(session, session.items)
            kept.write_text(json.dumps(cover.told(session.items)))
            return code

        if forked(watched, 600, told=2) != SURVIVED:
            raise pytest.UsageError(f"the tests of {self.job.module} fail without any mutant")
        cover: dict[str, tuple[list[int], float]] = json.loads(kept.read_text())
        return cover


def _reaching(mutant: Mutant, items: list[pytest.Item], cover: dict[str, tuple[list[int], float]]) -> list[pytest.Item]:
    """The tests that reach a mutant's line, the quickest first."""
    lines = set(range(mutant.line, mutant.end + 1))  # of an expression over several, the first may have no code
    reaching = [item for item in items if lines.intersection(cover[item.nodeid][0])]
    return sorted(reaching, key=lambda item: cover[item.nodeid][1])


def _run(session: pytest.Session, items: list[pytest.Item]) -> int:
    """Runs tests until one fails."""
    for place, item in enumerate(items):
        following = items[place + 1] if place + 1 < len(items) else None
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.testsfailed:
            return KILLED
    return SURVIVED


def made_of(path: str) -> dict[tuple[str, int], list[FunctionType]]:
    """The functions that were made of a file's code, by their names and first lines."""
    made: dict[tuple[str, int], list[FunctionType]] = {}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and thing.__code__.co_filename == path:
            made.setdefault((thing.__code__.co_qualname, thing.__code__.co_firstlineno), []).append(thing)
    return made


def plant(mutant: Mutant, made: dict[tuple[str, int], list[FunctionType]]) -> None:
    """Gives the functions that were made of a mutant's original the mutant's code. Raises LookupError where none was."""
    changed = _code(mutant.code, str(mutant.function), mutant.line)
    for function in made[changed.co_qualname, changed.co_firstlineno]:
        function.__code__ = changed


def _code(code: CodeType, function: str, line: int) -> CodeType:
    """The code of a function in a module's; of two with one name (a property and its setter), the one that has the line."""
    below = [part for part in code.co_consts if isinstance(part, CodeType)]
    named = [part for part in below if part.co_qualname == function and part.co_firstlineno <= line]
    if named:
        return max(named, key=lambda part: part.co_firstlineno)
    for part in below:
        with suppress(LookupError):
            return _code(part, function, line)
    raise LookupError(function)


def forked(work: Callable[[], int], seconds: float, *, told: int = -1) -> int:
    """What a piece of work answers in a process of its own: killed, also where it fails, dies or never ends. What it says
    goes to the open file `told`, if any.
    """
    room = _room()
    pid = os.fork()
    if pid == 0:
        code = KILLED  # whatever is raised, the mutant made it
        try:
            allowed = int(ALLOWANCE[0] + ALLOWANCE[1] * seconds) + 1
            resource.setrlimit(resource.RLIMIT_CPU, (allowed, allowed))
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
            signal.alarm(20 * allowed)
            os.environ["PYTEST_DEBUG_TEMPROOT"] = room
            output = told if told >= 0 else os.open(os.devnull, os.O_RDWR)
            os.dup2(output, 1)
            os.dup2(output, 2)
            code = work()
        finally:
            os._exit(code)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else KILLED


def _room() -> str:
    """A folder of its own for what a process leaves behind. Numbers of processes come again: they are no names for it."""
    rooms = Path.cwd() / ".rooms"
    rooms.mkdir(exist_ok=True)
    return tempfile.mkdtemp(dir=rooms)


def steady() -> None:
    """Has Hypothesis try the same examples for every mutant, and not look for the smallest that fails."""
    phases = (Phase.explicit, Phase.generate)
    settings.register_profile("mutants", derandomize=True, database=None, deadline=None, phases=phases, max_examples=25)
    settings.load_profile("mutants")


def imported(job: Job, mutant: Mutant | None) -> int:
    """Runs a module's tests on a mutant of what is done at import."""
    if mutant is not None:
        original, changed = SourceFileLoader.get_code, mutant.code

        def get_code(loader: SourceFileLoader, name: str) -> CodeType | None:
            return changed if loader.path == changed.co_filename else original(loader, name)

        SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    return SURVIVED if pytest.main([*OPTIONS, "-x", *job.tests]) == pytest.ExitCode.OK else KILLED


OPTIONS = ["-q", "-p", "no:cacheprovider"]


def main(path: str) -> None:
    """Tries a job's mutants; each line on the standard output is `[name, line, verdict]`."""
    job = Job(**json.loads(Path(path).read_text()))
    answers = os.fdopen(os.dup(1), "w")

    def tell(mutant: Mutant, verdict: int) -> None:
        answers.write(json.dumps([mutant.name, mutant.line, verdict]) + "\n")
        answers.flush()

    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # they take longer to import than a mutant to try
    for name in HEAVY:
        importlib.import_module(name)
    steady()
    at_import = [mutant for mutant in job.mutants() if mutant.function is None]
    if at_import and forked(lambda: imported(job, None), 600, told=2) != SURVIVED:
        raise SystemExit(f"the tests of {job.module} fail without any mutant")
    seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    for mutant in at_import:
        tell(mutant, forked(lambda mutant=mutant: imported(job, mutant), seconds))
    os.dup2(2, 1)
    sys.exit(pytest.main([*OPTIONS, *job.tests], plugins=[Nursery(job, tell)]))


if __name__ == "__main__":
    main(sys.argv[1])
