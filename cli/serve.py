"""`firesteel serve`: the API as a server on this machine."""

from dataclasses import replace
from typing import Annotated

import typer

from cli.environment import settings

Host = Annotated[str | None, typer.Option(help="Address to listen on [default: FIRESTEEL_HOST].")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on [default: FIRESTEEL_PORT].")]


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:\n\nfiresteel serve\n\nFIRESTEEL_MODEL=banking77 firesteel serve --port 8001")(serve)


def serve(host: Host = None, port: Port = None) -> None:
    """Serve the model that the settings name until interrupted."""
    from functions.classify import server

    chosen = settings()
    server.run(replace(chosen, host=host or chosen.host, port=port or chosen.port))
