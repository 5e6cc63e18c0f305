"""What earlier versions wrote stays servable: golden files of every format number, never made anew.

A format changed? Raise its number, keep the reader of the old one, add a folder beside v1; leave v1 as it is.
"""

from pathlib import Path

import pytest

from firesteel import strictjson
from firesteel.program import predictor
from firesteel.registry import alias, bundle
from firesteel.registry.store import open_store

FORMATS = sorted(Path(__file__).with_name("golden").glob("v*"))


@pytest.mark.parametrize("folder", FORMATS, ids=lambda folder: folder.name)
def test_a_registry_of_an_earlier_format_is_read_verified_and_answers_as_it_did(folder):
    store = open_store(f"file://{folder}")
    entry = alias.current(store, "tickets", "latest")
    assert bundle.verify(store, "tickets", entry.version) == []
    manifest = bundle.read_manifest(store, "tickets", entry.version, entry.digest)
    loaded = predictor.load(bundle.read_file(store, manifest, "program.safetensors"))
    golden = strictjson.parse(bundle.read_file(store, manifest, "golden.json"))
    assert len(golden["rows"]) == 3
    for row in golden["rows"]:
        answer = loaded.predict(loaded.check(row["input"]))
        assert answer.labels == row["labels"]
        assert answer.confidences == pytest.approx(row["confidences"], abs=1e-6)


def test_there_are_golden_files_of_every_format():
    from firesteel.program.format import FORMAT

    assert [folder.name for folder in FORMATS] == [f"v{number}" for number in range(1, FORMAT + 1)]
