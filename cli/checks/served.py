"""What an API says of itself: its documentation, the model it serves, and an example that the model answers."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
from jsonschema import Draft202012Validator

from cli.client import Api
from functions.classify.operations import OPERATIONS, Operation

Spec = dict[str, Any]
_NEEDED = {"Row", "Request", "Result", "Refusal"}
_SHOWN = ("model_card.md", "definition.json", "metrics.json")
"""Files of a version that are given out; one of them is asked for."""


class Served(NamedTuple):
    """The documentation, the served model, and the live versions of it and of one of its segments, if it has some.

    `row` is one row that they answer, `request` one request: the same, unless requests list things. `about` has the
    descriptions of the live versions, `admin` is whether /admin answers.
    """

    spec: Spec
    model: str
    live: dict[str, str]
    row: dict[str, Any]
    request: dict[str, Any]
    about: dict[str, Spec]
    admin: bool

    @property
    def answering(self) -> str:
        """What answers the row itself: the model or, of one with segments, its segment."""
        return next(reversed(self.live))

    @property
    def target(self) -> str:
        """A target of what answers. A wrong name is as good here: nothing is sent that would be a correction."""
        match self.about[self.answering]:
            case {"targets": [{"name": str(name)}, *_]}:
                return name
        return "no_such_target"

    @property
    def fields(self) -> int:
        """How many fields a row can have."""
        return len(self.spec["components"]["schemas"]["Row"]["properties"])

    def misfits(self, schema: Spec, answer: httpx.Response) -> Iterator[str]:
        """Where an answer is not what its schema says, without repeating what it holds."""
        validator = Draft202012Validator({**schema, "components": self.spec["components"]})
        for error in validator.iter_errors(parsed(answer)):
            yield f"{error.json_path.removeprefix('$.')}: does not fit {error.validator} of its documentation"

    def path(self, operation: Operation) -> str | None:
        """Where an operation is for what is served; None when that has no such operation."""
        if operation.path.startswith("/admin/"):
            return f"{operation.path}?model={self.answering}"
        if "{name}" not in operation.path:
            return operation.path
        parts = 2 if "{segment}" in operation.path else 1
        address = next((name for name in self.live if len(name.split("/")) == parts), None)
        if address is None:
            return None
        file = next((name for name in _SHOWN if name in self.sizes(address)), None)
        if file is None and "{file}" in operation.path:
            return None
        model, _, segment = address.partition("/")
        path = operation.path.replace("{version}", self.live[address]).replace("{file}", file or "")
        return path.replace("{name}", model).replace("{segment}", segment)

    def sizes(self, address: str) -> dict[str, int]:
        """The files of a live version and their sizes in bytes, as its description tells them."""
        match self.about[address]:
            case {"files": dict(files)}:
                return files
        return {}

    def tensors(self) -> bytes:
        """The row as a request of the Open Inference Protocol: numbers as FP64, all else as BYTES."""
        inputs = [
            {"name": name, "datatype": "BYTES" if isinstance(value, str) else "FP64", "shape": [1], "data": [value]}
            for name, value in self.row.items()
        ]
        return encode({"inputs": inputs})


def read(api: Api, spec: Spec) -> Served:
    """What is served, by the API's own word. Whether that is true, the checks will tell."""
    row, request = _example(spec, "Row"), _example(spec, "Request")
    live = {"unknown": "0.0.0"}
    match parsed(api.request("GET", "/model/status")):
        case {"model": str(model), "version": str(version)}:
            live = {model: version}
    match parsed(api.request("GET", "/model/info")):
        case {"inputs": [{"name": str(by)}, *_], "segments": dict(segments)}:
            live |= _segment(segments.get(row.get(by)))
    told = {name: parsed(api.request("GET", f"/models/{name}/versions/{version}")) for name, version in live.items()}
    admin = api.request("GET", "/admin/drift").status_code != httpx.codes.NOT_FOUND
    return Served(spec, next(iter(live)), live, row, request, told, admin)


def take(answer: httpx.Response, spec: Spec) -> Iterator[str]:
    """Keep the document in `spec`, once it has all that the checks need of it."""
    value = parsed(answer)
    schemas = value.get("components", {}).get("schemas", {}) if isinstance(value, dict) else {}
    if missing := _NEEDED - set(schemas):
        yield f"there is no schema {', '.join(sorted(missing))}"
        return
    paths = value.get("paths", {})
    undocumented = [
        f"{one.method} {one.path}" for one in OPERATIONS if one.method.lower() not in paths.get(one.path, {})
    ]
    if undocumented:
        yield f"not documented: {', '.join(undocumented)}"
        return
    spec.update(value)
    if "properties" not in schemas["Row"]:
        yield "no model is loaded, so no row is described; /health says why"
    elif not (_example(value, "Row") and _example(value, "Request")):
        yield "there is no example of a row or of a request"


def ref(component: str) -> Spec:
    return {"$ref": f"#/components/schemas/{component}"}


def parsed(answer: httpx.Response) -> Any:
    """An answer's JSON; None when it is none."""
    try:
        return answer.json()
    except ValueError:
        return None


def encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _segment(told: object) -> dict[str, str]:
    """A segment and its live version, as /model/info tells it."""
    match told:
        case {"model": str(model), "model_version": str(version)}:
            return {model: version}
    return {}


def _example(spec: Spec, component: str) -> dict[str, Any]:
    """What the documentation shows of a component, or of the one that it refers to; nothing if it shows nothing."""
    schema = spec["components"]["schemas"][component]
    if "$ref" in schema:
        return _example(spec, schema["$ref"].rpartition("/")[2])
    example = schema.get("example")
    return example if isinstance(example, dict) else {}
