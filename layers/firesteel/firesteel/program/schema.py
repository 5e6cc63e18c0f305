"""The request schema of a program: which fields a row has and what each may hold."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from firesteel.errors import InputError, Problem, ProgramError

NOT_BLANK = r"[^\t-\r\u001c-\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""A character that is no space to `str.isspace`. What JavaScript takes for one, and so `\\S` of JSON Schema, are others."""


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
            return {"type": "string", "minLength": self.min_length, "maxLength": self.max_length, "pattern": NOT_BLANK}
        return {"type": ["string", "null"], "maxLength": self.max_length, "pattern": f"^$|{NOT_BLANK}"}


class Identifier(NamedTuple):
    """Passed through to the answer."""

    name: str
    required: bool
    max_length: int

    def check(self, value: object) -> Problem | None:
        return _text_problem(self.name, value, self.max_length)

    def json_schema(self) -> dict[str, Any]:
        return {"type": "string" if self.required else ["string", "null"], "maxLength": self.max_length}


class Number(NamedTuple):
    """A finite number from `minimum` to `maximum`; a whole one if `integer`."""

    name: str
    required: bool
    minimum: float | None
    maximum: float | None
    integer: bool
    unit: str | None

    def check(self, value: object) -> Problem | None:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return Problem(self.name, "wrong_type", "must be a number")
        if not -_LARGEST <= value <= _LARGEST:
            return Problem(self.name, "not_finite", "must be a finite number")
        if self.integer and value != int(value):
            return Problem(self.name, "not_whole", "must be a whole number")
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            return Problem(self.name, "out_of_range", f"must be {self._range()}")
        return None

    def _range(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        if self.minimum is None:
            return f"at most {_plain(self.maximum)}{unit}"
        if self.maximum is None:
            return f"at least {_plain(self.minimum)}{unit}"
        return f"between {_plain(self.minimum)} and {_plain(self.maximum)}{unit}"

    def json_schema(self) -> dict[str, Any]:
        kind = "integer" if self.integer else "number"
        bounds = {"minimum": self.minimum, "maximum": self.maximum}
        return {
            "type": kind if self.required else [kind, "null"],
            **{name: bound for name, bound in bounds.items() if bound is not None},
            **({"description": f"In {self.unit}."} if self.unit else {}),
        }


class Category(NamedTuple):
    """One of `values`; without them any text of at most `max_length` code points that is not blank."""

    name: str
    required: bool
    values: Sequence[str] | None
    max_length: int

    def check(self, value: object) -> Problem | None:
        if problem := _text_problem(self.name, value, self.max_length):
            return problem
        if self.values is not None and value not in self.values:
            return Problem(self.name, "unknown_category", f"must be one of {self._allowed()}")
        if not value or str(value).isspace():
            return Problem(self.name, "blank", "must not be blank")
        return None

    def _allowed(self) -> str:
        values = self.values or ()
        more = f" ... ({len(values)} in all)" if len(values) > _LISTED else ""
        return ", ".join(values[:_LISTED]) + more

    def json_schema(self) -> dict[str, Any]:
        kind = "string" if self.required else ["string", "null"]
        if self.values is None:
            return {"type": kind, "maxLength": self.max_length, "pattern": NOT_BLANK}
        return {"type": kind, "enum": [*self.values, *([] if self.required else [None])]}


class Timestamp(NamedTuple):
    """A date or a time in ISO 8601."""

    name: str
    required: bool

    def check(self, value: object) -> Problem | None:
        if not isinstance(value, str):
            return Problem(self.name, "wrong_type", "must be a string")
        try:
            seconds(value)
        except (ValueError, OverflowError):
            return Problem(
                self.name, "not_a_timestamp", "must be a date or a time in ISO 8601, like 2024-05-17T09:30:00Z"
            )
        return None

    def json_schema(self) -> dict[str, Any]:
        return {
            "type": "string" if self.required else ["string", "null"],
            "description": "A date or a time in ISO 8601; without an offset it is UTC.",
        }


def seconds(text: str) -> float:
    """Seconds since 1970-01-01 UTC of a date or a time in ISO 8601. Raises ValueError."""
    from datetime import UTC, datetime

    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _plain(bound: float | None) -> str:
    """100000 instead of 1e+05."""
    return f"{bound:,.10g}".replace(",", "") if bound is not None else ""


_LARGEST = 1.7976931348623157e308
_LISTED = 20  # values in a message
Field = Text | Identifier | Number | Category | Timestamp
KINDS: dict[str, type[Field]] = {
    "text": Text,
    "identifier": Identifier,
    "number": Number,
    "category": Category,
    "timestamp": Timestamp,
}


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
    """The schema that a program's metadata describes. Raises ProgramError; KeyError, TypeError when it is none."""
    fields = tuple(_field(entry) for entry in entries)
    if len({field.name for field in fields}) < len(fields):
        raise ProgramError("two inputs have one name")
    return Schema(fields)


_NUMBER = (int, float, type(None))
_TYPES: dict[str, tuple[type, ...]] = {
    "name": (str,),
    "required": (bool,),
    "integer": (bool,),
    "min_length": (int,),
    "max_length": (int,),
    "minimum": _NUMBER,
    "maximum": _NUMBER,
    "unit": (str, type(None)),
    "values": (list, tuple, type(None)),
}


def _field(entry: Mapping[str, Any]) -> Field:
    about = {name: value for name, value in entry.items() if name != "kind"}
    for name, value in about.items():
        if type(value) not in _TYPES[name]:
            raise ProgramError(f"an input's {name} is a {type(value).__name__}")
    if any(isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST for value in about.values()):
        raise ProgramError(f"a bound of {about['name']} is beyond all numbers of requests")
    if not all(isinstance(value, str) for value in about.get("values") or ()):
        raise ProgramError(f"the values of {about['name']} are not all texts")
    return KINDS[entry["kind"]](**about)


def described(field: Field) -> dict[str, Any]:
    """The metadata that `load` makes the field of."""
    return {"kind": kind_of(field), **field._asdict()}


def kind_of(field: Field) -> str:
    """What a definition calls this kind of input."""
    return next(name for name, one in KINDS.items() if isinstance(field, one))
