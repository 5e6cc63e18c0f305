"""AWS on the loopback: moto's services in this process, with Lambda's calls answered by the built functions.

Three things are mended that the protocols rest on: put-if-absent is atomic, as on S3; an answer to a task token
counts once, with its cause; and jobs of Batch can be submitted.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from threading import Lock, Thread
from typing import Any, Self
from urllib.parse import unquote
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from moto.core.config import default_user_config
from moto.core.exceptions import AWSError
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from werkzeug.serving import BaseWSGIServer, make_server

from infra.cloud.lambdas import Environments
from infra.cloud.mended import batch_names
from infra.cloud.stack import ACCOUNT, REGION

LOOPBACK = "127.0.0.1"
_INVOKE = re.compile(r"/2015-03-31/functions/([^/]+)/invocations\Z")

Fault = Callable[[WSGIEnvironment], bytes | None]
"""Asked before each request: None lets it pass, bytes are the error's body of a 503 answer."""


class _Quiet(MotoRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept: a function's store makes hundreds of requests
    disable_nagle_algorithm = (
        True  # head and body are sent one by one: the second would wait 40 ms for the first's receipt
    )

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: every call would be a line."""


class Server:
    """An empty AWS at `url`, from `with` until its end. One at a time in a process: moto's state and its port are global."""

    def __init__(self) -> None:
        self.functions: dict[str, Environments] = {}
        """By name: what a call of `arn:aws:lambda:...:function:<name>` reaches."""
        self.routes: dict[str, Callable[[Any], Any]] = {}
        """Paths that are answered here instead of by moto: JSON in, JSON out."""
        self.fault: Fault | None = None
        self._moto: WSGIApplication = DomainDispatcherApplication(create_backend_app)
        self._writes = Lock()
        self._spent: set[str] = set()  # task tokens that were answered

    def __enter__(self) -> Self:
        moto_api_backend.reset()  # what a server before this one has left
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        for noisy in ("moto", "werkzeug"):  # they log every failure of an execution, which the execution tells itself
            logging.getLogger(noisy).setLevel(logging.CRITICAL)
        self._open = ExitStack()
        self._open.enter_context(batch_names())
        self._server = serve(self)
        self._port_before = os.environ.get("MOTO_PORT")
        os.environ["MOTO_PORT"] = str(self._server.port)  # where the interpreter calls Lambda
        return self

    def __exit__(self, *_: object) -> None:
        stop(self._server)
        self._open.close()
        default_user_config["stepfunctions"] = {"execute_state_machine": False}
        if self._port_before is None:
            del os.environ["MOTO_PORT"]
        else:
            os.environ["MOTO_PORT"] = self._port_before

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self._server.port}"

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        called = _INVOKE.match(unquote(environ["PATH_INFO"]))
        if called and environ["REQUEST_METHOD"] == "POST":
            return self._invoke(called[1], environ, start_response)
        if route := self.routes.get(environ["PATH_INFO"]):
            answer = json.dumps(route(json.loads(_body(environ) or b"{}"))).encode()
            return _answer(start_response, "200 OK", answer, {"Content-Type": "application/json"})
        if self.fault and (body := self.fault(environ)) is not None:
            return _answer(start_response, "503 Service Unavailable", body, {"Content-Type": "application/xml"})
        if environ.get("HTTP_X_AMZ_TARGET", "").endswith((".SendTaskSuccess", ".SendTaskFailure")):
            return self._send_task(environ, start_response)
        if environ["REQUEST_METHOD"] == "PUT" and "HTTP_IF_NONE_MATCH" in environ:
            with self._writes:
                return self._moto(environ, start_response)
        return self._moto(environ, start_response)

    def _invoke(self, name: str, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        known = self.functions.get(name.partition(":function:")[2].partition(":")[0] or name)
        body = _body(environ)
        if known is None:
            missing = json.dumps({"Message": f"Function not found: {name}"}).encode()
            return _answer(start_response, "404 Not Found", missing, {"x-amzn-ErrorType": "ResourceNotFoundException"})
        answer = known.invoke(json.loads(body or b"{}"))
        headers = {"X-Amz-Executed-Version": "$LATEST", "Content-Type": "application/json"}
        if answer.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        return _answer(start_response, "200 OK", json.dumps(answer.value).encode(), headers)

    def _send_task(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """SendTaskSuccess and SendTaskFailure; moto's own forget the cause, and take the same token twice."""
        told, headers = json.loads(_body(environ)), {"Content-Type": "application/x-amz-json-1.0"}
        token, backend = told["taskToken"], stepfunctions_parser_backends[ACCOUNT][REGION]
        refusal = "TaskTimedOut" if token in self._spent else ""
        try:
            if not refusal and "output" in told:
                backend.send_task_success(token, told["output"])
            elif not refusal:
                backend.send_task_failure(token, told.get("error"), told.get("cause"))
        except AWSError as error:
            refusal = type(error).__name__
        self._spent.add(token)
        if refusal:
            return _answer(start_response, "400 Bad Request", json.dumps({"__type": refusal}).encode(), headers)
        return _answer(start_response, "200 OK", b"{}", headers)


def _body(environ: WSGIEnvironment) -> bytes:
    body: bytes = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    return body


def serve(app: WSGIApplication) -> BaseWSGIServer:
    """A threaded server of an application on a free port of the loopback, already listening."""
    server = make_server(LOOPBACK, 0, app, threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def stop(server: BaseWSGIServer) -> None:
    server.shutdown()
    server.server_close()


def _answer(start: StartResponse, status: str, body: bytes, headers: Mapping[str, Any]) -> Iterable[bytes]:
    start(status, [*headers.items(), ("Content-Length", str(len(body)))])
    return [body]
