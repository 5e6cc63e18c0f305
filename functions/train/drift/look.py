"""A look at one model: its inferences of some days against the baseline of a version, as a report.

docs/drift.md has the members of a report.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from firesteel import strictjson
from firesteel.errors import IntegrityError, NotFoundError
from firesteel.monitor import feedback, inferences
from firesteel.registry import alias, bundle, names
from firesteel.registry.bundle import Manifest
from firesteel.registry.store import Store
from functions.train.drift import baseline, cells, decide, describe, truth
from functions.train.drift.baseline import Numbers, Series, Shares, Terms
from functions.train.drift.cells import Counts
from functions.train.drift.decide import Compared, Finding
from functions.train.drift.sketch import Sketch, begin

FORMAT = 1
LATEST = "latest"
MOST_DAYS = 90
REFERENCE = "reference.json"
_TOLD = 50_000  # rows between two words of progress

Progress = Callable[[int], None]
"""Told how many rows were read."""


def silent(_rows: int) -> None:
    """The progress of nobody watching."""


def watched(registry: Store, model: str) -> list[str]:
    """A model that has a baseline, or its segments that have one. Raises NotFoundError when nothing has one."""
    of_model = [name for name in bundle.models(registry) if name == model or name.startswith(f"{model}/")]
    if found := [name for name in of_model if _has_baseline(registry, name)]:
        return found
    raise NotFoundError(f"{model} has no version with a drift baseline under {LATEST}: train and promote one")


def _has_baseline(registry: Store, address: str) -> bool:
    try:
        return REFERENCE in resolve(registry, address, LATEST).files
    except NotFoundError:
        return False


def resolve(registry: Store, address: str, version: str) -> Manifest:
    """The version that a number or an alias names. Raises NotFoundError, IntegrityError, StoreError."""
    if names.is_version(version):
        return bundle.read_manifest(registry, address, version)
    entry = alias.current(registry, address, version)
    return bundle.read_manifest(registry, address, entry.version, entry.digest)


def look(
    registry: Store,
    monitor: Store,
    address: str,
    *,
    until: datetime,
    days: int,
    version: str = LATEST,
    run: str | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """What the `days` times 24 hours before `until` say of a model, the last day by itself and all of them.

    Raises NotFoundError for what has no baseline, IntegrityError, StoreError.
    """
    manifest = resolve(registry, address, version)
    series = baseline.read(address, _json(registry, manifest, REFERENCE))
    since = until - timedelta(days=days)
    damaged: list[str] = []
    said = feedback.settled(feedback.read(monitor, address, since, damaged=damaged))
    corrections = [one for one in said if one.request_id]
    wanted = {(str(one.request_id), one.row) for one in corrections}
    sketch, damage = Sketch(series, manifest.version, until, days, wanted), inferences.Damage()
    for number, one in enumerate(inferences.read(monitor, address, since, until, damage), 1):
        sketch.add(one)
        if number % _TOLD == 0:
            progress(number)
    windows = sorted({1, days})
    findings = decide.decide(series, sketch.of, windows)
    judged = truth.judge(_metrics(registry, manifest), corrections, sketch.found, manifest.version, until)
    rows = sketch.rows_of(days)
    progress(rows)
    state = decide.overall([one.state for one in findings])
    drifted = [one.series.name for one in findings if one.state == "DRIFT"]
    return {
        "format": FORMAT,
        "model": address,
        "version": manifest.version,
        "digest": manifest.digest,
        "when": written(until),
        "run": run,
        "days": days,
        "rows": rows,
        "windows": [
            {"days": one, "begins": written(begin(until, one - 1)), "rows": sketch.rows_of(one)} for one in windows
        ],
        "state": state,
        "sentence": _sentence(state, drifted, findings, rows, days),
        "drifted": drifted,
        "alpha": decide.ALPHA,
        "bound": decide.BOUND,
        "fields": [_document(one) for one in findings],
        "truth": judged,
        "truth_fell": truth.fallen(judged),
        "damage": {"objects": damage.files, "lines": damage.lines, "corrections": len(damaged)},
    }


def written(when: datetime) -> str:
    """A time in UTC as reports have it."""
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def _json(registry: Store, manifest: Manifest, name: str) -> Mapping[str, Any]:
    if name not in manifest.files:
        raise NotFoundError(f"{manifest.model} {manifest.version} has no {name}: it has no drift baseline")
    try:
        value = strictjson.parse(bundle.read_file(registry, manifest, name))
    except ValueError as error:
        raise IntegrityError(f"{name} of {manifest.model} {manifest.version} cannot be read: {error}") from None
    if not isinstance(value, Mapping):
        raise IntegrityError(f"{name} of {manifest.model} {manifest.version} is no object")
    return value


def _metrics(registry: Store, manifest: Manifest) -> Mapping[str, Any]:
    return _json(registry, manifest, "metrics.json") if "metrics.json" in manifest.files else {}


def _sentence(state: decide.State, drifted: list[str], findings: list[Finding], rows: int, days: int) -> str:
    judged = sum(one.state != "INSUFFICIENT_DATA" for one in findings)
    where = f"{rows:,} rows in {describe.span(days)}"
    if state == "INSUFFICIENT_DATA":
        return f"Nothing could be judged: {where}, and {decide.LEAST} are needed."
    if not drifted:
        return f"None of {judged} series drifted ({where})."
    more = f" and {len(drifted) - 3} more" if len(drifted) > 3 else ""
    return f"{len(drifted)} of {judged} series drifted: {', '.join(drifted[:3])}{more} ({where})."


def _document(found: Finding) -> dict[str, Any]:
    one, look = found.series, found.telling
    return {
        "name": one.name,
        "source": one.source,
        "of": one.of,
        "state": found.state,
        "sentence": found.sentence,
        "test": "ks" if isinstance(one, Numbers) else "chi_squared",
        "rows": found.rows,
        "baseline_rows": one.rows_in(one.counts),
        "telling": look and look.days,
        "windows": [_window(window) for window in found.windows],
        "bins": look and _bins(one, look.counts),
    }


def _window(look: Compared) -> dict[str, Any]:
    told = ("days", "rows", "statistic", "p", "p_corrected", "psi", "distance", "state")
    return {name: getattr(look, name) for name in told}


def _bins(one: Series, counts: Counts) -> dict[str, Any]:
    """What a plot shows: labels, and the share of rows that each had in training and has in the telling window."""
    if isinstance(one, Terms):
        had, has, labels = one.counts[:-1] / one.counts[-1], counts[:-1] / counts[-1], list(one.labels)
    else:
        before, now = decide.binned(one, counts)
        had, has = before / before.sum(), now / now.sum()
        labels = list(one.labels) if isinstance(one, Shares) else _ranges(one)
    shown = np.flatnonzero((had > 0) | (has > 0)).tolist()
    return {
        "labels": [labels[place] for place in shown],
        "baseline": [round(float(had[place]), 6) for place in shown],
        "current": [round(float(has[place]), 6) for place in shown],
    }


def _ranges(one: Series) -> list[str]:
    """The bins of numbers, each by its upper end."""
    assert isinstance(one, Numbers)
    parts = cells.bins(one.counts, decide.BINS)
    # cells are missing, below the first edge, at it, ...: odd ones end before an edge
    ends = [part.stop - 1 for part in parts[1:-1]]
    last = ends[-1] if ends else 0
    told = _distinct([one.edges[(end - 1) // 2] for end in ends])
    labels = [baseline.MISSING, *(f"{'<' if end % 2 else '≤'} {edge}" for end, edge in zip(ends, told, strict=True))]
    if len(parts) > 1:
        labels.append(f"{'≥' if last % 2 else '>'} {told[-1]}" if told else "all")
    return labels


def _distinct(edges: Sequence[float]) -> list[str]:
    """Edges with as few digits, 4 at least, as tell different ones apart, and from 1, which no confidence is above."""
    values = {*edges, 1.0}
    digits = next(count for count in range(4, 18) if len({f"{value:.{count}g}" for value in values}) == len(values))
    return [f"{edge:.{digits}g}" for edge in edges]
