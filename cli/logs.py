"""`firesteel logs`: asks logs what happened, on AWS or in files, in the same language."""

import csv
import re
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.markup import escape

from cli import rows
from cli.ages import age
from cli.environment import project_root, settings
from cli.output import AsJson, errors, print_json, print_table
from firesteel.errors import NotFoundError, SettingsError

if TYPE_CHECKING:
    from cli.insights.evaluate import Result
    from cli.insights.values import Value

Files = Annotated[
    list[str] | None,
    typer.Option("--file", help="A file of log lines, .gz too, - for standard input; several are read as one."),
]
Since = Annotated[
    str | None, typer.Option(help="How far back, like 30m, 24h or 7d.", show_default="24h on AWS, all of the files")
]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds to wait for AWS.")]
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_PARAMETER = re.compile(r"# \{\{(\w+)\}\}(?: = (\S+))?: (.*)")
_VALUE = re.compile(r"[\w.:=/+@ -]{1,200}")  # nothing that could end a string or begin a command


class Parameter(NamedTuple):
    """What a saved query must be told; without a default it has to be."""

    name: str
    default: str | None
    meaning: str


class Saved(NamedTuple):
    """A query of infra/queries."""

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    text: str


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\nfiresteel logs\n\nfiresteel logs latency --since 24h\n\n"
        "firesteel logs request --set request_id=JKJaXmPLvHcESHA=\n\n"
        "firesteel logs errors --file server.log\n\n"
        "firesteel logs --query 'stats count(*) by route' --file server.log --json"
    )(logs)


def logs(
    name: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="A saved query; without one, all are listed.")
    ] = None,
    query: Annotated[str | None, typer.Option(help="A query of your own, in Logs Insights QL.")] = None,
    values: Annotated[list[str] | None, typer.Option("--set", help="A parameter of the query as name=value.")] = None,
    since: Since = None,
    files: Files = None,
    timeout: Timeout = 60.0,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: AsJson = False,
) -> None:
    """Ask the logs what happened: with a saved query or your own, on AWS or in files of log lines."""
    if name is None and query is None:
        _list(as_json)
        return
    if name is not None and query is not None:
        raise typer.BadParameter("give either a saved query or --query")
    text = query if name is None else filled(saved(name), rows.pairs(values))
    if not text:
        raise typer.BadParameter("the query is empty")
    if as_json and as_csv:
        raise typer.BadParameter("give either --json or --csv")
    result = ask(text, files, _seconds(since), timeout)
    if as_json:
        print_json([dict(zip(result.columns, row, strict=True)) for row in result.rows])
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(result.columns)
        writer.writerows(result.rows)
    else:
        print_table(result.columns, ([shown(value) for value in row] for row in result.rows))


def _seconds(since: str | None) -> int | None:
    return None if since is None else round(age(since, "--since").total_seconds())


def ask(
    text: str, files: Iterable[str] | None, seconds: int | None, timeout: float, *, quiet: bool = False
) -> "Result":
    """The result of a query over files or, without any, over the log groups on AWS.

    Raises SettingsError without either, AwsError when AWS does not answer, and BadParameter for a query that is wrong.
    """
    if not files:
        from cli import cloudwatch

        groups = settings().log_groups
        if not groups:
            raise SettingsError("FIRESTEEL_LOG_GROUPS is not set: name the log groups to ask, or give --file")
        return cloudwatch.ask(text, groups, seconds=seconds or 86_400, timeout=timeout)
    return _local(text, list(files), seconds, quiet=quiet)


def _local(text: str, files: list[str], seconds: int | None, *, quiet: bool) -> "Result":
    from cli.insights.evaluate import Plan
    from cli.insights.lines import Lines
    from cli.insights.parser import parse
    from cli.insights.syntax import QueryError

    try:
        plan = Plan(parse(text))
    except QueryError as error:
        raise typer.BadParameter(f"the query, {error}") from None
    lines = Lines(files, None if seconds is None else round((time.time() - seconds) * 1000))
    result = plan.run(lines)
    if lines.skipped and not quiet:
        errors.print(f"{lines.skipped} of {lines.read} lines are no JSON objects and were skipped")
    if not result.rows and not quiet:
        errors.print(f"no rows: nothing of {lines.read} lines is what was asked for")
    return result


def queries() -> list[Saved]:
    """All saved queries by name."""
    return [_read(path) for path in sorted((project_root() / "infra" / "queries").glob("*.cwli"))]


def saved(name: str) -> Saved:
    """The saved query of that name. Raises NotFoundError."""
    known = {one.name: one for one in queries()}
    if name not in known:
        raise NotFoundError(f"there is no saved query {name!r}; there are: {', '.join(known)}")
    return known[name]


def _read(path: Path) -> Saved:
    """The comments at the top say what a query answers, and then each of its parameters."""
    text = path.read_text(encoding="utf-8")
    about, parameters = [], []
    for line in text.splitlines():
        if found := _PARAMETER.fullmatch(line):
            parameters.append(Parameter(*found.groups()))
        elif line.startswith("# "):
            about.append(line[2:])
        else:
            break
    return Saved(path.stem, " ".join(about), tuple(parameters), text)


def filled(query: Saved, values: Mapping[str, str]) -> str:
    """The text of a query with its parameters set. Raises BadParameter for one that is missing, unknown or malformed."""
    usual = {one.name: one.default for one in query.parameters}
    if unknown := [name for name in values if name not in usual]:
        raise typer.BadParameter(f"{query.name} has no parameter {unknown[0]!r}; it has: {', '.join(usual) or 'none'}")
    chosen = {**usual, **values}
    for name, value in chosen.items():
        if value is None:
            meaning = next(one.meaning for one in query.parameters if one.name == name)
            raise typer.BadParameter(f"{query.name} needs --set {name}=...: {meaning}")
        if not _VALUE.fullmatch(value):
            raise typer.BadParameter(
                f"--set {name}: {value!r:.80} has other characters than letters, digits and _.:=/+@ -"
            )
    return _PLACEHOLDER.sub(lambda found: chosen[found[1]] or "", query.text)


def shown(value: "Value") -> str:
    """A value in a table: numbers with six digits at most behind what matters."""
    if isinstance(value, float):
        return f"{value:.6g}" if abs(value) < 1e6 else f"{value:.0f}"
    return "" if value is None else escape(str(value))


def _list(as_json: bool) -> None:
    found = queries()
    if as_json:
        print_json([{**one._asdict(), "parameters": [each._asdict() for each in one.parameters]} for one in found])
        return
    rows = []
    for one in found:
        said = [f"{each.name}={each.default}" if each.default else f"{each.name}=..." for each in one.parameters]
        rows.append((one.name, one.about, " ".join(said)))
    print_table(("query", "what it answers", "--set"), rows)
