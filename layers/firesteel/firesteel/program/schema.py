"""The request schema of a program: which fields a row has and what each may hold."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from firesteel.errors import InputError, Problem


def _text_problem(name: str, value: object, max_length: int) -> Problem | None:
    if not isinstance(value, str):
        return Problem(name, "wrong_type", "must be a string")
    if len(value) > max_length:
        return Problem(name, "too_long", f"must have at most {max_length} characters")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            return Problem(name, "not_unicode", "must not have lone surrogates")
    return None


class Text(NamedTuple):
    """Free text of `min_length` to `max_length` code points, not white space alone; an optional one may be empty."""

    name: str
    required: bool
    min_length: int
    max_length: int

    def check(self, value: object) -> Problem | None:
        if problem := _text_problem(self.name, value, self.max_length):
            return problem
        assert isinstance(value, str)
        if not value and not self.required:
            return None
        if len(value) < self.min_length:
            return Problem(self.name, "too_short", f"must have at least {self.min_length} characters")
        if value.isspace():
            return Problem(self.name, "blank", "must not be blank")
        return None

    def json_schema(self) -> dict[str, Any]:
        if self.required:
            return {"type": "string", "minLength": self.min_length, "maxLength": self.max_length, "pattern": r"\S"}
        return {"type": ["string", "null"], "maxLength": self.max_length}


class Identifier(NamedTuple):
    """Passed through to the answer."""

    name: str
    required: bool
    max_length: int

    def check(self, value: object) -> Problem | None:
        return _text_problem(self.name, value, self.max_length)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string" if self.required else ["string", "null"], "maxLength": self.max_length}


Field = Text | Identifier
KINDS: dict[str, type[Field]] = {"text": Text, "identifier": Identifier}


class Schema(NamedTuple):
    """The fields of a row, in the definition's order."""

    fields: tuple[Field, ...]

    def check(self, row: object) -> dict[str, Any]:
        """The row's values by field name, None where an optional one is missing or null.

        Raises InputError with one problem a field; no problem repeats what was sent.
        """
        if not isinstance(row, Mapping):
            raise InputError((Problem("", "wrong_type", f"must be an object with the fields {self.names()}"),))
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for field in self.fields:
            value = values[field.name] = row.get(field.name)
            if value is None and not field.required:
                continue
            if field.name not in row:
                problems.append(Problem(field.name, "missing", "is required"))
            elif problem := field.check(value):
                problems.append(problem)
        if not row.keys() <= {field.name for field in self.fields}:
            problems.append(Problem("", "unknown_field", f"has a field that is none of {self.names()}"))
        if problems:
            raise InputError(tuple(problems))
        return values

    def names(self) -> str:
        return ", ".join(field.name for field in self.fields)

    def json_schema(self, examples: Mapping[str, object] | None = None) -> dict[str, Any]:
        """The JSON Schema of a row, for OpenAPI."""
        return {
            "type": "object",
            "properties": {field.name: field.json_schema() for field in self.fields},
            "required": [field.name for field in self.fields if field.required],
            "additionalProperties": False,
            **({"example": dict(examples)} if examples else {}),
        }


def load(entries: Sequence[Mapping[str, Any]]) -> Schema:
    """The schema that a program's metadata describes. Raises KeyError, TypeError when it is none."""
    return Schema(tuple(KINDS[entry["kind"]](**{k: v for k, v in entry.items() if k != "kind"}) for entry in entries))
