"""`firesteel import` of what is not there; what it does with models of MLflow is in tests/peers."""

import pytest

from tests.unit.cli.conftest import Run


@pytest.mark.parametrize("path", ["./none", "none", "/nowhere/model", "file:///nowhere/model"])
def test_a_folder_that_is_not_there_is_named(firesteel: Run, path: str) -> None:
    done = firesteel("import", f"mlflow:{path}", "--as", "intents")
    assert (done.code, done.out) == (3, "")
    assert done.err == (
        f"DataError: {path}: there is no such folder; a model that MLflow keeps itself is runs:/... or models:/...\n"
    )
