"""A new key is whole and on the disk before its name is there."""

import os
import stat
from pathlib import Path

from firesteel.registry.signer import FileSigner


def test_a_new_key_and_its_name_are_durable(tmp_path: Path, monkeypatch) -> None:
    synced, fsync = [], os.fsync

    def seen(descriptor: int) -> None:
        status = os.fstat(descriptor)
        synced.append(("folder", 0) if stat.S_ISDIR(status.st_mode) else ("key", status.st_size))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    before = len(list(Path("/proc/self/fd").iterdir()))
    FileSigner.new(tmp_path / "key")
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert synced == [("key", 45), ("folder", 0)]
    assert [path.name for path in tmp_path.iterdir()] == ["key"]
