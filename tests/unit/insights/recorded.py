"""Log lines that the functions wrote: real lanes, a real training run, the real registry function; and Lambda's own lines."""

import csv
import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from firesteel.registry.store import MemoryStore
from functions.classify.lane import Lane
from functions.classify.shadow import Shadows
from functions.classify.telemetry import Telemetry
from models import tickets
from tests.unit.classify.bundles import TICKET, Clock, beside, damage, release, released, serving_over
from tests.unit.classify.test_sides_telemetry import break_canary
from tests.unit.classify.test_telemetry import post

ROOT = Path(__file__).parents[3]
SURE = {"title": "Refund", "description": "The invoice: refund, invoice."}
TRAINING = """
import json, sys
from types import SimpleNamespace
from functions.train import handler as train
from functions.registry import handler as registry
context = SimpleNamespace(function_name="f", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="lambda-1")
def retrain(model, data, run):
    checked = train.handler({"task": "check", "run": run, "event": {"model": model, "data": data, "by": "hand"}}, context)
    common = {"run": run, "model": model, "upload": checked["upload"]}
    [part] = checked["segments"]
    task = {"task": "train", **common, "segment": "", "data_sha256": checked["data_sha256"], "trials": []}
    done = train.handler(task, context)
    if done["passed"]:
        keys = ("segment", "address", "version", "digest")
        task = {"task": "promote", **common, **{key: done[key] for key in keys}, "promote": checked["promote"]}
        train.handler(task, context)
for function, event in json.load(sys.stdin):
    try:
        match function:
            case "train":
                train.handler(event, context)
            case "retrain":
                retrain(**event)
            case "registry":
                registry.handler(event, context)
    except train.FiresteelError:
        pass
"""


@contextmanager
def telemetry(name: str, written: StringIO) -> Iterator[Telemetry]:
    """What writes to `written` as on Lambda: lines on standard output, with metrics."""
    with redirect_stdout(written):
        made = Telemetry(service=name, level="INFO", namespace="Firesteel")
        yield made
    made.logger.handlers.clear()


def ask(lane: Lane, number: int, path: str, body: object) -> None:
    event = post(path, body)
    context = {**event["requestContext"], "requestId": f"gateway-{number:04}="}
    headers = {**event["headers"], "x-canary-key": f"user-{number}"}
    lane({**event, "headers": headers, "requestContext": context}, f"invocation-{number:04}")


def rolling(store: MemoryStore, *, requests: int = 300, service: str = "recorded") -> list[str]:
    """A canary and a shadow run; some requests are refused, one batch in ten, and the canary has a bug at the end."""
    written = StringIO()
    with telemetry(service, written) as lines:
        serving = serving_over(store, with_shadows=True)
        shadows = Shadows(serving, lines.shadowed)
        lane = Lane(serving, lines, after=shadows.offer)
        for number in range(requests):
            if number == requests - 50:
                break_canary(serving.freshness)
            if number % 10 == 9:
                ask(lane, number, "/classify/batch", {"items": [TICKET, SURE, {"title": "a"}]})
            elif number % 25 == 3:
                ask(lane, number, "/classify", {"title": "no description"})
            else:
                ask(lane, number, "/classify", SURE if number % 3 else TICKET)
            shadows.score()
        ask(lane, requests, "/nowhere", {})
    return written.getvalue().splitlines()


def rollout() -> MemoryStore:
    """Tickets 1.0.0 is latest, 1.1.0 its canary and 1.2.0, which calls every ticket Low, its shadow."""
    store = released("1.0.0", threshold=0.6)
    beside(store, "1.1.0", weight=0.4, threshold=0.7)
    beside(store, "1.2.0", lean=9.0)
    return store


def failing() -> list[str]:
    """The newest version cannot be loaded, and later neither can its canary."""
    written = StringIO()
    with telemetry("recorded-failing", written) as lines:
        store, clock = released("2.0.0"), Clock()
        serving = serving_over(store, on_failure=lines.refresh_failed, clock=clock)
        release(store, "2.1.0")
        damage(store, "2.1.0")
        for _ in range(3):
            clock.now += 31
            serving.freshness.current()
        release(store, "2.2.0")
        beside(store, "2.3.0", weight=0.5)
        damage(store, "2.3.0")
        clock.now += 31
        serving.freshness.current()
    return written.getvalue().splitlines()


