"""Corrections: an append-only log in which nothing is lost, the latest holds, and what it contradicts stays visible."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firesteel.errors import IntegrityError, NotFoundError, StoreError
from firesteel.monitor import feedback
from firesteel.registry.disk import DiskStore
from firesteel.registry.store import MemoryStore
from tests.faults.store import FaultyStore

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TICKET = {"title": "Cannot log in", "seats": 3.0, "note": None}


def send(store, priority="High", *, at=NOON, model="tickets", **about):
    return feedback.send(store, model, {"priority": priority}, when=at, **({"request_id": "r-1"} | about))


def test_a_correction_is_read_as_it_was_sent():
    store = MemoryStore()
    sent = send(store, input=TICKET, who="ada", why="an outage is never low", version="1.2.0")
    assert feedback.read(store, "tickets") == [sent]
    assert (sent.subject, sent.answer, sent.who, sent.version) == ("r-1", {"priority": "High"}, "ada", "1.2.0")
    (key,) = store.keys("feedback/")
    assert key == f"feedback/tickets/2026-11-21/r-1.{sent.id}.json"


def test_corrections_of_a_segment_and_of_its_model_are_apart():
    store = MemoryStore()
    whole, part = send(store, model="recruits"), send(store, model="recruits/qb")
    assert feedback.read(store, "recruits") == [whole]
    assert feedback.read(store, "recruits/qb") == [part]


def test_they_are_read_in_the_order_of_their_time_and_since_a_moment():
    store = MemoryStore()
    days = [send(store, at=NOON + timedelta(days=days)) for days in (2, 0, 1)]
    assert feedback.read(store, "tickets") == [days[1], days[2], days[0]]
    assert feedback.read(store, "tickets", NOON + timedelta(hours=1)) == [days[2], days[0]]
    assert feedback.read(store, "tickets", NOON + timedelta(days=1)) == [days[2], days[0]]


def test_time_is_that_of_the_world_wherever_the_sender_is():
    store = MemoryStore()
    sent = send(store, at=datetime.fromisoformat("2026-11-22T01:30:00+02:00"))
    (key,) = store.keys("feedback/")
    assert key.startswith("feedback/tickets/2026-11-21/")
    assert feedback.read(store, "tickets") == [sent]
    assert sent.document()["when"] == "2026-11-21T23:30:00.000000Z"


def test_inputs_that_mean_the_same_are_one_subject():
    store = MemoryStore()
    first = send(store, request_id=None, input=TICKET)
    second = send(store, request_id=None, input={"seats": 3, "title": "Cannot log in"})
    other = send(store, request_id=None, input={"seats": 4, "title": "Cannot log in"})
    assert first.subject == second.subject != other.subject
    assert first.subject.startswith("input-")
    assert len(first.subject) == len("input-") + 32


@pytest.mark.parametrize(
    ("request_id", "row", "subject"),
    [
        ("r.1_-", None, "r.1_-"),
        ("JKJaXmPLvHcESHA=", None, "JKJaXmPLvHcESHA="),
        ("r-1", 0, "r-1@0"),
        ("r-1", 17, "r-1@17"),
    ],
)
def test_a_request_and_a_row_of_a_batch_are_named_as_people_know_them(request_id, row, subject):
    assert feedback.subject_of(request_id, row, None) == subject


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=128),
    st.none() | st.integers(0, 999),
)
def test_every_request_id_makes_a_key_that_a_store_takes(request_id, row):
    store = MemoryStore()
    sent = send(store, request_id=request_id, row=row)
    assert feedback.read(store, "tickets") == [sent]


@pytest.mark.parametrize(
    "about",
    [
        {"request_id": None},
        {"request_id": None, "row": 1, "input": TICKET},
        {"request_id": "two words"},
        {"request_id": ""},
        {"request_id": "é"},
        {"request_id": "r-1", "row": -1},
    ],
)
def test_a_correction_of_nothing_is_refused(about):
    with pytest.raises(ValueError, match="it names|its request id"):
        send(MemoryStore(), **about)


def test_a_correction_says_something_and_not_too_much():
    with pytest.raises(ValueError, match="one target at least"):
        feedback.send(MemoryStore(), "tickets", {}, request_id="r-1")
    with pytest.raises(ValueError, match="bytes, more than"):
        send(MemoryStore(), input={"title": "x" * feedback.LIMIT})
    with pytest.raises(NotFoundError, match="is no model"):
        send(MemoryStore(), model="../models")
    said = send(MemoryStore(), who="ada\n" * 200, why="be\tcause " * 500)
    assert (len(said.who), len(said.why)) == (feedback.WHO, feedback.WHY)
    assert said.who.startswith("ada ada")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-3],
        lambda text: text.replace('"who"', '"whom"'),
        lambda text: text.replace('"format": 1', '"format": 2'),
        lambda text: text.replace('"model": "tickets"', '"model": "others"'),
        lambda text: text.replace('"subject": "r-1"', '"subject": "r-2"'),
        lambda text: text.replace('"priority": "High"', '"priority": null'),
        lambda text: text.replace("2026-11-21T", "2026-11-22T"),
        lambda text: text.replace("00000Z", "00000"),
        lambda text: re.sub('"when": "[^"]*"', '"when": "0001-01-01T00:00:00+14:00"', text),
        lambda text: text.replace('"request_id": "r-1"', '"request_id": null'),
        lambda text: text.replace('"who"', '"who": "x", "who"'),
        lambda text: "x" * (feedback.LIMIT + 1),
    ],
)
def test_a_damaged_record_is_named_and_the_others_are_still_read(damage):
    store = MemoryStore()
    send(store)
    (key,) = store.keys("feedback/")
    damaged = damage(store._objects[key].decode())
    assert damaged != store._objects[key].decode()
    store._objects[key] = damaged.encode()
    whole = send(store, "Low", request_id="r-9")
    with pytest.raises(IntegrityError, match=key):
        feedback.read(store, "tickets")
    found: list[str] = []
    assert feedback.read(store, "tickets", damaged=found) == [whole]
    assert len(found) == 1
    assert key in found[0]


def test_the_latest_holds_target_by_target_and_what_it_contradicts_stays_visible():
    store = MemoryStore()
    first = feedback.send(
        store,
        "tickets",
        {"priority": "Low", "department": "Sales"},
        request_id="r-1",
        input=TICKET,
        who="ada",
        when=NOON,
    )
    second = send(store, "High", at=NOON + timedelta(minutes=1), who="bob")
    (held,) = feedback.settled(feedback.read(store, "tickets"))
    assert held.answer == {"priority": "High", "department": "Sales"}
    assert held.latest == {"priority": second, "department": first}
    assert held.conflicts == {"priority": (first, second)}
    assert held.input == TICKET


def test_who_says_the_same_again_contradicts_nobody():
    said = [send(MemoryStore(), at=NOON + timedelta(minutes=minute)) for minute in range(3)]
    (held,) = feedback.settled(said)
    assert held.conflicts == {}
    assert held.latest["priority"] == said[-1]


def test_a_lost_reply_is_no_lost_correction_and_no_second_one(tmp_path):
    disk = DiskStore(str(tmp_path))
    faults = iter(["after"])
    store = FaultyStore(disk, lambda name, _: next(faults, None) if name == "create" else None)
    sent = send(store)
    assert feedback.read(disk, "tickets") == [sent]


def test_many_are_read_at_once_and_stay_in_order():
    store = MemoryStore()
    sent = [send(store, at=NOON + timedelta(seconds=n), request_id=f"r-{n}") for n in range(100)]
    assert feedback.read(store, "tickets") == sent


def test_the_newest_are_read_and_no_others():
    store = MemoryStore()
    sent = [send(store, at=NOON + timedelta(hours=n), request_id=f"r-{99 - n}") for n in range(30)]
    fetched = []
    counted = FaultyStore(store, lambda name, key: fetched.append(key) if name == "get" else None)
    assert feedback.newest(counted, "tickets", NOON, 3) == (sent[:-4:-1], False)
    assert len(fetched) == 3
    assert feedback.newest(store, "tickets", NOON + timedelta(hours=28), 30)[0] == [sent[29], sent[28]]
    assert feedback.newest(store, "tickets", NOON, 30) == (sent[::-1], True)


def test_of_one_millisecond_and_one_day_the_newest_are_known_by_their_keys():
    store = MemoryStore()
    sent = [send(store, at=NOON + timedelta(microseconds=n), request_id=f"z.{n % 7}") for n in range(20)]
    assert feedback.newest(store, "tickets", NOON, 5)[0] == sent[:-6:-1]


def test_what_was_verified_stands_beside_what_the_sender_says():
    store = MemoryStore()
    sent = send(store, who="ada", caller="arn:aws:iam::1:user/mallory")
    assert (sent.who, sent.caller) == ("ada", "arn:aws:iam::1:user/mallory")
    assert feedback.read(store, "tickets") == [sent]


def test_inputs_that_differ_leave_open_what_the_subject_was():
    store = MemoryStore()
    said = [send(store, input={"title": title}, at=NOON + timedelta(seconds=n)) for n, title in enumerate("aab")]
    [agreed], [disputed] = feedback.settled(said[:2]), feedback.settled(said)
    assert (agreed.input, agreed.disputed) == ({"title": "a"}, False)
    assert (disputed.input, disputed.disputed) == (None, True)


class FeedbackMachine(RuleBasedStateMachine):
    """Against a plain list of what was said: senders whose replies get lost, clocks that stand still, and damage."""

    def __init__(self):
        super().__init__()
        self.memory, self.fault = MemoryStore(), None
        self.store = FaultyStore(self.memory, lambda name, _: self.fault if name == "create" else None)
        self.said, self.damaged = [], set()

    @rule(
        subject=st.sampled_from([{"request_id": "a"}, {"request_id": "a", "row": 1}, {"input": {"x": 1}}]),
        answer=st.dictionaries(st.sampled_from(["t", "u"]), st.sampled_from(["yes", "no"]), min_size=1),
        minute=st.integers(0, 3),
        fault=st.sampled_from([None, None, "before", "after", "taken"]),
    )
    def say(self, subject, answer, minute, fault):
        self.fault = fault
        when = NOON + timedelta(minutes=minute, days=minute % 2)
        if fault in ("before", "taken"):
            with pytest.raises(StoreError):
                feedback.send(self.store, "m", answer, when=when, **subject)
        else:
            self.said.append(feedback.send(self.store, "m", answer, when=when, **subject))

    @rule(number=st.integers(0, 20))
    def damage(self, number):
        if number < len(self.said):
            key = feedback.key_of(self.said[number])
            self.memory._objects[key] = self.memory._objects[key][:-4]
            self.damaged.add(key)

    @property
    def whole(self):
        kept = [one for one in self.said if feedback.key_of(one) not in self.damaged]
        return sorted(kept, key=lambda one: (one.when, one.id))

    @invariant()
    def all_that_was_acknowledged_is_read_once_and_in_order(self):
        damaged: list[str] = []
        assert feedback.read(self.memory, "m", damaged=damaged) == self.whole
        assert len(damaged) == len(self.damaged)

    @invariant()
    def what_holds_is_the_last_word_on_each_subject_and_target(self):
        last, every = {}, {}
        for one in self.whole:
            for target, value in one.answer.items():
                last[one.subject, target] = value
                every.setdefault((one.subject, target), []).append(value)
        held = feedback.settled(reversed(self.whole))
        assert {(one.subject, target): one.answer[target] for one in held for target in one.answer} == last
        differing = {key for key, values in every.items() if len(set(values)) > 1}
        assert {(one.subject, target) for one in held for target in one.conflicts} == differing
        for one in held:
            for target, said in one.conflicts.items():
                assert [each.answer[target] for each in said] == every[one.subject, target]


TestFeedbackMachine = FeedbackMachine.TestCase
TestFeedbackMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(
    st.dictionaries(
        st.text(max_size=5), st.none() | st.text(max_size=5) | st.integers(-9, 9) | st.floats(-9, 9), max_size=4
    )
)
def test_the_canonical_form_is_json_of_the_same_values_in_one_order(sent):
    written = json.loads(feedback.canonical(sent))
    assert written == {name: value for name, value in sent.items() if value is not None}
    assert feedback.canonical(dict(reversed(sent.items()))) == feedback.canonical(sent)
