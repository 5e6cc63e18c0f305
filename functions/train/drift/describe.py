"""What was found of a series, in one plain sentence."""

from typing import TYPE_CHECKING

import numpy as np

from functions.train.drift.baseline import Numbers, Series, Shares, Terms
from functions.train.drift.cells import Counts

if TYPE_CHECKING:
    from functions.train.drift.decide import Compared


def insufficient(one: Series, rows: int, least: int) -> str:
    """Why a series could not be judged, and what would help."""
    if (has := one.rows_in(one.counts)) < least:
        return f"The baseline of {one.name} has {has} rows; {least} are needed: hold out more rows, or train on more."
    if rows:
        return f"{one.name} was seen in {rows:,} rows of the window; {least} are needed."
    if one.of != "input":
        return f"Nothing of {one.name} is in the inference log of the window."
    if (isinstance(one, Numbers) and one.name == one.source) or isinstance(one, Terms) or one.name.endswith(".hour"):
        return f"{one.source} is not in the inference log: `log: plain` in the definition would show it."
    return f"{one.source} is not in the inference log: `log: hash` or `log: plain` in the definition would show it."


def sentence(one: Series, look: "Compared", bound: float) -> str:
    """What a window with enough rows says."""
    chance = "p < 0.000001" if look.p_corrected < 1e-6 else f"p {look.p_corrected:.2g}"
    where = f"in {span(look.days)}, {look.rows:,} rows"
    if look.state == "DRIFT":
        return f"{moved(one, look.counts)} ({where}; {chance}, distance {look.distance:.2f})."
    if look.significant:
        return (
            f"{one.name} differs from training, but too little to matter: its distance is {look.distance:.3f}, less than "
            f"{bound:g} ({where}; {chance})."
        )
    return f"{one.name} is as in training ({where}; {chance})."


def span(days: int) -> str:
    return "the last day" if days == 1 else f"the last {days} days"


def moved(one: Series, counts: Counts) -> str:
    """Where the samples are furthest apart."""
    if isinstance(one, Numbers):
        return _number(one, counts)
    assert isinstance(one, Shares | Terms)
    if isinstance(one, Terms):
        had, has = one.counts[:-1] / one.counts[-1], counts[:-1] / counts[-1]
    else:
        had, has = one.counts / one.counts.sum(), counts / counts.sum()
    place = int(np.abs(has - had).argmax())
    label = one.labels[place]
    if isinstance(one, Terms):
        said = f"{_percent(has[place])} of the texts in {one.source} have the word {label!r}"
    elif one.of == "review":
        place, said = 0, f"{_percent(has[0])} of the answers ask for a review"
    elif label == "(missing)":
        said = f"{_percent(has[place])} of {one.name} are missing"
    elif label == "(other)":
        said = f"{_percent(has[place])} of {one.name} are values that training hardly had"
    else:
        said = f"{_percent(has[place])} of {one.name} are {label!r}"
    return f"{said}; in training {_percent(had[place])}"


def _number(one: Numbers, counts: Counts) -> str:
    had, has = one.counts.cumsum() / one.counts.sum(), counts.cumsum() / counts.sum()
    place = int(np.abs(has - had).argmax())
    if not place:
        return f"{_percent(has[0])} of {one.name} are missing; in training {_percent(had[0])}"
    edge = one.edges[min((place - 1) // 2, len(one.edges) - 1)]
    relation = "below" if place % 2 else "at most"
    said = f"{_percent(has[place])} of {one.name} are {relation} {edge:.6g}; in training {_percent(had[place])}"
    medians = median(one, counts), median(one, one.counts)
    if None in medians or f"{medians[0]:.3g}" == f"{medians[1]:.3g}":
        return said
    return f"{said}. The median is {medians[0]:.3g}, and was {medians[1]:.3g}"


def median(one: Numbers, counts: Counts) -> float | None:
    """The edge at the middle of the numbers, as near as the cells tell; None without numbers."""
    numbers = counts[1:]
    if not numbers.sum() or not len(one.edges):
        return None
    place = int(np.searchsorted(numbers.cumsum(), numbers.sum() / 2))
    return float(one.edges[min(place // 2, len(one.edges) - 1)])


def _percent(share: float) -> str:
    """With one digit behind the point where it matters."""
    return f"{100 * share:.0f} %" if 0.1 <= share <= 0.9 else f"{100 * share:.1f} %"
