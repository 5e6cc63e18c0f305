"""What a report says of the newest look at what a model is asked and answers, as `firesteel drift` keeps it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cli.reporting.document import Part, Table, Text
from firesteel.errors import IntegrityError
from firesteel.monitor import reports
from firesteel.registry.store import Store

_ORDER = ("DRIFT", "OK", "INSUFFICIENT_DATA")
_NUMBERS = {"p": "p_corrected", "PSI": "psi"}

Look = Mapping[str, Any]


def newest(store: Store, model: str) -> Look | None:
    """The newest look; of one that cannot be read only why, as `damaged`. Raises StoreError, and NotFoundError for no model."""
    try:
        return reports.latest(store, model)
    except IntegrityError as error:
        return {"damaged": str(error)}


def told(look: Look | None, model: str, version: str) -> list[Part]:
    """The state, what drifted first, and what feedback says of the answers; of a version that may be another one."""
    if look is None:
        return [Text(f"There is no drift report of {model} yet: `firesteel drift {model} --publish` makes one.")]
    try:
        return list(_parts(look, version)) if "damaged" not in look else [_damaged(model, look["damaged"])]
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # what is stored may be of any shape
        return [_damaged(model, f"it has not the members of one ({type(error).__name__}: {error})")]


def _damaged(model: str, why: str) -> Text:
    said = f"The newest drift report of {model} is left out: {why}."
    return Text(f"{said} `firesteel drift {model} --publish` makes another.", "warning")


def _parts(look: Look, version: str) -> Iterator[Part]:
    yield Text(f"{look['state']}: {look['sentence']}", "warning" if look["state"] == "DRIFT" else "plain")
    other = f" This report is on {version}." if look["version"] != version else ""
    yield Text(f"As of {look['when']}, of {look['rows']:,} answers of version {look['version']}.{other}", "note")
    if fields := sorted(look.get("fields", ()), key=lambda field: _ORDER.index(field["state"])):
        yield _table(fields)
    for name, target in look.get("truth", {}).items():
        fell = any(one.startswith(f"{name}.") for one in look.get("truth_fell", ()))
        yield Text(target["sentence"], "warning" if fell else "plain")


def _table(fields: Sequence[Look]) -> Table:
    """Everything that was compared with training, a row each."""
    rows = []
    for field in fields:
        window = next((one for one in field["windows"] if one["days"] == field["telling"]), None)
        numbers = [f"{window[key]:.3g}" if window else "" for key in _NUMBERS.values()]
        rows.append((field["name"], field["state"], *numbers, field["sentence"]))
    marked = frozenset(place for place, field in enumerate(fields) if field["state"] == "DRIFT")
    return Table(("series", "state", *_NUMBERS, "in words"), tuple(rows), marked=marked)
