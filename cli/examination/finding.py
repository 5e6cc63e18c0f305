"""What an examination finds."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from firesteel.errors import FiresteelError

type Verdict = Literal["ok", "warn", "FAIL"]


class Finding(NamedTuple):
    """One thing that was looked at; `remedy` says what to do unless it is well."""

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""


def attempted(what: str, work: Callable[[], str], remedy: str) -> Finding:
    """What `work` says when it ends well, or a failure with its reason."""
    try:
        return Finding(what, "ok", work())
    except FiresteelError as error:
        return Finding(what, "FAIL", str(error), remedy)
