"""One request to an API, and what became of it."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import httpx

from cli.client import Api
from functions.classify.answers import JSON, REQUEST_ID

Judge = Callable[[httpx.Response], Iterator[str]]


class Check(NamedTuple):
    """One request, the status it must get, and what to say of an answer that has this status."""

    name: str
    method: str
    path: str
    status: int
    judge: Judge
    body: bytes | None = None
    media_type: str = JSON
    headers: Mapping[str, str] = {}


class Outcome(NamedTuple):
    """What became of a check: nothing is wrong when `problems` is empty."""

    name: str
    method: str
    path: str
    wanted: int
    status: int
    milliseconds: float
    problems: list[str]


def attempt(api: Api, check: Check) -> Outcome:
    """Send the request and judge the answer. Raises ApiError when nothing answers."""
    request_id = f"smoke-{os.urandom(8).hex()}"
    media_type = {"content-type": check.media_type} if check.body is not None else {}
    started = time.perf_counter()
    answer = api.request(
        check.method, check.path, check.body, {REQUEST_ID: request_id} | media_type | {**check.headers}
    )
    milliseconds = round((time.perf_counter() - started) * 1e3, 1)
    problems = list(_problems(check, answer, request_id))
    return Outcome(check.name, check.method, check.path, check.status, answer.status_code, milliseconds, problems)


def _problems(check: Check, answer: httpx.Response, request_id: str) -> Iterator[str]:
    if check.path != "/metrics" and (echoed := answer.headers.get(REQUEST_ID)) != request_id:
        yield f"{REQUEST_ID} comes back as {echoed!r}"
    if answer.status_code == check.status:
        yield from check.judge(answer)
    else:
        yield f"wanted {check.status}, got {answer.status_code}: {answer.text[:200]}"