def trained(folder: Path) -> dict[str, list[str]]:
    """What the train function wrote of good data, of labels at random that a gate refuses, of a file that cannot be used,
    directly and as tasks of a retraining; and the registry function of moves."""
    good, broken = folder / "good.csv", folder / "broken.csv"
    (folder / "later").mkdir()
    tickets.write(good, 600, seed=3)
    _shuffle(good, folder / "later" / "bad.csv", seed=0)
    _shuffle(good, folder / "later" / "worse.csv", seed=1)
    broken.write_text("title,description\nx,y\n")
    good_one, bad, worse, useless = (
        {"model": "tickets", "data": f"file://{folder}/{file}.csv"}
        for file in ("good", "later/bad", "later/worse", "broken")
    )
    moves = [_move("promote", version="1.1.0", why="tried it"), _move("rollback")]
    steps = [["retrain", {**good_one, "run": "run-7"}], ["train", {**bad, "tune": False}], ["train", useless]]
    lines = _run(folder, [*steps, *[["registry", move] for move in moves]])
    return {"train": lines, "refused": _run(folder, [["retrain", {**worse, "run": "run-8"}]])}


def _shuffle(data: Path, shuffled: Path, *, seed: int) -> None:
    """The same tickets with the labels of others."""
    with data.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [(row["priority"], row["department"]) for row in rows]
    random.Random(seed).shuffle(labels)
    with shuffled.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        for row, (priority, department) in zip(rows, labels, strict=True):
            writer.writerow({**row, "priority": priority, "department": department})


def _move(kind: str, **query: str) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "path": f"/models/tickets/{kind}",
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()},
        "requestContext": {
            "requestId": f"gateway-{kind}",
            "identity": {"userArn": "arn:aws:sts::123456789012:user/ada"},
        },
    }


def _run(folder: Path, steps: list[Any]) -> list[str]:
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'layers' / 'firesteel'}",
        "FIRESTEEL_STORE": f"file://{folder}/store",
        "FIRESTEEL_WORK": f"file://{folder}/work",
        "FIRESTEEL_INCOMING": f"file://{folder}/incoming",
        "FIRESTEEL_SERVICE": "train",
        "MPLCONFIGDIR": str(folder),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", TRAINING],
        input=json.dumps(steps), env=environment, cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def platform(count: int) -> list[str]:
    """Lambda's own lines in its JSON format, as its telemetry schema documents them, for the invocations of `rolling`."""
    when = "2026-11-21T15:00:00.{:03}Z"
    lines: list[dict[str, Any]] = [
        {
            "type": "platform.initStart",
            "record": {"initializationType": "on-demand", "phase": "init", "runtimeVersion": "python:3.13.v1"},
        },
        {
            "type": "platform.initReport",
            "record": {
                "initializationType": "provisioned-concurrency",
                "phase": "init",
                "metrics": {"durationMs": 180.5},
            },
        },
        {"type": "platform.restoreReport", "record": {"status": "success", "metrics": {"durationMs": 33.25}}},
    ]
    for number in range(count):
        metrics = {
            "durationMs": 2.5 + number,
            "billedDurationMs": 3 + number,
            "memorySizeMB": 1769,
            "maxMemoryUsedMB": 90,
        }
        if number % 20 == 0:
            metrics["initDurationMs"] = 200.0 + number
        elif number % 50 == 1:
            metrics["restoreDurationMs"] = 40.0 + number
        trace = {
            "spanId": "54565fb41ac79632",
            "type": "X-Amzn-Trace-Id",
            "value": "Root=1-62e900b2-710d76f009d6e7785905449a",
        }
        record = {"requestId": f"invocation-{number:04}", "metrics": metrics, "status": "success", "tracing": trace}
        lines.append({"type": "platform.start", "record": {"requestId": record["requestId"], "version": "3"}})
        lines.append({"type": "platform.report", "record": record})
    return [json.dumps({"time": when.format(index % 1000), **line}) for index, line in enumerate(lines)]


EMULATOR = """\
START RequestId: 3af49a73-7c28-4650-bbdd-180ef568d667 Version: $LATEST
21 Nov 2026 16:02:06,158 [INFO] (rapid) INIT START(type: on-demand, phase: init)
21 Nov 2026 16:02:06,339 [INFO] (rapid) INIT REPORT(durationMs: 181.358000)
END RequestId: 3af49a73-7c28-4650-bbdd-180ef568d667
REPORT RequestId: 3af49a73-7c28-4650-bbdd-180ef568d667\tInit Duration: 0.02 ms\tDuration: 184.23 ms\t\
Billed Duration: 185 ms\tMemory Size: 1769 MB\tMax Memory Used: 1769 MB\t
""".splitlines()
"""What the runtime emulator writes between the function's lines."""
