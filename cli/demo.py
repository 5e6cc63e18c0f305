"""`firesteel demo`: the whole way once, on synthetic rows: generate, train, publish, serve. What is done is skipped."""

import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli import generate, ports, serve, train
from cli.environment import open_registry, settings
from cli.output import console
from cli.serve import Host, Port
from firesteel import definition_file
from firesteel.definition import Definition
from firesteel.errors import NotFoundError
from firesteel.registry import alias
from firesteel.settings import Settings
from functions.classify.loopback import is_own

DATA = Path(".data")


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:\n\nfiresteel demo --port 8001\n\nfiresteel demo g2g")(demo)


def demo(
    model: Annotated[str, typer.Argument(help="A model in models/ that has a generator.")] = "tickets",
    host: Host = None,
    port: Port = None,
    rows: Annotated[
        int | None, typer.Option(min=200, help="Synthetic rows to train on.", show_default="the generator's own number")
    ] = None,
) -> None:
    """Train a model on synthetic rows, publish it to the local store and serve it."""
    chosen = settings()
    host, port = host or chosen.host, port or chosen.port
    ports.must_be_free(host, port)
    data = DATA / f"{model}.csv"
    if data.exists() and rows is None:
        console.print(f"skipped: {data} is there already")
    else:
        DATA.mkdir(exist_ok=True)
        generate.write(model, data, rows)
    described = definition_file.load(train.file_of(model))
    try:
        entry = alias.current(open_registry(), model, "latest")
        console.print(f"skipped: {model} {entry.version} is trained and published already")
    except NotFoundError:
        _train(described, data)
    address = f"http://{host}:{port}"
    path = "/classify" if described.tasks == {"classification"} else "/predict"
    body = shlex.quote(json.dumps(example(described), ensure_ascii=False))
    console.print(f"\nPage       [bold]{address}/[/]")
    console.print(f"API docs   [bold]{address}/docs[/]")
    console.print(escape(f"try it     curl -s {address}{path} -H 'content-type: application/json' -d {body}\n"))
    chosen = replace(chosen, model=model)
    serve.start(_of_one_person(chosen) if is_own(host) else chosen, host, port)


def _of_one_person(chosen: Settings) -> Settings:
    """Settings where nobody else can ask: all of the page works, and it asks at every key."""
    limit = 0 if chosen.rate_limit == Settings.rate_limit else chosen.rate_limit
    return replace(chosen, admin=True, rate_limit=limit)


def _train(described: Definition, data: Path) -> None:
    """As `firesteel train` does without any option. Raises the first error of what it trains."""
    usual = train.Run(data, None, "minor", None, "", True, Path(".tuning"), True, None)
    outcomes = usual.all(described, list(described.segments) or None)
    if failed := [outcome.error for outcome in outcomes if outcome.error]:
        raise failed[0]


def example(described: Definition) -> dict[str, Any]:
    """A request that the model answers: its first golden row, in lists where requests have some."""
    described = described.of_segment(next(iter(described.segments))) if described.segments else described
    examples = {name: one.example for name, one in described.inputs.items() if one.required}
    row: dict[str, Any] = dict(described.golden[0]) if described.golden else examples
    shape = described.request
    for part in filter(None, (shape.each, shape.sum) if shape else ()):
        row[part.name] = [{name: row.pop(name) for name in part.inputs if name in row}]
    return row
