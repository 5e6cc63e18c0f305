"""No bytes break a parser; and a parser that something breaks is found out."""

import json

import pytest

from functions.classify import events
from tests.proofs import parsers_targets
from tests.proofs.parsers_targets import TARGETS, means_one_thing
from tests.proofs.proof import holds


def test_no_bytes_break_a_parser():
    holds("parsers")


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_of_a_target_are_read(name):
    seeds = TARGETS[name].seeds()
    assert seeds
    for seed in seeds:
        TARGETS[name].run(seed)


def test_the_shares_are_of_one_whole():
    assert sum(target.share for target in TARGETS.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("data", "strict"),
    [
        (b'{"a":[1,"\\ud83d\\ude42"]}', True),
        (b"[" * 16 + b"]" * 16, True),
        (b'"[[[[[[[[[[[[[[[[[[[[[["', True),
        (b"[" * 17 + b"]" * 17, False),
        (b'{"a":1,"a":1}', False),
        (b"[NaN]", False),
        (b"1e999", False),
        (b'"\\ud800"', False),
        (b"1" * 401, False),
        (b"\xff", False),
    ],
)
def test_the_other_reading_of_strict_json_is_right(data, strict):
    assert means_one_thing(data) == strict


@pytest.mark.parametrize("loose", [json.loads, lambda data: json.loads(data, parse_constant=lambda _: None)])
def test_a_parser_that_takes_more_is_found_out(monkeypatch, loose):
    monkeypatch.setattr(parsers_targets.strictjson, "parse", loose)
    with pytest.raises(AssertionError):
        parsers_targets.strict(b'{"a":1,"a":2}')


def test_a_parser_that_takes_less_is_found_out(monkeypatch):
    def refuse(_data):
        raise ValueError

    monkeypatch.setattr(parsers_targets.strictjson, "parse", refuse)
    with pytest.raises(AssertionError):
        parsers_targets.strict(b"{}")


def test_a_query_that_is_read_otherwise_is_found_out(monkeypatch):
    monkeypatch.setattr(events, "parse_query", lambda text: {"a": text})
    with pytest.raises(AssertionError):
        parsers_targets.query(b"a=%20")
