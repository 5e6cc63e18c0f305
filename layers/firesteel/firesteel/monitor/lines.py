"""A line of the inference log, as `functions/classify/telemetry.py` writes it and as everybody else reads it."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Inference(NamedTuple):
    """One row that was answered.

    `request_id` may be the caller's own, and used twice; `correlation_id` is the gateway's or the server's, and never is.
    `row` is its number in a batch, from 0; None of a request for one. `side` is `stable` or `canary` while a canary ran,
    else empty. `labels` and `confidences` are by target, `estimates` target -> {"value", "lower", "upper"}. `inputs` has
    what the definition lets the log keep of a sampled request, by field; docs/monitoring.md lists the forms.
    """

    request_id: str
    row: int | None
    when: datetime
    model: str
    version: str
    digest: str
    side: str
    labels: dict[str, str]
    confidences: dict[str, float]
    review: bool
    estimates: dict[str, dict[str, float | None]]
    inputs: dict[str, Any]
    status: int
    correlation_id: str = ""

    def document(self) -> dict[str, Any]:
        """As it is shown: the same, with the time as text."""
        return {**self._asdict(), "when": self.when.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


class DamagedLineError(ValueError):
    """A line that is no JSON, or that says it is an answer and is none."""


def parse_line(line: str | bytes) -> Iterator[Inference]:
    """The inferences of a log line: one of a request for one row, one a row of a batch, none of any other line."""
    try:
        yield from parse(line)
    except DamagedLineError:
        return


def parse(line: str | bytes) -> Sequence[Inference]:
    """`parse_line` for those who count what is damaged. Raises DamagedLineError."""
    try:
        said = json.loads(line)
        if type(said) is not dict or said.get("message") != "request":
            return ()
        if "answers" in said:
            return _of_batch(said)
        return (_of_one(said),) if "labels" in said or "estimates" in said else ()
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError) as error:
        raise DamagedLineError from error


def _of_one(said: Mapping[str, Any]) -> Inference:
    return Inference(
        _text(said["request_id"]),
        None,
        _time(said["timestamp"]),
        _text(said["model"]),
        _text(said["model_version"]),
        _text(said["model_digest"]),
        _text(said.get("side", "")),
        {target: _text(label) for target, label in said.get("labels", _NOTHING).items()},
        {target: _number(share) for target, share in said.get("confidences", _NOTHING).items()},
        said.get("review") is True,
        {target: _ends(**estimate) for target, estimate in said.get("estimates", _NOTHING).items()},
        {**said.get("inputs", _NOTHING)},
        int(said["status"]),
        _text(said.get("correlation_id", "")),
    )


def _of_batch(said: Mapping[str, Any]) -> list[Inference]:
    """One a row that was answered; a row that was refused has null in every column."""
    columns = said["answers"]
    reviews = columns["review"]
    models = columns.get("models") or [said["model"]] * len(reviews)
    versions = said.get("segments") or {said["model"]: said["model_version"]}
    digests = columns.get("digests") or {said["model"]: said["model_digest"]}
    request_id, when, side = _text(said["request_id"]), _time(said["timestamp"]), _text(said.get("side", ""))
    correlation_id = _text(said.get("correlation_id", ""))
    labels, shares = columns.get("labels", _NOTHING), columns.get("confidences", _NOTHING)
    estimates, inputs = columns.get("estimates", _NOTHING), columns.get("inputs", _NOTHING)
    return [
        Inference(
            request_id,
            row,
            when,
            _text(models[row]),
            _text(versions[models[row]]),
            _text(digests[models[row]]),
            side,
            {target: _text(own[row]) for target, own in labels.items() if own[row] is not None},
            {target: _number(own[row]) for target, own in shares.items() if own[row] is not None},
            review is True,
            {
                target: _ends(**{end: own[row] for end, own in ends.items()})
                for target, ends in estimates.items()
                if ends["value"][row] is not None
            },
            {field: own[row] for field, own in inputs.items()},
            int(said["status"]),
            correlation_id,
        )
        for row, review in enumerate(reviews)
        if review is not None
    ]


_NOTHING: dict[str, Any] = {}


def _text(value: object) -> str:
    if type(value) is not str:
        raise TypeError
    return value


def _number(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise ValueError
    return float(value)


def _ends(value: object, lower: object, upper: object) -> dict[str, float | None]:
    return {
        "value": _number(value),
        "lower": None if lower is None else _number(lower),
        "upper": None if upper is None else _number(upper),
    }


def _time(text: str) -> datetime:
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
