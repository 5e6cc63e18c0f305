"""No request breaks the endpoint: whatever event comes, the answer is one of the documented.

First every key of every kind of event is changed in every way, one at a time. Then come random requests to all
operations and models, with sound and spoiled bodies, in sound and spoiled events; a part of them goes to the ASGI app, too.
"""

import asyncio
import gc
from collections import Counter
from typing import Any
from urllib.parse import unquote

from functions.classify import operations
from functions.classify.answers import Refused
from tests.proofs.proof import Run
from tests.proofs.requests_answers import Judge
from tests.proofs.requests_cases import one, request, systematic
from tests.proofs.requests_events import Sent
from tests.proofs.requests_world import Endpoint

QUICK, FULL = 10_000, 1_000_000
TO_THE_APP = 20  # one request of so many goes to the ASGI app, too


def prove(run: Run) -> None:
    endpoint = Endpoint()
    judge, statuses = Judge(endpoint.document), Counter[int]()
    changed = systematic(endpoint)
    drawn = (FULL if run.full else QUICK) - len(changed)
    if not run.full:
        kept = run.random("systematic").sample(changed, k=min(len(changed), QUICK // 2))
        changed, drawn = kept, QUICK - len(kept)
    gc.collect()
    gc.freeze()  # a million answers leave no cycles, and what stays need not be looked at again
    try:
        for what, event in changed:
            ask(run, endpoint, judge, event, what, statuses)
        for number in range(drawn):
            ask(run, endpoint, judge, one(endpoint, run.random("event", number)), f"event {number}", statuses)
        with asyncio.Runner() as loop:
            for number in range(drawn // TO_THE_APP):
                sent = request(endpoint, run.random("server", number))
                ask_server(run, endpoint, judge, loop, sent, f"server {number}")
    finally:
        gc.unfreeze()
    run.note(answered=statuses[200] + statuses[201] + statuses[304], statuses=", ".join(map(str, sorted(statuses))))


def ask(run: Run, endpoint: Endpoint, judge: Judge, event: Any, what: str, statuses: Counter[int]) -> None:
    """One event to the function: an answer that is sound, and one line in the log, with the request's metrics."""
    endpoint.last = None
    try:
        told = endpoint.lane(event)
    except Exception as error:  # noqa: BLE001 - which is what is looked for
        run.check(False, f"{what}: {type(error).__name__}: {error}")
        return
    assert endpoint.last is not None
    asked, answer = endpoint.last
    fault = judge.fault(told, asked.method, answer.facts.get("route"))
    statuses[told["statusCode"]] += 1
    lines = endpoint.lines()
    if not fault and sum('"message":"request"' in line for line in lines) != 1:
        fault = f"{len(lines)} lines were logged"
    run.check(fault is None, lambda: f"{what}: {fault}; it was {str(event)[:600]}")


def ask_server(run: Run, endpoint: Endpoint, judge: Judge, loop: asyncio.Runner, sent: Sent, what: str) -> None:
    """One request to the server that stands before the app."""
    try:
        status, headers, body = loop.run(asked_of_server(endpoint, sent))
    except Exception as error:  # noqa: BLE001 - which is what is looked for
        run.check(False, f"{what}: {type(error).__name__}: {error}; it was {str(sent)[:600]}")
        return
    fault = judge.judge(status, headers, body, sent.method, _route(sent))
    endpoint.lines()
    run.check(fault is None, lambda: f"{what}: {fault}; it was {str(sent)[:600]}")


def _route(sent: Sent) -> str | None:
    try:
        return operations.find(sent.method, unquote(sent.path))[0].path
    except Refused:
        return unquote(sent.path) if unquote(sent.path) in operations.PAGES else None


async def asked_of_server(endpoint: Endpoint, sent: Sent) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer over ASGI. Without its length and what packing adds."""
    parts, said = [sent.body[:1000], sent.body[1000:]], list[Any]()

    async def receive() -> dict[str, Any]:
        part = parts.pop(0) if parts else b""
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Any) -> None:
        said.append(message)

    raw = [
        (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in sent.headers.items()
    ]
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": sent.method,
        "scheme": "http",
        "path": unquote(sent.path),
        "raw_path": sent.path.encode(),
        "root_path": "",
        "query_string": sent.query.encode(),
        "headers": raw,
        "client": ("203.0.113.7", 50_000),
        "server": ("127.0.0.1", 8000),
    }
    await endpoint.front(scope, receive, send)
    begun, *rest = said
    headers = {name.decode().lower(): value.decode() for name, value in begun["headers"]}
    headers.pop("content-length", None)
    return begun["status"], headers, b"".join(message["body"] for message in rest)
