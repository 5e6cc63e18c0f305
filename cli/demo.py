"""`firesteel demo`: the whole way once, on synthetic rows: generate, train, publish, serve. What is done is skipped."""

import json
from pathlib import Path
from typing import Annotated

import typer

from cli import generate, train
from cli.environment import open_registry, settings
from cli.output import console
from cli.serve import Host, Port, serve
from firesteel.errors import NotFoundError
from firesteel.registry import alias

DATA = Path(".data/tickets.csv")


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Example:\n\nfiresteel demo --port 8001")(demo)


def demo(
    host: Host = None,
    port: Port = None,
    rows: Annotated[int, typer.Option(min=200, help="Synthetic tickets to train on.")] = 1000,
) -> None:
    """Train `tickets` on synthetic rows, publish it to the local store and serve it."""
    if DATA.exists():
        console.print(f"skipped: {DATA} is there already")
    else:
        DATA.parent.mkdir(exist_ok=True)
        generate.generate("tickets", rows=rows, seed=0, out=DATA)
    try:
        entry = alias.current(open_registry(), "tickets", "latest")
        console.print(f"skipped: tickets {entry.version} is trained and published already")
    except NotFoundError:
        train.train("tickets", DATA)
    chosen = settings()
    address = f"http://{host or chosen.host}:{port or chosen.port}"
    ticket = json.dumps(
        {"title": "Cannot log in", "description": "My account is locked and the whole team is waiting."}
    )
    console.print(f"\nAPI docs   [bold]{address}/docs[/]")
    console.print(f"try it     curl -s {address}/classify -H 'content-type: application/json' -d '{ticket}'\n")
    serve(host=host, port=port)
