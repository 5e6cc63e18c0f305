"""Parts of timestamps, exact in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firesteel.program.schema import seconds
from firesteel.program.steps.calendar import PARTS
from functions.train.steps.calendar import Calendar
from tests.unit.steps.served import filled, served

PROGRAM = served(Calendar(["opened"], PARTS))
ZONES = st.timezones() | st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def told(text):
    """What training and serving say of a timestamp: the same."""
    out = filled(PROGRAM, [{"opened": text}])
    column = np.array([np.nan if text is None else seconds(text)])
    np.testing.assert_array_equal(out, Calendar(["opened"], PARTS).transform({"opened": column}))
    np.testing.assert_allclose(PROGRAM.owners({"opened": text}), np.ones((6, 1)))
    return dict(zip(PARTS, out[0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01", (1970, 1, 1, 3, 0, 0)),
        ("2024-02-29T23:59:59Z", (2024, 2, 29, 3, 23, 19782)),
        ("2024-12-31T23:30:00-01:00", (2025, 1, 1, 2, 0, 20089)),
        ("2024-03-31T02:30:00+05:45", (2024, 3, 30, 5, 20, 19812)),
        ("1969-12-31T23:59:59.999999", (1969, 12, 31, 2, 23, -1)),
        ("1900-02-28T12:00", (1900, 2, 28, 2, 12, -25509)),
        ("2000-02-29", (2000, 2, 29, 1, 0, 11016)),
        ("0001-01-01", (1, 1, 1, 0, 0, -719162)),
        ("0001-01-01T00:00:00+01:00", (0, 12, 31, 6, 23, -719163)),
        ("9999-12-31T23:00:00-01:00", (10000, 1, 1, 5, 0, 2932897)),
    ],
)
def test_parts_are_those_of_utc(text, expected):
    assert tuple(told(text).values()) == expected


def test_a_missing_timestamp_has_missing_parts():
    assert np.isnan(list(told(None).values())).all()


@settings(deadline=None)
@given(st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES))  # noqa: DTZ001 - as Hypothesis wants it
def test_every_moment_is_told_as_datetime_tells_it(moment):
    utc = moment.replace(microsecond=0).astimezone(UTC)
    days = (utc.date() - datetime(1970, 1, 1, tzinfo=UTC).date()).days
    expected = (utc.year, utc.month, utc.day, utc.weekday(), utc.hour, days)
    text = moment.astimezone(UTC).isoformat()
    assert tuple(told(text).values()) == expected


def test_every_turn_of_a_year_and_every_end_of_february_in_two_eras():
    days = [(year, *day) for year in range(1600, 2401) for day in ((1, 1), (2, 28), (3, 1), (12, 31))]
    program = served(Calendar(["opened"], ["year", "month", "day"]))
    out = filled(program, [{"opened": f"{year}-{month:02}-{day:02}"} for year, month, day in days])
    assert out.tolist() == [[float(part) for part in day] for day in days]


def test_a_fraction_of_a_second_never_reaches_the_next_year():
    assert told("2024-12-31T23:59:59.999999Z")["year"] == 2024


def test_parts_stand_timestamp_by_timestamp_in_the_chosen_order():
    program = served(Calendar(["opened", "closed"], ["month", "year"]))
    row = {"opened": "2024-05-17", "closed": "2025-06-18"}
    assert filled(program, [row, row]).tolist() == [[5, 2024, 6, 2025]] * 2
    assert program.names == ["opened month", "opened year", "closed month", "closed year"]
    assert program.owners(row).tolist() == [[1, 0], [1, 0], [0, 1], [0, 1]]
    assert program.kinds == ("timestamp", "timestamp")
