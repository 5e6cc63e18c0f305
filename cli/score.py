"""`firesteel score`: a file of rows answered, part by part: here, on a Dask cluster, or on AWS."""

import os
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import typer
from rich.markup import escape

from cli import prices
from cli.environment import open_registry, settings
from cli.output import AsJson, console, errors, print_json
from firesteel.registry.store import open_store

if TYPE_CHECKING:  # at run time these cost numpy, which `--help` need not wait for
    from cli.scoring.local import Bundles, Engine
    from cli.scoring.source import Source
    from functions.classify.scoring.layout import Kind


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\nfiresteel score tickets rows.csv --out results --dry-run\n\n"
        "firesteel score tickets rows.csv --out results\n\n"
        "firesteel score tickets rows.parquet --out results --format parquet --workers 8\n\n"
        "firesteel score tickets rows.jsonl --out results --explain --scheduler tcp://10.0.0.7:8786\n\n"
        "firesteel score tickets s3://bucket/rows.csv --aws"
    )(score)


def score(
    model: Annotated[str, typer.Argument(help="The model, like tickets; or a segment of one, like recruits/qb.")],
    data: Annotated[str, typer.Argument(help="A file of rows: .csv, .tsv, .jsonl or .parquet; with --aws, on S3.")],
    out: Annotated[
        str | None, typer.Option(help="The folder of results, or s3://bucket/prefix. Begun ones are gone on with.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="The version [default: that of the alias, now].")] = None,
    explained: Annotated[bool, typer.Option("--explain", help="Say what each field did to the answer.")] = False,
    answers: Annotated[
        Literal["jsonl", "csv", "parquet"], typer.Option("--format", help="What the answers are written as.")
    ] = "jsonl",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes [default: one a core].")] = None,
    scheduler: Annotated[str | None, typer.Option(help="Of a Dask cluster that answers: tcp://host:port.")] = None,
    aws: Annotated[bool, typer.Option("--aws", help="Answer on AWS, by Step Functions and Lambda.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would take, and cost on AWS.")] = False,
    as_json: AsJson = False,
) -> None:
    """Answer a file of rows. Killed half-way and run again, it goes on with the parts that are missing.

    Rows that cannot be answered are set aside in failed-*.jsonl with their line and what is wrong with them.
    """
    if aws:
        _on_aws(model, data, version, explained, as_json)
        return
    from cli.scoring import local, progress, source
    from functions.classify.scoring.results import Results

    chosen = local.bundles(open_registry(), model, version, settings().alias)
    rows = source.open_source(Path(data), chosen.needed)
    count = workers or os.process_cpu_count() or 1
    if dry_run:
        _estimate(rows, chosen, answers, explained, count, as_json)
        return
    if out is None:
        raise typer.BadParameter("name the folder of the results: --out results")
    results = Results(open_store(out if "://" in out else f"file://{quote(str(Path(out).absolute()))}"))
    begun = local.begin(rows, chosen, results, answers, explained=explained)
    with progress.shown(rows.total - rows.start.byte) as told:
        manifest = local.score(begun, rows, chosen, results, _engine(count, scheduler), told)
    _show(manifest | {"parts": len(manifest["parts"])}, out, as_json)


def _engine(workers: int, scheduler: str | None) -> "Engine":
    if scheduler is not None:
        from cli.scoring import cluster

        return partial(cluster.dask, scheduler=scheduler)
    from cli.scoring import engines

    return partial(engines.processes, workers=workers)


def _estimate(rows: "Source", chosen: "Bundles", answers: "Kind", explained: bool, workers: int, as_json: bool) -> None:
    from cli.scoring import estimate
    from cli.scoring.worker import Job

    told = estimate.of(rows, Job(chosen.fetched, rows.layout, answers, explained, ""))
    if as_json:
        print_json(told.to_json(workers))
        return
    about = "" if told.is_counted else "about "
    console.print(f"{about}{told.rows:,} rows in {about}{told.parts:,} parts")
    if not told.rows:
        return
    console.print(f"here: {told.seconds(workers):,.0f} s on {workers} cores, {told.rate:,.0f} rows/s each (measured)")
    cost = told.cost()
    listed = ", ".join(f"{name} {usd:.4f}" for name, usd in cost.items())
    console.print(f"AWS: {sum(cost.values()):.4f} USD ({listed}); {prices.SAID}, if a core is as quick there")


def _show(manifest: dict[str, Any], out: str, as_json: bool) -> None:
    """The counts of a run."""
    if as_json:
        print_json(manifest | {"results": out})
        return
    console.print(
        f"{manifest['answered']:,} of {manifest['rows']:,} rows answered by {manifest['model']} {manifest['version']}, "
        f"{manifest['failed']:,} set aside; {manifest['parts']:,} parts in {escape(out)}"
    )


def _on_aws(model: str, data: str, version: str | None, explained: bool, as_json: bool) -> None:
    from cli.scoring import machine
    from functions.classify.scoring import layout

    asked: dict[str, Any] = {"model": model, "data": data, "format": layout.kind_of(data).upper(), "explain": explained}
    with errors.status("starting") if errors.is_terminal else nullcontext() as status:

        def told(state: str, done: int, parts: int) -> None:
            if status:
                status.update(f"{state}: {done:,} of {parts:,} parts")

        manifest = machine.run(settings().batch_machine, asked | ({"version": version} if version else {}), told)
    work = settings().work.rstrip("/")
    _show(manifest, f"{work}/{manifest['results']}" if work else manifest["results"], as_json)
