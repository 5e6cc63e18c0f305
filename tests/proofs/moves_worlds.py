"""Where the aliases move: environments of Lambda in threads of ours, and a server of its own process."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from random import Random
from threading import Thread, local
from typing import NamedTuple, Protocol
from unittest.mock import patch

from firesteel.registry.store import MemoryStore, Store, open_store
from functions.classify import refresh, serving
from functions.classify.lane import Lane
from functions.classify.telemetry import Telemetry
from tests.proofs.moves_asked import FIRST, TICKETS, Asked, Judge, Questions, publish
from tests.proofs.moves_history import Moves, Seen
from tests.proofs.moves_watch import Look, read_looks, watched
from tests.unit.classify.bundles import source_over

TTL = 0.5
_WHOLE = 60.0
"""Seconds that a request of Lambda waits for its look: a busy machine may take longer than the product waits."""
_MEMORY = 32_768
"""Bytes of programs beside the served one: some of these bundles, so that pinned versions put out one another."""
_UP = 60  # seconds for a server to come up on a machine that is busy


class Answered(NamedTuple):
    status: int
    digest: str | None
    body: bytes
    generation: int | None = None


Ask = Callable[[Asked], Answered]


class World(Protocol):
    """A store, and the environments that serve from it: each a way to ask for each of its callers."""

    name: str
    store: Store
    environments: list[list[Ask]]
    waits: bool
    """Whether the request that looks at an alias waits for what it finds."""

    def looks(self) -> list[list[Look]]:
        """Of each environment."""
        ...


class Unhurried(MemoryStore):
    """Takes a moment for whatever it is asked, another one every time."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random

    def get(self, key, *, limit):
        self._pause()
        return super().get(key, limit=limit)

    def keys(self, prefix):
        self._pause()
        return super().keys(prefix)

    def _pause(self):
        time.sleep(self._random.random() ** 4 * 0.01)


class Lanes:
    """Environments as Lambda has them, one request at a time; but of one of them two threads ask at once."""

    name = "Lambda"
    waits = True

    def __init__(self, random: Random, through: Callable[[Store], Store] = lambda store: store) -> None:
        """The environments look `through` something at the store that is written to."""
        self.store = Unhurried(random)
        publish(self.store)
        self.failures = 0
        self._looks: list[list[Look]] = [[], []]
        self.environments = [
            self._environment(through(self.store), callers, looks.append)
            for callers, looks in zip((2, 1), self._looks, strict=True)
        ]

    def looks(self) -> list[list[Look]]:
        return self._looks

    def _environment(self, store: Store, callers: int, note: Callable[[Look], None]) -> list[Ask]:
        run = watched(refresh.run_awaited, note)
        served = serving.over(source_over(store), ttl=TTL, memory=_MEMORY, on_failure=self._failed, run=run)
        served.freshness.start()
        last = local()

        def note(_, answer):
            live = answer.facts.get("live")
            last.generation = live.generation if live and live.model == TICKETS else None

        lane = Lane(served, Telemetry(service="proof-moves", level="CRITICAL"), after=note)

        def ask(asked: Asked) -> Answered:
            http = {"method": asked.method, "path": asked.path, "sourceIp": "10.0.0.1"}
            event = {"version": "2.0", "rawPath": asked.path, "headers": asked.headers, "body": asked.body.decode()}
            answer = lane(event | {"requestContext": {"http": http, "requestId": "r"}})
            digest = answer["headers"].get("x-model-digest")
            generation = None if asked.pinned else last.generation
            return Answered(answer["statusCode"], digest, answer["body"].encode(), generation)

        return [ask] * callers

    def _failed(self, *_: object) -> None:
        self.failures += 1


