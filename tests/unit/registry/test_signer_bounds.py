"""What a new key has to be before its name is there, and what is loaded and waited for until one signs."""

import os
import stat
from pathlib import Path

from firesteel.registry import signer
from firesteel.registry.signer import FileSigner, KmsSigner


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


def test_the_cryptography_is_loaded_when_a_key_is_used_and_not_with_the_module() -> None:
    assert "SigningKey" not in vars(signer)


def test_a_kms_that_does_not_answer_is_given_up_after_three_tries_of_seven_seconds(monkeypatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    patience = KmsSigner("alias/firesteel")._client.meta.config
    assert (patience.connect_timeout, patience.read_timeout) == (2, 5)
    assert patience.retries == {"mode": "standard", "total_max_attempts": 3}
