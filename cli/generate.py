"""`firesteel generate`: synthetic training rows for a model that ships with a generator."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from cli.environment import project_root
from cli.output import errors


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Example:\n\nfiresteel generate tickets --rows 1000 --out tickets.csv")(generate)


def generate(
    model: Annotated[str, typer.Argument(help="A model in models/ that has a generator.")],
    rows: Annotated[int, typer.Option(min=1, help="How many rows.")] = 1000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 0,
    out: Annotated[Path, typer.Option(help="The CSV file to write.")] = Path("data.csv"),
) -> None:
    """Write synthetic rows to a CSV file."""
    models = project_root() / "models"
    known = sorted(path.stem for path in models.glob("*.py") if path.with_suffix(".yaml").exists())
    if model not in known:
        raise typer.BadParameter(f"{model!r} has no generator; there are: {', '.join(known)}")
    import_module(f"models.{model}").write(out, rows, seed)
    errors.print(f"wrote {rows} rows to {out}")
