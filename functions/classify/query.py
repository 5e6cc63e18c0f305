"""What the queries of /admin/... say, and how much their answers hold."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from firesteel.errors import Problem

LONGEST = timedelta(days=90)
MOST_BYTES = 4 << 20
"""Of the items of an answer: Lambda's answers have 6 MiB at most."""
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def last(query: Mapping[str, str], problems: list[Problem], usual: str = "24h") -> timedelta:
    """`last` of a query: how far back, like 30m, 24h or 7d. What is wrong with it is appended to `problems`."""
    text = query.get("last", usual)
    number, unit = text[:-1], text[-1:]
    if number.isascii() and number.isdigit() and len(number) <= 6 and unit in _UNITS:
        found = timedelta(**{_UNITS[unit]: int(number)})
        if timedelta(0) < found <= LONGEST:
            return found
    problems.append(Problem("last", "out_of_range", f"must be a time like 30m, 24h or 7d, at most {LONGEST.days}d"))
    return LONGEST


def limit(query: Mapping[str, str], problems: list[Problem], usual: int, most: int) -> int:
    """`limit` of a query: how many, from 1 to `most`. What is wrong with it is appended to `problems`."""
    text = query.get("limit", str(usual))
    if text.isascii() and text.isdigit() and len(text) <= 6 and 1 <= int(text) <= most:
        return int(text)
    problems.append(Problem("limit", "out_of_range", f"must be a whole number from 1 to {most}"))
    return usual


def filled(items: Iterable[Mapping[str, Any]], most_bytes: int = MOST_BYTES) -> tuple[list[Mapping[str, Any]], bool]:
    """The first items that fit into an answer, and whether those are all.

    Lambda sends an answer's body as a text within JSON, so an item counts as long as it is written in there.
    """
    fitting: list[Mapping[str, Any]] = []
    room = most_bytes
    for item in items:
        room -= len(_written(_written(item)).encode())
        if room < 0:
            return fitting, False
        fitting.append(item)
    return fitting, True
