"""What the log line of a request keeps of its inputs: what the definition allows, field by field, of sampled requests.

Imported when a model that logs inputs is first asked. Nothing here is sent to the caller.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from firesteel.monitor.measures import Measures, digest
from firesteel.program.log import PLAIN
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Text
from functions.classify.events import Request
from functions.classify.live import Live

_Kept = tuple[str, bool, Measures | None]
"""A field, whether it is kept as it is, and what measures it if it is a text."""

_PROGRAMS: WeakKeyDictionary[Predictor, list[_Kept]] = WeakKeyDictionary()


def rows(request: Request, live: Live, checked: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]] | None:
    """The inputs of checked rows as the line has them, each of the fields that it has; None when it has none."""
    log = live.predictor.log
    if log is None or not sampled(request.correlation_id, log.sample):
        return None
    kept = _kept(live.predictor)
    return [
        {name: _value(live.model, name, row[name], plain, tell) for name, plain, tell in kept if name in row}
        for row in checked
    ]


def sampled(correlation_id: str, share: float) -> bool:
    """Whether a request is among the `share` of which inputs are kept. By an id that its caller does not choose."""
    return (
        share >= 1 or int.from_bytes(hashlib.blake2b(correlation_id.encode(), digest_size=8).digest()) < share * 2**64
    )


def _value(model: str, name: str, value: Any, plain: bool, measures: Measures | None) -> Any:
    if value is None:
        return None
    if measures is None:
        return value if plain else {"sha256": digest(model, name, value)}
    return ({"text": value} if plain else {"sha256": digest(model, name, value)}) | measures(value)


def _kept(predictor: Predictor) -> list[_Kept]:
    """The fields that are kept. Finding a step's words takes some milliseconds, so it is done once a program."""
    found = _PROGRAMS.get(predictor)
    if found is None and predictor.log:
        texts = {field.name for field in predictor.inputs.fields if isinstance(field, Text)}
        found = _PROGRAMS[predictor] = [
            (name, how == PLAIN, Measures(predictor.texts, name) if name in texts else None)
            for name, how in predictor.log.inputs.items()
        ]
    return found or []
