"""Requests per second as a server: Firesteel against MLServer, BentoML and plain FastAPI. One process each.

Every server is started, asked until its first right answer, checked on some tickets, loaded by `wrk` and ended, before
the next one has its turn. MLServer, BentoML and FastAPI serve the same two scikit-learn pipelines.
"""

import http.client
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import report
from benchmarks.peers import install
from benchmarks.process import LOGS, LOOPBACK, START_LIMIT, free_port, running
from benchmarks.report import Target
from benchmarks.workload import HOME, ROOT, Subject, arguments, subject

FIRESTEEL = (str(Path(sys.executable).with_name("firesteel")), "serve", "--port", "{port}")
NAMES = ("firesteel", "fastapi", "mlserver", "bentoml")
FIRESTEEL_SETTINGS = {"FIRESTEEL_RATE_LIMIT": "0"}
MLSERVER_PYTHON = "3.12"  # MLServer 1.7 refuses 3.13
PEERS = ROOT / "benchmarks" / "peers" / "servers"
SCRIPT = ROOT / "benchmarks" / "wrk_classify.lua"
CHECKED = 25  # tickets whose labels every server must get right before it is timed

Ticket = Mapping[str, str]
Labels = Mapping[str, str]  # predicted_priority, predicted_department

TARGETS = (
    Target("requests/s", "firesteel", "mlserver", 5, 10, higher_is_better=True),
    Target("requests/s", "firesteel", "bentoml", 10, 20, higher_is_better=True),
    Target("requests/s", "firesteel", "fastapi", 5, 10, higher_is_better=True),
)


@dataclass(frozen=True)
class Server:
    """How one server is started and spoken to."""

    command: Callable[[int], tuple[str, ...]]
    environment: Mapping[str, str] = field(default_factory=dict)
    path: str = "/classify"
    body: Callable[[Ticket], object] = dict
    labels: Callable[[dict[str, Any]], Labels] = lambda answer: answer


@dataclass(frozen=True)
class Load:
    """What `wrk` is asked to do; `bodies` is the file of what it posts, one body a line."""

    connections: int
    seconds: int
    bodies: Path


def servers(chosen: Subject, names: Sequence[str]) -> dict[str, Server]:
    """The contenders by name; peers among them are installed on the way."""
    known = {"firesteel": _firesteel, "fastapi": _fastapi, "mlserver": _mlserver, "bentoml": _bentoml}
    return {name: known[name](chosen) for name in names}


def _firesteel(chosen: Subject) -> Server:
    return Server(
        lambda port: tuple(part.format(port=port) for part in FIRESTEEL),
        {"FIRESTEEL_STORE": chosen.registry.as_uri(), **FIRESTEEL_SETTINGS},
    )


def _fastapi(chosen: Subject) -> Server:
    uvicorn = str(install.environment("plain_fastapi") / "uvicorn")
    return Server(
        lambda port: (uvicorn, "plain_fastapi:app", "--host", LOOPBACK, "--port", str(port), "--no-access-log"),
        _peer(chosen),
    )


def _bentoml(chosen: Subject) -> Server:
    bentoml = str(install.environment("bentoml") / "bentoml")
    return Server(
        lambda port: (bentoml, "serve", "bentoml_service:Tickets", "--host", LOOPBACK, "--port", str(port)),
        _peer(chosen) | {"BENTOML_HOME": str(HOME / "bentoml"), "BENTOML_DO_NOT_TRACK": "True"},
    )


def _mlserver(chosen: Subject) -> Server:
    """No inference pool: with one, each request would cross to a second process; and no log line a request."""
    mlserver = str(install.environment("mlserver", python=MLSERVER_PYTHON) / "mlserver")

    def command(port: int) -> tuple[str, ...]:
        ports = {"HTTP": port, "GRPC": free_port(), "METRICS": free_port()}
        settings = [f"MLSERVER_{name}_PORT={number}" for name, number in ports.items()]
        return ("env", *settings, mlserver, "start", str(PEERS / "mlserver"))

    environment = {"MLSERVER_HOST": LOOPBACK, "MLSERVER_PARALLEL_WORKERS": "0", "MLSERVER_DEBUG": "false"}
    path = "/v2/models/tickets/infer"
    return Server(command, _peer(chosen) | environment, path, _mlserver_body, _mlserver_labels)


