import gzip
import json
from datetime import UTC, datetime, timedelta

import pytest

from firesteel.errors import NotFoundError
from firesteel.monitor import inferences
from firesteel.monitor.inferences import Damage, Inference
from firesteel.registry.store import MemoryStore
from tests.unit.monitor.lines import NOON, batch, keep, line, packed

DAY = timedelta(days=1)
KEY = "inferences/model=tickets/day=2026-11-21/"


@pytest.fixture
def store():
    return MemoryStore()


def read(store, model="tickets", since=NOON - DAY, until=NOON + DAY, damage=None):
    return list(inferences.read(store, model, since, until, damage))


def ids(found):
    return [one.request_id for one in found]


def test_the_layout_is_that_of_a_hive_partition_with_dots_for_slashes():
    assert inferences.day_folder("recruits/qb", NOON.date()) == "inferences/model=recruits.qb/day=2026-11-21/"
    with pytest.raises(NotFoundError):
        inferences.day_folder("../tickets", NOON.date())


def test_all_objects_of_the_days_are_read_packed_or_not(store):
    keep(store, line("a"), batch("b"))
    store.create(f"{KEY}plain.jsonl", json.dumps(line("c")).encode() + b"\n")
    keep(store, line("d", NOON - DAY), day="2026-11-20")
    assert ids(read(store)) == ["d", "a", "b", "b", "c"]


def test_a_time_begins_with_since_and_ends_before_until(store):
    times = [NOON - timedelta(seconds=1), NOON, NOON + timedelta(seconds=1)]
    keep(store, *(line(f"r{number}", when) for number, when in enumerate(times)))
    assert ids(read(store, since=NOON, until=NOON + timedelta(seconds=1))) == ["r1"]


def test_times_of_other_zones_are_the_same_times(store):
    keep(store, line("a", timestamp="2026-11-21T13:00:00.000+01:00"))
    [found] = read(store, since=NOON, until=NOON + timedelta(seconds=1))
    assert found.when == NOON
    assert found.when.tzinfo is UTC


def test_a_model_has_what_its_segments_answered_and_a_segment_what_came_in_a_batch_to_its_model(store):
    columns = {
        "review": [False, False],
        "estimates": {"rating": {end: [1.5, 2.5] for end in ("value", "lower", "upper")}},
    }
    columns |= {"models": ["recruits/qb", "recruits/rb"], "digests": {"recruits/qb": "q", "recruits/rb": "r"}}
    versions = {"recruits/qb": "1.1.0", "recruits/rb": "1.4.0"}
    said = batch("b", rows=2, model="recruits", answers=columns, segments=versions)
    keep(store, said, model="recruits")
    keep(store, line("q", model="recruits/qb"), model="recruits.qb")
    keep(store, line("x", model="recruits-old"), model="recruits-old")
    assert sorted(ids(read(store, "recruits"))) == ["b", "b", "q"]
    assert sorted((one.request_id, one.row, one.version, one.digest) for one in read(store, "recruits/qb")) == [
        ("b", 0, "1.1.0", "q"),
        ("q", None, "1.2.0", "d" * 64),
    ]


def test_what_was_delivered_twice_counts_once(store):
    keep(store, line("a"), batch("b"), line("a"), name="first")
    keep(store, line("a"), batch("b"), line("a", NOON + timedelta(milliseconds=1)), name="second")
    assert ids(read(store)) == ["a", "b", "b", "a"]


def test_three_answers_under_one_id_of_their_caller_count_three_times(store):
    said = [line("job", correlation_id=f"gateway-{number}") for number in range(3)]
    keep(store, *said, *said)
    keep(store, batch("job", correlation_id="gateway-3"), name="b")
    assert ids(read(store)) == ["job"] * 5
    assert ids(recent(store, limit=9).inferences) == ["job"] * 5


def test_a_line_without_a_correlation_id_counts_by_its_request_id(store):
    keep(store, line("a", correlation_id=""), line("b", correlation_id=""), line("a", correlation_id=""))
    assert ids(read(store)) == ["a", "b"]


def test_damaged_lines_are_passed_over_and_counted(store):
    half = json.dumps(line("half"))[:100]
    keep(store, line("a"), "not JSON", line("n", confidences={"priority": float("nan")}), line("b"), half)
    damage = Damage()
    assert ids(read(store, damage=damage)) == ["a", "b"]
    assert damage == Damage(files=0, lines=3)


