import csv
import itertools
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from firesteel.definition import Definition
from firesteel.definition_file import load
from functions.train.dataset import read
from models import phrases, tickets

DEFINITION = Path(tickets.__file__).with_name("tickets.yaml")


@pytest.fixture(scope="module")
def definition() -> Definition:
    return load(DEFINITION)


@pytest.fixture(scope="module")
def thousand() -> list[dict[str, str]]:
    return list(tickets.rows(1000, 0))


def text_of(row: dict[str, str]) -> str:
    return f"{row['title']}\n{row['description']}"


def test_the_written_file_is_read_without_a_bad_row(tmp_path: Path, definition: Definition) -> None:
    path = tmp_path / "tickets.csv"
    tickets.write(path, 1000, 0)
    data = read(path, definition)
    assert len(data) == 1000
    assert data.bad_rows == ()


def test_the_file_holds_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    tickets.write(path, 50, 3)
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == list(tickets.rows(50, 3))


def test_phrases_and_definition_have_the_same_labels(definition: Definition) -> None:
    assert set(definition.targets["priority"].label_names) == set(phrases.PRIORITIES)
    assert set(definition.targets["department"].label_names) == set(phrases.TOPICS) == set(phrases.DEPARTMENTS)


def test_every_slot_and_choice_of_a_phrase_is_filled(thousand: list[dict[str, str]]) -> None:
    assert not [row for row in thousand if re.search(r"[{}<>|]", text_of(row))]


def test_a_seed_gives_the_same_tickets_and_another_seed_others() -> None:
    assert list(tickets.rows(20, 1)) == list(tickets.rows(20, 1)) != list(tickets.rows(20, 2))


def test_a_larger_count_begins_with_the_tickets_of_a_smaller_one() -> None:
    assert list(itertools.islice(tickets.rows(10**9, 5), 30)) == list(tickets.rows(30, 5))


def test_the_file_does_not_depend_on_the_hash_seed_of_python(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from models import tickets; tickets.write(Path(sys.argv[1]), 300, 0)"
    )
    files = [tmp_path / f"{seed}.csv" for seed in (1, 2)]
    for seed, path in enumerate(files, 1):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(DEFINITION.parent.parent)}
        subprocess.run([sys.executable, "-c", script, str(path)], check=True, env=environment)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize("seed", range(5))
def test_classes_are_unbalanced_and_none_is_scarce(seed: int) -> None:
    rows = list(tickets.rows(1000, seed))
    priorities, departments = (Counter(row[name] for row in rows) for name in ("priority", "department"))
    assert min(priorities, key=priorities.__getitem__) == "Urgent"
    assert 90 <= priorities["Urgent"] <= 170
    assert min(*priorities.values(), *departments.values()) >= 60
    assert max(departments, key=departments.__getitem__) == "Tech Support"


def test_addresses_belong_to_nobody(thousand: list[dict[str, str]]) -> None:
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+@example\.com", row["customer_email"]) for row in thousand)


def test_lengths_vary(thousand: list[dict[str, str]]) -> None:
    lengths = sorted(len(row["description"]) for row in thousand)
    assert lengths[50] < 120 < 250 < lengths[-50]


def test_the_vocabulary_grows_ever_more_slowly() -> None:
    words: set[str] = set()
    sizes = []
    for count, row in enumerate(tickets.rows(8000, 0), 1):
        words.update(re.findall(r"\w\w+", text_of(row).lower()))
        if count in (2000, 4000, 8000):
            sizes.append(len(words))
    first, second = sizes[1] / sizes[0], sizes[2] / sizes[1]
    assert 1.2 < first < 1.8
    assert 1.2 < second < 1.8


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 7])
def test_a_plain_model_gets_most_held_out_tickets_right_and_never_all(seed: int) -> None:
    rows = list(tickets.rows(2000, seed))
    known, fresh = rows[:1000], rows[1000:]
    for target, least, most in (("department", 0.955, 0.995), ("priority", 0.87, 0.95)):
        labels = np.array([row[target] for row in known])
        train, test = train_test_split(np.arange(1000), test_size=0.2, random_state=7, stratify=labels)
        model = make_pipeline(
            TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), LogisticRegression(C=16.0, max_iter=1000)
        )
        model.fit([text_of(known[index]) for index in train], labels[train])
        held_out = model.score([text_of(known[index]) for index in test], labels[test])
        unseen = model.score([text_of(row) for row in fresh], [row[target] for row in fresh])
        assert held_out >= least - 0.015, (target, held_out)
        assert least <= unseen <= most, (target, unseen)
