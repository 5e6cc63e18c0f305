"""A file of rows on this machine: its hash, its layout, and its parts."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from firesteel.errors import DataError
from functions.classify.scoring import cut, layout
from functions.classify.scoring.cut import Cut
from functions.classify.scoring.layout import LONGEST, Layout, Start
from functions.classify.scoring.run import Input

_PARQUET = b"PAR1"


class Source(NamedTuple):
    """A file whose head was read. `total` is its length in what the places of its parts count: bytes, or Parquet's rows."""

    path: Path
    layout: Layout
    start: Start
    total: int

    @property
    def is_parquet(self) -> bool:
        return self.layout.kind == "parquet"

    def input(self) -> Input:
        """What identifies the file. Reads all of it and cuts it, so that no run begins of what has no parts or bad ones.

        Raises DataError.
        """
        if not (self.total if self.is_parquet else sum(1 for _ in self.parts())):
            raise DataError(f"{self.path}: the file has no rows")
        with self.path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return Input(self.path.name, self.path.stat().st_size, digest)

    def parts(self, rows: int = cut.PART_ROWS) -> Iterator[Cut]:
        """The parts of the file, in order. Raises DataError."""
        if self.is_parquet:
            yield from _of_parquet(self.path, rows)
            return
        with self.path.open("rb") as file:
            file.seek(self.start.byte)
            yield from cut.parts(file.read, self.layout, self.start, rows, name=str(self.path))


def open_source(path: Path, needed: Sequence[str]) -> Source:
    """The file of rows at a path, which has columns for those `needed`. Raises DataError."""
    kind = layout.kind_of(path.name)
    try:
        with path.open("rb") as file:
            head = file.read(len(_PARQUET) if kind == "parquet" else LONGEST)
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
    if kind != "parquet":
        return Source(path, *layout.read(head, kind, needed, str(path)), size)
    if head != _PARQUET:
        raise DataError(f"{path}: this is no Parquet file")
    columns, rows = _about_parquet(path)
    layout.refuse_header(columns, needed, str(path))
    return Source(path, Layout("parquet", "", ()), Start(0, 1), rows)


def _about_parquet(path: Path) -> tuple[list[str], int]:
    """The columns and the number of rows of a Parquet file."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            return file.schema_arrow.names, file.metadata.num_rows
    except pa.ArrowException as error:
        raise DataError(f"{path}: this Parquet file cannot be read: {error}") from None


def _of_parquet(path: Path, rows: int) -> Iterator[Cut]:
    """Parts as Arrow streams, read batch by batch: their places count rows."""
    import pyarrow as pa
    from pyarrow import parquet

    begin = number = 0
    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=rows):
            out = pa.BufferOutputStream()
            with pa.ipc.new_stream(out, batch.schema) as stream:
                stream.write_batch(batch)
            end = begin + batch.num_rows
            yield Cut(number, begin, end, begin + 1, out.getvalue().to_pybytes())
            number, begin = number + 1, end
