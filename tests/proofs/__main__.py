"""`python -m tests.proofs [NAME ...]`: the proofs in full, with their figures in docs/reliability.md; `make prove`."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from secrets import randbelow
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.proofs import report
from tests.proofs.promises import PROOFS
from tests.proofs.proof import Run, run

console = Console()


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Which proofs.", show_default="all")] = None,
    seed: Annotated[int | None, typer.Option(help="Replays a run.", show_default="a new one, printed")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Only the bounded part that the tests run.")] = False,
) -> None:
    """Prove what docs/reliability.md promises. Exit code 1 when a case fails; its message has the seed that replays it."""
    known = {proof.name: proof for proof in PROOFS}
    if unknown := set(names or ()) - set(known):
        raise typer.BadParameter(f"no proof is called {', '.join(sorted(unknown))}; there are: {', '.join(known)}")
    failed, code = False, report.code()
    for name in names or known:
        chosen = seed if seed is not None else randbelow(2**32)
        console.print(f"[bold]{name}[/] {known[name].promise} [dim](seed {chosen})[/]")
        columns = (TextColumn("  "), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task(name, total=None)
            one = run(known[name], chosen, full=not quick, advance=lambda count, task=task: bar.advance(task, count))
        _tell(one)
        failed = failed or bool(one.failed) or not one.cases
        if not quick:
            _keep(one, code)
    if not quick:
        report.write()
    sys.exit(1 if failed else 0)


def _tell(one: Run) -> None:
    colour = "red" if one.failed or not one.cases else "green"
    console.print(f"  [{colour}]{one.cases:,} cases, {one.failed:,} wrong[/] in {one.seconds:,.0f} s")
    for name, value in one.figures.items():
        console.print(f"  {name.replace('_', ' ')}: {escape(report.told(value))}")
    for sentence in one.wrong:
        console.print(f"  [red]wrong[/]: {escape(sentence)}")
    if one.failed:
        console.print(f"  again: {one.command()}")


def _keep(one: Run, code: str) -> None:
    kept = {name: value for name, value in asdict(one).items() if name != "advance"}
    path = Path(report.RESULTS) / f"{one.name}.json"
    path.write_text(json.dumps(kept | {"seconds": round(one.seconds, 1), "code": code}, indent=1) + "\n")


if __name__ == "__main__":
    typer.run(main)
