"""API Gateway: HTTP in, REST API events (payload format 1.0) to a function, its answer out.

Signatures are checked as AWS checks them, against the one pair of example keys that this cloud knows.
"""

import base64
import hmac
import json
import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qs, quote
from wsgiref.types import StartResponse, WSGIEnvironment

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from infra.cloud.lambdas import Environments
from infra.cloud.stack import ACCOUNT, REGION

KEY = "AKIAIOSFODNN7EXAMPLE"  # the pair that AWS's documentation shows
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105
CALLER = f"arn:aws:iam::{ACCOUNT}:user/ada"
_CLF = "%d/%b/%Y:%H:%M:%S +0000"  # as in the Common Log Format
_PAYLOAD_LIMIT = 10 << 20  # bytes, as API Gateway's
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/\S+, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})\Z"
)

_FUNCTION = re.compile(r":function:(\w+)")
_ANY = "x-amazon-apigateway-any-method"

_Answered = tuple[int, list[tuple[str, str]], bytes]  # status, headers, body


class Route(NamedTuple):
    """What answers a method of a path; the method is ANY for all that the path does not name.

    `signed`: whether it asks for a signature; `validated`: whether a body must be a JSON object with something in it.
    """

    path: str
    method: str
    function: Environments
    signed: bool
    validated: bool


def routes(document: Mapping[str, Any], functions: Mapping[str, Environments]) -> list[Route]:
    """The routes of an API's OpenAPI document. What a browser asks beforehand is answered by a template: not here."""
    found = []
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            integration = told["x-amazon-apigateway-integration"]
            if called := _FUNCTION.search(integration.get("uri", "")):
                signed = told.get("x-amazon-apigateway-auth") == {"type": "AWS_IAM"}
                validated = told.get("x-amazon-apigateway-request-validator") == "body"
                name = "ANY" if method == _ANY else method.upper()
                found.append(Route(path, name, functions[called[1]], signed, validated))
    return found


def _matched(known: Sequence[Route], method: str, path: str) -> Route | None:
    """The route of the most specific path that fits, as API Gateway chooses; none when that has no such method."""
    fitting = [route for route in known if route.path == path]
    if not fitting:
        greedy = [(route, route.path.removesuffix("{proxy+}")) for route in known if route.path.endswith("{proxy+}")]
        fits = [(len(start), route) for route, start in greedy if path.startswith(start) and path != start]
        longest = max((length for length, _ in fits), default=0)
        fitting = [route for length, route in fits if length == longest]
    named = {route.method: route for route in fitting}
    return named.get(method) or named.get("ANY")


