"""What `firesteel train` says when it is done."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from cli.output import console, errors, print_table

if TYPE_CHECKING:
    from pathlib import Path

    from functions.train.dataset import Dataset
    from functions.train.release import Release
    from functions.train.train import Trained

COLUMNS = {
    "classification": ("accuracy", "macro_f1", "log_loss", "expected_calibration_error"),
    "regression": ("r2", "mae", "rmse", "interval_coverage"),
    "count": ("poisson_deviance", "mape", "r2", "interval_coverage"),
}
SHOWN = 5  # fields of the importance
NAMED = 3  # subjects for each reason


def by_reason(said: Iterable[tuple[str, str]]) -> list[tuple[str, int, str]]:
    """What was said of subjects, by reason, the commonest first: the reason, of how many, and which, or the first of them."""
    found: dict[str, list[str]] = {}
    for subject, reason in said:
        found.setdefault(reason, []).append(subject)
    return [
        (reason, len(subjects), ", ".join(subjects[:NAMED]) + (", ..." if len(subjects) > NAMED else ""))
        for reason, subjects in sorted(found.items(), key=lambda item: -len(item[1]))
    ]


def rows_read(rows: "Dataset", rejected: "Path") -> None:
    """How many rows can be used, and what is wrong with the others."""
    errors.print(f"{len(rows) + rows.merged} of {rows.rows_read} rows are usable")
    if rows.merged:
        errors.print(f"they are {len(rows)} after adding up the counts of rows that agree in every input")
    if rows.bad_rows:
        errors.print(f"[yellow]{len(rows.bad_rows)} bad rows are in {escape(str(rejected))}[/], the first:")
        for bad in rows.bad_rows[:3]:
            errors.print(f"  line {bad.line}, {escape(bad.column)}: {escape(bad.reason)}")
    if rows.conflicts:
        first = rows.conflicts[0]
        lines = ", ".join(map(str, first.lines[:5]))
        errors.print(f"[yellow]{len(rows.conflicts)} texts stand with different labels[/], such as on lines {lines}")


def trained(run: "Trained", done: "Release") -> None:
    """Metrics by target, what the answers rest on, gates, and what is served now."""
    if run.metrics["evaluated"]:
        for task, names in COLUMNS.items():
            targets = {
                name: m for name, m in run.metrics["targets"].items() if run.definition.targets[name].task == task
            }
            if targets:
                _metrics(task, names, targets, (run.metrics["review"] or {}).get("targets", {}))
    for name, fields in run.metrics["importance"].items():
        strongest = ", ".join(f"{field} {value:.3g}" for field, value in list(fields.items())[:SHOWN])
        console.print(f"{escape(name)} rests on: {escape(strongest)}")
    for verdict in done.verdicts:
        console.print(f"gate {'[green]' if verdict.passed else '[red]'}{escape(verdict.sentence())}[/]")
    console.print(f"published [bold]{run.definition.address} {done.version}[/] (digest {done.digest[:12]})")
    if done.promoted:
        console.print(f"latest is now {done.version} (generation {done.promoted.generation})")


def _metrics(task: str, names: tuple[str, ...], targets: dict[str, Any], policies: dict[str, Any]) -> None:
    review = task == "classification"
    print_table(
        ("target", *(name.replace("_", " ") for name in names), *(("automatic",) if review else ())),
        [
            (
                name,
                *("" if m.get(key) is None else f"{m[key]:.4f}" for key in names),
                *((f"{policies[name]['automatic_share']:.1%}" if name in policies else "",) if review else ()),
            )
            for name, m in targets.items()
        ],
    )
