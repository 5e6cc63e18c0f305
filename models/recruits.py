"""Synthetic football recruits: what was measured of a player, the rating scouts gave and the tier that follows from it.

Each position has its own statistics; the columns of the other positions are empty. `expected(row)` is the law of the
rating: saturating in most numbers, with an interaction or two a position, and exact for what the row says, so the best
R2 that any model can reach is known: `noise_ceiling`. The tier is a cut of the rating that was given, chance included.
A time that was not taken (forty, shuttle: about one player in twelve) counts like a middling one, and costs a little.

Tight ends (TE) play too, but so few that no model of theirs can be trusted: they appear only when asked for, as one row
in fifty.
"""

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import NormalDist, fmean, pvariance
from typing import NamedTuple

type Row = dict[str, str | int | float | None]


class Stat(NamedTuple):
    """A number of a player: normal around `middle`, with `spread` and as many `digits`; `talent` says how far it goes
    with the player's talent (-1 to 1), `weight` what one spread above the middle adds to the rating, at most `reach`
    spreads' worth.
    """

    middle: float
    spread: float
    digits: int
    talent: float
    weight: float
    reach: float = 2.0


COMMON = {
    "height_in": Stat(73, 2, 0, 0.1, 0.8),
    "weight_lb": Stat(212, 14, 0, 0.1, 0.5),
    "forty_s": Stat(4.62, 0.14, 2, -0.4, -2.5),
    "shuttle_s": Stat(4.32, 0.14, 2, -0.3, -1.2),
    "games_played": Stat(32, 8, 0, 0.3, 1.0, 1.0),
}
STATS = {
    "QB": {
        "completion_pct": Stat(61, 4.5, 1, 0.6, 4.0),
        "passing_yards": Stat(6400, 1900, 0, 0.5, 2.5),
        "passing_touchdowns": Stat(48, 16, 0, 0.6, 3.0),
        "interceptions": Stat(20, 6, 0, -0.4, -2.0),
        "quarterback_rushing_yards": Stat(520, 380, 0, 0.2, 1.2),
    },
    "RB": {
        "rushing_yards": Stat(2500, 800, 0, 0.6, 3.5),
        "yards_per_carry": Stat(5.0, 0.6, 2, 0.6, 3.0),
        "rushing_touchdowns": Stat(24, 9, 0, 0.5, 2.0),
        "fumbles": Stat(5, 2, 0, -0.4, -1.8),
        "pass_catches": Stat(48, 22, 0, 0.3, 1.5, 1.0),
    },
    "WR": {
        "receptions": Stat(130, 40, 0, 0.6, 3.0),
        "receiving_yards": Stat(1850, 560, 0, 0.6, 3.0),
        "receiving_touchdowns": Stat(15, 6, 0, 0.5, 2.5),
        "drop_pct": Stat(7.5, 2.5, 1, -0.5, -2.5),
        "vertical_in": Stat(35.5, 3, 1, 0.3, 1.5),
    },
    "TE": {
        "tight_end_catches": Stat(70, 24, 0, 0.6, 3.5),
        "blocking_grade": Stat(66, 9, 1, 0.5, 3.5),
    },
}
POSITIONS = ("QB", "RB", "WR")
FREQUENCIES = {"QB": 24, "RB": 32, "WR": 42, "TE": 2}
FIELDS = (
    *("recruit_id", "position", "conference"),
    *COMMON,
    *(name for stats in STATS.values() for name in stats),
    *("rating", "tier"),
)
CONFERENCES = {"Power": 3.0, "Mid-major": 0.0, "Independent": -0.5, "Lower division": -4.0}
CONFERENCE_SHARES = (45, 30, 5, 20)
TIERS = {"Elite": 72.0, "Starter": 60.0, "Backup": 48.0, "Prospect": 0.0}  # the least rating of each

NOISE = 4.5  # standard deviation of the rating around the law, before it is clamped to [0, 100]
TIMED = ("forty_s", "shuttle_s")
UNTIMED_SHARE = 0.08
UNTIMED_COST = 1.5


