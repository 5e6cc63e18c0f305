"""Synthetic gift selections: how many employees of a group choose a product from their company's gift shop.

A row is one product offered to one recipient group of one shop, for one gender; the two genders of a group stand in two
rows, one after the other. `selection_count` is a Poisson count around employees of that gender x the rate at which they
choose the product. `total_employees_in_group` is the size of the whole group, the same in both rows: it is the exposure,
and after the counts of the two rows are added up it stays as it is.

What a merged row says decides its expected count: `expected(row)` is that law, exact, so the best mean Poisson deviance
that any model can reach is known: `noise_floor`. The law is log-linear in the product, the group and the shop, with
interactions: what a group's work makes of a product's use, what a branch makes of its category, what a generous shop makes
of its price. Shops of a branch resemble each other; the three numbers of a shop repeat on its rows.
"""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from random import Random
from typing import NamedTuple

type Row = dict[str, str | int | float]

PRODUCT_FIELDS = (
    *("product_id", "product_category", "product_subcategory", "product_brand", "product_color", "price_tier"),
    *("target_gender", "utility_type", "durability", "usage_type", "price"),
)
SHOP_FIELDS = ("employee_shop", "employee_branch", "shop_order_volume", "shop_category_diversity", "shop_premium_share")
FIELDS = (
    *PRODUCT_FIELDS,
    *SHOP_FIELDS,
    *("recipient_group", "employee_gender", "total_employees_in_group", "selection_count"),
)

SHOPS, PRODUCTS = 60, 80
CATEGORIES = {
    "Home": ("Bedding", "Decoration", "Lighting"),
    "Kitchen": ("Cookware", "Knives", "Tableware"),
    "Electronics": ("Audio", "Charging", "Wearables"),
    "Outdoor": ("Camping", "Garden", "Travel"),
    "Food": ("Chocolate", "Coffee", "Hampers"),
    "Wellness": ("Fitness", "Skin care", "Spa"),
}
BRANDS = (
    *("Aldervik", "Brightmoor", "Calder & Co", "Duneberg", "Elmstead", "Fjordline", "Greywater", "Harrowby"),
    *("Islay House", "Juniper", "Kestrel", "Lindholm"),
)
COLORS = ("Black", "White", "Blue", "Green", "Natural", "Red")
TIERS = ("Budget", "Standard", "Premium")  # by price, in thirds
GENDERS = ("Female", "Male")
TARGETS = ("Everybody", *GENDERS)
UTILITIES = ("Practical", "Decorative", "Indulgent")
DURABILITIES = ("Consumable", "Durable")
USAGES = ("Alone", "Family", "Work")
BRANCHES = (
    *("Banking", "Construction", "Consulting", "Education", "Energy", "Healthcare", "Hospitality", "Insurance"),
    *("Logistics", "Manufacturing", "Retail", "Software"),
)
GROUPS = ("Office", "Management", "Field", "Production")


class Shop(NamedTuple):
    """A company's gift shop. The three numbers are orders a year, kinds of gift it keeps (0-1), its share of dear gifts."""

    name: str
    branch: str
    order_volume: int
    category_diversity: float
    premium_share: float
    employees: tuple[int, ...]  # by group

    def women(self, group: str) -> int:
        return round(self.employees[GROUPS.index(group)] * _women_share(self.branch, group))


