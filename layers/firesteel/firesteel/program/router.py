"""A program of segments: which model of several answers a row."""

import re
from collections.abc import Mapping
from typing import Any

from firesteel.errors import InputError, Problem, ProgramError
from firesteel.program import schema

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}\Z")


class Router:
    """Sends a row to the segment that its field `segment_by` names; an unknown one to `fallback`, if there is one.

    `segments` maps values of the field to names in the registry: {"QB": "qb"}.
    """

    def __init__(self, meta: Mapping[str, Any]) -> None:
        self.model: str = meta["model"]
        self.segment_by: str = meta["segment_by"]
        self.segments: dict[str, str] = dict(meta["segments"])
        self.fallback: str | None = meta["fallback"]
        self.inputs = schema.load(meta["inputs"])
        if [(type(field), field.name) for field in self.inputs.fields] != [(schema.Category, self.segment_by)]:
            raise ProgramError("a program of segments has one input: the category that chooses one")
        if not all(isinstance(value, str) for value in self.segments):
            raise ProgramError("the values that choose a segment are not all texts")
        if not all(isinstance(name, str) and _NAME.match(name) for name in self.segments.values()):
            raise ProgramError("a segment's name is out of form")
        if not self.segments or self.fallback not in (None, *self.segments.values()):
            raise ProgramError("a program of segments has none, or falls back to what is none")

    def segment_of(self, row: object) -> str:
        """The registry's name of the segment that answers `row`. Raises InputError naming the field."""
        if not isinstance(row, Mapping):
            raise InputError((Problem("", "wrong_type", "must be an object"),))
        known = f"one of {', '.join(self.segments)}"
        if self.segment_by not in row:
            raise InputError((Problem(self.segment_by, "missing", f"is required: {known}"),))
        value = row[self.segment_by]
        if not isinstance(value, str):
            raise InputError((Problem(self.segment_by, "wrong_type", f"must be a string: {known}"),))
        segment = self.segments.get(value, self.fallback)
        if segment is None:
            raise InputError((Problem(self.segment_by, "unknown_segment", f"must be {known}"),))
        return segment