class Gateway:
    """One REST API, as a WSGI application.

    `binary`: media types of bodies that go to the function as Base64; `log_format`: of a line for each request, with
    `$context.` names.
    """

    def __init__(
        self, routes: Sequence[Route], stage: str, *, binary: Sequence[str] = (), log_format: str = ""
    ) -> None:
        self._routes, self._stage = routes, stage
        self._binary, self._log_format = binary, log_format
        self.log: list[str] = []
        """The access log."""

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request_id, started = str(uuid.uuid4()), time.perf_counter()
        status, headers, body = self._answer(environ, request_id)
        start_response(f"{status} {HTTPStatus(status).phrase}", [*headers, ("Content-Length", str(len(body)))])
        self._write_down(environ, request_id, status, len(body), started)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _answer(self, environ: WSGIEnvironment, request_id: str) -> _Answered:
        path, prefix = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace"), f"/{self._stage}"
        if path != prefix and not path.startswith(f"{prefix}/"):
            return _refused(403, "MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token", request_id)
        size = int(environ.get("CONTENT_LENGTH") or 0)
        if size > _PAYLOAD_LIMIT:
            return _refused(413, "REQUEST_TOO_LARGE", "Request Too Long", request_id)
        headers, body = _headers(environ), environ["wsgi.input"].read(size)
        path = path.removeprefix(prefix) or "/"
        route = _matched(self._routes, environ["REQUEST_METHOD"], path)
        if not route or (route.signed and "authorization" not in headers):
            return _refused(403, "MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token", request_id)
        if route.signed and not _is_signed(environ, headers, body):
            return _refused(403, "INVALID_SIGNATURE", "The request signature does not match", request_id)
        if route.validated and not _is_object(headers, body):
            return _refused(400, "BAD_REQUEST_BODY", "Invalid request body", request_id)
        answer = route.function.invoke(self._event(environ, route, path, headers, body, request_id))
        told = answer.value if isinstance(answer.value, dict) else {}
        if not answer.failed and isinstance(told.get("statusCode"), int):
            return told["statusCode"], _answer_headers(told), _answer_body(told)
        return _refused(502, "INTEGRATION_FAILURE", "Internal server error", request_id)

    def _event(
        self,
        environ: WSGIEnvironment,
        route: Route,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        request_id: str,
    ) -> dict[str, Any]:
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        method, stage, now = environ["REQUEST_METHOD"], self._stage, time.time()
        before, greedy, _ = route.path.partition("{proxy+}")
        binary = bool(body) and ("*/*" in self._binary or headers.get("content-type") in self._binary)
        caller = {"accountId": ACCOUNT, "accessKey": KEY, "userArn": CALLER} if route.signed else {}
        return {
            "resource": route.path,
            "path": quote(path, safe="/%:@!$&'()*+,;=~"),
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "pathParameters": {"proxy": path.removeprefix(before)} if greedy else None,
            "stageVariables": None,
            "requestContext": {
                "resourceId": "cloud",
                "resourcePath": route.path,
                "httpMethod": method,
                "requestTime": time.strftime(_CLF, time.gmtime(now)),
                "requestTimeEpoch": int(now * 1000),
                "path": f"/{stage}{path}",
                "accountId": ACCOUNT,
                "apiId": "cloud",
                "protocol": environ.get("SERVER_PROTOCOL", "HTTP/1.1"),
                "stage": stage,
                "domainName": environ.get("HTTP_HOST", ""),
                "requestId": request_id,
                "identity": {"userArn": None, "accountId": None, "accessKey": None}
                | {"sourceIp": environ.get("REMOTE_ADDR", ""), "userAgent": headers.get("user-agent")}
                | caller,
            },
            "body": (base64.b64encode(body).decode() if binary else body.decode("utf-8", "replace")) or None,
            "isBase64Encoded": binary,
        }

    def _write_down(self, environ: WSGIEnvironment, request_id: str, status: int, size: int, started: float) -> None:
        known = {
            "requestId": request_id,
            "requestTime": time.strftime(_CLF, time.gmtime()),
            "httpMethod": environ["REQUEST_METHOD"],
            "path": environ["PATH_INFO"],
            "status": status,
            "responseLatency": round((time.perf_counter() - started) * 1000),
            "responseLength": size,
        }
        self.log.append(re.sub(r"\$context\.([\w.]+)", lambda match: str(known.get(match[1], "-")), self._log_format))


def signed_headers(
    method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The headers of a request to this cloud's APIs, with the signature that AWS_IAM asks for."""
    request = AWSRequest(method=method, url=url, data=body, headers=dict(headers or {}))
    _signer().add_auth(request)
    return dict(request.headers)


def _signer() -> SigV4Auth:
    return SigV4Auth(Credentials(KEY, SECRET), "execute-api", REGION)


def _is_signed(environ: WSGIEnvironment, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the signature is the one that the example keys make of this request."""
    match = _SIGNED.match(headers.get("authorization", ""))
    if not match or match[1] != KEY or "x-amz-date" not in headers:
        return False
    query = environ.get("QUERY_STRING", "")
    url = f"http://{headers['host']}{environ.get('REQUEST_URI', '').partition('?')[0]}" + (f"?{query}" if query else "")
    signed = {name: headers.get(name, "") for name in match[2].split(";")}
    request = AWSRequest(method=environ["REQUEST_METHOD"], url=url, data=body, headers=signed)
    request.context["timestamp"] = headers["x-amz-date"]
    signer = _signer()
    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    return hmac.compare_digest(expected, match[3])


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    named = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        named["content-type"] = environ["CONTENT_TYPE"]
    return named | {"x-forwarded-for": environ.get("REMOTE_ADDR", ""), "x-forwarded-proto": "https"}


def _answer_headers(answer: Mapping[str, Any]) -> list[tuple[str, str]]:
    many = answer.get("multiValueHeaders") or {}
    single = {name: [value] for name, value in (answer.get("headers") or {}).items() if name not in many}
    pairs = [(name, str(value)) for name, values in (single | many).items() for value in values]
    return [pair for pair in pairs if pair[0].lower() != "content-length"]


def _answer_body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body") or ""
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()


def _is_object(headers: Mapping[str, str], body: bytes) -> bool:
    """What the template's request validator asks for; it looks at JSON only, and takes JSON for granted."""
    if headers.get("content-type", "application/json").partition(";")[0] != "application/json":
        return True
    try:
        value = json.loads(body)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(value)


def _refused(status: int, code: str, detail: str, request_id: str) -> _Answered:
    body = json.dumps({"detail": detail, "code": code, "request_id": request_id}).encode()
    return status, [("Content-Type", "application/json")], body
