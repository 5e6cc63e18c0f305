"""What commands take from their surroundings: settings from the environment and .env, the store, the project."""

import os
from functools import cache
from pathlib import Path

from dotenv import dotenv_values

from firesteel.registry.store import Store, open_store
from firesteel.settings import Settings


@cache
def settings() -> Settings:
    """The settings: the environment over `.env` of the current folder. Raises SettingsError."""
    return Settings.read({**_from_file(), **os.environ})


def _from_file() -> dict[str, str]:
    return {key: value for key, value in dotenv_values(".env").items() if value is not None}


def open_registry() -> Store:
    """The object store that holds bundles and aliases."""
    return open_store(settings().store)


def project_root() -> Path:
    """The checkout this command belongs to."""
    return Path(__file__).resolve().parent.parent
