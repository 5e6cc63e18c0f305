"""What `firesteel smoke` can know of an explanation that names the largest contributions alone."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cli.checks.judges import TOP, additivity

CONTRIBUTIONS = st.lists(st.floats(-10, 10).map(lambda value: round(value, 6)), max_size=12)


def explained(contributions: list[float], off: float = 0.0) -> dict[str, Any]:
    """As the API explains a row whose fields did this, with a raw score that is `off`."""
    signs = {"positive": sorted((one for one in contributions if one > 0), reverse=True)}
    signs["negative"] = sorted(one for one in contributions if one < 0)
    top = {f"top_{sign}_features": [{"contribution": one} for one in found[:TOP]] for sign, found in signs.items()}
    return {"base_value": 0.5, "raw_score": round(0.5 + sum(contributions) + off, 6), **top}


@given(CONTRIBUTIONS)
def test_what_adds_up_is_believed(contributions: list[float]) -> None:
    assert list(additivity(explained(contributions), len(contributions))) == []


@given(CONTRIBUTIONS, st.sampled_from((-1, 1)))
def test_what_no_hidden_field_could_explain_is_not(contributions: list[float], sign: int) -> None:
    hidden = max(len(contributions) - TOP, 0)
    [problem] = additivity(explained(contributions, sign * (0.001 + 2 * 10 * hidden)), len(contributions))
    assert "miss the raw score" in problem


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=TOP - 1), st.sampled_from((-1, 1)))
def test_fewer_than_all_places_taken_means_that_nothing_of_this_sign_is_hidden(found: list[float], sign: int) -> None:
    contributions = [round(sign * one, 6) for one in found]
    fields = len(contributions) + 20
    assert list(additivity(explained(contributions), fields)) == []
    [problem] = additivity(explained(contributions, sign * 0.001), fields)
    assert "miss the raw score" in problem
