"""The trial of one version: it must be ready, and answer its own example as it says it would.

The example is the first golden row of the model that is served: the version's OpenAPI document shows it, with the answer
it must get, so the trial knows no model.
"""

import base64
import json
from collections.abc import Callable
from typing import Any

Invoke = Callable[[str, dict[str, Any]], Any]
"""(function, event) to the function's answer. Raises Failed when the function itself fails."""


class Failed(Exception):  # noqa: N818 - it is how a trial ends
    """The version must not take over, and why."""


def of(version: str, invoke: Invoke) -> str:
    """Tries a version by its ARN; says what was found. Raises Failed.

    Where nothing is published yet, neither the version nor the code that answers now (alias `live`) is ready: new code
    makes that no worse, and a first deployment must be possible before the first training.
    """
    ready, state = _ask(invoke, version, "GET", "/health/ready")
    if ready != 200:
        live = f"{version.rpartition(':')[0]}:live"
        if state.get("code") == "no_model" and _ask(invoke, live, "GET", "/health/ready")[0] == ready:
            return "no model is published yet; the function answers so"
        raise Failed(f"/health/ready answers {ready} {state.get('code', '')}: {state.get('detail', '')}")
    status, document = _ask(invoke, version, "GET", "/openapi.json")
    if status != 200:
        raise Failed(f"/openapi.json answers {status}")
    schemas = document["components"]["schemas"]
    asked, expected = (_example(schemas, name) for name in ("Request", "Answer"))
    if asked is None:
        return f"{state['model_version']} is ready; it has no example"
    status, answer = _ask(invoke, version, "POST", "/predict", asked)
    if status != 200:
        raise Failed(f"/predict answers its own example with {status} {answer.get('code', '')}")
    if expected is not None and answer != expected:
        differing = sorted(key for key in answer.keys() | expected.keys() if answer.get(key) != expected.get(key))
        raise Failed(f"/predict answers its own example otherwise in {', '.join(differing)}")
    return f"{state['model_version']} is ready and answers its example"


def _example(schemas: dict[str, Any], name: str) -> Any:
    """The example of a component, which may be a reference to another."""
    schema = schemas.get(name, {})
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema.get("example", next(iter(schema.get("examples", [])), None))


def _ask(invoke: Invoke, function: str, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    """Status and body of a request as API Gateway's REST API brings it."""
    headers = {"Accept": "application/json", "Content-Type": "application/json", "Host": "smoke.test"}
    answer = invoke(
        function,
        {
            "resource": "/{proxy+}",
            "path": path,
            "httpMethod": method,
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "pathParameters": {"proxy": path[1:]},
            "stageVariables": None,
            "requestContext": {"resourcePath": "/{proxy+}", "httpMethod": method, "requestId": "smoke", "path": path},
            "body": None if body is None else json.dumps(body),
            "isBase64Encoded": False,
        },
    )
    try:
        text = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"]
        return answer["statusCode"], json.loads(text)
    except (TypeError, KeyError, ValueError) as error:
        raise Failed(f"{method} {path} was answered with no JSON of API Gateway's shape: {error}") from None
