"""Work after the answer, on Lambda: a thread that is registered as an internal extension.

An environment is frozen as soon as its runtime and all its extensions ask for the next event. The runtime asks when the
answer was sent; as long as this extension does not, what it does goes on while the caller has the answer already.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html. Imported only where there are shadows.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from threading import Event, Thread

from firesteel.errors import FiresteelError
from functions.classify.answers import Answer
from functions.classify.events import Request
from functions.classify.shadow import Shadows

NAME = "firesteel-shadow"
_API = "/2020-01-01/extension"
_IDENTIFIER = "Lambda-Extension-Identifier"
_PAUSE = 0.005  # seconds in which the runtime sends the answer; scoring at once would fight it for the interpreter


class ExtensionError(FiresteelError):
    """The environment does not take the extension; the message has its answer."""


class Extension:
    """One internal extension, registered when it is made, which must be before the first invocation.

    `api` is the host and port that AWS_LAMBDA_RUNTIME_API names. Raises ExtensionError, HTTPException, OSError.
    """

    def __init__(self, api: str, shadows: Shadows, log: Callable[[str], None]) -> None:
        self._shadows, self._log, self._answered = shadows, log, Event()
        self._connection = HTTPConnection(api)
        body = json.dumps({"events": ["INVOKE"]})
        try:
            self._identifier = self._ask("POST", "/register", body, {"Lambda-Extension-Name": NAME})
        except BaseException:
            self._connection.close()
            raise
        Thread(target=self._run, name=NAME, daemon=True).start()

    def after(self, request: Request, answer: Answer) -> None:
        """What the lane calls once for every invocation."""
        self._shadows.offer(request, answer)
        self._answered.set()

    def _run(self) -> None:
        """Never returns. Without this thread each invocation would last until its time-out: Lambda waits for it.

        So when it cannot go on the process ends, and Lambda makes a new environment for the next request.
        """
        try:
            self._work()
        except Exception as error:  # noqa: BLE001 - see above
            self._log(f"the extension that scores shadows failed, so this environment ends: {error!r}")
        finally:
            os._exit(1)

    def _work(self) -> None:
        while True:
            self._next()
            self._answered.wait()
            self._answered.clear()
            if self._shadows:
                time.sleep(_PAUSE)
                self._shadows.score()

    def _next(self) -> None:
        """Returns when there is an invocation. A connection that broke, as in a snapshot, is opened once more."""
        known = {_IDENTIFIER: self._identifier}
        with suppress(ExtensionError, HTTPException, OSError):
            self._ask("GET", "/event/next", None, known)
            return
        self._connection.close()
        self._ask("GET", "/event/next", None, known)

    def _ask(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> str:
        """The identifier that an answer names; `next` is answered when there is an invocation."""
        self._connection.request(method, _API + path, body, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status != 200:
            raise ExtensionError(f"{method} {path} was answered {answer.status}: {said[:200]!r}")
        return answer.headers.get(_IDENTIFIER, "")


def started(api: str, shadows: Shadows, log: Callable[[str], None]) -> Callable[[Request, Answer], None] | None:
    """What the lane is to call after each answer; None, and a line in the log, when there can be no extension."""
    try:
        return Extension(api, shadows, log).after
    except (ExtensionError, HTTPException, OSError) as error:
        log(f"shadows are not scored: {error}")
        return None
