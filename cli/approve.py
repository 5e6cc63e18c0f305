"""`firesteel approve` and `reject`: a person's word on a version whose training waits for it, told to the registry's API."""

import re
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import typer
from rich.markup import escape

from cli.client import ApiError
from cli.environment import settings
from cli.output import AsJson, console, print_json
from cli.registry import Model, Version, Why
from firesteel.errors import ConflictError, NotFoundError, SettingsError

_TIMEOUT = 35.0  # seconds: API Gateway waits 29
_REGION = re.compile(r"\.execute-api\.([a-z0-9-]+)\.")


def add_to(app: typer.Typer) -> None:
    app.command(epilog='Example:\n\nfiresteel approve tickets 1.3.0 --why "read the report"')(approve)
    app.command(epilog='Example:\n\nfiresteel reject tickets 1.3.0 --why "too many Urgent"')(reject)


def approve(model: Model, version: Version, why: Why = "", as_json: AsJson = False) -> None:
    """Let a training that waits for a person promote its version."""
    _decide("approve", model, version, why, as_json)


def reject(model: Model, version: Version, why: Why = "", as_json: AsJson = False) -> None:
    """End a training that waits for a person. Its version stays published and serves nobody."""
    _decide("reject", model, version, why, as_json)


def _decide(word: str, model: str, version: str, why: str, as_json: bool) -> None:
    query = {"version": version} | ({"why": why} if why else {})
    decided = _post(f"/models/{quote(model)}/{word}", query)
    if as_json:
        print_json(decided)
        return
    done = "approved: its training goes on" if decided["approved"] else "rejected: its training has ended"
    told = f"{decided['model']} {decided['version']}", f"run {decided['run']}"
    console.print(f"[bold]{escape(told[0])}[/] is {done} ({escape(told[1])})")


def _post(path: str, query: dict[str, str]) -> dict[str, Any]:
    """The answer of the registry's API. Raises SettingsError, NotFoundError, ConflictError; ApiError for all else."""
    base = settings().registry_url.rstrip("/")
    if not base:
        raise SettingsError(
            "FIRESTEEL_REGISTRY_URL is not set: it is the output RegistryApiUrl of the stack, "
            "https://id.execute-api.region.amazonaws.com/stage"
        )
    url = f"{base}{path}?{urlencode(query, quote_via=quote, safe='')}"
    try:
        answer = httpx.post(url, headers=signed(url), timeout=_TIMEOUT)
    except httpx.TransportError as error:
        raise ApiError(f"the registry's API at {base} cannot be reached: {error or type(error).__name__}") from None
    try:
        body = answer.json()
    except ValueError:
        body = None
    match answer.status_code, body:
        case 200, {"model": str(), "version": str(), "run": str(), "approved": bool()}:
            return dict(body)
        case 404, {"code": "not_in_registry", "detail": str(detail)}:
            raise NotFoundError(detail)
        case 409, {"code": "conflict", "detail": str(detail)}:
            raise ConflictError(detail)
        case status, {"detail": str(detail)} | {"message": str(detail)}:
            raise ApiError(f"the registry's API answered {status}: {detail}")
        case status, _:
            raise ApiError(f"the registry's API at {base} answered {status} and nothing that it documents")


def signed(url: str) -> dict[str, str]:
    """The headers that sign an empty POST to API Gateway (AWS Signature Version 4). Raises SettingsError."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    session = Session()
    found = _REGION.search(httpx.URL(url).host)
    try:
        credentials = session.get_credentials()
        region = found[1] if found else session.get_config_variable("region")
    except BotoCoreError as error:
        raise SettingsError(f"the AWS credentials cannot be read: {error}") from None
    if credentials is None:
        raise SettingsError(
            "there are no AWS credentials to sign the request with: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )
    if not region:
        raise SettingsError("the registry's URL names no region, so set AWS_DEFAULT_REGION")
    request = AWSRequest("POST", url, data=b"")
    SigV4Auth(credentials, "execute-api", region).add_auth(request)
    return dict(request.headers.items())
