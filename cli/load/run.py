"""The process that makes the load: `python -m cli.load.run`, a plan on standard input, progress and outcome on output.

It ends when the plan's time is over, or as soon as standard input is closed, and tells the outcome either way.
"""

import json
import logging
import os
import sys
import time
from itertools import count
from typing import Any

import gevent
from gevent.os import tp_read
from locust import FastHttpUser, constant, task
from locust.env import Environment

from cli.load.plan import Plan
from cli.load.record import Record

_TICK = 0.2  # seconds between looks at the clock
_LAST_ANSWERS = 5.0  # seconds that users may wait for what they asked last


def main() -> None:
    logging.disable(logging.CRITICAL)  # what fails is counted, and told with the outcome
    plan = Plan.of(sys.stdin.readline())
    record, began = Record(), time.perf_counter()
    environment = Environment(user_classes=[_user(plan)], stop_timeout=min(plan.timeout, _LAST_ANSWERS))

    def answered(response_time: float, response: Any, exception: BaseException | None, **_: object) -> None:
        status = int(response.status_code or 0) if response is not None else 0
        body = response.text or "" if status >= 400 else ""
        record.add(time.perf_counter() - began, response_time, status, body, exception)

    environment.events.request.add_listener(answered)  # type: ignore[no-untyped-call]
    runner = environment.create_local_runner()
    runner.start(plan.users, spawn_rate=plan.spawn_rate)
    closed = gevent.spawn(tp_read, sys.stdin.fileno(), 1)
    while (passed := time.perf_counter() - began) < plan.seconds and not closed.ready():
        _tell({"progress": [passed, runner.user_count, record.succeeded, record.failed, record.limited]})
        gevent.sleep(min(_TICK, plan.seconds - passed))
    passed = time.perf_counter() - began
    runner.quit()
    _tell({"outcome": record.outcome(passed, busy=bool(runner.cpu_warning_emitted)).to_json()})
    os._exit(0)  # a thread may still be waiting for standard input


def _user(plan: Plan) -> type[FastHttpUser]:
    """Users who take the bodies in turn, together."""
    turns = count()
    bodies: list[Any] = [body.encode() for body in plan.bodies]  # Locust passes bytes on as they are
    headers = {"content-type": "application/json", **plan.headers}

    class User(FastHttpUser):
        host = plan.base_url
        wait_time = constant(plan.wait)
        connection_timeout = network_timeout = plan.timeout

        @task
        def call(self) -> None:
            self.client.post(plan.path, data=bodies[next(turns) % len(bodies)], headers=headers)

    return User


def _tell(what: dict[str, Any]) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
