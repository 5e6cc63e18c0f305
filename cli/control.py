"""`firesteel control`: the registry function's API on this machine, for the page: promote, switch, canary, roll back."""

import hmac
import logging
import os
import secrets
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import parse_qs

import typer
from rich.markup import escape

from cli import ports
from cli.environment import settings, user
from cli.output import errors
from firesteel.settings import key_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_ITS = ("store", "work", "signing_key", "model", "alias", "oldest_generation")
"""Settings that the registry function reads, beside its public keys."""


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\nfiresteel control\n\nfiresteel control --port 9001 --origin http://127.0.0.1:9000"
    )(control)


def control(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8001,
    origins: Annotated[
        list[str] | None,
        typer.Option("--origin", help="Where the page comes from.", show_default="the host and port of the settings"),
    ] = None,
) -> None:
    """Let the page move aliases of this machine's registry, for whoever has the token that is printed."""
    import uvicorn

    ports.must_be_free(host, port)
    chosen, token = settings(), secrets.token_urlsafe(24)
    usual = [f"http://{name}:{chosen.port}" for name in dict.fromkeys((chosen.host, "127.0.0.1", "localhost"))]
    errors.print(f"the registry {escape(chosen.store)} is moved at [bold]http://{host}:{port}[/]")
    errors.print(f"token [bold]{token}[/] (of this run alone: give it to the page, or send Authorization: Bearer ...)")
    service = create(token, origins or [*usual, "null"])  # a page opened from disk has the origin null
    config = uvicorn.Config(service, host=host, port=port, log_config=None, access_log=False, lifespan="off")
    logging.getLogger("uvicorn.error").addHandler(logging.StreamHandler())
    try:
        uvicorn.Server(config).run()
    except SystemExit:  # uvicorn has said why; its own code would mean bad input here
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        return


def create(token: str, origins: Iterable[str]) -> "ASGIApp":
    """The registry function as an ASGI app that answers those who send the token, and pages of these origins."""
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.middleware.cors import CORSMiddleware
    from starlette.requests import Request
    from starlette.responses import JSONResponse, Response
    from starlette.routing import Route

    chosen = settings()
    os.environ.update({key_of(name): str(getattr(chosen, name)) for name in _ITS})  # .env may have said them
    os.environ[key_of("public_keys")] = ",".join(chosen.public_keys)
    from functions.registry import handler  # which reads them

    async def answer(request: Request) -> Response:
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(sent.encode(), token.encode()):
            detail = "Send the token that `firesteel control` printed as Authorization: Bearer <token>."
            return JSONResponse({"detail": detail, "code": "not_identified", "request_id": ""}, 403)
        event = _event(request.method, request.url.path, request.url.query)
        told = await run_in_threadpool(handler.handler, event, _Context())
        return Response(told["body"], told["statusCode"], told["headers"])

    allowed = Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["POST"],
        allow_headers=["authorization", "content-type", "x-request-id"],
        expose_headers=["x-request-id"],
    )
    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])], middleware=[allowed])


class _Context:
    """What Powertools reads of Lambda's context."""

    function_name = "control"
    memory_limit_in_mb = 0
    invoked_function_arn = ""

    def __init__(self) -> None:
        self.aws_request_id = str(uuid.uuid4())


def _event(method: str, path: str, query: str) -> dict[str, Any]:
    """The request as API Gateway's REST API would send it, signed by who runs this."""
    return {
        "resource": "/{proxy+}",
        "httpMethod": method,
        "path": path,
        "multiValueQueryStringParameters": parse_qs(query, keep_blank_values=True) or None,
        "requestContext": {"requestId": str(uuid.uuid4()), "identity": {"userArn": f"local:{user()}"}},
    }
