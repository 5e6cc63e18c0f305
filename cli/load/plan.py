"""What the process that makes the load is told, and what it tells: JSON, a line each way at a time.

It imports nothing but the standard library: the other process has another world of sockets and threads.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class Plan:
    """POST `bodies` in turn to `path`, as `users` who wait `wait` seconds after each answer, `spawn_rate` new ones a second.

    Headers may hold secrets, so a plan goes through a pipe: never into a file, an argument or a variable.
    """

    base_url: str
    path: str
    bodies: list[str]
    headers: dict[str, str]
    users: int
    spawn_rate: float
    seconds: float
    wait: float = 0.0
    timeout: float = 30.0

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, line: str) -> Self:
        return cls(**json.loads(line))


@dataclass(frozen=True)
class Second:
    """One second of a run, counted from 0: answers by how they ended, and quantiles in ms of those that succeeded."""

    second: int
    succeeded: int
    failed: int
    limited: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    `latencies` are quantiles in milliseconds of the answers with status 200, from the request's first byte sent to the
    answer's last. `limited` answers are 429: the API asked for patience, which is no error. `errors` counts all others by
    what they were: `503 no_model`, `ConnectionRefusedError`. `busy` says that the load's own process was short of CPU.
    """

    seconds: float
    succeeded: int
    limited: int
    errors: dict[str, int]
    latencies: dict[str, float]
    course: list[Second] = field(default_factory=list)
    busy: bool = False

    @property
    def failed(self) -> int:
        return sum(self.errors.values())

    @property
    def requests(self) -> int:
        return self.succeeded + self.limited + self.failed

    @property
    def error_share(self) -> float:
        """Of all requests but those that were rate limited."""
        return self.failed / max(1, self.requests - self.limited)

    @property
    def rate(self) -> float:
        """Requests that succeeded, a second."""
        return self.succeeded / self.seconds if self.seconds else 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, value: dict[str, Any]) -> Self:
        return cls(**{**value, "course": [Second(**one) for one in value["course"]]})
