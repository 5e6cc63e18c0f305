"""Packages that are not installed with Firesteel: imported when asked for, or named with what installs them."""

import os
from importlib import import_module
from typing import Any

from firesteel.errors import SettingsError


def need(module: str, extra: str) -> Any:
    """The module of an extra, told not to report its use to its makers. Raises SettingsError that says how to install it."""
    for setting in ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY"):
        os.environ.setdefault(setting, "true")
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or module).partition(".")[0]
        raise SettingsError(
            f"this needs the package {missing}, which is not installed: run pip install 'firesteel[{extra}]'"
        ) from None
