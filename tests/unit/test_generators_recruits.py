import csv
import itertools
from collections import Counter
from pathlib import Path
from statistics import fmean, pvariance

import pytest

from models import recruits


@pytest.fixture(scope="module")
def sample() -> list[recruits.Row]:
    return list(recruits.rows(3000, 0))


def ratings(rows: list[recruits.Row]) -> list[float]:
    return [float(row["rating"] or 0) for row in rows]


def test_the_file_holds_the_rows_and_3000_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "recruits.csv"
    recruits.write(path)
    with path.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert len(written) == 3000
    said = [{name: "" if value is None else str(value) for name, value in row.items()} for row in recruits.rows(40, 0)]
    assert written[:40] == said
    assert tuple(written[0]) == recruits.FIELDS


def test_a_player_has_the_statistics_of_the_position_and_no_other(sample: list[recruits.Row]) -> None:
    for row in sample:
        own = {*recruits.COMMON, *recruits.STATS[str(row["position"])]}
        every = {*recruits.COMMON, *(name for stats in recruits.STATS.values() for name in stats)}
        given = {name for name in every if row[name] is not None}
        assert given <= own
        assert own - given <= set(recruits.TIMED)


def test_times_are_sometimes_not_taken(sample: list[recruits.Row]) -> None:
    for name in recruits.TIMED:
        assert 0.05 < sum(row[name] is None for row in sample) / len(sample) < 0.11


def test_three_positions_have_rows_enough_and_tight_ends_come_only_when_asked(sample: list[recruits.Row]) -> None:
    usual = Counter(row["position"] for row in sample)
    assert set(usual) == {"QB", "RB", "WR"}
    assert min(usual.values()) > 500
    asked = Counter(row["position"] for row in recruits.rows(3000, 0, (*recruits.POSITIONS, "TE")))
    assert 30 < asked["TE"] < 100


def test_an_unknown_position_is_refused() -> None:
    with pytest.raises(KeyError, match="XX"):
        next(recruits.rows(1, 0, ("XX",)))


def test_every_tier_is_a_cut_of_the_rating(sample: list[recruits.Row]) -> None:
    by_tier = {tier: [row for row in sample if row["tier"] == tier] for tier in recruits.TIERS}
    lists = [ratings(rows) for rows in by_tier.values()]
    assert min(len(values) for values in lists) > 100
    assert all(max(below) < min(above) for above, below in itertools.pairwise(lists))


@pytest.mark.parametrize("position", recruits.POSITIONS)
def test_the_expected_rating_is_the_mean_of_the_ratings(sample: list[recruits.Row], position: str) -> None:
    ranked = sorted((row for row in sample if row["position"] == position), key=recruits.expected)
    for third in itertools.batched(ranked, len(ranked) // 3, strict=False):
        rows = list(third)
        margin = 4 * recruits.NOISE / len(rows) ** 0.5
        assert fmean(ratings(rows)) == pytest.approx(fmean(map(recruits.expected, rows)), abs=margin)


@pytest.mark.parametrize("position", recruits.POSITIONS)
def test_the_ceiling_is_what_the_expected_ratings_explain(sample: list[recruits.Row], position: str) -> None:
    rows = [row for row in sample if row["position"] == position]
    explained = pvariance(map(recruits.expected, rows)) / pvariance(ratings(rows))
    assert recruits.noise_ceiling(position) == pytest.approx(explained, abs=0.06)
    assert 0.7 < explained < 0.9
