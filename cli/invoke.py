"""`firesteel invoke`: the built function in the real Lambda runtime emulator, with no container."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from cli.environment import project_root, settings
from cli.output import errors


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Example:\n\nsam build && firesteel invoke events/classify.json")(invoke)


def invoke(
    event: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A JSON file with the event.")],
    build: Annotated[Path, typer.Option(help="Where `sam build` put the artifacts.")] = Path(".aws-sam/build"),
) -> None:
    """Invoke the built classify function with an event and print its answer."""
    from cli.emulator import Emulator

    try:
        sent = json.loads(event.read_text(encoding="utf-8"))
    except ValueError as error:
        raise typer.BadParameter(f"{event} is not JSON: {error}") from None
    chosen = settings()
    environment = {
        "FIRESTEEL_STORE": _absolute(chosen.store),
        "FIRESTEEL_MODEL": chosen.model,
        "FIRESTEEL_ALIAS": chosen.alias,
        "FIRESTEEL_PUBLIC_KEYS": ",".join(chosen.public_keys),
        "FIRESTEEL_OLDEST_GENERATION": str(chosen.oldest_generation),
        **{key: value for key, value in os.environ.items() if key.startswith("AWS_")},
    }
    root = project_root()
    with Emulator(
        root / build / "ClassifyFunction",
        "functions.classify.handler.handler",
        environment,
        [root / build / "FiresteelLayer"],
    ) as emulator:
        answer, seconds = emulator.invoke(sent)
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False))
    errors.print(f"cold start to answer: {seconds * 1000:.0f} ms")


def _absolute(url: str) -> str:
    return f"file://{Path(url.removeprefix('file://')).resolve()}" if url.startswith("file://") else url
