"""Files of log lines as rows: one JSON object a line, as functions, Lambda and the server write them."""

import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from cli.insights.expressions import Row
from cli.insights.values import leaf
from firesteel.errors import DataError

# Lambda's text format, and the emulator's own lines, where the JSON format has platform.report and platform.initReport.
_REPORT = re.compile(r"REPORT RequestId: (\S+)\t")
_INIT_REPORT = re.compile(r".* \(rapid\) INIT REPORT\(durationMs: ([0-9.]+)\)")
_MEASURE = re.compile(r"\t([A-Z][A-Za-z ]*): ([0-9.]+) (?:ms|MB)")
_METRICS = {
    "Duration": "durationMs",
    "Billed Duration": "billedDurationMs",
    "Memory Size": "memorySizeMB",
    "Max Memory Used": "maxMemoryUsedMB",
    "Init Duration": "initDurationMs",
    "Restore Duration": "restoreDurationMs",
    "Billed Restore Duration": "billedRestoreDurationMs",
}


class Lines:
    """The rows of files, `-` being standard input and .gz compressed; iterating counts what was read and skipped.

    A line that is no JSON object is skipped. `since` (milliseconds since 1970) leaves out what is older. A line that
    does not say when it was written has the time of the one before it, as if both had been sent together.
    """

    def __init__(self, files: Iterable[str], since: int | None = None) -> None:
        self._files, self._since = list(files), since
        self.read = self.skipped = 0

    def __iter__(self) -> Iterator[Row]:
        for name in self._files:
            time: int | None = None
            with _opened(name) as file:
                for content in file:
                    self.read += 1
                    line = content.decode(errors="replace").strip()
                    event = _event(line)
                    if event is None:
                        self.skipped += bool(line)
                        continue
                    time = _time(event) or time
                    if self._since is None or (time is not None and time >= self._since):
                        yield Row(event, line, time, name)


@contextmanager
def _opened(name: str) -> Iterator[Iterable[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
        return
    with gzip.open(name) if name.endswith(".gz") else open(name, "rb") as file:  # noqa: PTH123 - `-` is no path
        try:
            yield file
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise DataError(f"{name}: not a whole gzip file: {error}") from None


def _event(line: str) -> dict[str, Any] | None:
    """The object that a line is; None when it is none."""
    if not line.startswith("{"):
        return _report(line)
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    assert isinstance(event, dict)
    return event


def _report(line: str) -> dict[str, Any] | None:
    """A report in text as the JSON format has it."""
    if found := _INIT_REPORT.match(line):
        record = {"initializationType": "on-demand", "phase": "init", "metrics": {"durationMs": float(found[1])}}
        return {"type": "platform.initReport", "record": record}
    if not (found := _REPORT.match(line)):
        return None
    stated = line[
        line.find("\tDuration:") :
    ]  # the emulator, unlike Lambda, has an Init Duration before it, and it is wrong
    metrics = {_METRICS[name]: float(amount) for name, amount in _MEASURE.findall(stated) if name in _METRICS}
    return {"type": "platform.report", "record": {"requestId": found[1], "metrics": metrics}}


def _time(event: dict[str, Any]) -> int | None:
    """Milliseconds since 1970: our own `timestamp`, Lambda's `time`, or what a document of metrics says."""
    for name in ("timestamp", "time", "requestTimeEpoch"):
        stated = leaf(event.get(name))
        if isinstance(stated, int | float):
            return int(stated)
        if isinstance(stated, str) and (moment := _moment(stated)) is not None:
            return moment
    match event.get("_aws"):
        case {"Timestamp": int(moment)}:
            return moment
    return None


def _moment(stated: str) -> int | None:
    if stated.isdecimal():
        return int(stated)
    try:
        moment = datetime.fromisoformat(stated)
    except ValueError:
        try:
            moment = datetime.strptime(stated, "%d/%b/%Y:%H:%M:%S %z")  # as API Gateway has it in access logs
        except ValueError:
            return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