def rows(count: int, seed: int, positions: Sequence[str] = POSITIONS) -> Iterator[Row]:
    """`count` recruits, the same for the same seed; the first of a larger count are those of a smaller one.

    A statistic that was not taken, or that is of another position, is None. Raises KeyError for an unknown position.
    """
    random = Random(seed)
    shares = [FREQUENCIES[position] for position in positions]
    for number in range(1, count + 1):
        row = _recruit(random, random.choices(positions, shares)[0])
        rating = round(min(max(_law(row) + random.gauss(0, NOISE), 0.0), 100.0), 1)
        yield {"recruit_id": f"R-{number:06d}", **row, "rating": rating, "tier": _tier(rating)}


def write(path: Path, count: int = 3000, seed: int = 0, positions: Sequence[str] = POSITIONS) -> None:
    """Write `rows(count, seed, positions)` to a CSV file with a header; None is an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        table.writerows(rows(count, seed, positions))


def expected(row: Mapping[str, str | int | float | None]) -> float:
    """The expected rating of a recruit, given the row: the mean of the clamped normal law (rounding is symmetric)."""
    mean, normal = _law(row), NormalDist()
    low, high = -mean / NOISE, (100 - mean) / NOISE
    inside = normal.cdf(high) - normal.cdf(low)
    return mean * inside + NOISE * (normal.pdf(low) - normal.pdf(high)) + 100 * (1 - normal.cdf(high))


def noise_ceiling(position: str, count: int = 3000, seed: int = 0) -> float:
    """The best possible R2 of the rating on the rows of a position among `rows(count, seed)`: what `expected` reaches."""
    sample = [row for row in rows(count, seed) if row["position"] == position]
    ratings = [float(row["rating"] or 0.0) for row in sample]
    errors = [(rating - expected(row)) ** 2 for rating, row in zip(ratings, sample, strict=True)]
    return 1 - fmean(errors) / pvariance(ratings)


def _tier(rating: float) -> str:
    return next(tier for tier, least in TIERS.items() if rating >= least)


def _law(row: Mapping[str, str | int | float | None]) -> float:
    """The rating without chance, before it is clamped."""
    position = str(row["position"])
    stats = COMMON | STATS[position]
    above = {name: 0.0 if row[name] is None else _above(stat, float(row[name] or 0.0)) for name, stat in stats.items()}
    rating = 56 + CONFERENCES[str(row["conference"])]
    rating += sum(stat.weight * stat.reach * math.tanh(above[name] / stat.reach) for name, stat in stats.items())
    rating -= UNTIMED_COST * sum(row[name] is None for name in TIMED)
    return rating + _INTERACTIONS[position](above)


def _above(stat: Stat, value: float) -> float:
    return (value - stat.middle) / stat.spread


# What two numbers say together, in spreads above the middle.
_INTERACTIONS: dict[str, Callable[[Mapping[str, float]], float]] = {
    "QB": lambda above: -3.0 * (above["interceptions"] > 1) * (above["completion_pct"] < 0),
    "RB": lambda above: 3.0 * (above["weight_lb"] > 0.5) * (above["forty_s"] < 0),
    "WR": lambda above: 2.0 * (above["height_in"] > 0.5) + 2.0 * (above["forty_s"] < -0.5) * (above["drop_pct"] < 0),
    "TE": lambda above: 2.0 * (above["weight_lb"] > 1),
}


def _recruit(random: Random, position: str) -> Row:
    """One player: everything but the id, the rating and the tier."""
    talent = random.gauss(0, 1)
    row: Row = dict.fromkeys(FIELDS[1:-2])
    row["position"] = position
    row["conference"] = random.choices(list(CONFERENCES), CONFERENCE_SHARES)[0]
    for name, stat in (COMMON | STATS[position]).items():
        luck = math.sqrt(1 - stat.talent**2) * random.gauss(0, 1)
        value = round(max(stat.middle + stat.spread * (stat.talent * talent + luck), 0.0), stat.digits)
        row[name] = value if stat.digits else int(value)
    for name in TIMED:
        if random.random() < UNTIMED_SHARE:
            row[name] = None
    return row
