"""What is sent: rows that the model answers, by the API's own word or from a file."""

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from cli import rows
from cli.client import Api, ApiError
from firesteel.errors import DataError

MOST = 5000  # different bodies: enough that no cache could help

About = dict[str, Any]


class Workload(NamedTuple):
    """Where requests go to, which version answered when asked, their bodies, and where those are from."""

    model: str
    version: str
    path: str
    bodies: list[str]
    source: str


def of(api: Api, model: str | None, data: Path | None, headers: dict[str, str]) -> Workload:
    """What to send to the served model, or to another. Raises ApiError, DataError."""
    served = _ask(api, "/model/status", headers)
    name = model or str(served["model"])
    version = str(served["version"]) if name == served["model"] and served.get("version") else _live(api, name, headers)
    about = _ask(api, f"/models/{name}/versions/{version}", headers)
    parts = _parts(api, about, headers)
    if data is not None:
        found, source = _of_file(data, parts, about.get("segment_by")), data.name
    else:
        found, source = _examples(api, parts.values(), headers), "the model's golden rows"
    bodies = [json.dumps(shaped(row, about.get("request")), ensure_ascii=False) for row in found]
    return Workload(name, version, f"/models/{model}/predict" if model else "/predict", bodies, source)


def shaped(row: Mapping[str, Any], request: Mapping[str, Any] | None) -> dict[str, Any]:
    """A row as a request: what stands in lists, in a list of one."""
    told = dict(row)
    for part in filter(None, ((request or {}).get("each"), (request or {}).get("sum"))):
        told[part["name"]] = [{name: told.pop(name) for name in part["inputs"] if name in told}]
    return told


def _live(api: Api, name: str, headers: dict[str, str]) -> str:
    aliases = _ask(api, f"/models/{name}", headers).get("aliases") or {}
    if "latest" not in aliases:
        raise ApiError(f"{api.base_url}: {name} has no alias latest, so no version of it answers")
    return str(aliases["latest"]["version"])


def _parts(api: Api, about: About, headers: dict[str, str]) -> dict[str | None, About]:
    """What is known of a version; of a model of segments, by the value that chooses each, of the segments' versions."""
    if not about.get("segments"):
        return {None: about}
    names = {value: f"{about['name']}/{segment}" for value, segment in about["segments"].items()}
    return {
        value: _ask(api, f"/models/{name}/versions/{_live(api, name, headers)}", headers)
        for value, name in names.items()
    }


def _examples(api: Api, parts: Iterable[About], headers: dict[str, str]) -> list[dict[str, Any]]:
    """The golden rows of versions."""
    paths = [f"/models/{part['name']}/versions/{part['version']}/files/golden.json" for part in parts]
    found = [dict(row["input"]) for path in paths for row in _ask(api, path, headers)["rows"]]
    if not found:
        raise ApiError(f"{api.base_url} has no golden rows of the model; give --rows")
    return found


def _of_file(data: Path, parts: Mapping[str | None, About], segment_by: str | None) -> list[dict[str, Any]]:
    """The first rows of a CSV file, numbers as numbers; columns that are no inputs are left out, and strange segments."""
    kinds = {value: {one["name"]: one["kind"] for one in part["inputs"]} for value, part in parts.items()}
    every = [one["name"] for part in parts.values() for one in part["inputs"] if one.get("required")]
    shared = [name for name in dict.fromkeys(every) if all(name in own for own in kinds.values())]
    fixed = {value: _fixed(part) for value, part in parts.items()}
    found = []
    for line, cells in islice(rows.read(str(data), shared), MOST):
        segment = cells.get(segment_by) if segment_by else None
        if segment in kinds and all(cells.get(name) == only for name, only in fixed[segment].items()):
            found.append(_row(cells, kinds[segment], f"{data}: line {line}"))
    if not found:
        raise DataError(f"{data}: the file has no rows of the model")
    return found


def _fixed(part: About) -> dict[str, str]:
    """The inputs of a segment that have one value only, which other segments' rows do not have."""
    return {one["name"]: one["values"][0] for one in part["inputs"] if len(one.get("values") or ()) == 1}


def _row(cells: Mapping[str, str], kinds: Mapping[str, str], where: str) -> dict[str, Any]:
    """The cells that are inputs, as a request has them; empty ones are missing."""
    from functions.train import columns

    row: dict[str, Any] = {}
    for name in filter(cells.get, kinds):
        row[name] = cells[name]
        if kinds[name] == "number":
            try:
                value = columns.number(cells[name])
            except ValueError as error:
                raise DataError(f"{where}: {name} {error}") from None
            row[name] = int(value) if value.is_integer() else value
    return row


def _ask(api: Api, path: str, headers: dict[str, str]) -> dict[str, Any]:
    answer = api.request("GET", path, headers=headers)
    if answer.status_code != 200:
        hint = "; see --api-key and --bearer" if answer.status_code in (401, 403) else ""
        raise ApiError(f"GET {api.base_url}{path} answered {answer.status_code}{hint}")
    try:
        value = answer.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise ApiError(f"GET {api.base_url}{path} answered no JSON object: is Firesteel there?")
    return value