def _peer(chosen: Subject) -> dict[str, str]:
    return {"PIPELINES": str(chosen.pipelines), "PYTHONPATH": str(PEERS)}


def _mlserver_body(ticket: Ticket) -> object:
    inputs = [
        {"name": name, "shape": [1], "datatype": "BYTES", "data": [ticket[name]]} for name in ("title", "description")
    ]
    return {"inputs": inputs}


def _mlserver_labels(answer: dict[str, Any]) -> Labels:
    return {output["name"]: output["data"][0] for output in answer["outputs"]}


def ask(server: Server, port: int, ticket: Ticket) -> Labels:
    """The labels of one ticket. Raises OSError while nobody listens, ValueError when the answer is not 200."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=10)
    try:
        body = json.dumps(server.body(ticket))
        connection.request("POST", server.path, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
    finally:
        connection.close()
    if reply.status != 200:
        raise ValueError(f"answered {reply.status}: {text[:300]!r}")
    return server.labels(json.loads(text))


def wait(server: Server, port: int, process: subprocess.Popen[bytes], ticket: Ticket) -> None:
    """Ask until the server answers."""
    give_up = time.monotonic() + START_LIMIT
    while True:
        try:
            ask(server, port, ticket)
            return
        except (OSError, ValueError, http.client.HTTPException) as error:
            if process.poll() is not None:
                raise RuntimeError(f"the server ended with {process.returncode}; see {LOGS}") from error
            if time.monotonic() > give_up:
                raise RuntimeError(f"no answer within {START_LIMIT:.0f} s; see {LOGS}") from error
            time.sleep(0.01)


def wrk(server: Server, port: int, load: Load) -> dict[str, float]:
    """Load the server; raises when a request was lost or refused."""
    command = ["wrk", f"-c{load.connections}", "-t1", f"-d{load.seconds}s", "-s", str(SCRIPT)]
    command += [f"http://{LOOPBACK}:{port}{server.path}", "--", str(load.bodies)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=load.seconds + 30)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if measured["refused"] or measured["broken"] or not measured["requests"]:
        raise RuntimeError(f"not every request was answered well: {measured}")
    return measured


def measure(
    server: Server, *, name: str, seconds: int, rows: Sequence[Ticket], expected: Sequence[Labels]
) -> dict[str, float]:
    """Start, check, load and end one server."""
    port = free_port()
    bodies = LOGS / f"{name}.jsonl"
    bodies.parent.mkdir(parents=True, exist_ok=True)
    bodies.write_text("".join(json.dumps(server.body(row)) + "\n" for row in rows), encoding="utf-8")
    started = time.perf_counter()
    with running(
        server.command(port),
        log=LOGS / f"{name}.log",
        environment=os.environ | server.environment,
        folder=ROOT,
    ) as process:
        wait(server, port, process, rows[0])
        start = time.perf_counter() - started
        for row, labels in zip(rows[:CHECKED], expected, strict=True):
            answered = ask(server, port, row)
            if {key: answered.get(key) for key in labels} != labels:
                raise RuntimeError(f"{name} answered {answered} where the pipelines say {labels}: {row}")
        wrk(server, port, Load(16, 1, bodies))
        alone = wrk(server, port, Load(1, max(2, seconds // 3), bodies))
        busy = wrk(server, port, Load(16, seconds, bodies))
    return {
        "start s": start,
        "requests/s": busy["requests"] / busy["seconds"],
        "p50 ms": busy["p50_ms"],
        "p99 ms": busy["p99_ms"],
        "p50 alone ms": alone["p50_ms"],
    }


def main() -> None:
    parser = arguments(__doc__, rounds=3)
    parser.add_argument("--seconds", type=int, default=10, help="how long wrk loads each server a round")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="leave the others out")
    options = parser.parse_args()

    chosen = subject(options)
    rows, expected = chosen.tickets(), chosen.expected(CHECKED)
    contenders = servers(chosen, options.only)
    samples = report.alternate(
        options.only,
        options.rounds,
        lambda name: measure(contenders[name], name=name, seconds=options.seconds, rows=rows, expected=expected),
    )
    load = f"wrk -c16 -t1 -d{options.seconds}s, one process a server; p50 alone with one connection"
    report.finish("servers", samples, TARGETS, notes={"load": load, "tickets": len(rows), "rounds": options.rounds})


if __name__ == "__main__":
    main()
