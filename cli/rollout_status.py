"""How a canary and a shadow do beside the version that is served, asked of log lines; and what is sure of it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any, NamedTuple

from cli import comparison
from cli.comparison import ENOUGH, Difference, Share
from cli.insights.values import Value
from firesteel.errors import IntegrityError, NotFoundError
from firesteel.registry import alias, bundle
from firesteel.registry.alias import Entry
from firesteel.registry.store import Store

QUANTILES = {"p50_ms": 0.5, "p95_ms": 0.95}
_COUNTED = """filter message = "request" and model = "{model}" and ispresent(side) and toMillis(@timestamp) >= {since}
| fields floor(status / 500) as failed, rows - rows_refused as batch_rows, ispresent(review) as row
| fields coalesce(batch_rows, row) as scored, coalesce(rows_to_review, review) as reviewed
| stats count(*) as requests, sum(failed) as errors, sum(scored) as rows_scored, sum(reviewed) as to_review by side"""
_TIMED = """filter message = "request" and model = "{model}" and side = "{side}" and toMillis(@timestamp) >= {since}
| stats {measures}"""
_SHADOWED = """filter message = "shadow" and model = "{model}" and shadow_version = "{version}" and toMillis(@timestamp) >= {since}
| stats count(*) as requests, count(code) as failed, sum(dropped) as not_scored{measures}"""

type Ask = Callable[[str, int], list[dict[str, Value]]]
"""Rows of a query, of lines no older than so many milliseconds since 1970."""


class Quantile(NamedTuple):
    """A quantile of the latency in milliseconds, and between what it may lie; None where the requests are too few."""

    value: float
    low: float | None
    high: float | None


class Side(NamedTuple):
    """What a side has answered since the canary began."""

    side: str
    version: str
    requests: int
    errors: Share | None
    review: Share | None
    latency: dict[str, Quantile]


class Shadow(NamedTuple):
    """Requests that were scored beside the answer, and by target in how many the shadow agreed."""

    version: str
    since: str
    requests: int
    failed: int
    not_scored: int
    agreement: dict[str, Share]


class Status(NamedTuple):
    """An alias and what runs beside it."""

    model: str
    alias: str
    version: str
    canary: str | None
    weight: float | None
    since: str | None
    sides: tuple[Side, ...]
    verdicts: tuple[str, ...]
    shadow: Shadow | None


def running(store: Store, model: str, alias_name: str) -> tuple[list[Entry], str]:
    """The newest entries of an alias, newest first, as far back as the canary or the shadow of the newest runs.

    And why it may have run for longer: what is wrong with the entry before them, nothing where that can be read. Raises
    NotFoundError when the alias was never set, IntegrityError when its newest entry cannot be read.
    """
    entries: list[Entry] = []
    try:
        for one in alias.newest_first(store, model, alias_name):
            if entries and not any(part(one) == part(entries[0]) is not None for part in (_canary, _shadow)):
                break
            entries.append(one)
            if not (one.canary or one.shadow):
                break
    except IntegrityError as error:
        if not entries:
            raise
        return entries, str(error)
    if not entries:
        raise NotFoundError(f"{model} has no alias {alias_name}")
    return entries, ""


def examine(store: Store, model: str, entries: Sequence[Entry], ask: Ask) -> Status:
    """What the lines say of the canary and the shadow of an alias's newest entry. `entries`: as `running` gives them."""
    newest = entries[0]
    sides: tuple[Side, ...] = ()
    began = None
    if newest.canary:
        began = _began(entries, _canary)
        sides = _sides(model, {"stable": newest.version, "canary": newest.canary.version}, began, ask)
    return Status(
        model,
        newest.alias,
        newest.version,
        newest.canary.version if newest.canary else None,
        newest.canary.weight if newest.canary else None,
        began,
        sides,
        tuple(_verdicts(*sides)) if sides else (),
        _shadowed(store, model, entries, ask) if newest.shadow else None,
    )


def _began(entries: Sequence[Entry], runs: Callable[[Entry], str | None]) -> str:
    """When what runs now began: the oldest of the newest entries that have it."""
    return [entry.when for entry in takewhile(lambda entry: runs(entry) == runs(entries[0]), entries)][-1]


def _canary(entry: Entry) -> str | None:
    return entry.canary and entry.canary.digest


def _shadow(entry: Entry) -> str | None:
    return entry.shadow and entry.shadow.digest


