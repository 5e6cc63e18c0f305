"""Whether training can use corrections: what each is about stands in itself, or plainly in the inference log."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

from cli.programs import Version
from firesteel.monitor import inferences, queue
from firesteel.monitor.feedback import Correction
from firesteel.program.schema import Identifier
from firesteel.registry.store import Store

DAYS = 30  # in which the answer is looked for, as training does

Key = tuple[str | None, int | None]


def doubts(store: Store, sent: Sequence[tuple[Version, Correction]]) -> list[str | None]:
    """Why training could not use each correction as the log is now; None of one that it can. Raises StoreError."""
    wanted: dict[str, set[Key]] = {}
    for version, one in sent:
        if one.input is None:
            wanted.setdefault(version.model, set()).add((one.request_id, one.row))
    logged = {model: _logged(store, model, keys) for model, keys in wanted.items()}
    return [None if one.input is not None else _doubt(version, one, logged[version.model]) for version, one in sent]


def _logged(store: Store, model: str, wanted: Iterable[Key]) -> Mapping[Key, dict[str, Any]]:
    """What the log has plainly of the inputs of those answers that it knows; the newest days first."""
    missing, found = set(wanted), dict[Key, dict[str, Any]]()
    until = datetime.combine(datetime.now(UTC).date(), time(), UTC) + timedelta(days=1)
    for _ in range(DAYS + 1):
        if not missing:
            break
        since = until - timedelta(days=1)
        for one in inferences.read(store, model, since, until):
            if one.model == model and (key := (one.request_id, one.row)) in missing:
                found[key] = queue.plain(one.inputs)
                missing.remove(key)
        until = since
    return found


def _doubt(version: Version, one: Correction, logged: Mapping[Key, dict[str, Any]]) -> str | None:
    given = logged.get((one.request_id, one.row))
    if given is None:
        what = "request" if one.row is None else "row of a batch"
        return f"it has no input, and the inference log of the last {DAYS} days no such {what}; its lines may be on their way"
    fields = [field for field in version.predictor.inputs.fields if not isinstance(field, Identifier)]
    lacking = [field.name for field in fields if field.required and given.get(field.name) is None]
    if lacking or not given:
        names = ", ".join(lacking or [field.name for field in fields])
        return f"it has no input, and the inference log has {names} not in plain: say `log: plain` in the definition"
    return None
