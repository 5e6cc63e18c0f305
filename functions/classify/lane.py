"""The fast lane: a Lambda event in, a Lambda answer out. FastAPI is imported only for the pages it makes."""

import time
from typing import TYPE_CHECKING, Any

from functions.classify import answers, events, operations
from functions.classify.answers import Answer, Refused
from functions.classify.events import Request
from functions.classify.operations import PAGES
from functions.classify.serving import Serving
from functions.classify.telemetry import Invocation, Telemetry

if TYPE_CHECKING:
    from fastapi import FastAPI


class Lane:
    """Answers the events of one execution environment."""

    def __init__(self, serving: Serving, telemetry: Telemetry, *, cold_start: bool = True) -> None:
        self._serving, self._telemetry = serving, telemetry
        self._app: FastAPI | None = None
        self._cold_start = cold_start

    def __call__(self, event: object, invocation: str = "") -> dict[str, Any]:
        """The answer as API Gateway (both payload formats) and function URLs take it. Never raises.

        `invocation` is the id that Lambda's own lines have.
        """
        started = time.perf_counter()
        try:
            request = events.read(event)
        except Refused as refused:
            request = events.nameless(event)
            answer = answers.refuse(refused, request)
        else:
            answer = self._page(request) if _is_page(request) else operations.respond(request, self._serving)
        lambdas = Invocation(invocation, self._cold_start)
        self._telemetry.answered(request, answer, time.perf_counter() - started, lambdas)
        self._cold_start = False
        return {
            "statusCode": answer.status,
            "headers": answer.headers,
            "body": answer.body.decode(),
            "isBase64Encoded": False,
        }

    def _page(self, request: Request) -> Answer:
        from functions.classify import app

        self._app = self._app or app.create(self._serving)
        return app.behind_mangum(self._app, request)


def _is_page(request: Request) -> bool:
    return request.method == "GET" and request.path in PAGES
