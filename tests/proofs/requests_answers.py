"""What every answer must be, whatever was asked: of the documented statuses, well-formed, and without a fault."""

import base64
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firesteel import strictjson
from functions.classify.answers import CATALOG

ERRORS = Path(__file__).parents[2] / "docs" / "errors.md"
ASKED_WRONGLY = {"unsupported_event", "invalid_base64", "not_found", "method_not_allowed"}
"""What is refused before an operation is found."""
PAGES = {"/docs": "text/html; charset=utf-8", "/openapi.json": "application/json"}
_NAME = re.compile(r"[a-z0-9-]+\Z")
_ID = re.compile(r"[!-~]{1,128}\Z")
_DEEP = 64  # a definition in an answer may be deeper than a request


def documented_codes() -> tuple[set[str], set[str]]:
    """The codes of refusals, and those of problems, that docs/errors.md lists."""
    page = ERRORS.read_text()
    first, _, rest = page.partition("## What is wrong with a field")
    problems = rest.partition("\n## ")[0]
    cells = [line.split("|")[1] for line in problems.splitlines() if line.startswith("| `")]
    return set(re.findall(r"^\| `(\w+)`", first, re.MULTILINE)), set(re.findall(r"`(\w+)`", " ".join(cells)))


class Judge:
    """Says what is wrong with an answer of the function; None when nothing is."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._paths = document["paths"]
        self._codes, self._problems = documented_codes()

    def fault(self, told: Mapping[str, Any], method: str, route: str | None) -> str | None:
        """Of Lambda's answer to a request with this method that was found to be for this route, if any."""
        try:
            written = json.dumps(told, allow_nan=False, ensure_ascii=False).encode()
        except (ValueError, TypeError) as error:
            return f"it is no JSON: {error}"
        if len(written) > 6 << 20:
            return "it has more than 6 MiB"
        lists = {name: [value] for name, value in told["headers"].items()} if "headers" in told else None
        headers = {name: value for name, [value] in (lists or told["multiValueHeaders"]).items()}
        body = base64.b64decode(told["body"]) if told["isBase64Encoded"] else told["body"].encode()
        return self.judge(told["statusCode"], headers, body, method, route)

    def judge(self, status: int, headers: Mapping[str, str], body: bytes, method: str, route: str | None) -> str | None:
        """Of an answer's parts."""
        if status >= 500:
            return f"it is a {status}"
        for name, value in headers.items():
            if not _NAME.match(name) or not isinstance(value, str) or not value.isascii() or not value.isprintable():
                return f"its header {name!r} is not sound"
        if not _ID.match(headers.get("x-request-id", "")):
            return "it has no request id"
        kind = headers.get("content-type", "")
        if status == 304:
            documented = route and "304" in self._paths[route][method.lower()]["responses"]
            return None if documented and not body and "etag" in headers else "a 304 that should be none"
        if status >= 400:
            return self._refusal(status, headers, body, kind, method, route)
        if route in PAGES:
            return None if kind == PAGES[route] else f"a page of type {kind}"
        return self._good(status, kind, body, method, str(route))

    def _good(self, status: int, kind: str, body: bytes, method: str, route: str) -> str | None:
        documented = self._paths[route][method.lower()]["responses"].get(str(status))
        if documented is None:
            return f"{status} is not documented for {method} {route}"
        if kind.partition(";")[0] not in documented["content"]:
            return f"{kind} is not documented for {method} {route}"
        return _unparsed(body) if kind == "application/json" else None

    def _refusal(
        self, status: int, headers: Mapping[str, str], body: bytes, kind: str, method: str, route: str | None
    ) -> str | None:
        if kind != "application/json" or _unparsed(body):
            return f"a refusal that is no JSON: {kind}"
        said = json.loads(body)
        if set(said) == {"error"}:
            codes = [code for code, entry in CATALOG.items() if entry.status == status]
            if not codes or not isinstance(said["error"], str):
                return "a refusal that the catalog does not have"
        else:
            code = said.get("code")
            if code not in self._codes or code not in CATALOG or CATALOG[code].status != status:
                return f"the code {code!r} with {status} is not documented"
            if set(said) - {"errors"} != {"detail", "code", "request_id"}:
                return f"a refusal with the members {sorted(said)}"
            if said["request_id"] != headers["x-request-id"]:
                return "two request ids"
            if unknown := {one["code"] for one in said.get("errors", ())} - self._problems:
                return f"problems that are not documented: {sorted(unknown)}"
        if status == 405 and not headers.get("allow"):
            return "a 405 without Allow"
        if route is None or route in PAGES:
            known = {CATALOG[code].status for code in ASKED_WRONGLY}
        else:
            known = {int(one) for one in self._paths[route][method.lower()]["responses"]}
        return None if status in known else f"{status} is not documented for {method} {route}"


def _unparsed(body: bytes) -> str | None:
    try:
        strictjson.parse(body, depth=_DEEP)
    except ValueError as error:
        return f"its body cannot be read: {error}"
    return None
