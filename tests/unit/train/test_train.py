"""A training run: from rows to a program that answers, the same every time."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from firesteel import definition, definition_file
from firesteel.errors import DataError
from firesteel.program import predictor
from functions.train import train

ROOT = Path(__file__).parents[3]
TICKETS = definition_file.load(ROOT / "models" / "tickets.yaml")


def test_the_program_gives_the_golden_answers(trained):
    loaded = predictor.load(trained.program)
    for row in trained.golden["rows"]:
        answer = loaded.predict(loaded.check(row["input"]))
        assert answer.labels == row["labels"]
        assert answer.confidences == pytest.approx(row["confidences"], abs=1e-6)


def test_metrics_speak_of_held_out_rows_and_of_both_targets(trained):
    assert (trained.split["train"], trained.split["test"], trained.split["kind"]) == (480, 120, "stratified")
    assert trained.metrics["evaluated"]
    assert trained.metrics["targets"].keys() == {"priority", "department"}
    assert trained.metrics["targets"]["department"]["rows"] == 120
    assert trained.metrics["targets"]["department"]["accuracy"] > 0.85
    assert trained.metrics["parity"]["largest_difference"] < 1e-6


def test_confidence_and_review_follow_the_thresholds(trained, rows):
    loaded = predictor.load(trained.program)
    thresholds = {name: policy["threshold"] for name, policy in trained.metrics["review"]["targets"].items()}
    assert {target.name: target.threshold for target in loaded.targets} == thresholds
    answers = loaded.predict_batch([{name: texts[n] for name, texts in rows.inputs.items()} for n in range(50)])
    for answer in answers:
        assert answer.review == any(answer.confidences[name] < thresholds[name] for name in thresholds)


def test_the_reference_holds_distributions_and_no_text(trained, rows):
    assert trained.reference["rows"] == 120
    assert sum(trained.reference["targets"]["priority"]["shares"].values()) == pytest.approx(1)
    assert not any(text in json.dumps(trained.reference) for text in rows.inputs["title"])


def test_progress_names_every_stage_once(rows):
    seen = []
    train.train(TICKETS, rows, tune=False, progress=lambda *stage: seen.append(stage))
    assert [done for _, done, _ in seen] == list(range(len(seen)))
    assert {total for _, _, total in seen} == {len(seen)}


def test_without_evaluation_every_row_trains_and_no_guarantee_is_claimed(rows):
    run = train.train(TICKETS, rows, tune=False, hold_out=False)
    assert run.split == {"kind": "none", "train": 600, "test": 0}
    assert not run.metrics["evaluated"]
    assert run.metrics["targets"] == {}
    assert all(p["guarantee"].startswith("none") for p in run.metrics["review"]["targets"].values())


def test_a_set_of_its_own_is_evaluated_instead_of_held_out_rows(rows):
    first, second = rows.take(np.arange(400)), rows.take(np.arange(400, 600))
    run = train.train(TICKETS, first, tune=False, test=second)
    assert run.split == {"kind": "given", "train": 400, "test": 200}


def test_tuning_tries_the_grid_and_keeps_the_best(rows):
    search = definition.Search(folds=2, metric="macro_f1", space={"C": (0.001, 4.0), "class_weight": (0.0,)})
    run = train.train(TICKETS.model_copy(update={"search": search}), rows)
    trials = run.trials["department"]
    assert [trial["settings"] for trial in trials] == [{"C": C, "class_weight": 0.0} for C in (0.001, 4.0)]
    best = max(trials, key=lambda trial: trial["mean"])
    assert run.settings["department"]["C"] == best["settings"]["C"] == 4.0


def test_a_class_with_fewer_rows_than_folds_is_named(rows):
    urgent = rows.targets["priority"] == 0
    few = rows.take(np.concatenate([np.flatnonzero(urgent)[:2], np.flatnonzero(~urgent)]))
    with pytest.raises(DataError, match=r"'Urgent' \(2\)"):
        train.train(TICKETS, few, tune=False, hold_out=False)


def test_the_same_data_definition_and_seed_give_the_same_bytes_in_any_process(rows, trained):
    script = """
import hashlib, sys
from pathlib import Path
from firesteel import definition, definition_file
from functions.train import dataset, train
described = definition_file.load(Path("models/tickets.yaml"))
run = train.train(described, dataset.read(Path(sys.argv[1]), described), tune=False)
for part in (run.program, train.to_json(run.metrics), train.to_json(run.reference), train.to_json(run.golden)):
    print(hashlib.sha256(part).hexdigest())
"""
    digests = {
        tuple(
            subprocess.run(
                [sys.executable, "-c", script, rows.source],
                env={**os.environ, "PYTHONHASHSEED": seed},
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            ).stdout.split()
        )
        for seed in ("1", "4711")
    }
    here = (trained.program, *(train.to_json(part) for part in (trained.metrics, trained.reference, trained.golden)))
    assert digests == {tuple(hashlib.sha256(part).hexdigest() for part in here)}
