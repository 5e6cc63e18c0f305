"""The three ways to the same operations, and the events that Lambda brings a request in."""

import asyncio
import base64
from types import SimpleNamespace
from typing import NamedTuple
from urllib.parse import parse_qs

import httpx
from mangum import Mangum

from functions.classify import app
from functions.classify.lane import Lane
from functions.classify.meters import Meters
from functions.classify.server import Front, RateLimit
from functions.classify.telemetry import Telemetry

SERVICE = "tests-contract-lanes"
CONTEXT = SimpleNamespace()


def rest_event(case, request_id="gateway-1"):
    """API Gateway's REST API: payload 1.0, headers twice, path decoded."""
    return {
        "resource": "/{proxy+}",
        "path": case.path,
        "httpMethod": case.method,
        "headers": case.headers,
        "multiValueHeaders": {name: [value] for name, value in case.headers.items()},
        **_query(case),
        "requestContext": {"requestId": request_id, "stage": "prod", "identity": {"sourceIp": "10.0.0.1"}},
        **_body(case),
    }


def http_event_1(case, request_id="gateway-1"):
    """API Gateway's HTTP API with payload 1.0."""
    return {"version": "1.0", **rest_event(case, request_id)}


def http_event_2(case, request_id="gateway-1"):
    """API Gateway's HTTP API with payload 2.0."""
    http = {"method": case.method, "path": case.path, "protocol": "HTTP/1.1", "sourceIp": "10.0.0.1", "userAgent": "t"}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": case.path,
        "rawQueryString": case.query,
        "headers": {name.lower(): value for name, value in case.headers.items()},
        "requestContext": {"requestId": request_id, "stage": "$default", "apiId": "api", "http": http},
        **_body(case),
    }


def function_url_event(case, request_id="gateway-1"):
    """A function URL: payload 2.0 without an API, the body always in Base64."""
    event = http_event_2(case, request_id)
    event["requestContext"]["domainName"] = "abc.lambda-url.eu-central-1.on.aws"
    return event | {"body": base64.b64encode(case.body).decode(), "isBase64Encoded": True}


def _query(case):
    """As API Gateway decodes it."""
    several = parse_qs(case.query, keep_blank_values=True) or None
    single = several and {name: values[-1] for name, values in several.items()}
    return {"queryStringParameters": single, "multiValueQueryStringParameters": several}


def _body(case):
    try:
        return {"body": case.body.decode() or None, "isBase64Encoded": False}
    except UnicodeDecodeError:
        return {"body": base64.b64encode(case.body).decode(), "isBase64Encoded": True}


EVENTS = {"REST": rest_event, "HTTP 1.0": http_event_1, "HTTP 2.0": http_event_2, "function URL": function_url_event}


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


class Lanes:
    """The three ways to the same operations."""

    def __init__(self, serving):
        telemetry = Telemetry(service=SERVICE, level="CRITICAL")
        fastapi = app.create(serving)
        self._lane = Lane(serving, telemetry)
        self._app = fastapi
        self._front = Front(fastapi, serving, telemetry, Meters(), RateLimit(0, 60))

    def fast(self, event):
        return self._of_lambda(self._lane(event))

    def mangum(self, event):
        with asyncio.Runner():
            return self._of_lambda(Mangum(self._app, lifespan="off")(event, CONTEXT))

    def server(self, case, request_id):
        async def ask():
            transport = httpx.ASGITransport(self._front)
            async with httpx.AsyncClient(transport=transport, base_url="http://server") as http:
                headers = {**case.headers, "x-request-id": request_id}
                url = f"http://server{case.path}{'?' if case.query else ''}{case.query}"
                return await http.request(case.method, url, content=case.body, headers=headers)

        answer = asyncio.run(ask())
        return self._answered(answer.status_code, answer.headers, answer.content)

    def _of_lambda(self, answer):
        assert not answer.get("multiValueHeaders")
        body = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
        return self._answered(answer["statusCode"], answer["headers"], body)

    @staticmethod
    def _answered(status, headers, body):
        kept = {
            name.lower(): value for name, value in headers.items() if name.lower() not in ("content-length", "date")
        }
        return Answered(status, kept, body)
