"""Ages as people type them."""

from datetime import timedelta

import pytest
import typer

from cli.ages import age


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("30m", timedelta(minutes=30)),
        ("24h", timedelta(days=1)),
        ("4w", timedelta(weeks=4)),
        ("1s", timedelta(seconds=1)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_number_and_a_unit(text: str, wanted: timedelta) -> None:
    assert age(text, "--last") == wanted


@pytest.mark.parametrize("text", ["", "7", "d", "7 d", "-1d", "1.5h", "٣d", "1y"])
def test_what_is_no_age_is_called_so(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"--last '.*' is not a number and s, m, h, d or w"):
        age(text, "--last")


@pytest.mark.parametrize("text", ["0d", "000s", "3651d", "99999999999d", "9" * 5000 + "w"])
def test_what_is_out_of_range_is_told_the_range(text: str) -> None:
    with pytest.raises(typer.BadParameter, match=r"--last '.*' is out of range: from 1s to 3650d"):
        age(text, "--last")


def test_an_option_may_have_a_range_of_its_own() -> None:
    assert age("1d", "--since", "1d", "90d") == timedelta(days=1)
    with pytest.raises(typer.BadParameter, match="from 1d to 90d"):
        age("12h", "--since", "1d", "90d")
