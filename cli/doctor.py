"""`firesteel doctor`: what is installed, reachable and readable here, and what to do about what is not."""

from typing import Annotated

import typer
from rich.markup import escape

from cli.output import AsJson, console, print_json, print_table
from firesteel.errors import FiresteelError

_COLOURS = {"ok": "[green]ok[/]", "warn": "[yellow]warn[/]", "FAIL": "[red]FAIL[/]"}


class DoctorError(FiresteelError):
    """Something that Firesteel needs is missing or broken here. What, and what to do, stands in the table before it."""


def add_to(app: typer.Typer) -> None:
    app.command(epilog="Examples:\n\nfiresteel doctor\n\nfiresteel doctor --definition models/tickets.yaml --json")(
        doctor
    )


def doctor(
    definition: Annotated[
        str | None,
        typer.Option(help="A model in models/, or the path of a definition file.", show_default="FIRESTEEL_MODEL"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Examine this machine, the settings, the store and the model that is served, and say what to do."""
    from cli import examination

    findings = list(examination.examine(definition))
    failed = [one for one in findings if one.verdict == "FAIL"]
    if as_json:
        print_json({"healthy": not failed, "findings": findings})
    else:
        print_table(
            ("", "what", "found"),
            [(_COLOURS[one.verdict], one.what, escape(one.found)) for one in findings],
        )
        for one in findings:
            if one.remedy:
                console.print(f"{_COLOURS[one.verdict]} {one.what}: {escape(one.remedy)}")
    if failed:
        raise DoctorError(
            f"{len(failed)} of {len(findings)} examinations failed: {', '.join(one.what for one in failed)}"
        )
