"""`firesteel serve`: the API as a server on this machine."""

from dataclasses import replace
from typing import Annotated

import typer
from rich.markup import escape

from cli.environment import settings
from cli.output import errors
from firesteel.settings import Settings

Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default="FIRESTEEL_HOST")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.", show_default="FIRESTEEL_PORT")]


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:\n\nfiresteel serve\n\nFIRESTEEL_MODEL=banking77 firesteel serve --port 8001")(serve)


def serve(host: Host = None, port: Port = None) -> None:
    """Serve the model that the settings name until interrupted."""
    start(settings(), host, port)


def start(chosen: Settings, host: str | None = None, port: int | None = None) -> None:
    """Serve as the settings say, at another address if one is given, until interrupted."""
    from functions.classify import server

    chosen = replace(chosen, host=host or chosen.host, port=port or chosen.port)
    errors.print(f"serving {chosen.model} from {escape(chosen.store)} at http://{chosen.host}:{chosen.port}")
    try:
        server.run(chosen)
    except SystemExit:  # uvicorn has said why; its own code would mean bad input here
        raise typer.Exit(1) from None