def test_lines_that_are_no_answers_are_no_damage(store):
    refused = {name: value for name, value in line("r").items() if name not in ("labels", "confidences", "review")}
    keep(store, {"message": "shadow", "labels": {}}, refused, [1, 2], "7", "", line("a"))
    damage = Damage()
    assert ids(read(store, damage=damage)) == ["a"]
    assert damage == Damage()


def test_a_damaged_object_is_read_as_far_as_it_goes(store):
    whole = packed(*(line(f"r{number}", x=str(number) * 50) for number in range(2000)))
    store.create(f"{KEY}cut.jsonl.gz", whole[: len(whole) // 2])
    store.create(f"{KEY}noise.jsonl.gz", b"\x1f\x8b" + b"noise" * 20)
    keep(store, line("z"), name="z")
    damage = Damage()
    found = ids(read(store, damage=damage))
    assert found[-1] == "z"
    assert found[:-1] == [f"r{number}" for number in range(len(found) - 1)]
    assert 0 < len(found) < 2000
    assert damage.files == 2


def test_a_half_line_at_the_end_of_an_object_spoils_no_other(store):
    data = f"{json.dumps(line('a'))}\n{json.dumps(line('b'))[:-7]}".encode()
    store.create(f"{KEY}a.jsonl.gz", gzip.compress(data))
    store.create(f"{KEY}b.jsonl.gz", gzip.compress(json.dumps(line("c")).encode()))  # whole, but for its line break
    damage = Damage()
    assert ids(read(store, damage=damage)) == ["a", "c"]
    assert damage == Damage(files=0, lines=1)


def test_an_endless_line_takes_bounded_memory_and_ends_with_its_line(store):
    keep(store, "x" * (3 * inferences.LINE_LIMIT), line("a"))
    damage = Damage()
    assert ids(read(store, damage=damage)) == ["a"]
    assert damage == Damage(files=0, lines=1)


def test_an_object_too_large_to_read_is_counted(store, monkeypatch):
    keep(store, line("a"), name="large")
    monkeypatch.setattr(inferences, "OBJECT_LIMIT", 20)
    damage = Damage()
    assert read(store, damage=damage) == []
    assert damage.files == 1


def test_a_model_without_a_log_has_no_inferences_and_a_name_that_is_none_is_refused(store):
    assert read(store) == []
    with pytest.raises(NotFoundError):
        read(store, "model=tickets")


def test_a_day_that_leaves_while_it_is_read_is_no_error(store):
    keep(store, line("a"), name="a")
    keep(store, line("b"), name="b")
    listed = store.keys
    store.keys = lambda prefix: [*listed(prefix), f"{prefix}gone.jsonl.gz"]
    damage = Damage()
    assert ids(read(store, damage=damage)) == ["a", "b"]
    assert damage == Damage()


def recent(store, model="tickets", since=NOON - 30 * DAY, until=NOON + DAY, **options):
    return inferences.recent(store, model, since, until, **{"limit": 3, **options})


def test_recent_ones_come_newest_first_and_no_more_than_asked(store):
    times = [NOON + timedelta(seconds=seconds) for seconds in (3, 1, 2, 0)]
    keep(store, *(line(f"at{when.second}", when) for when in times))
    keep(store, line("before", NOON - DAY), day="2026-11-20")
    found = recent(store)
    assert ids(found.inferences) == ["at3", "at2", "at1"]
    assert found.complete
    assert ids(recent(store, limit=9).inferences) == ["at3", "at2", "at1", "at0", "before"]


def test_no_more_objects_are_read_than_are_needed(store):
    asked = []
    for number in range(50):
        keep(store, line(f"r{number}", NOON + timedelta(seconds=number)), name=f"{number:02}")
    get = store.get
    store.get = lambda key, *, limit: asked.append(key) or get(key, limit=limit)
    assert ids(recent(store).inferences) == ["r49", "r48", "r47"]
    assert len(asked) <= 6


def test_a_search_that_finds_little_ends_and_says_so(store, monkeypatch):
    monkeypatch.setattr(inferences, "MOST_OBJECTS", 4)
    for number in range(5):
        keep(store, line(f"r{number}", review=number == 0), name=str(number))
    found = recent(store, only=lambda one: one.review)
    assert found.inferences == []
    assert not found.complete


def test_only_those_that_are_asked_for_count_to_the_limit(store):
    keep(store, *(line(f"r{number}", NOON + timedelta(seconds=number), review=number < 2) for number in range(9)))
    assert ids(recent(store, only=lambda one: one.review).inferences) == ["r1", "r0"]


def test_a_search_holds_as_many_as_were_asked_for_and_not_a_whole_object(store, monkeypatch):
    made, gone, most = [], [], []

    class Held(Inference):
        """An inference that is counted while it lives."""

        def __del__(self):
            gone.append(1)

    def wanted(*arguments):
        for one in one_by_one(*arguments):
            made.append(1)
            most.append(len(made) - len(gone))
            yield Held(*one)

    one_by_one = inferences._wanted
    monkeypatch.setattr(inferences, "_wanted", wanted)
    keep(store, *(line(f"r{number}", NOON + timedelta(seconds=number)) for number in range(500)))
    assert ids(recent(store, limit=2).inferences) == ["r499", "r498"]
    assert len(most) == 500
    assert max(most) <= 6


def test_a_search_ends_in_time_within_an_object_too(store, monkeypatch):
    now = iter(range(1_000_000))
    monkeypatch.setattr(inferences, "monotonic", lambda: next(now))
    keep(store, *(line(f"r{number}", NOON + timedelta(seconds=number)) for number in range(100)))
    found = recent(store, limit=1, seconds=10)
    assert not found.complete
    assert len(found.inferences) == 1
    assert next(now) < 20
    assert recent(store, limit=1, seconds=1000).complete


@pytest.mark.parametrize("said", ["", "no JSON", '{"message": "request", "labels": 3}', '{"message": "other"}'])
def test_a_search_ends_in_time_among_lines_that_are_no_inferences(store, monkeypatch, said):
    now = iter(range(1_000_000))
    monkeypatch.setattr(inferences, "monotonic", lambda: next(now))
    store.create(f"{inferences.day_folder('tickets', NOON.date())}x.jsonl", f"{said}\n".encode() * 1000)
    assert recent(store, limit=1, seconds=10) == ([], False)
    assert next(now) < 20


def test_a_search_ends_in_time_within_a_line_too(store, monkeypatch):
    now = iter(range(1_000_000))
    monkeypatch.setattr(inferences, "monotonic", lambda: next(now))
    monkeypatch.setattr(inferences, "LINE_LIMIT", 10)
    store.create(f"{inferences.day_folder('tickets', NOON.date())}x.jsonl", b"x" * 10_000)
    assert recent(store, limit=1, seconds=10) == ([], False)
    assert next(now) < 20


def test_a_line_without_an_end_is_bounded_as_its_object_is(store, monkeypatch):
    monkeypatch.setattr(inferences, "LINE_LIMIT", 10)
    monkeypatch.setattr(inferences, "UNPACKED_LIMIT", 100)
    store.create(f"{inferences.day_folder('tickets', NOON.date())}x.jsonl.gz", gzip.compress(b"x" * 10_000))
    damage = Damage()
    recent(store, limit=1, damage=damage)
    assert (damage.files, damage.lines) == (1, 1)


def test_a_digest_is_that_of_the_canonical_json():
    # printf '["tickets","channel","caf\\u00e9"]' | sha256sum
    assert inferences.digest("tickets", "channel", "café") == "8a18077bc9047791"
    assert inferences.digest("tickets", "size", 3) == inferences.digest("tickets", "size", 3.0)


def test_equal_values_have_equal_digests_in_one_field_of_one_model_alone():
    places = [("tickets", "a"), ("tickets", "b"), ("recruits/qb", "a")]
    assert len({inferences.digest(*place, "x") for place in places}) == 3
    assert len({inferences.digest("tickets", "a", value) for value in ("1", 1, 1.5, None, "")}) == 5


def test_when_is_shown_in_utc(store):
    keep(store, line("a"))
    [found] = read(store)
    assert found.document()["when"] == "2026-11-21T12:00:00.000Z"
    assert json.loads(json.dumps(found.document()))["labels"] == {"priority": "High"}
    assert datetime.fromisoformat(found.document()["when"]) == found.when
