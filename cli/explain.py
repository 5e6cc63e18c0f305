"""Why an answer is what it is: for people a table with a bar for each field, for programs all contributions."""

from collections.abc import Mapping
from typing import Any

from rich.markup import escape

from cli.output import console, print_table
from firesteel.program.results import Contribution, Explanation
from firesteel.program.targets import Count, Target

_BAR = 24  # characters of the longest bar
_LONGEST = 40  # characters of a value that are shown
_DIGITS = 6


def told(explanations: Mapping[str, Explanation]) -> dict[str, Any]:
    """Explanations in terms of JSON, by target."""
    return {
        name: {
            "label": one.label,
            "base": round(one.base, _DIGITS),
            "score": round(one.score, _DIGITS),
            "summary": one.summary,
            "contributions": [_contribution(part) for part in one.contributions],
        }
        for name, one in explanations.items()
    }


def _contribution(one: Contribution) -> dict[str, Any]:
    terms = [{"term": term, "contribution": round(value, _DIGITS)} for term, value in one.terms]
    part = {"feature": one.feature, "value": one.value, "contribution": round(one.contribution, _DIGITS)}
    return part | ({"terms": terms} if terms else {})


def show(explanation: Explanation, target: Target) -> None:
    """One target's table: fields by the size of what they did, the terms of a text below it, and a sentence."""
    what = " ".join(filter(None, (explanation.target, explanation.label)))
    scale = ", in logarithms of the rate" if isinstance(target, Count) else ""
    scores = f"scores {explanation.score:+.4f}, from a base of {explanation.base:+.4f}{scale}"
    console.print(f"\n[bold]{escape(what)}[/] {scores}")
    largest = max((abs(one.contribution) for one in explanation.contributions), default=0.0)
    lines = []
    for one in explanation.contributions:
        lines.append((escape(one.feature), escape(_value(one)), *_amount(one.contribution, largest)))
        lines += [("", f"  [dim]{escape(repr(term))}[/]", *_amount(value, largest)) for term, value in one.terms]
    print_table(("field", "value", "contribution", ""), lines)
    console.print(escape(explanation.summary))


def _value(one: Contribution) -> str:
    if one.value is None:
        return "missing"
    text = " ".join(str(one.value).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _amount(value: float, largest: float) -> tuple[str, str]:
    """A contribution as a number and as a bar of its size."""
    colour = "green" if value > 0 else "red"
    bar = "█" * round(_BAR * abs(value) / largest) if largest else ""
    return f"{value:+.4f}", f"[{colour}]{bar}[/]"
