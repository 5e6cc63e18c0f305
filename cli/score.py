"""`firesteel score`: a file of rows answered, part by part: here, on a Dask cluster, or on AWS."""

import os
from contextlib import nullcontext
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote, urlsplit

import typer
from rich.markup import escape

from cli import prices
from cli.environment import open_registry, settings
from cli.output import AsJson, console, errors, print_json
from firesteel.errors import DataError
from firesteel.registry.store import open_store

if TYPE_CHECKING:  # at run time these cost numpy, which `--help` need not wait for
    from cli.scoring.local import Bundles, Engine
    from cli.scoring.source import Source
    from functions.classify.scoring.layout import Kind
    from functions.classify.scoring.results import Done, Results

_PROBLEMS = 2  # that are shown; the files have all


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\nfiresteel score tickets rows.csv --out results --dry-run\n\n"
        "firesteel score tickets rows.csv --out results\n\n"
        "firesteel score tickets rows.parquet --out results --format parquet --workers 8\n\n"
        "firesteel score tickets rows.jsonl --out results --explain --scheduler tcp://10.0.0.7:8786\n\n"
        "firesteel score tickets s3://bucket/rows.csv --aws"
    )(score)


def _of_dask(scheduler: str | None) -> str | None:
    """An address that Dask can look for. Raises BadParameter."""
    if scheduler is None:
        return None
    try:
        parts = urlsplit(scheduler)
        is_address = parts.scheme in ("tcp", "tls") and parts.hostname and parts.port
    except ValueError:  # a port that is none
        is_address = False
    if not is_address:
        raise typer.BadParameter(f"{scheduler!r:.100} is no address; write tcp://host:port or tls://host:port")
    return scheduler


def score(
    model: Annotated[str, typer.Argument(help="The model, like tickets; or a segment of one, like recruits/qb.")],
    data: Annotated[str, typer.Argument(help="A file of rows: .csv, .tsv, .jsonl or .parquet; with --aws, on S3.")],
    out: Annotated[
        str | None, typer.Option(help="The folder of results, or s3://bucket/prefix. Begun ones are gone on with.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="The version.", show_default="that of the alias, now")] = None,
    explained: Annotated[bool, typer.Option("--explain", help="Say what each field did to the answer.")] = False,
    answers: Annotated[
        Literal["jsonl", "csv", "parquet"], typer.Option("--format", help="What the answers are written as.")
    ] = "jsonl",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="one a core")] = None,
    scheduler: Annotated[
        str | None, typer.Option(callback=_of_dask, help="Of a Dask cluster that answers: tcp://host:port.")
    ] = None,
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
    if data.startswith("s3://"):
        raise DataError(f"{data}: rows on S3 are scored with --aws; or copy the file here first")
    from cli.scoring import local, progress, source, stops
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
    local.refuse_leftovers(results, out)
    earlier = 0
    with stops.told(), progress.shown(rows.total - rows.start.byte) as shown:

        def told(done: "Done", is_earlier: bool) -> None:
            nonlocal earlier
            earlier += is_earlier
            shown(done, is_earlier)

        begun = local.begin(rows, chosen, results, answers, explained=explained)
        manifest = local.score(begun, rows, chosen, results, _engine(count, scheduler), told)
    _show(manifest | {"parts": len(manifest["parts"]), "earlier": earlier}, out, as_json)
    _show_refused(manifest, results, out)
    _refuse_nothing(manifest, data)


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
    if not told.rows:
        raise DataError(f"{rows.path}: the file has no rows")
    if as_json:
        print_json(told.to_json(workers))
        return
    about = "" if told.is_counted else "about "
    console.print(f"{about}{_counted(told.rows, 'row')} in {about}{_counted(told.parts, 'part')}")
    console.print(
        f"here: {told.seconds(workers):,.0f} s on {_counted(workers, 'core')}, {told.rate:,.0f} rows/s each (measured)"
    )
    cost = told.cost()
    listed = ", ".join(f"{name} {usd:.4f}" for name, usd in cost.items())
    console.print(f"AWS: {sum(cost.values()):.4f} USD ({listed}); {prices.SAID}, if a core is as quick there")


def _show(manifest: dict[str, Any], out: str, as_json: bool) -> None:
    """The counts of a run; `earlier` are the parts that were done before, where that is known."""
    if as_json:
        print_json(manifest | {"results": out})
        return
    parts, earlier = manifest["parts"], manifest.get("earlier", 0)
    before = "" if not earlier else ", was complete already" if earlier == parts else f", {earlier:,} of them before"
    console.print(
        f"{manifest['answered']:,} of {_counted(manifest['rows'], 'row')} answered "
        f"by {manifest['model']} {manifest['version']}, {manifest['failed']:,} set aside; "
        f"{_counted(parts, 'part')} in {escape(out)}{before}"
    )


def _show_refused(manifest: dict[str, Any], results: "Results", out: str) -> None:
    """Where the rows stand that have no answer, and what is wrong with the first of them."""
    files = [one["refused"] for one in manifest["parts"] if "refused" in one]
    if not files:
        return
    more = f" and {_counted(len(files) - 1, 'more file')}" if len(files) > 1 else ""
    errors.print(f"set aside in {escape(out.rstrip('/'))}/{files[0]['name']}{more}:")
    for line, problem in islice(results.refused(files[0]), _PROBLEMS):
        errors.print(f"  line {line}: {escape(str(problem))}")


def _refuse_nothing(manifest: dict[str, Any], data: str) -> None:
    """Raises DataError when a run ended, and yet answered nothing."""
    if not manifest["rows"]:
        raise DataError(f"{data}: the file has no rows")
    if not manifest["answered"]:
        raise DataError(f"{data}: none of its {_counted(manifest['rows'], 'row')} could be answered")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


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
    out = f"{work}/{manifest['results']}" if work else manifest["results"]
    _show(manifest, out, as_json)
    if manifest["failed"]:
        errors.print(f"set aside in {escape(out)}failed-*.jsonl")
    _refuse_nothing(manifest, data)
