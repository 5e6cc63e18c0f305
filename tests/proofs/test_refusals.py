"""What is refused costs little, and what would cost more is found out. Nothing here looks at a clock."""

import math

import pytest

from firesteel import strictjson
from functions.classify import body, operations
from tests.proofs import refusals
from tests.proofs.proof import Run, holds
from tests.proofs.refusals_cases import KINDS
from tests.proofs.requests_world import Endpoint


@pytest.fixture(scope="module")
def endpoint():
    return Endpoint()


def test_what_is_refused_costs_little():
    holds("refusals")


def test_a_body_that_is_parsed_before_its_size_is_looked_at_is_found_out(endpoint, monkeypatch):
    larger = [one._replace(body_limit=1 << 30) for one in operations.OPERATIONS]
    monkeypatch.setattr(operations, "_EXACT", {one.path: {one.method: one} for one in larger if "{" not in one.path})
    run = Run("refusals", 0, full=False)
    refusals.look(run, endpoint)
    assert any("bytes are parsed" in wrong for wrong in run.wrong)


@pytest.mark.parametrize(
    ("costs", "power"),
    [({1 << 16: 0.002, 1 << 20: 0.032}, 1), ({1 << 16: 0.002, 1 << 20: 0.512}, 2), ({1 << 16: 1e-4, 1 << 20: 0.5}, 0)],
)
def test_how_steep_a_cost_is(costs, power):
    assert math.isclose(refusals.steepness(costs), power)


@pytest.mark.parametrize("kind", ["empty objects", "empty arrays", "small objects", "16 deep, again and again", "deep"])
def test_what_has_too_many_brackets_is_refused_before_it_is_parsed(endpoint, monkeypatch, kind):
    monkeypatch.setattr(strictjson.orjson, "loads", lambda _: pytest.fail("it is parsed"))
    assert refusals.asked(endpoint, KINDS[kind](1 << 20)) == 400


def test_a_thousand_rows_of_many_columns_are_within_the_limit_of_containers():
    columns = 18
    row = {str(number): 1.5 for number in range(columns)}
    assert strictjson.parse(
        b"[%s]" % b",".join([str(row).replace("'", '"').encode()] * 1000), containers=body.CONTAINERS
    )
    nested = str([[[1.5]] * 1000] * columns).encode()
    assert strictjson.parse(nested, containers=body.CONTAINERS)
