"""Alias entries to the field: what is one, and where rollbacks lead."""

import json
from typing import get_args

import pytest

from firesteel.errors import IntegrityError
from firesteel.registry import entry
from firesteel.registry.entry import Canary, Entry, Served, way_back

DIGEST = "a" * 64
OTHER = "b" * 64
GOOD = Entry(1, "latest", 7, "promote", "1.0.0", DIGEST, "0.9.0", "id", "ada", "better", "2026-01-01T00:00:00Z")
WHOLE = GOOD._replace(
    kind="canary", canary=Canary("1.1.0", OTHER, 0.5), shadow=Served("2.0.0", OTHER), before=(Served("0.9.0", DIGEST),)
)
ONE = {"version": "1.1.0", "digest": OTHER}


def read(document):
    return entry.parse(json.dumps(document).encode(), "the key", "latest", 7)


@pytest.mark.parametrize(
    "one", [GOOD, WHOLE, GOOD._replace(previous=None), GOOD._replace(before=())], ids=lambda one: one.kind
)
def test_what_is_stored_is_read(one):
    assert read(one.document()) == one


def test_optional_fields_are_stored_when_they_are_set():
    optional = {"canary", "shadow", "before"}
    assert GOOD.document().keys() == set(Entry._fields) - optional
    assert WHOLE.document() == WHOLE._asdict() | {
        "canary": {**ONE, "weight": 0.5}, "shadow": {"version": "2.0.0", "digest": OTHER},
        "before": [{"version": "0.9.0", "digest": DIGEST}],
    }  # fmt: skip
    assert GOOD._replace(before=()).document()["before"] == []


def test_the_kinds_of_moves():
    assert get_args(entry.Kind) == ("promote", "rollback", "switch", "canary", "shadow")
    for kind in get_args(entry.Kind):
        assert read(GOOD._replace(kind=kind).document()).kind == kind


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "demote"}, {"kind": ""}, {"alias": "newest"}, {"generation": 8}, {"generation": 6},
        {"version": "1.0"}, {"digest": "a" * 63}, {"digest": "A" * 64}, {"previous": "0.9"}, {"previous": ""},
        {"canary": {**ONE, "weight": 0.0}}, {"canary": {**ONE, "weight": 1.0}}, {"canary": {**ONE, "weight": 1.5}},
        {"canary": {**ONE, "weight": -0.5}}, {"canary": {**ONE, "version": "1", "weight": 0.5}},
        {"canary": {**ONE, "digest": "", "weight": 0.5}},
        {"shadow": {**ONE, "version": "x"}}, {"shadow": {**ONE, "digest": "x"}},
        {"before": [{**ONE, "version": "x"}]}, {"before": [ONE, {**ONE, "digest": "x"}]}, {"before": [ONE] * 17},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_what_is_no_entry_of_this_alias_and_generation_is_refused(changed):
    with pytest.raises(IntegrityError, match="^the key is not an entry of this alias and generation$"):
        read(GOOD.document() | changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"canary": ONE}, {"canary": {**ONE, "weight": 1}}, {"canary": {**ONE, "weight": 0.5, "more": 1}}, {"canary": None},
        {"canary": {}}, {"shadow": {**ONE, "weight": 0.5}}, {"shadow": {"version": "1.1.0"}}, {"shadow": {}}, {"shadow": []},
        {"before": [{}]}, {"before": [ONE, 1]}, {"before": [{**ONE, "weight": 0.5}]}, {"before": {}}, {"previous": 1},
        {"generation": 7.0}, {"more": 1}, {"who": None},
    ],
    ids=json.dumps,
)  # fmt: skip
def test_other_fields_are_refused(changed):
    with pytest.raises(IntegrityError, match="^the key has other fields than its format says$"):
        read(GOOD.document() | changed)


def test_sixteen_bundles_are_remembered_and_can_be_read():
    assert len(read(GOOD.document() | {"before": [ONE] * 16}).before) == 16
    way = tuple(Served(f"0.{number}.0", DIGEST) for number in range(16))
    assert way_back(GOOD, way, "promote", "2.0.0") == (GOOD.served, *way[:15])


WAY = (Served("0.9.0", OTHER), Served("0.8.0", OTHER), Served("0.7.0", OTHER))


@pytest.mark.parametrize(
    ("kind", "version", "leads"),
    [
        ("promote", "1.0.0", WAY),  # it stays where it is
        ("rollback", "1.0.0", WAY),
        ("canary", "1.0.0", WAY),
        ("promote", "0.9.0", (GOOD.served, *WAY)),
        ("switch", "2.0.0", (GOOD.served, *WAY)),
        ("rollback", "0.9.0", WAY[1:]),
        ("rollback", "0.8.0", WAY[2:]),
        ("rollback", "0.7.0", ()),
        ("rollback", "0.1.0", WAY),
    ],
)
def test_a_rollback_leads_to_what_was_before_that(kind, version, leads):
    assert way_back(GOOD, WAY, kind, version) == leads
