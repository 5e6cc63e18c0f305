"""A trained model becomes a version, and is served only if its gates pass."""

import io
import json
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pytest

from firesteel import definition_file
from firesteel.definition import Gate
from firesteel.errors import ConflictError, NotFoundError
from firesteel.program import predictor
from firesteel.program.router import Router
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from functions.train import release
from functions.train.metadata import Origin
from functions.train.upload import Upload

MODELS = Path(__file__).parents[3] / "models"


@pytest.fixture
def store():
    return MemoryStore()


def publish(store, trained, **options):
    return release.release(store, trained, who="ada", data_name="tickets.csv", **options)


def gated(trained, *gates):
    return replace(trained, definition=trained.definition.model_copy(update={"gates": gates}))


def test_the_first_version_is_published_and_served(store, trained):
    done = publish(store, trained, changelog="the first")
    assert (done.version, done.failed) == ("1.0.0", [])
    entry = alias.current(store, "tickets", "latest")
    assert (entry.version, entry.digest, entry.why, entry.who) == ("1.0.0", done.digest, "the first", "ada")
    assert bundle.verify(store, "tickets", "1.0.0") == []


def test_a_bundle_holds_all_that_people_and_machines_need(store, trained):
    publish(store, trained)
    manifest = bundle.read_manifest(store, "tickets", "1.0.0")
    plots = {
        f"{t}-{p}.svg" for t in ("priority", "department") for p in ("confusion", "reliability", "review", "importance")
    }
    assert set(manifest.files) == plots | {
        "program.safetensors",
        "golden.json",
        "metrics.json",
        "reference.json",
        "model_metadata.json",
        "definition.json",
        "model_card.md",
        "pipeline-priority.joblib",
        "pipeline-department.joblib",
    }
    card = bundle.read_file(store, manifest, "model_card.md").decode()
    assert card.startswith("# tickets 1.0.0\n")
    assert all(f"]({plot})" in card for plot in plots)
    assert all(bundle.read_file(store, manifest, plot).lstrip().startswith(b"<?xml") for plot in plots)


def test_metadata_says_where_a_version_came_from(store, trained):
    publish(store, trained, changelog="why", commit="abc")
    manifest = bundle.read_manifest(store, "tickets", "1.0.0")
    metadata = json.loads(bundle.read_file(store, manifest, "model_metadata.json"))
    assert (metadata["version"], metadata["changelog"], metadata["git_commit"]) == ("1.0.0", "why", "abc")
    assert metadata["data"]["sha256"] == trained.dataset.sha256
    assert metadata["data"]["rows_used"] == 600
    by = ["priority", "department"]
    assert metadata["split"] == {"kind": "stratified", "train": 480, "test": 120, "seed": 7, "by": by}
    assert sum(metadata["targets"]["priority"].values()) == 600
    assert metadata["signature"] == manifest.signature == trained.signature
    assert metadata["definition_sha256"] == trained.definition.sha256
    assert metadata["libraries"].keys() >= {"numpy", "scikit-learn"}
    assert metadata["durations_seconds"]["features"] >= 0


def test_no_training_text_stands_in_a_bundle_beyond_the_vocabulary(store, trained, rows):
    publish(store, trained)
    manifest = bundle.read_manifest(store, "tickets", "1.0.0")
    everything = b"".join(bundle.read_file(store, manifest, name) for name in manifest.files)
    assert not [text for text in rows.inputs["description"] if text.encode() in everything]


def test_an_analyst_loads_the_pipeline_and_gets_the_served_answers(store, trained, rows):
    publish(store, trained)
    manifest = bundle.read_manifest(store, "tickets", "1.0.0")
    pipeline = joblib.load(io.BytesIO(bundle.read_file(store, manifest, "pipeline-department.joblib")))
    columns = {name: texts[:20] for name, texts in rows.inputs.items()}
    assert list(pipeline.predict(columns)) == list(trained.pipelines["department"].predict(columns))
    assert np.allclose(pipeline.predict_proba(columns).sum(1), 1)


def test_a_failed_gate_publishes_the_version_and_moves_no_alias(store, trained):
    publish(store, trained)
    strict = gated(trained, Gate(metric="priority.macro_f1", at_least=0.999))
    done = publish(store, strict, bump="patch")
    assert done.version == "1.0.1"
    assert done.promoted is None
    assert [verdict.metric for verdict in done.failed] == ["priority.macro_f1"]
    assert alias.current(store, "tickets", "latest").version == "1.0.0"
    assert bundle.verify(store, "tickets", "1.0.1") == []


def test_a_version_much_worse_than_latest_is_not_served(store, trained):
    publish(store, trained)
    worse = json.loads(json.dumps(trained.metrics))
    worse["targets"]["priority"]["macro_f1"] -= 0.1
    comparing = gated(replace(trained, metrics=worse), Gate(metric="priority.macro_f1", max_drop=0.05))
    done = publish(store, comparing)
    assert done.promoted is None
    assert "latest 1.0.0 has" in done.failed[0].bound


def test_what_was_not_evaluated_passes_no_gate(store, trained):
    unevaluated = replace(trained, metrics={**trained.metrics, "evaluated": False, "targets": {}})
    done = publish(store, gated(unevaluated, Gate(metric="priority.macro_f1", at_least=0.0)))
    assert done.promoted is None
    with pytest.raises(NotFoundError):
        alias.current(store, "tickets", "latest")
    manifest = bundle.read_manifest(store, "tickets", "1.0.0")
    assert "Nothing was held out." in bundle.read_file(store, manifest, "model_card.md").decode()
    assert not [name for name in manifest.files if name.endswith(".svg")]


