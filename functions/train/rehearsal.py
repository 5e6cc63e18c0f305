"""Whether a version could be published here: asked before a training, not found out at its end."""

from dataclasses import replace

from firesteel.registry import bundle
from firesteel.registry.seal import registry_of
from firesteel.settings import Settings


def rehearse(settings: Settings) -> None:
    """Publish a version into a registry in memory, with the keys of these settings.

    Raises what publishing would: RegistryError without a key that signs or with one that public keys do not have,
    SettingsError for one that cannot be read, StoreError where it is out of reach.
    """
    registry = registry_of(replace(settings, store="memory://"), signs=True)
    bundle.publish(registry, "rehearsal", "1.0.0", {"file": b"-"}, who="rehearsal")
