"""What a report is made of, whatever it is written as. All text is plain: the writers escape it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Text:
    """One paragraph. A `warning` is something that must not be overlooked, a `note` is small print."""

    text: str
    kind: Literal["plain", "note", "warning"] = "plain"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells, as many as there are columns. The rows whose numbers are `marked` stand out."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str = ""
    marked: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"a row of {self.caption or 'a table'} has not {len(self.columns)} cells")

    def is_numeric(self, column: int) -> bool:
        """Whether a column is one of numbers, which are set to the right."""
        cells = [row[column] for row in self.rows if row[column]]
        return bool(cells) and all(cell.lstrip("+-<")[:1].isdigit() for cell in cells)


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawing: `name` is that of its file without the ending, `caption` says in words what is to be seen."""

    name: str
    caption: str
    svg: bytes


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it. A report is a section that stands under none."""

    title: str
    parts: "tuple[Part, ...]"

    def plots(self) -> Iterator[Plot]:
        """All plots, in their order."""
        for part in self.parts:
            if isinstance(part, Plot):
                yield part
            elif isinstance(part, Section):
                yield from part.plots()


Part = Text | Table | Plot | Section
