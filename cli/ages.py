"""Ages as people type them: 30m, 24h, 7d."""

import re
from datetime import timedelta

import typer

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def age(text: str, option: str, least: str = "1s", most: str = "3650d") -> timedelta:
    """What an option like --since says, between two ages. Raises BadParameter."""
    seconds = _seconds(text)
    if seconds is None:
        raise typer.BadParameter(f"{option} {text!r} is not a number and s, m, h, d or w: 30m, 24h, 7d")
    if not (_seconds(least) or 0) <= seconds <= (_seconds(most) or 0):
        raise typer.BadParameter(f"{option} {text!r} is out of range: from {least} to {most}")
    return timedelta(seconds=seconds)


def _seconds(text: str) -> float | None:
    found = re.fullmatch(r"([0-9]+)([smhdw])", text)
    return float(found[1]) * _SECONDS[found[2]] if found else None
