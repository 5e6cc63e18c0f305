"""The operations as a FastAPI app: documentation, OpenAPI, and the same answers for whoever speaks ASGI.

Every route, and every path or method that is none, is answered by `operations.respond`, so the app cannot answer
otherwise than the lane. The routes carry the documentation; FastAPI parses and validates nothing.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from functions.classify import answers, operations, schemas, status
from functions.classify.answers import Answer, Refused
from functions.classify.asgi import read_body, request_of
from functions.classify.events import Request
from functions.classify.operations import OPERATIONS, Operation
from functions.classify.serving import Serving

if TYPE_CHECKING:
    from mangum.types import LambdaContext

DOCS, OPENAPI = "/docs", "/openapi.json"


def create(serving: Serving) -> FastAPI:
    """The app over a live model. Run it under any ASGI server; `server.py` is the one with limits and metrics."""
    app = FastAPI(
        title="Firesteel",
        version=status.VERSION,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={HTTPException: _answer_as_table(serving), Exception: _fault},
    )
    for operation in OPERATIONS:
        _add(app, operation, serving)

    async def docs(http: HttpRequest) -> Response:
        return identified(http, get_swagger_ui_html(openapi_url=OPENAPI, title="Firesteel"))

    async def openapi(http: HttpRequest) -> Response:
        document = await run_in_threadpool(schemas.complete, app.openapi(), serving)
        return identified(http, JSONResponse(document))

    app.add_api_route(DOCS, docs, methods=["GET"], include_in_schema=False)
    app.add_api_route(OPENAPI, openapi, methods=["GET"], include_in_schema=False)
    return app


def _add(app: FastAPI, operation: Operation, serving: Serving) -> None:
    async def endpoint(http: HttpRequest) -> Response:
        request = request_of(http.scope, await read_body(http.receive, operation.body_limit))
        if operation.slow or not serving.is_quick:
            return _response(await run_in_threadpool(operations.respond, request, serving))
        return _response(operations.respond(request, serving))

    app.add_api_route(
        operation.path,
        endpoint,
        methods=[operation.method],
        name=operation.name,
        operation_id=operation.name,
        **schemas.document(operation),
    )


def _answer_as_table(serving: Serving) -> Callable[[HttpRequest, Exception], Coroutine[Any, Any, Response]]:
    """404 and 405, in the table's words."""

    async def answer(http: HttpRequest, _: Exception) -> Response:
        return _response(operations.respond(request_of(http.scope), serving))

    return answer


async def _fault(http: HttpRequest, _: Exception) -> Response:
    """A page that could not be made."""
    return _response(answers.refuse(Refused("internal_error"), request_of(http.scope)))


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)


def identified(http: HttpRequest, response: Response) -> Response:
    """The response of a page, with the request's id."""
    response.headers[answers.REQUEST_ID] = request_of(http.scope).request_id
    return response


def behind_mangum(app: FastAPI, request: Request) -> Answer:
    """The app's answer to a request that came by the lane. The event is made anew: nothing odd reaches Mangum."""
    event = {
        "version": "2.0",
        "rawQueryString": "",
        "headers": {"host": "localhost", "x-request-id": request.request_id},
        "requestContext": {
            "http": {"method": request.method, "path": request.path, "sourceIp": request.client},
            "requestId": request.correlation_id,
        },
        "body": None,
        "isBase64Encoded": False,
    }
    with asyncio.Runner():  # Mangum runs the app on the thread's event loop; there is none unless somebody makes it
        answer = Mangum(app, lifespan="off")(event, cast("LambdaContext", None))
    headers = {name: value for name, value in answer["headers"].items() if name != "content-length"}
    return Answer(answer["statusCode"], headers, answer["body"].encode(), {"route": request.path})
