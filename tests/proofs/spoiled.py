"""Bad training files through the real tasks, and through the command: `latest` stays, and somebody is told why."""

import contextlib
import io
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from cli import environment, main
from firesteel.errors import FiresteelError
from firesteel.registry import alias, bundle
from functions.train import tasks
from tests.proofs.proof import Run
from tests.proofs.spoiled_files import DEFINITION, Spoiled, csv_of, files, good
from tests.unit.train.world import World

SECONDS = 30.0
"""Of CPU, that no file may take longer than."""
REFUSED, GATED = 3, 4
"""Exit codes of a file that cannot be used, and of a version that is not good enough."""
TRAINED_QUICKLY, COMMANDED_QUICKLY, BOMBS_QUICKLY = 4, 4, 1
"""How many files of each kind the tests take."""


def prove(run: Run) -> None:
    world = _world(run)
    spoiled = list(files(run.random("files")))
    slowest = 0.0
    for one in spoiled if run.full else _quickly(spoiled):
        begun = time.process_time()
        wrong = _through_the_tasks(world, one)
        took = time.process_time() - begun
        slowest = max(slowest, took)
        told = f"{one.name}: {wrong} ({took:.1f} s)"
        run.check(not wrong and took < SECONDS, told)
    commanded = spoiled if run.full else run.random("commanded").sample(_quickly(spoiled), COMMANDED_QUICKLY)
    with _command(run) as train:
        for one in commanded:
            wrong = train(one)
            run.check(not wrong, lambda one=one, wrong=wrong: f"firesteel train on {one.name}: {wrong}")
    run.note(
        files=len(spoiled), trained_on=sum(one.trains for one in spoiled), slowest_seconds_of_CPU=round(slowest, 2)
    )


def _quickly(spoiled: list[Spoiled]) -> list[Spoiled]:
    """Those that cost little, and some of those that are trained on or unpacked."""
    trained = [one for one in spoiled if one.trains]
    bombs = [one for one in spoiled if one.name.startswith("a bomb")]
    left_out = {one.name for one in [*trained[TRAINED_QUICKLY:], *bombs[BOMBS_QUICKLY:]]}
    return [one for one in spoiled if one.name not in left_out]


def _world(run: Run) -> World:
    """A deployment that serves a good version."""
    world = World(definition=DEFINITION)
    outcome = attempt(world, csv_of(good(run.random("served"))))
    assert outcome == "promoted", outcome
    return world


def attempt(world: World, data: bytes) -> str:
    """An upload through check, train and promote, as the state machine goes: `promoted`, or what people are told."""
    second = sum(map(len, world.uploads.versions.values()))
    event = world.uploads.put("data.csv", data, second)
    run = f"run-{second}"
    try:
        checked = tasks.run(world.deployment, {"task": "check", "run": run, "event": event})
        if checked["outcome"] != "train":
            return str(checked["reason"])
        known: dict[str, Any] = {name: checked[name] for name in ("model", "upload", "data_sha256")} | {"run": run}
        trained = tasks.run(world.deployment, {"task": "train", "segment": "", "trials": [], **known})
        if not trained["passed"]:
            return f"gates: {'; '.join(trained['reasons'])}"
        named = {name: trained[name] for name in ("address", "version", "digest")}
        moved = tasks.run(world.deployment, {"task": "promote", **known, **named, "promote": checked["promote"]})
    except FiresteelError as error:
        return f"{type(error).__name__}: {error}"
    return "promoted" if moved["moved"] else str(moved["reason"])


def _through_the_tasks(world: World, one: Spoiled) -> str:
    """What is wrong with what became of a file; nothing if it is contained."""
    before = _state(world)
    try:
        told = attempt(world, one.data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is no clear error
        return f"{type(error).__name__}: {error}"[:300]
    versions, served = _state(world)
    if served != before[1]:
        return f"latest moved: {told}"
    if one.trains:
        clear = told.startswith(("gates: FAILED", "DataError: memory://incoming/small/data.csv"))
    else:
        clear = told.startswith("DataError: memory://incoming/small/data.csv: ") and versions == before[0]
    if not clear or one.says not in told:
        return f"it is told {told[:300]!r}"
    if not all(complete for _, complete in versions):
        return "a version is there in part"
    return ""


def _state(world: World) -> tuple[list[tuple[str, bool]], list[alias.Entry]]:
    """The versions, and the history of `latest`."""
    versions = [(one.version, one.complete) for one in bundle.versions(world.registry, "small")]
    return versions, alias.history(world.registry, "small", "latest")


@contextlib.contextmanager
def _command(run: Run) -> Iterator[Any]:
    """`firesteel train` on a registry of its own that serves a good version; gives what is wrong with a file's end."""
    with tempfile.TemporaryDirectory() as name, _environment(Path(name)):
        folder = Path(name)
        definition, data = folder / "small.yaml", folder / "data.csv"
        definition.write_text(yaml.safe_dump(DEFINITION.model_dump(mode="json", exclude_none=True)))

        def train(content: bytes) -> tuple[int, str]:
            data.write_bytes(content)
            return _run("train", str(definition), "--data", str(data))

        code, told = train(csv_of(good(run.random("served"))))
        assert code == 0, told
        served = alias.history(environment.open_registry(), "small", "latest")

        def wrong(one: Spoiled) -> str:
            code, told = train(one.data)
            if alias.history(environment.open_registry(), "small", "latest") != served:
                return "latest moved"
            if code not in ((REFUSED, GATED) if one.trains else (REFUSED,)) or "Traceback" in told:
                return f"exit code {code}: {told[-300:]}"
            return ""

        yield wrong


@contextlib.contextmanager
def _environment(folder: Path) -> Iterator[None]:
    """The command's: a registry in the folder, and the folder as the place where it stands."""
    before, where = dict(os.environ), Path.cwd()
    for name in [name for name in os.environ if name.startswith("FIRESTEEL_")]:
        del os.environ[name]
    os.environ["FIRESTEEL_STORE"] = (folder / "registry").as_uri()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(where)
        os.environ.clear()
        os.environ.update(before)
        environment.settings.cache_clear()


def _run(*arguments: str) -> tuple[int, str]:
    """A command's exit code and all that it said."""
    before, said = sys.argv, io.StringIO()
    sys.argv = ["firesteel", *arguments]
    environment.settings.cache_clear()
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            main.run()
    except SystemExit as ended:
        return int(ended.code or 0), said.getvalue()
    finally:
        sys.argv = before
    return 0, said.getvalue()
