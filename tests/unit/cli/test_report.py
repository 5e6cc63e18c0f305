"""`firesteel report` from a store and a file to a document."""

import json
import re
import shutil
from datetime import UTC, datetime

import pytest

from cli.reporting import answers, subject
from firesteel.errors import DataError
from firesteel.monitor import reports
from firesteel.registry import bundle
from firesteel.registry.seal import open_registry
from firesteel.registry.store import open_store
from functions.train.drift import look as looking


@pytest.fixture
def here(firesteel, tmp_path):
    """The folder that commands run in."""
    return tmp_path / "here"


def test_a_report_without_rows_has_what_training_measured(firesteel, store, here):
    done = firesteel("report", "tickets")
    assert done.code == 0
    assert done.out == "tickets-1.1.0.html tells of tickets 1.1.0\n"
    page = (here / "tickets-1.1.0.html").read_text()
    for words in ("As training measured it on the 120 rows", "macro F1", "There is no drift report"):
        assert words in page
    assert "This report holds rows" not in page
    assert page.count("<figure>") == 8


def test_the_metrics_of_the_held_out_rows_are_those_of_the_bundle(store, rows):
    chosen = subject.read(open_registry(f"file://{store}"), "tickets", "1.1.0", "latest")
    asked = subject.rows_of(chosen, rows)
    assert asked.unseen
    assert "120 rows of tickets.csv that the training of 1.1.0 held out (stratified split, seed 7)" in asked.said
    for name, one in answers.of(chosen, asked.dataset).items():
        told, measured = chosen.metrics["targets"][name], one.metrics()
        assert measured["confusion_matrix"] == told["confusion_matrix"]
        for metric in ("accuracy", "macro_f1", "log_loss", "roc_auc", "expected_calibration_error"):
            assert measured[metric] == pytest.approx(told[metric], abs=1e-9)


@pytest.mark.parametrize("model", ["g2g", "gifts", "recruits/qb"])
def test_the_metrics_of_numbers_and_counts_are_those_of_the_bundle(measured, small, model):
    chosen = subject.read(open_registry(f"file://{measured}"), model, "1.0.0", "latest")
    asked = subject.rows_of(chosen, small / f"{model.partition('/')[0]}.csv")
    for name, one in answers.of(chosen, asked.dataset).items():
        told, found = chosen.metrics["targets"][name], one.metrics()
        for metric in {"accuracy", "rmse", "mae", "r2", "poisson_deviance", "mape", "interval_coverage"} & told.keys():
            assert found[metric] == pytest.approx(told[metric], rel=1e-6)
    assert (asked.groups is not None) == (chosen.definition.split.kind == "group")


@pytest.mark.parametrize("form", ["html", "md", "pdf"])
def test_a_report_on_rows_has_slices_examples_and_another_version(firesteel, store, rows, here, form):
    done = firesteel("report", "tickets", "--data", rows, "--against", "1.0.0", "--out", f"report.{form}")
    assert done.code == 0
    assert f"the report holds rows of {rows}" in done.err.replace("\n", "")
    written = (here / f"report.{form}").read_bytes()
    if form == "pdf":
        assert written.startswith(b"%PDF-")
        return
    text = re.sub(r"<!-- -->|\\", "", written.decode())
    for words in (
        "This report holds rows of tickets.csv",
        "Where it is worse",
        "Wilson intervals, Fisher's exact test" if form == "md" else "Wilson intervals, Fisher&#x27;s exact test",
        "What went wrong",
        "Paired bootstrap: 2,000 resamples of the same 120 rows, seed 0",
        "no significant difference",
        "exact test: p 1.0000",
        "When a person should look",
    ):
        assert words in text
    if form == "md":
        beside = re.findall(r"!\[[^]]*\]\(([^)]+)\)", text)
        assert len(beside) == 10
        assert all((here / name).read_bytes().startswith(b"<?xml") for name in beside)


