import csv
import itertools
from collections import defaultdict
from pathlib import Path
from statistics import fmean

import pytest
from sklearn.metrics import mean_poisson_deviance

from models import gifts

CATEGORICALS = (
    *("product_id", "product_category", "product_subcategory", "product_brand", "product_color", "price_tier"),
    *("target_gender", "utility_type", "durability", "usage_type"),
    *("employee_shop", "employee_branch", "recipient_group"),
)


@pytest.fixture(scope="module")
def sample() -> list[gifts.Row]:
    return list(gifts.rows(6000, 0))


@pytest.fixture(scope="module")
def merged(sample: list[gifts.Row]) -> list[gifts.Row]:
    return gifts.merged(sample)


def test_the_file_holds_the_rows_and_20000_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "gifts.csv"
    gifts.write(path)
    with path.open(encoding="utf-8", newline="") as file:
        written = list(csv.DictReader(file))
    assert len(written) == 20_000
    assert written[:40] == [{name: str(value) for name, value in row.items()} for row in gifts.rows(40, 0)]
    assert tuple(written[0]) == gifts.FIELDS
    assert len({row["employee_shop"] for row in written}) == gifts.SHOPS


def test_thirteen_categoricals_have_many_rows_of_every_value(sample: list[gifts.Row]) -> None:
    different = {name: len({row[name] for row in sample}) for name in CATEGORICALS}
    assert len(CATEGORICALS) == 13
    assert different == dict(zip(CATEGORICALS, (80, 6, 18, 12, 6, 3, 3, 3, 2, 3, 60, 12, 4), strict=True))


def test_a_product_and_a_shop_say_the_same_of_themselves_on_every_row(sample: list[gifts.Row]) -> None:
    for fields in (gifts.PRODUCT_FIELDS, gifts.SHOP_FIELDS):
        said = {tuple(row[name] for name in fields) for row in sample}
        assert len(said) == len({name for name, *_ in said})


def test_no_offer_stands_twice_while_the_shops_last(sample: list[gifts.Row]) -> None:
    keys = [
        tuple(row[name] for name in ("product_id", "employee_shop", "recipient_group", "employee_gender"))
        for row in sample
    ]
    assert len(set(keys)) == len(keys)


def test_more_rows_than_the_shops_can_make_bring_more_shops() -> None:
    assert len({row["employee_shop"] for row in gifts.rows(2 * 60 * 80 * 4 + 2000, 0)}) == 120


def test_merging_genders_adds_up_counts_and_leaves_the_size_of_the_group(
    sample: list[gifts.Row], merged: list[gifts.Row]
) -> None:
    assert len(merged) == len(sample) // 2
    assert sum(int(row["selection_count"]) for row in merged) == sum(int(row["selection_count"]) for row in sample)
    women, men = sample[:2]
    assert merged[0]["selection_count"] == int(women["selection_count"]) + int(men["selection_count"])
    assert merged[0]["total_employees_in_group"] == women["total_employees_in_group"] == men["total_employees_in_group"]


def test_a_group_of_a_shop_has_one_size(sample: list[gifts.Row]) -> None:
    sizes = defaultdict(set)
    for row in sample:
        sizes[row["employee_shop"], row["recipient_group"]].add(row["total_employees_in_group"])
    assert all(len(size) == 1 for size in sizes.values())
    assert min(int(size.pop()) for size in sizes.values()) >= 4


def test_a_shop_without_history_resembles_its_branch(sample: list[gifts.Row]) -> None:
    """What a look-up by branch can say of a shop it does not know: the spread in a branch is less than between them."""
    for field in ("shop_category_diversity", "shop_premium_share"):
        by_branch: dict[str, dict[str, float]] = defaultdict(dict)
        for row in sample:
            by_branch[str(row["employee_branch"])][str(row["employee_shop"])] = float(row[field])
        within = fmean(max(shops.values()) - min(shops.values()) for shops in by_branch.values())
        means = [fmean(shops.values()) for shops in by_branch.values()]
        assert within < max(means) - min(means)


def test_counts_are_poisson_around_the_expected(merged: list[gifts.Row]) -> None:
    """The mean is right in every fifth by expected count, and the variance is the mean."""
    for fifth in itertools.batched(sorted(merged, key=gifts.expected), 600, strict=True):
        counts, means = [int(row["selection_count"]) for row in fifth], [gifts.expected(row) for row in fifth]
        assert fmean(counts) == pytest.approx(fmean(means), abs=4 * (fmean(means) / 600) ** 0.5)
        dispersion = fmean((count - mean) ** 2 / mean for count, mean in zip(counts, means, strict=True))
        assert dispersion == pytest.approx(1, abs=0.35)


def test_the_floor_is_the_deviance_of_the_expected_counts(merged: list[gifts.Row]) -> None:
    employees = [int(row["total_employees_in_group"]) for row in merged]
    rates = [int(row["selection_count"]) / size for row, size in zip(merged, employees, strict=True)]
    expected = [gifts.expected(row) / size for row, size in zip(merged, employees, strict=True)]
    floor = mean_poisson_deviance(rates, expected, sample_weight=employees)
    assert gifts.noise_floor(6000, 0) == pytest.approx(floor)
    constant = sum(int(row["selection_count"]) for row in merged) / sum(employees)
    assert floor < 0.7 * mean_poisson_deviance(rates, [constant] * len(rates), sample_weight=employees)
