"""What earlier versions wrote stays servable: golden files of every format number, never made anew.

A format changed? Raise its number, keep the reader of the old one, add a folder beside v1; leave v1 as it is.
"""

from pathlib import Path

import pytest

from firesteel.program import predictor
from firesteel.program.router import Router
from firesteel.registry import alias, bundle
from firesteel.registry.store import open_store
from functions.classify import replay

FORMATS = sorted(Path(__file__).with_name("golden").glob("v*"))


SERVED = [(folder, model) for folder in FORMATS for model in bundle.models(open_store(f"file://{folder}"))]


@pytest.mark.parametrize(("folder", "model"), SERVED, ids=lambda part: getattr(part, "name", part))
def test_a_registry_of_an_earlier_format_is_read_verified_and_answers_as_it_did(folder, model):
    store = open_store(f"file://{folder}")
    entry = alias.current(store, model, "latest")
    assert bundle.verify(store, model, entry.version) == []
    manifest = bundle.read_manifest(store, model, entry.version, entry.digest)
    loaded = predictor.load(bundle.read_file(store, manifest, "program.safetensors"))
    if isinstance(loaded, Router):
        assert loaded.segments == {"QB": "qb", "RB": "rb", "WR": "wr"}
        return
    rows = replay.read(bundle.read_file(store, manifest, "golden.json"))
    assert rows
    replay.replay(loaded, rows)
    for row in rows:
        checked = loaded.check(row["input"])
        for one in loaded.explain(checked).values():
            assert one.base + sum(part.contribution for part in one.contributions) == pytest.approx(one.score, abs=1e-6)


def test_there_are_golden_files_of_every_format():
    from firesteel.program.format import FORMAT

    assert [folder.name for folder in FORMATS] == [f"v{number}" for number in range(1, FORMAT + 1)]
