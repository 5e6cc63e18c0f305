"""`firesteel serve`: the API as a server on this machine."""

from dataclasses import replace
from typing import Annotated

import typer
from rich.markup import escape

from cli import ports
from cli.environment import settings
from cli.output import errors
from firesteel.errors import NotFoundError, RegistryError
from firesteel.registry import alias
from firesteel.registry.seal import registry_of
from firesteel.settings import Settings
from functions.classify.loopback import is_own

Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default="FIRESTEEL_HOST")]
Port = Annotated[int | None, typer.Option(min=1, max=65535, help="Port to listen on.", show_default="FIRESTEEL_PORT")]
Admin = Annotated[bool, typer.Option("--admin", help="Answer /admin/... too; on this machine's own addresses alone.")]
_EXAMPLES = (
    "Examples:\n\nfiresteel serve\n\nfiresteel serve --admin\n\nFIRESTEEL_MODEL=banking77 firesteel serve --port 8001"
)


def add_to(app: typer.Typer) -> None:
    app.command(epilog=_EXAMPLES)(serve)


def serve(host: Host = None, port: Port = None, admin: Admin = False) -> None:
    """Serve the model that the settings name until interrupted. A browser gets the page at /.

    /admin/... shows recent inferences, drift and the review queue to whoever asks: FIRESTEEL_ADMIN=true answers it at any
    address. At this machine's own addresses such a server refuses requests by any other name, as of a strange page.
    """
    chosen = settings()
    if admin and not is_own(host or chosen.host):
        raise typer.BadParameter(
            f"{host or chosen.host} can be asked by others, who would see all of /admin; set FIRESTEEL_ADMIN=true if "
            "something before the server keeps them out",
            param_hint="'--admin'",
        )
    start(replace(chosen, admin=admin or chosen.admin), host, port)


def _is_published(chosen: Settings) -> bool:
    """Whether there is a version to serve; where that cannot be told, the server says why."""
    try:
        alias.current(registry_of(chosen), chosen.model, chosen.alias)
    except NotFoundError:
        return False
    except RegistryError:
        return True
    return True


def start(chosen: Settings, host: str | None = None, port: int | None = None) -> None:
    """Serve as the settings say, at another address if one is given, until interrupted."""
    from functions.classify import server

    chosen = replace(chosen, host=host or chosen.host, port=port or chosen.port)
    ports.must_be_free(chosen.host, chosen.port)
    if not _is_published(chosen):
        errors.print(
            f"[yellow]there is no {chosen.model} in {escape(chosen.store)} yet, so requests get 503[/]: `firesteel train "
            f"{chosen.model} --data rows.csv` makes one, which is served {chosen.refresh_seconds:g} s later at most; "
            "`firesteel demo` does it all on made-up rows"
        )
    errors.print(f"serving {chosen.model} from {escape(chosen.store)} at http://{chosen.host}:{chosen.port}")
    try:
        server.run(chosen)
    except SystemExit:  # uvicorn has said why; its own code would mean bad input here
        raise typer.Exit(1) from None