def test_examples_are_of_held_out_rows_shortened_and_the_surest_first(store, rows):
    from cli.reporting import rows as told

    chosen = subject.read(open_registry(f"file://{store}"), "tickets", None, "latest")
    asked = subject.rows_of(chosen, rows)
    tables = list(told.examples(chosen, asked.dataset, answers.of(chosen, asked.dataset), most=5))
    held_out = set(map(str, asked.dataset.lines.tolist()))
    for table in tables:
        if hasattr(table, "rows"):
            assert {row[0] for row in table.rows} <= held_out
            assert all(row[1] != row[2] for row in table.rows)
            confidences = [float(row[3]) for row in table.rows]
            assert confidences == sorted(confidences, reverse=True)
            assert all(len(cell) <= 160 for row in table.rows for cell in row)
            assert "customer_email" not in table.columns


def test_no_row_is_in_a_report_without_examples(firesteel, store, rows, here):
    assert firesteel("report", "tickets", "--data", rows, "--examples", 0, "--out", "a.md").err == ""
    text = (here / "a.md").read_text()
    assert "holds rows" not in text
    assert "What went wrong" not in text


def test_a_file_that_it_was_not_trained_on_is_taken_whole(store, rows, tmp_path):
    other = tmp_path / "other.csv"
    other.write_bytes(rows.read_bytes() + b"\n")
    chosen = subject.read(open_registry(f"file://{store}"), "tickets", None, "latest")
    asked = subject.rows_of(chosen, other)
    assert len(asked.dataset) == 600
    assert not asked.unseen
    assert (
        asked.said
        == "All 600 usable rows of other.csv, which is not the file that 1.1.0 was trained on; some may stand in both."
    )


def test_rows_that_were_all_trained_on_are_called_so(firesteel, store, rows):
    assert firesteel("train", "tickets", "--data", rows, "--no-tune", "--no-eval").code == 4
    chosen = subject.read(open_registry(f"file://{store}"), "tickets", "1.2.0", "latest")
    asked = subject.rows_of(chosen, rows)
    assert not asked.unseen
    assert "how well it remembers" in asked.said
    done = firesteel("report", "tickets", "--version", "1.2.0", "--out", "a.md")
    assert done.code == 0


def test_two_versions_that_held_out_other_rows_meet_on_what_both_did(store, rows):
    chosen = subject.read(open_registry(f"file://{store}"), "tickets", None, "latest")
    asked = subject.rows_of(chosen, rows)
    lines = asked.dataset.lines
    first, second = subject.common(asked.keep(lines[:80]), asked.keep(lines[40:]))
    assert first.dataset.lines.tolist() == second.dataset.lines.tolist() == sorted(lines[40:80].tolist())
    with pytest.raises(DataError, match="no row was held out from the training of both"):
        subject.common(asked.keep(lines[:40]), asked.keep(lines[40:]))


def test_a_segment_has_a_report_and_a_model_of_segments_names_them(firesteel, numbers, small, here):
    done = firesteel("report", "recruits")
    assert done.code == 1
    assert "report on one of: recruits/qb, recruits/rb, recruits/wr" in done.err.replace("\n", " ")
    done = firesteel("report", "recruits/qb", "--data", small / "recruits.csv", "--min-rows", 10, "--json")
    assert done.code == 0
    told = json.loads(done.out)
    assert (told["model"], told["version"], told["files"]) == ("recruits/qb", "1.0.0", ["recruits-qb-1.0.0.html"])
    assert "truth - prediction" in (here / "recruits-qb-1.0.0.html").read_text()


