"""`firesteel generate`: synthetic training rows for a model that ships with a generator."""

from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Annotated

import typer

from cli.environment import project_root
from cli.output import errors


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\nfiresteel generate tickets --rows 1000 --out tickets.csv\n\nfiresteel generate g2g --out g2g.csv"
    )(generate)


def generate(
    model: Annotated[str, typer.Argument(help="A model in models/ that has a generator.")],
    rows: Annotated[int | None, typer.Option(min=1, help="How many rows.", show_default="the generator's own")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same rows.")] = 0,
    out: Annotated[Path, typer.Option(help="The CSV file to write.")] = Path("data.csv"),
) -> None:
    """Write synthetic rows to a CSV file."""
    write(model, out, rows, seed)


def write(model: str, out: Path, rows: int | None = None, seed: int = 0) -> None:
    """Write a model's synthetic rows. Raises BadParameter for a model that has no generator."""
    if model not in known():
        raise typer.BadParameter(f"{model!r} has no generator; there are: {', '.join(known())}")
    generator = import_module(f"models.{model}").write
    count = rows or signature(generator).parameters["count"].default
    generator(out, count, seed)
    errors.print(f"wrote {count} rows to {out}")


def known() -> list[str]:
    """The models that ship with a generator."""
    models = project_root() / "models"
    return sorted(path.stem for path in models.glob("*.py") if path.with_suffix(".yaml").exists())
