"""What every part of a definition is made of: frozen, typed, no unknown field."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,62}$")]
"""Of an input or a column of the training file."""
TargetName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""Of a target: it is part of a file's name, so in lower case; `column` says what the data calls it."""
ModelName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
Label = Annotated[str, StringConstraints(pattern=r"\S")]
Share = Annotated[float, Field(gt=0, lt=1)]


class MisfitError(ValueError):
    """What does not fit together, and where: `loc` leads from the model that noticed to the field."""

    def __init__(self, loc: tuple[str | int, ...], message: str) -> None:
        self.loc = loc
        super().__init__(message)


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False, allow_inf_nan=False)


def twice(names: Sequence[object]) -> object | None:
    """The first of the names that stands twice."""
    return next((name for number, name in enumerate(names) if name in names[:number]), None)


def distinct(field: str, names: Sequence[object]) -> None:
    """Raises MisfitError at `field` when one of the names stands twice."""
    if (name := twice(names)) is not None:
        raise MisfitError((field,), f"{name!r} stands twice")
