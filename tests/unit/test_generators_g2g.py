import csv
import itertools
import re
from pathlib import Path
from statistics import correlation, fmean, pvariance

import pytest

from models import g2g

NUMBERS = {  # field -> least and largest value that is allowed
    "revenue": (0, 1e12),
    "employee_count": (1, 1e7),
    "years_in_business": (0, 200),
    "credit_score": (300, 850),
    "debt_to_equity_ratio": (0, 1000),
    "liquidity_ratio": (0, 1000),
    "market_share": (0, 1),
    "growth_rate": (-1, 10),
    "profitability_margin": (-1, 1),
    "customer_satisfaction": (0, 100),
    "operational_efficiency": (0, 100),
    "regulatory_violations": (0, 1000),
    "audit_score": (0, 100),
}
INTEGERS = ("revenue", "employee_count", "years_in_business", "credit_score", "regulatory_violations")
SOMETIMES_MISSING = {"market_share", "growth_rate", "customer_satisfaction", "audit_score"}


@pytest.fixture(scope="module")
def sample() -> list[g2g.Row]:
    return list(g2g.rows(2000, 0))


def scores(rows: list[g2g.Row]) -> list[float]:
    return [float(row["g2g_score"] or 0) for row in rows]


def test_the_file_holds_the_rows_and_5000_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "g2g.csv"
    g2g.write(path)
    with path.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert len(written) == 5000
    said = [{name: "" if value is None else str(value) for name, value in row.items()} for row in g2g.rows(40, 0)]
    assert written[:40] == said
    assert tuple(written[0]) == g2g.FIELDS


@pytest.mark.parametrize("field", NUMBERS)
def test_numbers_are_in_range_and_missing_only_where_they_may_be(sample: list[g2g.Row], field: str) -> None:
    values = [row[field] for row in sample]
    least, largest = NUMBERS[field]
    assert all(least <= float(value) <= largest for value in values if value is not None)
    assert all(isinstance(value, int) for value in values if field in INTEGERS)
    missing = values.count(None) / len(values)
    assert 0.02 < missing < 0.08 if field in SOMETIMES_MISSING else missing == 0


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("risk_category", g2g.RISK_CATEGORIES),
        ("region", g2g.REGIONS),
        ("business_type", g2g.BUSINESS_TYPES),
        ("regulatory_status", g2g.REGULATORY_STATUSES),
        ("compliance_level", g2g.COMPLIANCE_LEVELS),
    ],
)
def test_every_category_is_common(sample: list[g2g.Row], field: str, names: dict[str, float]) -> None:
    values = [row[field] for row in sample]
    assert set(values) == set(names)
    assert min(values.count(name) for name in names) > 0.1 * len(values)


def test_ids_are_numbered(sample: list[g2g.Row]) -> None:
    assert [row["gid"] for row in sample[:2]] == ["G2G-00001", "G2G-00002"]
    assert len({row["gid"] for row in sample}) == len(sample)


def test_scores_are_from_0_to_1_and_rarely_at_the_ends(sample: list[g2g.Row]) -> None:
    assert all(0 <= score <= 1 for score in scores(sample))
    assert 0 < sum(score in (0, 1) for score in scores(sample)) < 0.05 * len(sample)


def test_descriptions_are_one_to_four_finished_sentences(sample: list[g2g.Row]) -> None:
    texts = [str(row["description"]) for row in sample]
    assert {text.count(".") for text in texts} == {1, 2, 3, 4}
    assert not [text for text in texts if re.search(r"[{}|]", text)]


def test_numbers_hang_together(sample: list[g2g.Row]) -> None:
    def of(field: str) -> list[float]:
        return [float(row[field] or 0) for row in sample]

    assert correlation(of("revenue"), of("employee_count"), method="ranked") > 0.7
    assert correlation(of("credit_score"), of("profitability_margin")) > 0.2
    assert correlation(of("debt_to_equity_ratio"), scores(sample)) < -0.2
    assert correlation(of("credit_score"), scores(sample)) > 0.5


def test_what_is_said_changes_the_expected_score(sample: list[g2g.Row]) -> None:
    for fact in g2g.FACTS:
        said = re.sub(r"\{([^|}]*).*?\}", r"\1", fact.sentence)
        pairs = [
            (g2g.expected(row | {"description": f"{said}."}), g2g.expected(row | {"description": ""}))
            for row in sample[:20]
        ]
        change = fmean(after - before for after, before in pairs)
        assert change * fact.weight > 0
        assert abs(change) == pytest.approx(abs(fact.weight), abs=0.03)


def test_the_expected_score_is_the_mean_of_the_scores(sample: list[g2g.Row]) -> None:
    """In every fifth of the rows by expected score: the clamp to [0, 1] is taken into account."""
    ranked = sorted(sample, key=g2g.expected)
    for fifth in itertools.batched(ranked, 400, strict=True):
        rows = list(fifth)
        assert fmean(scores(rows)) == pytest.approx(fmean(map(g2g.expected, rows)), abs=4 * g2g.NOISE / 20)


@pytest.mark.parametrize("seed", range(3))
def test_the_ceiling_is_what_the_expected_scores_explain(seed: int) -> None:
    rows = list(g2g.rows(3000, seed))
    explained = pvariance(map(g2g.expected, rows)) / pvariance(scores(rows))
    assert g2g.noise_ceiling(3000, seed) == pytest.approx(explained, abs=0.01)
    assert 0.9 < explained < 0.95
