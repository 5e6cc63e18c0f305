"""From an upload to its rows: fetched to a file, read against a definition, bad rows kept in the work bucket."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from firesteel.definition import Definition
from firesteel.definition.model import slug
from firesteel.errors import ConflictError, DataError
from firesteel.registry.store import Store
from functions.train import columns, csvfile, dataset
from functions.train.dataset import Dataset
from functions.train.deployment import DATA_LIMIT, Deployment
from functions.train.upload import Upload, download


@contextmanager
def fetched(deployment: Deployment, upload: Upload) -> Iterator[tuple[Path, str]]:
    """The upload as a file, and its SHA-256. Errors about the file name the upload instead."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        try:
            yield path, download(deployment.uploads, upload, path, limit=DATA_LIMIT)
        except DataError as error:
            raise DataError(str(error).replace(str(path), upload.data)) from None


def read(deployment: Deployment, upload: Upload, path: Path, part: Definition) -> Dataset:
    """The rows of a model or segment in a fetched upload; bad ones go to the work bucket. Raises DataError."""
    kept = path.with_name("rows.csv")
    names = ("rows", slug(part.segment), part.sha256[:8]) if part.segment else ("rows", part.sha256[:8])
    key = f"{quarantined(part.model, upload)}/{'-'.join(names)}.csv"  # another definition may refuse other rows
    try:
        return replace(dataset.read(path, part, quarantine=kept), source=upload.data)  # in errors of training, too
    except DataError as error:
        raise DataError(str(error).replace(str(kept), key)) from None
    finally:
        if kept.exists():
            keep(deployment.work, key, kept.read_bytes())
            kept.unlink()


def measure(path: Path, part: Definition, limit: int) -> tuple[int, int]:
    """Rows of a file, good or bad, and its bytes when unpacked, without holding them; beyond `limit` bytes it looks no
    further. Raises DataError.
    """
    rows = 0
    with csvfile.opened(path, columns.needed(part)) as file:
        for _ in file.rows:
            rows += 1
            if file.size > limit:
                break
        return rows, file.size


def quarantined(model: str, upload: Upload) -> str:
    """The folder in the work bucket of what is reported about an upload."""
    return f"quarantine/{model}/{upload.quarantine}"


def keep(work: Store, key: str, data: bytes) -> None:
    """Put a report into the work bucket; the first of its name stays."""
    with suppress(ConflictError):
        work.create(key, data)