def _sides(model: str, versions: dict[str, str], since: str, ask: Ask) -> tuple[Side, ...]:
    start = _milliseconds(since)
    counted = {str(row["side"]): row for row in ask(_COUNTED.format(model=model, since=start), start)}
    sides = []
    for side, version in versions.items():
        row = counted.get(side, {})
        requests = _whole(row, "requests")
        sides.append(
            Side(
                side,
                version,
                requests,
                comparison.share(_whole(row, "errors"), requests),
                comparison.share(_whole(row, "to_review"), _whole(row, "rows_scored")),
                _latency(model, side, start, requests, ask) if requests else {},
            )
        )
    return tuple(sides)


def _latency(model: str, side: str, start: int, requests: int, ask: Ask) -> dict[str, Quantile]:
    """The order statistic of rank r among n is the percentile (r - 1/2) / n, so one query asks for all of them."""
    percents = {}
    for name, quantile in QUANTILES.items():
        percents[name] = 100 * quantile
        for end, rank in zip(("low", "high"), comparison.ranks(quantile, requests), strict=True):
            if rank is not None:
                percents[f"{name}_{end}"] = 100 * (rank - 0.5) / requests
    measures = ", ".join(f"pct(latency_ms, {percent:.9f}) as {name}" for name, percent in percents.items())
    [row] = ask(_TIMED.format(model=model, side=side, since=start, measures=measures), start)
    read = {name: float(value) for name, value in row.items() if value is not None}
    return {name: Quantile(read[name], read.get(f"{name}_low"), read.get(f"{name}_high")) for name in QUANTILES}


def _verdicts(stable: Side, canary: Side) -> Iterator[str]:
    """Whether the sides differ, one sentence for each thing that is compared."""
    for what, first, second in (("errors", stable.errors, canary.errors), ("review", stable.review, canary.review)):
        if first and second and min(first.total, second.total) >= ENOUGH:
            yield _compared(what, comparison.difference(first, second))
        else:
            totals = [one.total if one else 0 for one in (first, second)]
            yield f"{what}: too few requests to tell (stable {totals[0]}, canary {totals[1]}; {ENOUGH} each are needed)"
    for name in QUANTILES:
        if name in stable.latency and name in canary.latency:
            yield f"{name.removesuffix('_ms')} latency: {_apart(stable.latency[name], canary.latency[name])}"
        else:
            yield f"{name.removesuffix('_ms')} latency: too few requests to tell"


def _compared(what: str, apart: Difference) -> str:
    figures = (
        f"{100 * apart.difference:+.2f} points, 95 % interval {100 * apart.low:+.2f} to {100 * apart.high:+.2f}, "
        f"Fisher's exact test p = {apart.p_value:.3g}"
    )
    if apart.is_significant:
        return f"{what}: the canary's share is {'higher' if apart.difference > 0 else 'lower'} ({figures})"
    return f"{what}: no significant difference ({figures})"


def _apart(first: Quantile, second: Quantile) -> str:
    """Intervals that do not meet differ for sure; those that do may differ less than can be seen."""
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return "too few requests to tell"
    if second.low > first.high:
        return "the canary is slower (the 95 % intervals do not overlap)"
    if second.high < first.low:
        return "the canary is faster (the 95 % intervals do not overlap)"
    return "no clear difference (the 95 % intervals overlap)"


def _shadowed(store: Store, model: str, entries: Sequence[Entry], ask: Ask) -> Shadow:
    from cli import programs

    served = entries[0].shadow
    assert served
    since = _began(entries, _shadow)
    metrics = programs.document(store, bundle.read_manifest(store, model, served.version), programs.METRICS)
    targets = list(metrics.get("targets", {}))
    measures = "".join(f", sum(agree.{target}) as agree_{index}" for index, target in enumerate(targets))
    start = _milliseconds(since)
    [row] = ask(_SHADOWED.format(model=model, version=served.version, since=start, measures=measures), start) or [{}]
    requests = _whole(row, "requests")
    agreement = {name: comparison.share(_whole(row, f"agree_{index}"), requests) for index, name in enumerate(targets)}
    return Shadow(
        served.version,
        since,
        requests,
        _whole(row, "failed"),
        _whole(row, "not_scored"),
        {name: agreed for name, agreed in agreement.items() if agreed},
    )


def _whole(row: dict[str, Any], name: str) -> int:
    return int(row.get(name) or 0)


def _milliseconds(when: str) -> int:
    return int(datetime.fromisoformat(when).timestamp() * 1000)
