"""A running API as commands see it: named when nothing answers, and asked again only when it asks for patience."""

from typing import Self

import httpx
import tenacity
import typer

from cli.environment import settings
from cli.output import errors
from firesteel.errors import FiresteelError

_PATIENCE = 300.0  # seconds of waiting for one answer, in which any rate limit lets a request through


class ApiError(FiresteelError):
    """The API could not be reached, or answered otherwise than it documents."""


class Api:
    """An HTTP API at a base URL, from `with` until its end. Every request raises ApiError when nothing answers it."""

    def __init__(self, base_url: str | None, timeout: float) -> None:
        chosen = settings()
        self.base_url = (base_url or f"http://{chosen.host}:{chosen.port}").rstrip("/")
        try:
            url = httpx.URL(self.base_url)
        except httpx.InvalidURL as error:
            raise typer.BadParameter(f"{self.base_url!r} is no URL: {error}", param_hint="--base-url") from None
        if url.scheme not in ("http", "https") or not url.host:
            raise typer.BadParameter(f"{self.base_url!r} is no URL like http://127.0.0.1:8000", param_hint="--base-url")
        self._timeout = timeout
        self._client = httpx.Client(base_url=self.base_url, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """The answer, whatever its status. One that is 429 is waited out as `Retry-After` asks, up to five minutes."""
        return self._patiently(self._send, method, path, body, headers or {})

    @property
    def _patiently(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_result(lambda answer: answer.status_code == httpx.codes.TOO_MANY_REQUESTS),
            wait=_as_asked,
            stop=tenacity.stop_before_delay(_PATIENCE),
            before_sleep=_say_so,
            retry_error_callback=_last_answer,
        )

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> httpx.Response:
        try:
            return self._client.request(method, path, content=body, headers=headers)
        except httpx.TimeoutException:
            raise ApiError(f"{method} {self.base_url}{path}: no answer in {self._timeout:g} s; see --timeout") from None
        except httpx.ConnectError as error:
            hint = "is it running? `firesteel serve` starts it here"
            raise ApiError(f"nothing answers at {self.base_url} ({error}): {hint}") from None
        except httpx.TransportError as error:
            raise ApiError(f"{method} {self.base_url}{path}: {error or type(error).__name__}") from None


_backing_off = tenacity.wait_exponential_jitter(multiplier=0.5, max=20)


def _as_asked(state: tenacity.RetryCallState) -> float:
    """The seconds of `Retry-After`; API Gateway throttles without it, then ever longer."""
    asked = _last_answer(state).headers.get("retry-after", "")
    return float(asked) if asked.isdecimal() else _backing_off(state)


def _say_so(state: tenacity.RetryCallState) -> None:
    errors.print(f"rate limited: waiting {state.upcoming_sleep:.0f} s")


def _last_answer(state: tenacity.RetryCallState) -> httpx.Response:
    assert state.outcome is not None
    answer = state.outcome.result()
    assert isinstance(answer, httpx.Response)
    return answer
