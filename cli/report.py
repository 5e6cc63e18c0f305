"""`firesteel report`: what people need to know of a version, as one document for a pull request or a meeting."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from cli.environment import open_registry, settings
from cli.output import AsJson, console, errors, print_json
from cli.registry import Model
from cli.reporting.files import Format, format_of, written


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        "firesteel report tickets\n\n"
        "firesteel report tickets --data tickets.csv --against 1.0.0 --format md --out report.md\n\n"
        "firesteel report tickets --data new.csv --against 1.0.0 --trained-on tickets.csv --trained-on old.csv\n\n"
        "firesteel report recruits/qb --data recruits.csv --out qb.pdf"
    )(report)


def report(
    model: Model,
    version: Annotated[str | None, typer.Option(help="The version.", show_default="that of the alias")] = None,
    against: Annotated[str | None, typer.Option(help="Another version, to be shown beside it.")] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Labelled rows, a CSV file. Of the training file only the held-out rows are taken."),
    ] = None,
    trained_on: Annotated[
        list[Path] | None,
        typer.Option(help="The file that a version was trained on, if --data is another; its rows are left out."),
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="What to write.", show_default="by --out, else html")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file.", show_default="MODEL-VERSION.FORMAT")] = None,
    examples: Annotated[
        int, typer.Option(min=0, help="Wrong rows to show, of --data; 0 keeps all rows out of the report.")
    ] = 20,
    min_rows: Annotated[int, typer.Option(min=2, help="The least rows of a slice.")] = 30,
    seed: Annotated[int, typer.Option(min=0, help="Of all resampling.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Write a report on a version: metrics, plots, worst slices, wrong answers, drift, and another version beside it.

    Without --data it has what training measured. With --data it holds rows of that file, unless --examples is 0.
    """
    form = format_of(out, form)
    with errors.status("reading") if errors.is_terminal else nullcontext() as status:
        from cli.reporting import compose, drift, subject
        from firesteel.registry.store import open_store

        store, alias_name = open_registry(), settings().alias
        chosen = subject.read(store, model, version, alias_name)
        other = subject.read(store, model, against, alias_name) if against else None
        out = out or Path(f"{model.replace('/', '-')}-{chosen.version}.{form}")
        if status:
            status.update("asking the model")
        evidence = compose.gather(chosen, other, data, trained_on or ()) if data else None
        look = drift.newest(open_store(settings().monitor), model)
        if status:
            status.update("writing")
        wanted = compose.Wanted(min_rows, examples, seed)
        files = written(compose.report(chosen, other, evidence, look, wanted), form, out)
    if data and examples:
        errors.print(f"[yellow]the report holds rows of {data}[/]: --examples 0 leaves them out")
    if as_json:
        rows = evidence.rows.said if evidence else None
        told = {"model": model, "version": chosen.version, "against": against, "rows": rows, "format": form}
        print_json(told | {"files": [str(file) for file in files]})
        return
    plots = f" and {len(files) - 1} plots beside it" if len(files) > 1 else ""
    console.print(f"{out} tells of {model} {chosen.version}{plots}")
