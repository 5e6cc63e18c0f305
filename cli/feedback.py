"""`firesteel feedback`: what people said the right answers were: sent, imported, listed."""

import csv
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer
from rich.markup import escape

from cli import rows, spreadsheet, summary, usable
from cli.ages import age
from cli.environment import open_registry, settings, user
from cli.output import AsJson, console, errors, print_json, print_table
from cli.programs import Version, Versions
from firesteel.errors import DataError, InputError
from firesteel.monitor import feedback as log
from firesteel.monitor.feedback import Correction
from firesteel.program.targets import Classification
from firesteel.registry.store import open_store

SHOWN = 3  # rows of a file that are wrong


def add_to(app: typer.Typer) -> None:
    app.command(
        "feedback",
        epilog="Examples:\n\nfiresteel feedback tickets --last 7d\n\n"
        "firesteel feedback tickets --request-id 3f0c6d --answer priority=High\n\n"
        'firesteel feedback tickets --set title="Cannot log in" --set description="Locked" --answer priority=High\n\n'
        "firesteel feedback tickets --data corrections.csv\n\n"
        "firesteel feedback tickets --last 30d --csv said.csv",
    )(feedback)


class Sending(NamedTuple):
    """A correction that was checked and is to be sent."""

    version: Version
    answer: dict[str, Any]
    request_id: str | None
    row: int | None
    input: dict[str, Any] | None
    who: str
    why: str


def feedback(
    model: Annotated[str, typer.Argument(help="A model, or one segment of it: recruits/qb.")],
    answer: Annotated[
        list[str] | None, typer.Option(help="The right answer as target=value; sends a correction.")
    ] = None,
    request_id: Annotated[str | None, typer.Option(help="The X-Request-Id of the answer to correct.")] = None,
    row: Annotated[int | None, typer.Option(min=0, help="Of a batch, the row, from 0.")] = None,
    fields: Annotated[
        list[str] | None, typer.Option("--set", help="A field of the input as name=value, as in a CSV file.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="A CSV file of corrections, - for standard input: request_id or the inputs, and the targets."
        ),
    ] = None,
    who: Annotated[str | None, typer.Option(help="Who says so.", show_default="you")] = None,
    why: Annotated[str, typer.Option(help="Why.")] = "",
    last: Annotated[str, typer.Option(help="How far back to list, like 24h or 7d.")] = "30d",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write CSV, - for standard output.")] = None,
    as_json: AsJson = False,
) -> None:
    """List what was said about a model's answers, or say it: with --answer one correction, with --data a file of them."""
    if answer and data:
        raise typer.BadParameter("give either --answer (for one correction) or --data file.csv")
    if not answer and (request_id or row is not None or fields):
        raise typer.BadParameter("needs --answer target=value", param_hint="--request-id, --row or --set")
    if not answer and not data:
        _list(model, last, limit, csv_file, as_json=as_json)
        return
    versions = Versions(open_registry(), model, None, settings().alias)
    if data:
        checked = _of_file(data, versions, who or user(), why)
    else:
        about = {
            "request_id": request_id or "",
            "row": "" if row is None else str(row),
            "who": who or user(),
            "why": why,
        }
        checked = [_checked(versions, rows.pairs(fields), rows.pairs(answer, "--answer"), about, strict=True)]
    store = open_store(settings().monitor)
    sent = [
        log.send(store, one.version.model, one.answer, **{name: getattr(one, name) for name in _ABOUT})
        for one in checked
    ]
    if not as_json:
        console.print(f"{len(sent)} sent" if data else f"sent {sent[0].id} about {escape(sent[0].subject)}")
    with errors.status("looking for it in the inference log") if errors.is_terminal else nullcontext():
        doubts = usable.doubts(store, [(one.version, said) for one, said in zip(checked, sent, strict=True)])
    if as_json:
        print_json([_sent(one, why) for one, why in zip(sent, doubts, strict=True)])
    _warn(sent, doubts)


_ABOUT = ("request_id", "row", "input", "who", "why")


def _sent(one: Correction, why: str | None) -> dict[str, Any]:
    return {"id": one.id, "subject": one.subject, "usable": why is None} | ({"why": why} if why else {})


def _warn(sent: Sequence[Correction], doubts: Sequence[str | None]) -> None:
    """Which corrections training could not use as things are, by reason."""
    found = summary.by_reason((one.subject, why) for one, why in zip(sent, doubts, strict=True) if why)
    for why, count, named in found:
        errors.print(f"[yellow]training cannot use {count} of {len(sent)} as it is[/] ({escape(named)}): {escape(why)}")
    if found:
        errors.print("a correction that has its input (--set, or columns of --data) can always be used")


