"""The fields of a request, which are columns of the training file. What a value may be is said once, in program/schema."""

from abc import ABC, abstractmethod
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from firesteel.definition.base import Frozen, Label, MisfitError, distinct
from firesteel.program import schema


class _Input(Frozen, ABC):
    description: str = ""
    required: bool = True
    log: Literal["no", "hash", "plain"] = "no"
    """What the inference log keeps of a value: nothing; a digest and, of a text, its measures; or the value itself."""

    @abstractmethod
    def field(self, name: str) -> schema.Field:
        """What a request's field of this name may hold."""

    def problem(self, value: object) -> str | None:
        """Why `value` cannot stand here; None if it can."""
        problem = self.field("").check(value)
        return problem.message if problem else None

    def _example_fits(self, example: object) -> None:
        if example is not None and (problem := self.problem(example)):
            raise MisfitError(("example",), problem)


class TextInput(_Input):
    """Free text; lengths count Unicode code points. Text of white space alone is refused."""

    kind: Literal["text"]
    min_length: int = Field(default=1, ge=1)
    max_length: int = Field(default=10_000, ge=1, le=1_000_000)
    example: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.min_length > self.max_length:
            raise MisfitError(
                ("max_length",), f"must not be less than min_length, {self.min_length}. Got {self.max_length}"
            )
        self._example_fits(self.example)
        return self

    def field(self, name: str) -> schema.Text:
        return schema.Text(name, self.required, self.min_length, self.max_length)


class NumberInput(_Input):
    """A finite number between `minimum` and `maximum`, both allowed; one that may be missing is not `required`."""

    kind: Literal["number"]
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    integer: bool = False
    example: float

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise MisfitError(("maximum",), f"must not be less than minimum, {self.minimum:g}. Got {self.maximum:g}")
        self._example_fits(self.example)
        return self

    def field(self, name: str) -> schema.Number:
        return schema.Number(name, self.required, self.minimum, self.maximum, self.integer, self.unit)


class CategoryInput(_Input):
    """One of `values`, in their order; without `values`, any text, and one that training never saw counts as unknown."""

    kind: Literal["category"]
    values: tuple[Label, ...] | None = Field(default=None, min_length=1, max_length=10_000)
    max_length: int = Field(default=200, ge=1, le=10_000)
    example: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        distinct("values", self.values or ())
        self._example_fits(self.example)
        return self

    def field(self, name: str) -> schema.Category:
        return schema.Category(name, self.required, self.values, self.max_length)


class TimestampInput(_Input):
    """A date or a time in ISO 8601; without an offset it is UTC."""

    kind: Literal["timestamp"]
    example: str

    @model_validator(mode="after")
    def _fits(self) -> Self:
        self._example_fits(self.example)
        return self

    def field(self, name: str) -> schema.Timestamp:
        return schema.Timestamp(name, self.required)


class IdentifierInput(_Input):
    """Passed through to the answer: never a feature, and in the inference log at most as a digest."""

    kind: Literal["identifier"]
    required: bool = False
    log: Literal["no", "hash"] = "no"
    max_length: int = Field(default=320, ge=1, le=10_000)
    example: str | None = None

    @model_validator(mode="after")
    def _has_an_example(self) -> Self:
        if self.required and self.example is None:
            raise MisfitError(("example",), "a required identifier needs an example, for the golden rows")
        self._example_fits(self.example)
        return self

    def field(self, name: str) -> schema.Identifier:
        return schema.Identifier(name, self.required, self.max_length)


Input = Annotated[
    TextInput | NumberInput | CategoryInput | TimestampInput | IdentifierInput, Field(discriminator="kind")
]
