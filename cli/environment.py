"""What commands take from their surroundings: settings from the environment and .env, the store, the project."""

import getpass
import os
from functools import cache
from pathlib import Path

from dotenv import dotenv_values

from firesteel.errors import SettingsError
from firesteel.registry.seal import registry_of
from firesteel.registry.store import Store
from firesteel.settings import PREFIX, Settings

# OpenMP's threads would wait for each other by spinning, which on a busy machine is ten times as slow. Read when the
# first library that uses it is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


@cache
def settings() -> Settings:
    """The settings: the environment over `.env` of the current folder. Raises SettingsError."""
    return Settings.read({**_from_file(), **os.environ})


def _from_file() -> dict[str, str]:
    """What `.env` says. Raises SettingsError when it is not UTF-8 or a setting in it has no `=`."""
    try:
        values = dotenv_values(".env")
    except UnicodeDecodeError as error:
        raise SettingsError(f".env is not UTF-8 at byte {error.start}") from None
    for key, value in values.items():
        if value is None and key.startswith(PREFIX):
            raise SettingsError(f".env: {key} has no value; write {key}=")
    return {key: value for key, value in values.items() if value is not None}


def open_registry() -> Store:
    """The object store that holds bundles and aliases; what is put there is signed if there is a key."""
    return registry_of(settings(), signs=True)


def user() -> str:
    """Who moves aliases from here: the login name, or the number of a user without one."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid-{os.getuid()}"


def project_root() -> Path:
    """The checkout this command belongs to."""
    return Path(__file__).resolve().parent.parent
