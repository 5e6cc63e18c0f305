"""Synthetic businesses and how ready each one is: a score in [0, 1] that is partly law and partly chance.

What a row says decides the score's expected value: `expected(row)` is that law, exact. The score is drawn around it, so
the best R2 that any model can reach is known: `noise_ceiling`. The law has thresholds, saturation and interactions, and
a part of it stands in the description alone. Businesses have a hidden soundness, size and age,
through which their numbers, their categories and what is said of them hang together.

Four numbers are missing in some rows: market_share, growth_rate, customer_satisfaction and audit_score, each in about 3 %,
of young businesses in about 6 %. A number that is missing counts in the law like a middling one, and costs a little.
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from statistics import NormalDist, fmean, pvariance
from typing import NamedTuple

type Row = dict[str, str | int | float | None]

FIELDS = (
    *("gid", "risk_category", "region", "business_type", "regulatory_status", "compliance_level", "revenue"),
    *("employee_count", "years_in_business", "credit_score", "debt_to_equity_ratio", "liquidity_ratio", "market_share"),
    *("growth_rate", "profitability_margin", "customer_satisfaction", "operational_efficiency"),
    *("regulatory_violations", "audit_score", "description", "g2g_score"),
)
RISK_CATEGORIES = {"Low": 0.07, "Medium": 0.02, "High": -0.05, "Critical": -0.13}
REGIONS = {
    "North America": 0.01,
    "Europe": 0.015,
    "Asia Pacific": 0.0,
    "Latin America": -0.01,
    "Middle East": -0.005,
    "Africa": -0.015,
}
BUSINESS_TYPES = {
    "Manufacturing": 0.0,
    "Technology": 0.02,
    "Retail": -0.01,
    "Financial Services": 0.01,
    "Healthcare": 0.015,
    "Energy": -0.015,
    "Logistics": 0.0,
}
REGULATORY_STATUSES = {"Compliant": 0.05, "Under Review": 0.0, "Conditional": -0.03, "Non-Compliant": -0.11}
COMPLIANCE_LEVELS = {"Full": 0.05, "Advanced": 0.03, "Standard": 0.0, "Basic": -0.05}
CAPITAL_HEAVY = ("Manufacturing", "Energy", "Logistics")  # types of business that live with more debt

NOISE = 0.065  # standard deviation of the score around the law, before it is clamped
DECIMALS = 4
MISSING_SHARE = 0.03
MISSING_COST = 0.015


class Fact(NamedTuple):
    """Something a description may say. `weight` is what it adds to the score, `{a|b}` a choice of words."""

    weight: float
    sentence: str


FACTS = (
    Fact(0.07, "{An experienced|A seasoned} leadership team {runs|leads} the company"),
    Fact(0.06, "{A succession plan|A continuity plan} is {in place|signed off} and tested every year"),
    Fact(0.06, "{Long-term contracts|Multi-year agreements} cover most of {the revenue|its sales}"),
    Fact(0.05, "Its {quality management|information security} is certified by {an accredited body|an outside body}"),
    Fact(0.05, "{Controls are automated|Reporting is automated} and reviewed {every month|every quarter}"),
    Fact(0.04, "{Customers|Clients} {renew early|stay for many years} and recommend the service"),
    Fact(0.04, "{Suppliers are diversified|Several suppliers stand ready} in three countries"),
    Fact(0.03, "{The new plant|The new platform} went live {on schedule|within budget}"),
    Fact(-0.03, "{Two managers|Several key people} {left|resigned} {this year|last quarter}"),
    Fact(-0.04, "{One customer|A single client} {brings in|accounts for} most of the orders"),
    Fact(-0.04, "{Permits|Licences} for the {new site|expansion} are still {pending|outstanding}"),
    Fact(-0.05, "The {old|legacy} systems {fail often|need manual work} and {delay|hold up} reporting"),
    Fact(-0.06, "{A lawsuit|A dispute} with {a former partner|a supplier} is {before the court|unresolved}"),
    Fact(-0.06, "{Auditors|Inspectors} {raised|reported} material findings that remain open"),
    Fact(-0.07, "{Cash is tight|Payments are late} and {the bank|a lender} {has tightened|is reviewing} its terms"),
    Fact(-0.09, "{The regulator|A supervisory authority} {opened|announced} a formal investigation"),
)
REMARKS = (
    "{The company|The business} {serves|supplies} {local|regional|national|international} {customers|markets}",
    "{Headquarters|The head office} moved to a {larger|smaller|shared} building {in spring|last autumn|two years ago}",
    "It {was founded|began} as a {family business|spin-off|joint venture} and {grew|expanded} step by step",
    "{Most|About half} of the staff work {in shifts|on site|from home|in two locations}",
    "{Sales|Orders} {follow the seasons|peak in winter|peak in summer|are spread over the year}",
    "The {board|owner|advisory council} reviews the figures {monthly|four times a year|twice a year}",
    "{Marketing|Procurement|Payroll} is {done in house|outsourced|shared with a sister company}",
    "This {assessment|review} was {requested by the owner|prompted by a tender|part of the yearly cycle}",
)
_SEEN = tuple((fact.weight, re.compile(re.sub(r"\{(.*?)\}", r"(?:\1)", fact.sentence))) for fact in FACTS)


def rows(count: int, seed: int) -> Iterator[Row]:
    """`count` businesses, the same for the same seed; the first of a larger count are those of a smaller one.

    Numbers are numbers, a missing one is None. Units: revenue in dollars a year, market_share, growth_rate and
    profitability_margin as shares of 1.
    """
    random = Random(seed)
    for number in range(1, count + 1):
        row = _business(random)
        score = min(max(_law(row) + random.gauss(0, NOISE), 0.0), 1.0)
        yield {"gid": f"G2G-{number:05d}", **row, "g2g_score": round(score, DECIMALS)}


def write(path: Path, count: int = 5000, seed: int = 0) -> None:
    """Write `rows(count, seed)` to a CSV file with a header; a missing number is an empty cell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        table.writerows(rows(count, seed))


