"""One small training run, shared by the tests of what comes before and after it."""

from pathlib import Path

import pytest

from firesteel import definition_file
from functions.train import dataset, train
from models import tickets

TICKETS = definition_file.load(Path(__file__).parents[3] / "models" / "tickets.yaml")


@pytest.fixture(scope="session")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "tickets.csv"
    tickets.write(path, 600, 3)
    return dataset.read(path, TICKETS)


@pytest.fixture(scope="session")
def trained(rows):
    return train.train(TICKETS, rows, tune=False)
