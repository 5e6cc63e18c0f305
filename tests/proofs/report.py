"""The table of docs/reliability.md: what each proof promises and what its last full run saw."""

import json
from pathlib import Path

from tests.proofs.promises import PROOFS

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- figures: python -m tests.proofs -->\n", "<!-- end of figures -->\n"


def told(value: float | str) -> str:
    """A figure as people read it."""
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def table() -> str:
    """A row for each proof that was run in full."""
    rows = ["| promise | proof | cases | wrong | also | time |", "|---|---|---|---|---|---|"]
    for proof in PROOFS:
        path = RESULTS / f"{proof.name}.json"
        if path.exists():
            seen = json.loads(path.read_text())
            also = "; ".join(f"{name.replace('_', ' ')} {told(value)}" for name, value in seen["figures"].items())
            figures = f"{seen['cases']:,} | {seen['failed']:,} | {also} | {seen['seconds']:,.0f} s"
            rows.append(f"| {proof.promise} | `{proof.name}` | {figures} |")
    return "\n".join(rows) + "\n"


def page() -> str:
    """docs/reliability.md with the table of the results that are kept."""
    before, rest = PAGE.read_text().split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


def write() -> None:
    PAGE.write_text(page())