def test_a_chosen_version_is_used_and_never_overwritten(store, trained):
    assert publish(store, trained, version="3.1.4").version == "3.1.4"
    with pytest.raises(ConflictError, match="never written twice"):
        publish(store, trained, version="3.1.4")
    assert publish(store, trained, bump="major").version == "4.0.0"


def test_an_alias_that_moved_between_gate_and_promotion_is_not_overridden(store, trained, monkeypatch):
    publish(store, trained)
    publish_bundle = bundle.publish

    def overtaken(store, model, version, files, **about):
        manifest = publish_bundle(store, model, version, files, **about)
        alias.promote(store, model, "latest", "1.0.0", who="somebody else")
        return manifest

    monkeypatch.setattr(bundle, "publish", overtaken)
    with pytest.raises(ConflictError, match="generation 2 and not"):
        publish(store, trained)
    assert alias.current(store, "tickets", "latest").version == "1.0.0"


def test_a_damaged_latest_does_not_keep_its_repair_from_being_published(store, trained):
    publish(store, trained)
    store._objects["models/tickets/v1.0.0/metrics.json"] = b"{}"
    done = publish(store, trained)
    assert done.version == "1.1.0"
    assert {verdict.metric for verdict in done.failed} == {"priority.macro_f1", "department.macro_f1"}
    store._objects["models/tickets/aliases/latest/00000001.json"] = b"garbage"
    ungated = gated(trained)
    assert publish(store, ungated).promoted.generation == 2


def test_every_trial_of_a_search_is_a_line_of_the_bundle(store, trained):
    trials = [{"settings": {"C": C}, "metric": "macro_f1", "mean": 0.5, "spread": 0.1} for C in (1.0, 4.0)]
    publish(store, replace(trained, trials={"priority": trials}))
    manifest = bundle.read_manifest(store, "tickets", "1.0.0")
    lines = bundle.read_file(store, manifest, "trials.csv").decode().splitlines()
    assert lines == ["target,C,metric,mean,spread", "priority,1.0,macro_f1,0.5,0.1", "priority,4.0,macro_f1,0.5,0.1"]


def test_a_model_of_segments_is_published_once_and_again_only_when_it_sends_elsewhere(store):
    recruits = definition_file.load(MODELS / "recruits.yaml")
    assert release.release_segments(store, recruits, who="ada") == "1.0.0"
    assert release.release_segments(store, recruits, who="ada") is None
    manifest = bundle.read_manifest(store, "recruits", alias.current(store, "recruits", "latest").version)
    router = predictor.load(bundle.read_file(store, manifest, "program.safetensors"))
    assert isinstance(router, Router)
    assert (router.segment_by, router.segments) == ("position", {"QB": "qb", "RB": "rb", "WR": "wr"})
    falling = recruits.model_copy(update={"fallback": "WR"})
    assert release.release_segments(store, falling, who="ada") == "1.1.0"
    assert alias.current(store, "recruits", "latest").version == "1.1.0"


def test_a_router_that_was_published_and_not_promoted_is_promoted_the_next_time(store, monkeypatch):
    recruits = definition_file.load(MODELS / "recruits.yaml")

    def overtaken(*_, **__):
        raise ConflictError("somebody else moved latest")

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(alias, "promote", overtaken)
        with pytest.raises(ConflictError):
            release.release_segments(store, recruits, who="ada")
    assert release.release_segments(store, recruits, who="ada") == "1.0.0"
    assert [one.version for one in bundle.versions(store, "recruits")] == ["1.0.0"]


def test_a_number_that_another_trainer_takes_first_is_left_to_it(store, trained, monkeypatch):
    next_version, taken = bundle.next_version, []

    def overtaken(store, model, bump):
        version = next_version(store, model, bump)
        if len(taken) < 3:
            taken.append(version)
            bundle.publish(store, model, version, {"a": b"another trainer's"}, who="bob")
        return version

    monkeypatch.setattr(bundle, "next_version", overtaken)
    assert publish(store, trained).version == "1.3.0"
    assert taken == ["1.0.0", "1.1.0", "1.2.0"]


def test_what_a_retraining_publishes_says_its_upload_run_and_verdicts_and_moves_nothing(store, trained):
    upload = Upload("s3://b/incoming/tickets/x.csv", "v1", "abc", "2026-11-21T15:00:00Z")
    for _ in range(2):
        manifest = release.publish(store, trained, Origin("x.csv", upload=upload, run="run-1"), who="run:run-1")
        alias.promote(store, "tickets", "latest", manifest.version, who="ada")
    metadata = json.loads(bundle.read_file(store, manifest, "model_metadata.json"))
    assert (metadata["upload"], metadata["run"]) == (upload._asdict(), "run-1")
    assert metadata["compared_with"] == "1.0.0"
    assert [verdict["metric"] for verdict in metadata["gates"]] == [gate.metric for gate in trained.definition.gates]
    assert all(verdict["passed"] for verdict in metadata["gates"])
    assert not {"upload", "run"} & set(_metadata(store, publish(store, trained).version))


def _metadata(store, version):
    return json.loads(bundle.read_file(store, bundle.read_manifest(store, "tickets", version), "model_metadata.json"))
