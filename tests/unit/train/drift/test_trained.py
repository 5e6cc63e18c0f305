"""A real model: what training holds out and what serving logs are measured alike."""

from datetime import timedelta

import pytest

from benchmarks.drift import NOW
from firesteel.monitor.inferences import Inference
from firesteel.monitor.measures import Measures
from firesteel.program import predictor
from functions.train import dataset
from functions.train.drift import baseline, decide
from functions.train.drift.sketch import Sketch
from models import tickets
from tests.unit.train.conftest import TICKETS


@pytest.fixture(scope="module")
def series(trained):
    return baseline.read("tickets", trained.reference)


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    """Tickets of the same kind that training never saw."""
    path = tmp_path_factory.mktemp("data") / "others.csv"
    tickets.write(path, 400, 99)
    return dataset.read(path, TICKETS).inputs


def asked(trained, titles, descriptions):
    """What the log would have of answers to these tickets."""
    loaded = predictor.load(trained.program)
    measures = {name: Measures(loaded.texts, name) for name in ("title", "description")}
    for number, (title, description) in enumerate(zip(titles, descriptions, strict=True)):
        row = {"title": title, "description": description}
        said = loaded.predict(loaded.check(row))
        yield Inference(
            request_id=f"r{number}",
            row=None,
            when=NOW - timedelta(minutes=1 + number),
            model="tickets",
            version="1.0.0",
            digest="",
            side="",
            labels=said.labels,
            confidences={target: round(share, 6) for target, share in said.confidences.items()},
            review=said.review,
            estimates={},
            inputs={name: {"text": text, **measures[name](text)} for name, text in row.items()},
            status=200,
        )


def states(series, rows):
    sketch = Sketch(series, "1.0.0", NOW, 1)
    for one in rows:
        sketch.add(one)
    return {found.series.name: found.state for found in decide.decide(series, sketch.of, (1,))}


def test_tickets_of_the_same_kind_have_not_drifted(trained, series, others):
    found = states(series, asked(trained, others["title"], others["description"]))
    assert {"title.known", "description.terms", "priority", "department.confidence", "review"} <= found.keys()
    assert set(found.values()) == {"OK"}


def test_the_very_rows_of_the_baseline_are_the_same_in_each_cell(trained, series, rows):
    from functions.train.split import split

    _, held_out = split(rows, TICKETS)
    sketch = Sketch(series, "1.0.0", NOW, 1)
    texts = rows.take(held_out).inputs
    for one in asked(trained, texts["title"], texts["description"]):
        sketch.add(one)
    for one in series:
        assert sketch.of(one, 1).tolist() == one.counts.tolist(), one.name


def test_tickets_in_other_words_are_seen(trained, series, others):
    descriptions = [f"Bonjour {text[::-1]}" for text in others["description"]]
    found = states(series, asked(trained, others["title"], descriptions))
    assert (found["description.known"], found["description.terms"]) == ("DRIFT", "DRIFT")
    assert found["title.known"] == "OK"
