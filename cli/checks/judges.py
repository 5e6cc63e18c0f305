"""What is said of answers: whether they are what is documented, and whether they agree with themselves."""

from collections.abc import Iterator
from typing import Any

import httpx

from cli.checks.check import Judge
from cli.checks.served import Served, Spec, parsed, ref
from functions.classify.answers import JSON, REQUEST_ID
from functions.classify.operations import Operation
from functions.classify.shape import DIGITS

TOP = 3  # features of a sign that an explanation names


def documented(served: Served, operation: Operation) -> Judge:
    """The answer has the headers and fits the schema that are documented, and explanations in it add up."""
    told = served.spec["paths"][operation.path][operation.method.lower()]["responses"]["200"]

    def judge(answer: httpx.Response) -> Iterator[str]:
        for header in told.get("headers", {}):
            if header not in answer.headers:
                yield f"the header {header} is missing"
        misfits = list(served.misfits(told["content"][JSON]["schema"], answer))
        yield from misfits
        if not misfits:
            for explanation in _explanations(parsed(answer)):
                yield from additivity(explanation, served.fields)

    return judge


def refusal(served: Served, code: str, header: str | None = None) -> Judge:
    """The answer is the catalog's refusal `code`."""

    def judge(answer: httpx.Response) -> Iterator[str]:
        value = parsed(answer)
        misfits = list(served.misfits(ref("Refusal"), answer))
        yield from misfits
        if misfits:
            return
        if value["code"] != code:
            yield f"the code is {value['code']!r}, not {code!r}"
        if value["request_id"] != answer.headers.get(REQUEST_ID):
            yield "request_id is not that of the header"
        if code == "invalid_input" and not value.get("errors"):
            yield "no field is blamed in errors"
        if header and header not in answer.headers:
            yield f"the header {header} is missing"

    return judge


def component(served: Served, name: str) -> Judge:
    """The answer fits a schema of the documentation."""
    return lambda answer: served.misfits(ref(name), answer)


def one_error_of_two(served: Served, component_name: str, listed: str) -> Judge:
    """The second of two results, and no other, is an error."""

    def judge(answer: httpx.Response) -> Iterator[str]:
        misfits = list(served.misfits(ref(component_name), answer))
        yield from misfits
        if not misfits and ["error" in item for item in parsed(answer)[listed]] != [False, True]:
            yield "the second item, and no other, should have an error"

    return judge


def page(answer: httpx.Response) -> Iterator[str]:
    if not answer.headers.get("content-type", "").startswith("text/html"):
        yield "this is no HTML"


def text(answer: httpx.Response) -> Iterator[str]:
    if not answer.headers.get("content-type", "").startswith("text/plain"):
        yield "this is no text for Prometheus"


def additivity(explanation: Spec, fields: int) -> Iterator[str]:
    """Base value and contributions are the raw score, exactly. An answer names the largest of each sign alone: those that
    it leaves out are at most as many as there are fields, and each no larger than the least that it names.
    """
    up, down = (
        [one["contribution"] for one in explanation[f"top_{sign}_features"]] for sign in ("positive", "negative")
    )
    rest = explanation["raw_score"] - explanation["base_value"] - sum(up) - sum(down)
    hidden = max(fields - len(up) - len(down), 0)
    rounding = (2 + len(up) + len(down)) * 10**-DIGITS
    most = hidden * up[-1] if len(up) == TOP else 0.0
    least = hidden * down[-1] if len(down) == TOP else 0.0
    if not least - rounding <= rest <= most + rounding:
        yield f"base value and contributions miss the raw score by {rest:.6g}"
    if up != sorted(up, reverse=True) or down != sorted(down) or min(up, default=0) < 0 or max(down, default=0) > 0:
        yield "the contributions of a sign are not in order, the largest first"


def _explanations(value: Any) -> Iterator[Spec]:
    """Wherever they stand in an answer."""
    if isinstance(value, dict) and "base_value" in value and "raw_score" in value:
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _explanations(inner)