def expected(row: Mapping[str, str | int | float | None]) -> float:
    """The expected score of a business, given its row: the mean of the clamped normal law (rounding is symmetric)."""
    mean, normal = _law(row), NormalDist()
    low, high = -mean / NOISE, (1 - mean) / NOISE
    inside = normal.cdf(high) - normal.cdf(low)
    return mean * inside + NOISE * (normal.pdf(low) - normal.pdf(high)) + 1 - normal.cdf(high)


def noise_ceiling(count: int = 5000, seed: int = 0) -> float:
    """The best possible R2 on `rows(count, seed)`: what `expected` reaches, which knows the law but not the chance."""
    sample = list(rows(count, seed))
    scores = [float(row["g2g_score"] or 0.0) for row in sample]
    errors = [(score - expected(row)) ** 2 for score, row in zip(scores, sample, strict=True)]
    return 1 - fmean(errors) / pvariance(scores)


def _law(row: Mapping[str, str | int | float | None]) -> float:
    """The score without chance, before it is clamped."""

    def number(name: str, middling: float) -> float:
        value = row[name]
        return middling if value is None else float(value)

    risk, compliance, kind = str(row["risk_category"]), str(row["compliance_level"]), str(row["business_type"])
    credit, liquidity = number("credit_score", 650), number("liquidity_ratio", 1.4)
    debt, growth, margin = (
        number(name, 0.0) for name in ("debt_to_equity_ratio", "growth_rate", "profitability_margin")
    )
    score = 0.52
    score += RISK_CATEGORIES[risk] + COMPLIANCE_LEVELS[compliance] + REGULATORY_STATUSES[str(row["regulatory_status"])]
    score += REGIONS[str(row["region"])] + BUSINESS_TYPES[kind]
    score += 0.09 * math.tanh((credit - 640) / 70)
    score += 0.05 * math.tanh((number("audit_score", 70) - 68) / 12) * (0.4 if risk == "Critical" else 1.0)
    score += 0.03 * math.tanh((number("operational_efficiency", 65) - 65) / 12)
    score += 0.03 * math.tanh((number("customer_satisfaction", 70) - 70) / 12)
    score += 0.03 * math.tanh((math.log(number("revenue", 1e7)) - 16.0) / 1.5)
    score += 0.03 * (1 - math.exp(-number("years_in_business", 10) / 6)) - 0.02
    score += 0.02 * min(number("market_share", 0.1), 0.3) / 0.3
    score += 0.03 * math.tanh(margin / 0.12) + (
        0.03 * math.tanh(growth / 0.2) if margin > 0 else -0.02 * (growth > 0.2)
    )
    score -= 0.012 * min(number("regulatory_violations", 0), 6) * (2.0 if compliance in ("Basic", "Standard") else 1.0)
    if debt > (2.5 if kind in CAPITAL_HEAVY else 1.5):  # debt is a burden for who cannot pay soon
        score -= 0.07 if liquidity < 1.2 else 0.02
    score -= MISSING_COST * sum(value is None for value in row.values())
    return score + sum(weight for weight, pattern in _SEEN if pattern.search(str(row["description"])))