def rows(count: int, seed: int) -> Iterator[Row]:
    """`count` rows, the same for the same seed; the first of a larger count are those of a smaller one.

    Combinations of product, group and shop come in random order, none twice. Past the 38,400 rows that the first 60 shops
    make, 60 more shops follow, and so on; products stay. Units: price in dollars, shop_order_volume in gifts a year,
    shop_category_diversity and shop_premium_share as shares of 1.
    """
    random = Random(seed)
    products = _products(random)
    for number, (shop, group, item) in zip(range((count + 1) // 2), _offers(random, products), strict=False):
        total = shop.employees[GROUPS.index(group)]
        for gender in GENDERS[: count - 2 * number]:
            employees = shop.women(group) if gender == "Female" else total - shop.women(group)
            row = {**item, **_shop_cells(shop), "recipient_group": group, "employee_gender": gender}
            yield row | {
                "total_employees_in_group": total,
                "selection_count": _poisson(random, employees * _rate(row, gender)),
            }


def write(path: Path, count: int = 20_000, seed: int = 0) -> None:
    """Write `rows(count, seed)` to a CSV file with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        table.writerows(rows(count, seed))


def merged(sample: Sequence[Row]) -> list[Row]:
    """The rows without employee_gender: counts of rows alike in everything else are added up, the group's size is not."""
    total: dict[tuple[str | int | float, ...], int] = {}
    names = [name for name in FIELDS if name not in ("employee_gender", "selection_count")]
    for row in sample:
        key = tuple(row[name] for name in names)
        total[key] = total.get(key, 0) + int(row["selection_count"])
    return [dict(zip(names, key, strict=True)) | {"selection_count": count} for key, count in total.items()]


def expected(row: Mapping[str, str | int | float]) -> float:
    """The expected selection_count of a merged row, both genders of the group together."""
    total = int(row["total_employees_in_group"])
    women = round(total * _women_share(str(row["employee_branch"]), str(row["recipient_group"])))
    return women * _rate(row, "Female") + (total - women) * _rate(row, "Male")


def noise_floor(count: int = 20_000, seed: int = 0) -> float:
    """The mean Poisson deviance of `expected` on the merged rows, weighted by exposure: no model's can be expected lower.

    As in scikit-learn with y = count / employees and weight = employees: the sum of 2 (y log(y / m) - y + m) over the
    counts y and their expected values m, divided by the sum of employees.
    """
    sample = merged(list(rows(count, seed)))
    deviance = 0.0
    for row in sample:
        y, mean = int(row["selection_count"]), expected(row)
        deviance += 2 * ((y * math.log(y / mean) if y else 0.0) - y + mean)
    return deviance / sum(int(row["total_employees_in_group"]) for row in sample)


class _Taste(NamedTuple):
    """The constants of the law, drawn once: log rates, by what they belong to."""

    brand: dict[str, float]
    color: dict[str, float]
    subcategory: dict[str, float]
    branch_category: dict[tuple[str, str], float]
    group_usage: dict[tuple[str, str], float]
    group_utility: dict[tuple[str, str], float]
    branch_durability: dict[tuple[str, str], float]

    @classmethod
    def drawn(cls, random: Random) -> "_Taste":
        def spread[T](names: Sequence[T], width: float) -> dict[T, float]:
            return {name: random.gauss(0, width) for name in names}

        return cls(
            spread(BRANDS, 0.2),
            spread(COLORS, 0.1),
            spread([name for names in CATEGORIES.values() for name in names], 0.25),
            spread(list(product(BRANCHES, CATEGORIES)), 0.3),
            spread(list(product(GROUPS, USAGES)), 0.25),
            spread(list(product(GROUPS, UTILITIES)), 0.25),
            spread(list(product(BRANCHES, DURABILITIES)), 0.15),
        )


_TASTE = _Taste.drawn(Random(1))
_PRICES = dict(zip(CATEGORIES, (45, 60, 90, 70, 25, 40), strict=True))  # what a gift of a category costs, in dollars
_WOMEN = dict(zip(BRANCHES, (0.5, 0.2, 0.45, 0.65, 0.3, 0.7, 0.55, 0.5, 0.25, 0.35, 0.6, 0.35), strict=True))
_WOMEN_MORE = dict(zip(GROUPS, (0.15, -0.1, 0.0, -0.05), strict=True))
_BASE_RATE = 0.03  # an employee chooses one gift of some thirty


def _women_share(branch: str, group: str) -> float:
    return _WOMEN[branch] + _WOMEN_MORE[group]


def _rate(row: Mapping[str, str | int | float], gender: str) -> float:
    """How many of this product an employee of this gender chooses, on average."""
    branch, group, category = (str(row[name]) for name in ("employee_branch", "recipient_group", "product_category"))
    dearness = math.log(float(row["price"]) / _PRICES[category])
    log_rate = _TASTE.brand[str(row["product_brand"])] + _TASTE.color[str(row["product_color"])]
    log_rate += _TASTE.subcategory[str(row["product_subcategory"])]
    log_rate += _TASTE.branch_category[branch, category] + _TASTE.branch_durability[branch, str(row["durability"])]
    log_rate += _TASTE.group_usage[group, str(row["usage_type"])]
    log_rate += _TASTE.group_utility[group, str(row["utility_type"])]
    log_rate += (0.3 + 2.0 * (float(row["shop_premium_share"]) - 0.3)) * dearness - 0.5 * dearness**2
    log_rate += 0.1 * math.log(int(row["shop_order_volume"]) / 1000) - 0.8 * (
        float(row["shop_category_diversity"]) - 0.5
    )
    if row["target_gender"] != "Everybody":
        log_rate += 0.4 if row["target_gender"] == gender else -1.2
    return _BASE_RATE * math.exp(log_rate)


def _products(random: Random) -> list[Row]:
    """The catalog: every subcategory has some, and what they are for goes with it."""
    subcategories = [(category, name) for category, names in CATEGORIES.items() for name in names]
    items: list[Row] = []
    for number in range(PRODUCTS):
        category, subcategory = subcategories[number % len(subcategories)]
        price = round(_PRICES[category] * random.lognormvariate(0, 0.45), 2)
        cells = (
            *(f"GIFT-{number + 1:03d}", category, subcategory, random.choice(BRANDS), random.choice(COLORS)),
            TIERS[(price > 35) + (price > 65)],
            random.choices(TARGETS, (6, 2, 2))[0],
            random.choices(UTILITIES, (2, 1, 4) if category in ("Food", "Wellness") else (5, 2, 1))[0],
            DURABILITIES[0 if category == "Food" or subcategory in ("Skin care", "Spa") else 1],
            random.choices(USAGES, (3, 2, 3) if category == "Electronics" else (2, 5, 1))[0],
            price,
        )
        items.append(dict(zip(PRODUCT_FIELDS, cells, strict=True)))
    return items


def _offers(random: Random, products: Sequence[Row]) -> Iterator[tuple[Shop, str, Row]]:
    """Every product to every group of every shop, in random order; then the same for the next shops, without end."""
    first = 1
    while True:
        shops = [_shop(random, number) for number in range(first, first + SHOPS)]
        offers = list(product(shops, GROUPS, products))
        random.shuffle(offers)
        yield from offers
        first += SHOPS


def _shop(random: Random, number: int) -> Shop:
    """A shop; of what its branch is used to, with some will of its own."""
    branch = BRANCHES[number % len(BRANCHES)]
    habit = Random(branch)
    size, diversity, premium = habit.gauss(0, 0.5), habit.uniform(0.3, 0.7), habit.uniform(0.15, 0.45)
    sizes = [max(int(typical * random.lognormvariate(size, 0.5)), 4) for typical in (80, 15, 50, 60)]
    volume = max(int(sum(sizes) * random.lognormvariate(1.5, 0.4)), 100)
    return Shop(
        *(f"SHOP-{number:03d}", branch, volume),
        round(min(max(random.gauss(diversity, 0.06), 0.1), 0.9), 3),
        round(min(max(random.gauss(premium, 0.05), 0.02), 0.8), 3),
        tuple(sizes),
    )


def _shop_cells(shop: Shop) -> Row:
    cells = (shop.name, shop.branch, shop.order_volume, shop.category_diversity, shop.premium_share)
    return dict(zip(SHOP_FIELDS, cells, strict=True))


def _poisson(random: Random, mean: float) -> int:
    """A Poisson number: how many times a product of uniform numbers stays above exp(-mean) (Knuth 1969)."""
    count, left, limit = 0, random.random(), math.exp(-mean)
    while left > limit:
        count, left = count + 1, left * random.random()
    return count
