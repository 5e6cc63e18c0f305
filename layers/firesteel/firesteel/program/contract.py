"""What a program says of requests and answers beyond single rows, checked: lists of rows, and the fields of an answer."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from firesteel.errors import ProgramError
from firesteel.program.schema import Schema
from firesteel.program.targets import Target


def answer(told: object) -> Mapping[str, str] | None:
    """The fields of an answer and what each is made of; None for the usual ones. Raises ProgramError, TypeError, ValueError."""
    if told is None:
        return None
    fields: dict[Any, Any] = dict(told)  # type: ignore[call-overload]
    if not fields or not all(isinstance(text, str) for pair in fields.items() for text in pair):
        raise ProgramError("an answer has no fields, or some that are no texts")
    return fields


def request(told: Mapping[str, Any] | None, inputs: Schema, targets: Sequence[Target]) -> Mapping[str, Any] | None:
    """The lists of a request: `each` with an answer an object and, if there is one, `sum`; None for a request of one row.

    Raises ProgramError; KeyError, TypeError, AttributeError when it is none.
    """
    if told is None:
        return None
    parts = [told["each"], *([told["sum"]] if told["sum"] is not None else [])]
    known = {field.name for field in inputs.fields}
    taken: set[str] = set()
    for part in parts:
        name, own = part["name"], part["inputs"]
        if not isinstance(name, str) or not isinstance(own, list) or not {*own} <= known:
            raise ProgramError("a request's list has no name, or names what is no input")
        _unless_taken({name, *own}, taken)
    if len(parts) > 1 and any(target.task != "count" for target in targets):
        raise ProgramError("a request sums over a list, and a target is no count")
    return told


def _unless_taken(words: Collection[str], taken: set[str]) -> None:
    if not taken.isdisjoint(words):
        raise ProgramError("a request has an input or a list twice")
    taken |= {*words}