def _business(random: Random) -> Row:
    """One business: everything but its gid and score."""
    sound, size = random.gauss(0, 1), random.gauss(0, 1)
    years = min(int(random.lognormvariate(2.2 + 0.2 * size, 0.8)), 120)

    def near(weight: float) -> float:
        """A standard normal number that goes with soundness as far as `weight` says, -1 to 1."""
        return weight * sound + math.sqrt(1 - weight**2) * random.gauss(0, 1)

    def ranked(names: Mapping[str, float], weight: float) -> str:
        """One of `names`, best first, by soundness; the worst is the rarest."""
        share = NormalDist().cdf(-near(weight))
        return list(names)[min(int(4 * share**1.6), 3)]

    def percent(middle: float, spread: float, weight: float) -> float:
        return round(min(max(middle + spread * near(weight), 0.0), 100.0), 1)

    def reported[T](value: T) -> T | None:
        return None if random.random() < MISSING_SHARE * (2 if years < 4 else 1) else value

    kind = random.choice(list(BUSINESS_TYPES))
    employees = max(int(random.lognormvariate(4.2 + 1.1 * size + 0.1 * math.log1p(years), 0.5)), 1)
    revenue = max(round(employees * random.lognormvariate(11.8 + 0.1 * sound, 0.4), -3), 10_000)
    return {
        "risk_category": ranked(RISK_CATEGORIES, 0.6),
        "region": random.choice(list(REGIONS)),
        "business_type": kind,
        "regulatory_status": ranked(REGULATORY_STATUSES, 0.5),
        "compliance_level": ranked(COMPLIANCE_LEVELS, 0.5),
        "revenue": int(revenue),
        "employee_count": employees,
        "years_in_business": years,
        "credit_score": min(max(int(650 + 8 * min(math.sqrt(years), 6) - 24 + 80 * near(0.6)), 300), 850),
        "debt_to_equity_ratio": round(math.exp(0.2 + 0.4 * (kind in CAPITAL_HEAVY) - 0.7 * near(0.4)), 2),
        "liquidity_ratio": round(math.exp(0.35 + 0.4 * near(0.4)), 2),
        "market_share": reported(round(1 / (1 + math.exp(2.9 - 0.8 * size - 0.5 * near(0.3))), 3)),
        "growth_rate": reported(round(0.06 + 0.15 * near(0.2) + 0.2 * math.exp(-years / 4), 3)),
        "profitability_margin": round(0.06 + 0.1 * near(0.5), 3),
        "customer_satisfaction": reported(percent(71, 13, 0.4)),
        "operational_efficiency": percent(65, 14, 0.5),
        "regulatory_violations": int(random.expovariate(math.exp(0.1 + 0.5 * near(0.5)))),
        "audit_score": reported(percent(69, 14, 0.6)),
        "description": _description(random, sound),
    }


def _description(random: Random, sound: float) -> str:
    """One to four sentences, facts more often than remarks; good facts are more often said of sound businesses."""
    said: list[str] = []
    length = random.choice((1, 2, 2, 3, 3, 4))
    while len(said) < length:
        if random.random() < 0.4:
            sentence = random.choice(REMARKS)
        else:
            fact = random.choice(FACTS)
            sentence = fact.sentence if random.random() < 1 / (1 + math.exp(-12 * fact.weight * sound)) else ""
        if sentence and sentence not in said:
            said.append(sentence)
    return " ".join(f"{_worded(random, sentence)}." for sentence in said)


def _worded(random: Random, sentence: str) -> str:
    return re.sub(r"\{(.*?)\}", lambda choice: random.choice(choice[1].split("|")), sentence)
