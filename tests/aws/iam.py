"""A cloud that holds callers to their roles: moto behind a door that knows what each request is, and whether it may be.

A caller signs with its role's name as the access key. Requests become (action, resource, context), as AWS's service
authorization reference names them, and are judged by the statements of that role and by the buckets' own policies.
"""

import fnmatch
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.s3.models import s3_backends
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

ADMIN = "Admin"
_CREDENTIAL = re.compile(r"Credential=([A-Za-z]+)/")
_DENIED = "<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>not allowed</Message></Error>"
_MACHINES = "AWSStepFunctions."
_DEPLOYS = "CodeDeploy_20141006."


class Permission(NamedTuple):
    """One action on one resource pattern that a role's statement allows. The smallest thing that can be taken away."""

    action: str
    resource: str
    conditions: str

    def allows(self, action: str, resource: str, context: dict[str, str]) -> bool:
        return self.action == action and fnmatch.fnmatchcase(resource, self.resource) and _met(self.conditions, context)


def _met(conditions: str, context: dict[str, str]) -> bool:
    """The conditions that this template uses, and no others."""
    for operator, wanted in json.loads(conditions).items():
        for key, values in wanted.items():
            patterns = values if isinstance(values, list) else [values]
            match operator:
                case "StringLikeIfExists":
                    met = key not in context or any(fnmatch.fnmatchcase(context[key], one) for one in patterns)
                case "StringLike":
                    met = any(fnmatch.fnmatchcase(context.get(key, ""), one) for one in patterns)
                case "Null":
                    met = (key not in context) is (patterns == [True])
                case "Bool":
                    met = context.get(key) == str(patterns[0]).lower()
                case _:
                    raise NotImplementedError(operator)
            if not met:
                return False
    return True


def permissions(statements: Iterator[dict[str, Any]] | list[dict[str, Any]]) -> list[Permission]:
    """All that statements say, one action and one resource at a time."""
    return [
        Permission(action, resource, json.dumps(one.get("Condition", {}), sort_keys=True))
        for one in statements
        for action in _listed(one["Action"])
        for resource in _listed(one["Resource"])
    ]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@dataclass
class Door:
    """Who may do what, what was asked for, and what was refused. `deny` are the statements of bucket policies."""

    allow: dict[str, list[Permission]]
    deny: list[Permission]
    machine: str
    group: str
    invoke: Callable[[str, dict[str, Any]], Any]
    taken: Permission | None = None
    used: set[tuple[str, Permission]] = field(default_factory=set)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    told: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def may(self, role: str, action: str, resource: str, context: dict[str, str]) -> bool:
        if any(one.allows(action, resource, context) for one in self.deny):
            return False
        if role == ADMIN:
            return True
        reasons = [one for one in self.allow[role] if one is not self.taken and one.allows(action, resource, context)]
        self.used |= {(role, reason) for reason in reasons}
        return bool(reasons)

    def answer(self, request: Request, beyond: Callable[[Request], Response]) -> Response:
        role = (_CREDENTIAL.search(request.headers.get("Authorization", "")) or ["", ""])[1]
        target = request.headers.get("X-Amz-Target", "")
        if target.startswith((_MACHINES, _DEPLOYS)):
            return self._service(role, target, request.get_json(force=True))
        if request.path.startswith("/2015-03-31/functions/"):
            return self._function(role, unquote(request.path.split("/")[3]), request.get_json(force=True))
        return self._object(role, request, beyond)

    def _service(self, role: str, target: str, asked: dict[str, Any]) -> Response:
        machines = target.startswith(_MACHINES)
        action = ("states:" if machines else "codedeploy:") + target.rpartition(".")[2]
        if not self.may(role, action, self.machine if machines else self.group, {}):
            self.refused.append((role, action, ""))
            return Response('{"__type":"AccessDeniedException"}', 400, content_type="application/x-amz-json-1.0")
        self.told.append((action, asked))
        return Response("{}", 200, content_type="application/x-amz-json-1.0")

    def _function(self, role: str, arn: str, event: dict[str, Any]) -> Response:
        if not self.may(role, "lambda:InvokeFunction", arn, {}):
            self.refused.append((role, "lambda:InvokeFunction", arn))
            return Response("{}", 403, headers={"x-amzn-ErrorType": "AccessDeniedException"})
        return Response(json.dumps(self.invoke(arn, event)), 200, content_type="application/json")

    def _object(self, role: str, request: Request, beyond: Callable[[Request], Response]) -> Response:
        bucket, _, key = request.path.lstrip("/").partition("/")
        query = parse_qs(request.query_string.decode(), keep_blank_values=True)
        arn = f"arn:aws:s3:::{bucket}"
        listing = {"s3:prefix": query["prefix"][0]} if "prefix" in query else {}
        match request.method, key:
            case "GET" | "HEAD", "":
                action, resource, context = "s3:ListBucket", arn, listing
            case "GET" | "HEAD", _:
                action = "s3:GetObjectVersion" if "versionId" in query else "s3:GetObject"
                resource, context = f"{arn}/{key}", {}
            case "PUT" | "POST", _ if key:
                conditional = {"s3:if-none-match": "*"} if "If-None-Match" in request.headers else {}
                whole = "partNumber" not in query and "uploads" not in query
                action, resource = "s3:PutObject", f"{arn}/{key}"
                context = conditional | {"s3:ObjectCreationOperation": str(whole).lower()}
            case "DELETE", _ if key:
                action, resource, context = "s3:DeleteObject", f"{arn}/{key}", {}
            case _:
                action, resource, context = "s3:CreateBucket", arn, {}
        if not self.may(role, action, resource, context):
            self.refused.append((role, action, resource))
            return Response(_DENIED, 403, content_type="application/xml")
        response = beyond(request)
        # Who may not list is not told that an object is absent.
        if response.status_code == 404 and action.startswith("s3:Get") and not self.may(role, "s3:ListBucket", arn, {}):
            self.refused.append((role, "s3:ListBucket", resource))
            return Response(_DENIED, 403, content_type="application/xml")
        return response


@contextmanager
def guarded(door: Door) -> Iterator[str]:
    """The URL of a fresh cloud behind the door."""
    s3_backends.reset()
    moto = DomainDispatcherApplication(create_backend_app)

    def app(environ: dict[str, Any], start: Any) -> Any:
        request = Request(environ)
        environ["wsgi.input"] = BytesIO(request.get_data())  # for whoever reads it next
        answered = door.answer(request, lambda _: Response.from_app(moto, environ, buffered=True))
        return answered(environ, start)

    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
