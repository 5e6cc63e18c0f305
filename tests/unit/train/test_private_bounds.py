"""Where an address ends, to the blank."""

import pytest

from functions.train import private


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a ada@example.com b", ("a ", " b")),
        ("ada@example.com", ("", "")),
        ("see john. smyth@example.com now", ("see ", "", " now")),
        ("see ada@example .com now", ("see ", "", " now")),
        ("use .net ada@example.com", ("use .net ", "")),
        ("ada@example.com end. now", ("", " end. now")),
        ("no address", ("no address",)),
    ],
)
def test_an_address_takes_the_words_that_its_points_reach_and_no_others(text, left):
    assert [part for part in private.parts(text) if part.strip()] == [part for part in left if part.strip()]


@pytest.mark.parametrize(("digits", "is_secret"), [(6, False), (7, True)])
def test_seven_digits_are_a_number_of_somebody(digits, is_secret):
    assert private.DIGITS == 7
    assert private.shaped("1" * digits) is is_secret
    assert (private.blanked("a " + "1" * digits) == "a " + "1" * digits) is not is_secret


@pytest.mark.parametrize(("points", "left"), [(3, ""), (4, "xy"), (5, "x..y")])
def test_an_address_goes_on_for_four_words_on_either_side_and_no_further(points, left):
    found = private.parts(f"x{' .' * points} @ {'. ' * points}y")
    assert "".join(found).replace(" ", "") == left
