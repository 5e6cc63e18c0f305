"""Where tasks run: the settings and stores of a deployment, and the definitions that ship with it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from firesteel.definition import Definition
from firesteel.errors import DataError, SettingsError
from firesteel.registry.seal import registry_of
from firesteel.registry.store import Store, open_store
from firesteel.settings import Settings
from functions.train.upload import ObjectUploads, Uploads

DATA_LIMIT = 4 << 30  # bytes of a training file


@dataclass(frozen=True)
class Deployment:
    """What tasks work with. `definition_of` raises DataError for a name that is no model."""

    settings: Settings
    registry: Store
    work: Store
    uploads: Uploads
    definition_of: Callable[[str], Definition]

    @classmethod
    def open(cls, settings: Settings, definition_of: Callable[[str], Definition]) -> Self:
        """The deployment that the settings name. Raises SettingsError when it has nowhere for uploads or for work."""
        for name in ("incoming", "work"):
            if not getattr(settings, name):
                raise SettingsError(f"FIRESTEEL_{name.upper()} is not set: tasks of a retraining need it")
        registry = registry_of(settings, signs=True)
        return cls(settings, registry, open_store(settings.work), ObjectUploads(), definition_of)

    def part(self, model: str, segment: object) -> Definition:
        """The definition of a model, or of one segment of it. Raises DataError when there is no such thing."""
        described = self.definition_of(model)
        if not described.segments and segment in (None, ""):
            return described
        if segment not in described.segments:
            raise DataError(
                f"{model} has no segment {segment!r:.80}; it has: {', '.join(described.segments) or 'none'}"
            )
        return described.of_segment(str(segment))


def text(event: dict[str, Any], name: str) -> str:
    """A field of a task's event. Raises DataError when it is no text."""
    if not isinstance(value := event.get(name), str):
        raise DataError(f"the task needs {name}, as text")
    return value