def _of_file(data: str, versions: Versions, who: str, why: str) -> list[Sending]:
    """The corrections of a file. Raises DataError when one of them is wrong: then none is to be sent."""
    checked, wrong = [], []
    for line, cells in rows.read(data, _needed(versions)):
        plain = {name: spreadsheet.text(cell) for name, cell in cells.items()}
        about = {"who": who, "why": why} | {name: cell for name, cell in plain.items() if cell}
        try:
            answer = {name: plain[name] for name in _targets(versions.of(plain)) if plain.get(name, "").strip()}
            if answer:
                checked.append(_checked(versions, plain, answer, about, strict=False))
        except InputError as error:
            wrong.append(f"  line {line}: {error}")
    if wrong:
        more = [f"  and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
        raise DataError(
            "\n".join([f"{data}: {len(wrong)} corrections do not fit, so none was sent:", *wrong[:SHOWN], *more])
        )
    if not checked:
        raise DataError(f"{data}: no row has an answer: fill in the columns of the targets")
    return checked


def _needed(versions: Versions) -> list[str]:
    """The columns without which a file has no corrections: the targets; of a model of segments, what names the segment."""
    try:
        return _targets(versions.of({}))
    except InputError:
        return versions.needed


def _targets(version: Version) -> list[str]:
    return [target.name for target in version.predictor.targets]


def _checked(
    versions: Versions, cells: Mapping[str, str], answer: Mapping[str, str], about: Mapping[str, str], *, strict: bool
) -> Sending:
    """A correction as the API checks it. Raises InputError.

    Unless `strict`, cells that are no inputs are left out, and an input that is not whole is left to the request's id.
    """
    from functions.classify import feedback as api

    version = versions.of(cells)
    inputs = version.predictor.inputs
    own = {name: cell for name, cell in cells.items() if strict or name in {field.name for field in inputs.fields}}
    request_id, written = about.get("request_id") or None, about.get("row", "")
    row = int(written) if written.isdecimal() else None
    whole = all(own.get(field.name) for field in inputs.fields if field.required)
    given = api.kept(version.predictor, rows.values(own, inputs)) if own and (whole or not request_id) else None
    sent = {"request_id": request_id, "row": row if row is not None else written or None, "input": given}
    values = {name: _value(version, name, cell) for name, cell in answer.items()}
    who, why = about["who"], about["why"]
    api.refuse(api.misfits({**sent, "answer": values, "who": who, "why": why}) + api.wrong(version.predictor, values))
    return Sending(version, values, request_id, row, given, who, why)


def _value(version: Version, target: str, cell: str) -> Any:
    """A label as it stands there, a number as a number."""
    from functions.train import columns

    known = {one.name: one for one in version.predictor.targets}
    if target not in known or isinstance(known[target], Classification):
        return cell
    try:
        return columns.number(cell)
    except columns.BadCellError:
        return cell


def _list(model: str, last: str, limit: int, csv_file: Path | None, *, as_json: bool) -> None:
    damaged: list[str] = []
    said = log.read(open_store(settings().monitor), model, datetime.now(UTC) - age(last, "--last"), damaged=damaged)
    settled = {one.subject: one for one in log.settled(said)}
    shown = said[: -limit - 1 : -1]
    told = [_told(one, settled[one.subject]) for one in shown]
    if csv_file:
        _write(csv_file, told)
    elif as_json:
        print_json(told)
    elif shown:
        columns = ("when", "subject", "answer", "who", "why", "holds", "contradicted")
        print_table(columns, [_line(one, about) for one, about in zip(shown, told, strict=True)])
    for one in damaged:
        errors.print(f"[yellow]{escape(one)}[/]")
    if not said:
        errors.print(f"nothing was said about {escape(model)} in the last {last}")


def _told(one: Correction, settled: log.Settled) -> dict[str, Any]:
    """A correction, the targets on which it holds, and those on which another word stands against it."""
    holds = [target for target, latest in settled.latest.items() if latest.id == one.id]
    contradicted = [target for target in one.answer if target in settled.conflicts]
    return {**one.document(), "holds": holds, "contradicted": contradicted}


def _line(one: Correction, told: Mapping[str, Any]) -> tuple[str, ...]:
    answer = ", ".join(f"{target}={value}" for target, value in one.answer.items())
    cells = (f"{one.when:%Y-%m-%d %H:%M:%S}", one.subject, answer, one.who, one.why)
    return tuple(escape(cell) for cell in (*cells, ", ".join(told["holds"]), ", ".join(told["contradicted"])))


def _write(path: Path, told: Sequence[Mapping[str, Any]]) -> None:
    """A line a correction: a column for each field of the inputs and each target, as `--data` takes them."""
    lines = []
    for one in told:
        about = {name: one[name] for name in ("request_id", "row", "when", "subject", "who", "why", "version")}
        marks = {name: " ".join(one[name]) for name in ("holds", "contradicted")}
        lines.append({**about, **(one["input"] or {}), **one["answer"], **marks})
    write(path, lines)


def write(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    """A CSV file, or standard output for `-`. Raises DataError when it cannot be written."""
    header = list(dict.fromkeys(name for line in lines for name in line))
    try:
        opened = nullcontext(sys.stdout) if str(path) == "-" else path.open("w", encoding="utf-8", newline="")
        with opened as file:
            table = csv.DictWriter(file, header, lineterminator="\n")
            table.writeheader()
            table.writerows({name: spreadsheet.cell(value) for name, value in line.items()} for line in lines)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from None
