"""What an outcome must keep to: `p95=200ms,errors=0.01,rps=50`."""

import math
import re
from typing import NamedTuple

import typer

from cli.load.plan import Outcome
from cli.load.record import QUANTILES

TIMES = (*QUANTILES, "mean", "max")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_LONGEST_HOURS = 168
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Bound(NamedTuple):
    """A time in milliseconds or the share of errors is at most `value`; requests a second are at least."""

    metric: str
    value: float

    @property
    def at_least(self) -> bool:
        return self.metric == "rps"


class Verdict(NamedTuple):
    """What a bound was found to be; nothing was measured when `found` is None, and that is failed."""

    bound: Bound
    found: float | None
    passed: bool

    def sentence(self) -> str:
        """`p95 = 231 ms, wanted <= 200 ms`."""
        metric, value = self.bound
        unit = " ms" if metric in TIMES else ""
        found = "was not measured" if self.found is None else f"= {self.found:.4g}{unit}"
        return f"{metric} {found}, wanted {'>=' if self.bound.at_least else '<='} {value:g}{unit}"


def seconds(text: str, option: str = "--fail-under") -> float:
    """A duration: `60s`, `1.5m`, `200ms`. Raises BadParameter."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise typer.BadParameter(f"{text!r} is no duration like 60s, 1.5m or 200ms", param_hint=option)
    value = float(found[1]) * _SECONDS[found[2]]
    if not 0 < value <= _LONGEST_HOURS * 3600:
        said = f"{text!r} is out of range: more than 0s, at most {_LONGEST_HOURS}h"
        raise typer.BadParameter(said, param_hint=option)
    return value


def parse(text: str) -> list[Bound]:
    """The bounds that an option names. Raises BadParameter."""
    return [_bound(part.strip()) for part in text.split(",") if part.strip()]


def _bound(text: str) -> Bound:
    metric, _, written = text.partition("=")
    if metric in TIMES:
        return Bound(metric, seconds(written) * 1000)
    if metric not in ("errors", "rps"):
        raise typer.BadParameter(f"{metric!r} is no metric; there are: {', '.join(TIMES)}, errors, rps")
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not (0 <= value <= 1 if metric == "errors" else 0 <= value < math.inf):
        kind = "a share from 0 to 1, like errors=0.01" if metric == "errors" else "a number, like rps=50"
        raise typer.BadParameter(f"{text!r} needs {kind}")
    return Bound(metric, value)


def judge(bound: Bound, outcome: Outcome) -> Verdict:
    """Whether an outcome keeps to a bound. One without any answer keeps to none."""
    answered = outcome.succeeded + outcome.failed
    measured = {"errors": outcome.error_share if answered else None, "rps": outcome.rate, **outcome.latencies}
    found = measured.get(bound.metric)
    if found is None:
        return Verdict(bound, None, False)
    return Verdict(bound, found, found >= bound.value if bound.at_least else found <= bound.value)