def test_drift_is_told_as_the_newest_look_found_it(firesteel, store, here, monkeypatch, tmp_path):
    monitor = f"file://{tmp_path}/monitor"
    monkeypatch.setenv("FIRESTEEL_MONITOR", monitor)
    look = {
        "when": "2026-11-20T06:00:00Z",
        "version": "1.1.0",
        "state": "DRIFT",
        "sentence": "title has moved.",
        "rows": 900,
        "days": 7,
    }
    reports.publish(open_store(monitor), "tickets", datetime(2026, 11, 20, 6, tzinfo=UTC), look, b"<p>")
    assert firesteel("report", "tickets", "--out", "a.md").code == 0
    text = (here / "a.md").read_text()
    assert "> **DRIFT: title has moved.**" in text
    assert "of 900 answers of version 1.1.0" in text


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (b"{", "report.json cannot be read"),
        (b"[]", "report.json is no report"),
        (b'{"state": "DRIFT"}', "it has not the members of one (KeyError: 'sentence')"),
        (b'{"state": "OK", "sentence": "x", "version": "1", "when": "x", "rows": "many"}', "ValueError"),
        (b'{"state": "OK", "sentence": "x", "version": "1", "when": "x", "rows": 1, "fields": [1]}', "TypeError"),
    ],
)
def test_a_damaged_look_at_drift_costs_its_section_alone(firesteel, store, here, monkeypatch, tmp_path, damage, why):
    monkeypatch.setenv("FIRESTEEL_MONITOR", f"file://{tmp_path}/monitor")
    folder = tmp_path / "monitor/drift/tickets/20261120T060000Z"
    folder.mkdir(parents=True)
    (folder / "report.json").write_bytes(damage)
    done = firesteel("report", "tickets", "--out", "a.md")
    assert done.code == 0, done.err
    text = (here / "a.md").read_text().replace("\\", "")
    assert "How good it is" in text
    assert "The newest drift report of tickets is left out: " in text
    assert why in text


@pytest.mark.parametrize("name", ["x.docx", "x", "x.HTML"])
def test_an_ending_that_says_nothing_is_refused_unless_the_format_is_given(firesteel, store, here, name):
    done = firesteel("report", "tickets", "--out", name)
    assert done.code == 2
    assert "must end with .html, .md, .pdf" in " ".join(done.err.replace("│", " ").split())
    assert not (here / name).exists()
    assert firesteel("report", "tickets", "--out", name, "--format", "md").code == 0
    assert (here / name).read_text().startswith("# tickets 1.1.0")


def test_a_real_look_at_drift_is_told_series_by_series(firesteel, store, here, monkeypatch, tmp_path):
    monitor = open_store(f"file://{tmp_path}/monitor")
    monkeypatch.setenv("FIRESTEEL_MONITOR", f"file://{tmp_path}/monitor")
    until = datetime(2026, 11, 20, 6, tzinfo=UTC)
    look = looking.look(open_registry(f"file://{store}"), monitor, "tickets", until=until, days=7)
    reports.publish(monitor, "tickets", until, look, b"<p>")
    assert firesteel("report", "tickets", "--version", "1.0.0", "--out", "a.md").code == 0
    text = (here / "a.md").read_text().replace("\\", "")
    assert "INSUFFICIENT_DATA: Nothing could be judged" in text
    assert "of version 1.1.0. This report is on 1.0.0." in text
    for field in look["fields"]:
        assert f"| {field['name']} | INSUFFICIENT_DATA |" in text


def test_the_same_report_is_the_same_bytes(firesteel, store, rows, here):
    for name in ("a.html", "b.html"):
        firesteel("report", "tickets", "--data", rows, "--against", "1.0.0", "--out", name)
    assert (here / "a.html").read_bytes() == (here / "b.html").read_bytes()


def test_a_version_that_is_none_and_a_file_that_is_none_are_said(firesteel, store):
    done = firesteel("report", "tickets", "--version", "9.9.9")
    assert done.code == 1
    assert "tickets has no complete version 9.9.9" in done.err
    assert firesteel("report", "tickets", "--data", "nothing.csv").code in (1, 3)


def test_a_damaged_definition_is_named(store, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(store, copy)
    target = open_registry(f"file://{copy}")
    manifest = bundle.read_manifest(target, "tickets", "1.1.0")
    files = {name: bundle.read_file(target, manifest, name) for name in manifest.files} | {"definition.json": b"{}"}
    bundle.publish(target, "tickets", "3.0.0", files, who="tests", signature=manifest.signature)
    with pytest.raises(subject.IntegrityError, match=r"definition\.json of tickets 3\.0\.0 cannot be read"):
        subject.read(target, "tickets", "3.0.0", "latest")
