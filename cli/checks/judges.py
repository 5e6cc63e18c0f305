"""What is said of answers: whether they are what is documented, and whether they agree with themselves."""

import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

import httpx

from cli.checks.check import Judge
from cli.checks.served import Served, Spec, parsed, ref
from functions.classify.answers import JSON, REQUEST_ID
from functions.classify.operations import Operation
from functions.classify.shape import DIGITS

TOP = 3  # features of a sign that an explanation names
SUM = 1e-6  # what base and contributions may miss the score by: weights are float32
SPLIT = 1e-9  # what spans and rest may miss their contribution by
_TYPES = {".md": "text/markdown", ".json": JSON}


def documented(served: Served, operation: Operation) -> Judge:
    """The answer has the headers and fits the schema that are documented; explanations and attributions add up."""
    told = served.spec["paths"][operation.path][operation.method.lower()]["responses"]["200"]

    def judge(answer: httpx.Response) -> Iterator[str]:
        for header in told.get("headers", {}):
            if header not in answer.headers:
                yield f"the header {header} is missing"
        misfits = list(served.misfits(told["content"][JSON]["schema"], answer))
        yield from misfits
        if misfits:
            return
        value = parsed(answer)
        if operation.name in ("model_version", "segment_version") and value["state"] != "complete":
            yield f"the version is live, and its description says {value['state']}"
        for explanation in _having(value, "base_value", "raw_score"):
            yield from additivity(explanation, served.fields)
        attributions = list(_having(value, "base", "score", "fields"))
        if operation.name.endswith("attributions") and not attributions:
            yield "there are no attributions"
        for attribution in attributions:
            yield from exactness(attribution)

    return judge


def file(served: Served, path: str) -> Judge:
    """The answer is a file as the description of its version lists it, and a browser takes it for nothing else."""
    address, _, rest = path.removeprefix("/models/").partition("/versions/")
    name = PurePosixPath(rest).name

    def judge(answer: httpx.Response) -> Iterator[str]:
        told = served.sizes(address)[name]
        if len(answer.content) != told:
            yield f"the file has {len(answer.content)} bytes, its version says {told}"
        if name.endswith(".json") and parsed(answer) is None:
            yield "this is no JSON"
        for header, wanted in (
            ("x-content-type-options", "nosniff"),
            ("content-type", _TYPES[PurePosixPath(name).suffix]),
        ):
            if (found := answer.headers.get(header, "").partition(";")[0]) != wanted:
                yield f"the header {header} is {found!r}, not {wanted!r}"
        if "etag" not in answer.headers:
            yield "the header etag is missing"

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


def exactness(attribution: Spec) -> Iterator[str]:
    """Base and contributions are the score; of a text, spans and rest the contribution. Nothing is left out."""
    fields = attribution["fields"]
    if not _adds_up([attribution["base"], *(field["contribution"] for field in fields)], attribution["score"], SUM):
        yield "base and contributions of the attributions are not the score"
    for field in fields:
        if "spans" not in field:
            continue
        spans = field["spans"]
        if not _adds_up([field["rest"], *(span["contribution"] for span in spans)], field["contribution"], SPLIT):
            yield f"{field['feature']}: spans and rest are not the contribution"
        places = [place for span in spans for place in (span["start"], span["end"])]
        if places != sorted(places) or any(span["start"] == span["end"] for span in spans):
            yield f"{field['feature']}: the spans are empty, overlap or are not in order"


def _adds_up(parts: list[float], whole: float, tolerance: float) -> bool:
    """To the tolerance; of numbers beyond one, relative to the largest."""
    return abs(math.fsum(parts) - whole) <= tolerance * max(1.0, *map(abs, parts))


def _having(value: Any, *keys: str) -> Iterator[Spec]:
    """The objects with these keys, wherever they stand in an answer."""
    if isinstance(value, dict) and value.keys() >= set(keys):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _having(inner, *keys)
