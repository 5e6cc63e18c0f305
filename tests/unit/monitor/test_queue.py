"""The review queue: the least sure first, no two alike, rare labels before common ones, nothing that is settled."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel.monitor import feedback, queue
from firesteel.monitor.likeness import Alike
from firesteel.monitor.lines import Inference
from firesteel.monitor.queue import Groups
from firesteel.program import predictor
from firesteel.program.row import Features
from firesteel.registry.store import MemoryStore
from tests.unit.classify.bundles import program

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
NOBODY = Groups(np.full(100, -1), np.empty(0), np.empty(0))
PROGRAM = predictor.load(program())


def of_rows(count):
    return NOBODY._replace(of_row=NOBODY.of_row[:count])


def answer(number, confidence=0.5, label="High", *, review=False, inputs=None, estimates=None, row=None):
    labels = {} if estimates else {"priority": label}
    return Inference(
        f"r-{number}", row, NOON + timedelta(minutes=number), "tickets", "1.0.0", "0" * 64, "", labels,
        dict.fromkeys(labels, confidence), review, estimates or {}, inputs or {}, 200,
    )  # fmt: skip


def ticket(title, description="It is so."):
    return {
        "title": {"text": title, "characters": len(title), "words": 1, "known": None},
        "description": {"text": description},
    }


def asked(items):
    return [int(one.inference.request_id[2:]) for one in items]


def corrected(**about):
    store = MemoryStore()
    return feedback.settled([feedback.send(store, "tickets", {"priority": "Low"}, when=NOON, **about)])


def test_the_least_sure_answers_come_first():
    answers = [answer(number, confidence) for number, confidence in enumerate((0.9, 0.4, 0.99, 0.6))]
    assert asked(queue.queue(answers, [])) == [1, 3, 0, 2]
    assert asked(queue.queue(answers, [], most=2)) == [1, 3]


def test_what_the_policy_sends_to_a_person_comes_before_all_else():
    answers = [answer(0, 0.9, review=True), answer(1, 0.3), answer(2, 0.5, review=True)]
    assert asked(queue.queue(answers, [])) == [2, 0, 1]


def test_numbers_are_as_doubtful_as_their_intervals_are_wide():
    ends = {0: (0.4, 0.6), 1: (0.1, 0.9), 2: (0.5, 0.5), 3: (None, None)}
    answers = [
        answer(number, estimates={"score": {"value": 0.5, "lower": lower, "upper": upper}})
        for number, (lower, upper) in ends.items()
    ]
    items = queue.queue(answers, [])
    assert asked(items)[:2] == [1, 0]
    assert [one.doubt for one in items] == pytest.approx([1.0, 0.25, 0.0, 0.0])
    assert {one.target for one in items} == {"score"}


def test_an_answer_is_as_doubtful_as_its_most_doubtful_target():
    both = answer(0)._replace(
        labels={"priority": "High", "department": "Sales"}, confidences={"priority": 0.9, "department": 0.6}
    )
    (item,) = queue.queue([both], [])
    assert (item.target, item.doubt) == ("department", pytest.approx(0.4))


def test_what_was_corrected_is_left_out_by_request_by_row_and_by_input():
    answers = [
        answer(0, inputs=ticket("Cannot log in")),
        answer(1, inputs=ticket("Cannot log in")),
        answer(2, inputs=ticket("The price, please")),
        answer(3, row=0, inputs=ticket("Another refund")),
        answer(3, row=1, inputs=ticket("My invoice is wrong")),
    ]
    settled = corrected(request_id="r-0") + corrected(request_id="r-3", row=0)
    settled += corrected(input={"title": "The price, please", "description": "It is so."})
    items = queue.queue(answers, settled, PROGRAM)
    assert [(one.inference.request_id, one.inference.row) for one in items] == [("r-3", 1)]
    assert queue.queue(answers[:1], corrected(request_id="r-0")) == []


def test_equal_inputs_are_asked_once_and_the_newest_stands_for_all():
    answers = [answer(number, inputs=ticket("Cannot log in")) for number in range(3)]
    answers.append(answer(3, inputs=ticket("The price, please")))
    items = queue.queue(answers, [], PROGRAM)
    assert {(one.inference.request_id, one.times) for one in items} == {("r-2", 3), ("r-3", 1)}


def test_near_duplicates_do_not_fill_the_queue():
    twins = [answer(number, inputs=ticket("refund refund", f"number {number}")) for number in range(5)]
    other = answer(9, inputs=ticket("account", "locked buy price"))
    items = queue.queue([*twins, other], [], PROGRAM, most=2)
    assert 9 in asked(items)


def test_rows_that_are_logged_plainly_are_as_doubtful_as_today_s_program_says():
    row = PROGRAM.check({"title": "Cannot log in", "description": "It is so."})
    sent = answer(0, confidence=1.0, label="Low", inputs=ticket("Cannot log in"))
    (item,) = queue.queue([sent], [], PROGRAM)
    margins = []
    for target in PROGRAM.targets:
        second, top = sorted(target.probabilities(PROGRAM.scores(row)[target.name]))[-2:]
        margins.append(1 - (top - second))
    assert item.doubt == pytest.approx(margins[0])  # the log says nothing of a department here


@pytest.mark.parametrize(
    "inputs",
    [
        {},
        {"title": {"sha256": "0" * 16}, "description": {"text": "x"}},
        {"title": {"text": "x"}},
        {"title": {"text": None}, "description": {"text": "x"}},
        {"title": {"text": 7}, "description": {"text": "x"}},
        {"title": {"text": "x" * 201}, "description": {"text": "x"}},
    ],
)
def test_rows_that_are_not_known_whole_are_not_scored_again(inputs):
    assert queue.row_of(inputs, PROGRAM) is None
    (item,) = queue.queue([answer(0, 0.25, inputs=inputs)], [], PROGRAM)
    assert item.doubt == 0.75


def test_an_identifier_that_is_never_logged_is_not_missed():
    row = queue.row_of(ticket("Cannot log in"), PROGRAM)
    assert row == {"title": "Cannot log in", "description": "It is so.", "customer_email": None}


def test_labels_that_training_saw_little_of_come_before_common_ones():
    answers = [answer(0, 0.5, "Low"), answer(1, 0.55, "Urgent"), answer(2, 0.5, "Low")]
    known = {"priority": {"Urgent": 10, "High": 300, "Low": 690, "Medium": 300}}
    assert asked(queue.queue(answers, [], known=known))[0] == 1
    assert asked(queue.queue(answers, []))[-1] == 1


def test_a_queue_shows_what_may_be_shown():
    inputs = ticket("Cannot log in") | {"customer_email": {"sha256": "ab" * 8}, "plan": "gold"}
    document = queue.queue([answer(7, 0.5, review=True, inputs=inputs)], [])[0].document()
    assert document == {
        "request_id": "r-7", "row": None, "when": "2026-11-21T12:07:00.000Z", "model": "tickets", "version": "1.0.0",
        "labels": {"priority": "High"}, "confidences": {"priority": 0.5}, "estimates": {}, "review": True,
        "inputs": {"title": "Cannot log in", "description": "It is so.", "plan": "gold"},
        "target": "priority", "doubt": 0.5, "times": 1,
    }  # fmt: skip


def test_nothing_to_look_at_is_an_empty_queue():
    assert queue.queue([], []) == []


def test_doubt_is_one_less_the_margin():
    assert queue.doubt_of(np.array([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])) == pytest.approx([0.5, 1, 0])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(1, 40), st.randoms())
def test_every_row_is_ordered_once_the_flagged_ones_first(doubts, most, random):
    flagged = np.array([random.random() < 0.3 for _ in doubts])
    picked = queue.order(np.array(doubts), of_rows(len(doubts)), flagged=flagged, most=most)
    assert len(picked) == len(set(picked)) == min(most, len(doubts))
    marks = [bool(flagged[row]) for row in picked]
    assert marks == sorted(marks, reverse=True)
    assert sum(marks) == min(most, int(flagged.sum()))
    for some in ([row for row in picked if flagged[row]], [row for row in picked if not flagged[row]]):
        ordered = [doubts[row] for row in some]
        assert ordered == sorted(ordered, reverse=True)


def test_each_row_that_is_chosen_makes_its_label_less_rare():
    doubt = np.array([0.9, 0.9, 0.9, 0.8])
    groups = Groups(np.array([0, 0, 0, 1]), np.array([0.0, 0.0]), np.array([0.0, 0.0]))
    assert queue.order(doubt, groups, most=2) == [0, 3]


def test_texts_are_as_alike_as_the_angle_between_their_terms():
    texts = [
        (np.array([0, 2]), np.array([3.0, 4.0])),
        (np.array([2]), np.array([9.0])),
        (np.array([1]), np.array([1.0])),
    ]
    alike = Alike(Features([*texts, (np.array([], int), np.array([]))], np.zeros((4, 0)), 3))
    assert alike(0) == pytest.approx([1, 0.8, 0, 0])
    assert alike(1) == pytest.approx([0.8, 1, 0, 0])


def test_numbers_are_as_alike_as_they_are_near_in_any_unit():
    rows = np.array([[1.0, 1000.0], [1.1, 1000.0], [9.0, 5000.0], [np.nan, 1000.0]])
    near = Alike(Features((), rows, 0))(0)
    assert near[0] == 1
    assert near[1] > 0.95 > 0.5 > near[2]
    assert np.isfinite(near).all()
    assert Alike(Features((), rows * [1e6, 1e-6], 0))(0) == pytest.approx(near)
    assert (Alike(Features((), np.ones((3, 2)), 0))(0) == 0).all()


def test_a_queue_says_whether_all_that_was_corrected_was_looked_at(monkeypatch):
    store = MemoryStore()
    for number in range(3):
        feedback.send(store, "tickets", {"priority": "Low"}, request_id=f"r-{number}", when=NOON)
    until = NOON + timedelta(hours=1)
    assert queue.of_store(store, "tickets", NOON, until) == ([], True)
    monkeypatch.setattr(queue, "CORRECTIONS", 2)
    assert queue.of_store(store, "tickets", NOON, until) == ([], False)
