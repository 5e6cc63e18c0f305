"""Settings: what belongs to a deployment and not to a model. One typed place, read from the environment.

Every setting is the upper-cased name of a field with `FIRESTEEL_` before it. `.env.example` lists them all. Reading
costs no import that serving does not need anyway; `.env` itself is merged in by the command line.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, Self

from firesteel.errors import SettingsError

PREFIX = "FIRESTEEL_"


@dataclass(frozen=True)
class Settings:
    """All settings with their defaults. `read` is the way in."""

    store: str = "file://.store"
    model: str = "tickets"
    alias: str = "latest"
    refresh_seconds: float = 30.0
    models_mib: int = 256
    log_level: str = "INFO"
    service: str = "firesteel"
    metrics_namespace: str = "Firesteel"
    host: str = "127.0.0.1"
    port: int = 8000
    rate_limit: int = 100
    rate_window_seconds: int = 60
    cors_origins: tuple[str, ...] = ()
    cors_credentials: bool = False
    shadow: bool = False
    monitor: str = "file://.monitor"
    admin: bool = False
    work: str = ""
    incoming: str = ""
    large_mib: int = 256
    large_rows: int = 1_000_000
    container: bool = False
    machine: str = ""
    batch_machine: str = ""
    registry_url: str = ""
    log_groups: tuple[str, ...] = ()
    public_keys: tuple[str, ...] = ()
    signing_key: str = ""
    oldest_generation: int = 0

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """The settings that `environ` names; an empty value is the default.

        Raises SettingsError for an unknown `FIRESTEEL_` key or a value out of its range, naming key, value and what is
        allowed.
        """
        values: dict[str, Any] = {}
        for key, text in environ.items():
            if key.startswith(PREFIX):
                name = key.removeprefix(PREFIX).lower()
                if name not in _KINDS or key != key_of(name):
                    raise SettingsError(_unknown(key))
                if text.strip():
                    values[name] = _parse(key, text.strip(), _KINDS[name])
                elif text and name == "public_keys":  # nothing that insists on signatures is switched off unseen
                    raise SettingsError(f"{key} is blank; allowed: {_KINDS[name].allowed}, or nothing at all")
        settings = cls(**values)
        if settings.cors_credentials and "*" in settings.cors_origins:
            raise SettingsError(
                "FIRESTEEL_CORS_CREDENTIALS is true while FIRESTEEL_CORS_ORIGINS is '*'; "
                "allowed: credentials for listed origins only"
            )
        return settings


def key_of(name: str) -> str:
    """The environment variable of a field."""
    return PREFIX + name.upper()


class _Kind(NamedTuple):
    """How a value is read (ValueError when it cannot be) and what is allowed, in words. What may be `secret` is not told."""

    parse: Callable[[str], Any]
    allowed: str
    secret: bool = False


def _parse(key: str, text: str, kind: _Kind) -> Any:
    try:
        return kind.parse(text)
    except ValueError:
        said = repr(text)
        if kind.secret:
            is_key = re.fullmatch(r"[A-Za-z0-9+/_=-]{43,128}", text)
            said = "a key itself, which others have seen here and must be replaced" if is_key else "something else"
        raise SettingsError(f"{key} is {said}; allowed: {kind.allowed}") from None


def _unknown(key: str) -> str:
    from difflib import get_close_matches

    known = [key_of(field.name) for field in fields(Settings)]
    close = get_close_matches(key.upper(), known, n=1)
    hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
    return f"{key} is no setting; {hint}"


def _matching(pattern: str, allowed: str) -> _Kind:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError
        return text

    return _Kind(parse, allowed)


def _number[Number: (int, float)](kind: type[Number], low: Number, high: Number) -> _Kind:
    def parse(text: str) -> Number:
        value = kind(text)
        if not low <= value <= high:
            raise ValueError
        return value

    return _Kind(parse, f"a {'whole ' if kind is int else ''}number from {low} to {high}")


def _one_of(*allowed: str) -> _Kind:
    def parse(text: str) -> str:
        if text.upper() not in allowed:
            raise ValueError
        return text.upper()

    return _Kind(parse, ", ".join(allowed))


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError
    return text.lower() == "true"


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(origin.strip() for origin in text.split(","))
    for origin in origins:
        if not re.fullmatch(r"\*|https?://[^/\s*]+", origin):
            raise ValueError
    return origins


def _groups(text: str) -> tuple[str, ...]:
    groups = tuple(group.strip() for group in text.split(","))
    for group in groups:
        if not re.fullmatch(r"[A-Za-z0-9_./#-]{1,512}", group):
            raise ValueError
    return groups


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(key.strip() for key in text.split(","))
    for key in keys:
        if not re.fullmatch(r"[A-Za-z0-9+/]{43}=", key):
            raise ValueError
    return keys


_NAME = "[a-z0-9][a-z0-9-]{0,62}"
_STORE = _matching(r"(file|s3|memory)://\S*", "file://folder, s3://bucket/prefix, memory://")
_MACHINE = _matching(
    r"arn:aws[a-z-]*:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[A-Za-z0-9_-]{1,80}", "a state machine's ARN"
)
_SWITCH = _Kind(_switch, "true, false")

_KINDS = {
    "store": _STORE,
    "model": _matching(f"{_NAME}(/{_NAME})?", "a model's name, or name/segment: lower-case letters, digits and -"),
    "alias": _matching(_NAME, "an alias's name: lower-case letters, digits and -"),
    "refresh_seconds": _number(float, 0.0, 86_400.0),
    "models_mib": _number(int, 0, 10_240),
    "shadow": _SWITCH,
    "monitor": _STORE,
    "admin": _SWITCH,
    "work": _STORE,
    "incoming": _STORE,
    "large_mib": _number(int, 1, 10_240),
    "large_rows": _number(int, 1, 10**9),
    "container": _SWITCH,
    "machine": _MACHINE,
    "batch_machine": _MACHINE,
    "registry_url": _matching(r"https?://\S+", "a URL: https://id.execute-api.region.amazonaws.com/stage"),
    "log_groups": _Kind(_groups, "names of log groups separated by commas"),
    "public_keys": _Kind(
        _keys, "public keys separated by commas: 32 bytes in base64, as `firesteel keys show` prints them"
    ),
    "signing_key": _matching(
        r"file:///\S+|awskms:///(alias/[A-Za-z0-9/_-]{1,250}|[a-f0-9-]{36}|mrk-[a-f0-9]{32}|"
        r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]{1,250})",
        "file:///path of a key file, or awskms:/// and a key's id, alias/name or ARN",
    )._replace(secret=True),
    "oldest_generation": _number(int, 0, 99_999_999),
    "log_level": _one_of("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"),
    "service": _matching(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", "letters, digits, and . _ -, at most 100"),
    "metrics_namespace": _matching(r"[A-Za-z0-9][A-Za-z0-9_.#/-]{0,99}", "letters, digits, and . _ # / -, at most 100"),
    "host": _matching(r"\S+", "a host name or an IP address"),
    "port": _number(int, 0, 65_535),
    "rate_limit": _number(int, 0, 1_000_000),
    "rate_window_seconds": _number(int, 1, 86_400),
    "cors_origins": _Kind(_origins, "origins separated by commas (https://example.com), or *"),
    "cors_credentials": _SWITCH,
}
