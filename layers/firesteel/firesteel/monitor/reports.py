"""Drift reports: what a look at a model's inferences found, kept for ever in the monitoring store, one folder a look.

    drift/<address>/<20261121T060000Z>/report.html, summary.json, report.json

`report.json` is written last: its presence is the commit, and only a look with one is told of. Nothing is overwritten.
docs/drift.md has the members of a report.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from firesteel import strictjson
from firesteel.errors import ConflictError, IntegrityError
from firesteel.registry import names
from firesteel.registry.store import Store, put_once

LIMIT = 8 << 20  # bytes of a report
SUMMARY = ("when", "run", "version", "state", "sentence", "rows", "days", "drifted", "truth_fell")
"""The members of a report that its summary repeats: what a list of reports shows."""

_REPORT, _SUMMARY, _HTML = "report.json", "summary.json", "report.html"
_STAMP = "%Y%m%dT%H%M%SZ"
_FOLDER = re.compile(r"\d{8}T\d{6}Z\Z")
_AT_ONCE = 16
_TRIES = 60  # seconds that may be taken by other reports
_OF_A_RUN = 30  # reports among which a run is looked for


def publish(store: Store, model: str, when: datetime, report: dict[str, Any], html: bytes) -> str:
    """Keep a report, and give its folder's key. The same report at the same time is kept once, however often it comes.

    When another report has that second, the next free one is taken. Raises NotFoundError for what is no model,
    StoreError when it cannot be told whether it was written.
    """
    summary = {name: report[name] for name in SUMMARY if name in report}
    for second in range(_TRIES):
        folder = f"{_folder(model)}{(when.astimezone(UTC) + timedelta(seconds=second)).strftime(_STAMP)}/"
        try:
            put_once(store, folder + _HTML, html)
            put_once(store, folder + _SUMMARY, _encoded(summary))
            put_once(store, folder + _REPORT, _encoded(report))
        except ConflictError:
            continue
        return folder
    raise ConflictError(f"{_folder(model)} has a report for each of the {_TRIES} seconds from {when:%H:%M:%S} on")


def latest(store: Store, model: str) -> dict[str, Any] | None:
    """The newest report; None before the first. Raises IntegrityError, StoreError, and NotFoundError for no model."""
    newest = next(_newest_first(store, model), None)
    return None if newest is None else _read(store, newest + _REPORT)


def history(store: Store, model: str, most: int = 90) -> list[dict[str, Any]]:
    """The newest `most` reports in a few words each, oldest first: see SUMMARY. Raises what `latest` raises."""
    folders = [folder for folder, _ in zip(_newest_first(store, model), range(most), strict=False)]
    if not folders:
        return []
    from concurrent.futures import ThreadPoolExecutor  # S3 takes a while for each

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda folder: _read(store, folder + _SUMMARY), reversed(folders)))


def of_run(store: Store, model: str, run: str) -> tuple[str, dict[str, Any]] | None:
    """The folder and report that a run has left, if it is among the newest. Raises what `latest` raises."""
    for folder, _ in zip(_newest_first(store, model), range(_OF_A_RUN), strict=False):
        if _read(store, folder + _SUMMARY).get("run") == run:
            return folder, _read(store, folder + _REPORT)
    return None


def html(store: Store, model: str) -> bytes | None:
    """The newest report as a page; None before the first. Raises what `latest` raises."""
    newest = next(_newest_first(store, model), None)
    return None if newest is None else store.get(newest + _HTML, limit=LIMIT)


def _newest_first(store: Store, model: str) -> Iterator[str]:
    """The folders of whole reports."""
    folder = _folder(model)
    whole = [key.removesuffix(_REPORT) for key in store.keys(folder) if key.endswith(f"/{_REPORT}")]
    return iter(sorted((key for key in whole if _FOLDER.match(key[len(folder) : -1])), reverse=True))


def _read(store: Store, key: str) -> dict[str, Any]:
    try:
        value = strictjson.parse(store.get(key, limit=LIMIT))
    except ValueError as error:
        raise IntegrityError(f"{key} cannot be read: {error}") from None
    if not isinstance(value, dict):
        raise IntegrityError(f"{key} is no report")
    return value


def _encoded(value: dict[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n").encode()


def _folder(model: str) -> str:
    names.folder(model)  # which raises NotFoundError for what is no model
    return f"drift/{model}/"