class Server:
    """The server as `firesteel serve` runs it, in a process of its own over a folder."""

    name = "server"
    waits = False

    def __init__(self, folder: Path, port: int, connections: ExitStack) -> None:
        self.store = open_store(f"file://{folder}/store")
        self.environments = [[self._caller(port, connections) for _ in range(4)]]
        self._written = folder / "looks"

    def looks(self) -> list[list[Look]]:
        return [read_looks(self._written)]

    @staticmethod
    def _caller(port: int, connections: ExitStack) -> Ask:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connections.callback(connection.close)

        def ask(asked: Asked) -> Answered:
            connection.request(asked.method, asked.path, asked.body, asked.headers)
            answer = connection.getresponse()
            return Answered(answer.status, answer.getheader("x-model-digest"), answer.read())

        return ask


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """A server over what was published in `folder`, up until the end."""
    url = f"file://{folder}/store"
    publish(open_store(url))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {"store": url, "monitor": "memory://", "port": port, "refresh_seconds": TTL, "models_mib": 1}
    before = f"from tests.proofs import moves_watch; moves_watch.write_looks({str(folder / 'looks')!r}); "
    with process(before=before, **settings), ExitStack() as connections:
        yield Server(folder, port, connections)


@contextmanager
def process(environ: dict[str, str] | None = None, before: str = "", **settings: object) -> Iterator[subprocess.Popen]:
    """A server process with these settings, from when it listens until it ended. It must end as it was told to.

    `before` is code that it runs first.
    """
    script = before + "from firesteel.settings import Settings; from functions.classify import server; "
    about = {"rate_limit": 0, "log_level": "CRITICAL", "service": "proof", **settings}
    script += f"server.run(Settings(**{about!r}))"
    environ = {**os.environ, **(environ or {}), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL, env=environ) as running:
        try:
            _await(running, int(str(settings["port"])))
            yield running
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(_UP)


def _await(running: subprocess.Popen, port: int) -> None:
    give_up = time.monotonic() + _UP
    while running.poll() is None and time.monotonic() < give_up:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the server did not come up (exit code {running.poll()})")


class Lived(NamedTuple):
    """What happened: the moves, what each environment answered, and what no bundle can have answered."""

    moves: Moves
    seen: list[list[Seen]]
    judged: list[str]
    """Of each request, why no bundle can have answered so; nothing where one has."""
    longest: float
    """Seconds of the slowest request."""


class Plan(NamedTuple):
    """So many requests of all callers, and meanwhile, evenly spread, so many moves."""

    requests: int
    moves: int
    pause: float = 0.0
    """Seconds between two requests of a caller."""


def live(world: World, judge: Judge, random: Callable[[str], Random], plan: Plan) -> Lived:
    """As it is planned."""
    requests, moves, pause = plan
    turns, judged = count(), list[str]()
    seen: list[list[Seen]] = [[] for _ in world.environments]
    history = Moves(world.store, random("moves"))
    longest, reached = [0.0], [0]

    def caller(ask: Ask, own: list[Seen], questions: Iterator[Asked]) -> None:
        while (turn := next(turns)) < requests:
            reached[0] = turn
            asked = next(questions)
            begun = time.monotonic()
            try:
                answer = ask(asked)
                done = time.monotonic()
                for told in judge.of(asked, answer.status, answer.digest, answer.body):
                    known = answer.generation if told.model == TICKETS else None
                    own.append(Seen(begun, done, asked.key, told._replace(generation=told.generation or known)))
                judged.append("")
            except Exception as error:  # noqa: BLE001 - a request that is dropped is what is looked for
                judged.append(f"{asked.method} {asked.path}: {type(error).__name__}: {error}")
            longest[0] = max(longest[0], time.monotonic() - begun)
            time.sleep(pause)

    threads = [
        Thread(target=caller, args=(ask, own, iter(Questions(random(f"caller {number} {place}")))))
        for number, (asks, own) in enumerate(zip(world.environments, seen, strict=True))
        for place, ask in enumerate(asks)
    ]
    with patch.object(refresh, "PATIENCE", _WHOLE):
        for asks in world.environments:
            asks[0](FIRST)
        for thread in threads:
            thread.start()
        done = 0
        while any(thread.is_alive() for thread in threads):
            if done < moves and reached[0] * moves >= done * requests:
                history.move()
                done += 1
            else:
                time.sleep(0.001)
    return Lived(history, seen, judged, longest[0])
