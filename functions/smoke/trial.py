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

_KEYS = 100
"""So many keys are tried: with a canary of a half, fewer than one trial in 1e30 never meets the served version."""


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
    _predict(invoke, version, asked, expected)
    return f"{state['model_version']} is ready and answers its example"


def _predict(invoke: Invoke, version: str, asked: object, expected: dict[str, Any] | None) -> None:
    """Raises Failed unless some key gets the expected answer, and none before it a fault.

    While a canary runs, of the model or of the segment that is asked, it answers some keys: otherwise, or with a refusal
    of what the served version takes.
    """
    problem = ""
    for number in range(_KEYS):
        status, answer = _ask(invoke, version, "POST", "/predict", asked, key=f"smoke-{number}")
        if status == 200 and expected in (None, answer):
            return
        if status >= 500:
            raise Failed(f"/predict answers its own example with {status} {answer.get('code', '')}")
        problem = problem or _problem(status, answer, expected or {})
    raise Failed(f"/predict answers its own example {problem}")


def _problem(status: int, answer: dict[str, Any], expected: dict[str, Any]) -> str:
    if status != 200:
        return f"with {status} {answer.get('code', '')}"
    differing = sorted(key for key in answer.keys() | expected.keys() if answer.get(key) != expected.get(key))
    return f"otherwise in {', '.join(differing)}"


def _example(schemas: dict[str, Any], name: str) -> Any:
    """The example of a component, which may be a reference to another."""
    schema = schemas.get(name, {})
    while "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    return schema.get("example", next(iter(schema.get("examples", [])), None))


def _ask(
    invoke: Invoke, function: str, method: str, path: str, body: object = None, *, key: str = "smoke"
) -> tuple[int, dict[str, Any]]:
    """Status and body of a request as API Gateway's REST API brings it. `key` chooses the side while a canary runs."""
    headers = {"Accept": "application/json", "Content-Type": "application/json", "Host": "smoke.test"}
    headers["X-Canary-Key"] = key
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
