"""The table of docs/reliability.md: what each proof promises and what its last full run saw."""

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.proofs.promises import PROOFS

ROOT = Path(__file__).parents[2]
RESULTS = Path(__file__).parent / "results"
PAGE = ROOT / "docs" / "reliability.md"
PRODUCT = ("layers/firesteel/firesteel", "functions", "cli")
BEGIN, END = "<!-- figures: python -m tests.proofs -->\n", "<!-- end of figures -->\n"


def code() -> str:
    """What a proof was run on: the first digits of a SHA-256 over every source file of the product."""
    hashed = hashlib.sha256()
    for path in sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py")):
        hashed.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    return hashed.hexdigest()[:12]


def told(value: float | str) -> str:
    """A figure as people read it."""
    return value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def table() -> str:
    """A row for each proof, with what its last full run saw and on which code."""
    rows = ["| promise | proof | cases | wrong | also | time | code |", "|---|---|---|---|---|---|---|"]
    for proof in PROOFS:
        path = RESULTS / f"{proof.name}.json"
        figures = _figures(json.loads(path.read_text())) if path.exists() else "not run in full | | | | "
        rows.append(f"| {proof.promise} | `{proof.name}` | {figures} |")
    return "\n".join(rows) + "\n"


def _figures(seen: dict[str, Any]) -> str:
    also = "; ".join(f"{name.replace('_', ' ')} {told(value)}" for name, value in seen["figures"].items())
    return f"{seen['cases']:,} | {seen['failed']:,} | {also} | {seen['seconds']:,.0f} s | `{seen['code']}`"


def page() -> str:
    """docs/reliability.md with the table of the results that are kept."""
    before, rest = PAGE.read_text().split(BEGIN)
    return before + BEGIN + table() + END + rest.split(END)[1]


def write() -> None:
    PAGE.write_text(page())
