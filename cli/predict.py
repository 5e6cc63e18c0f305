"""`firesteel predict`: answers from a published version, without a server."""

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli.environment import open_registry, settings
from cli.output import AsJson, console, print_json
from firesteel.errors import DataError, InputError
from firesteel.program.predictor import Prediction, Predictor, load
from firesteel.program.schema import Schema
from firesteel.registry import alias, bundle


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        'firesteel predict tickets --set title="Cannot log in" --set description="My account is locked"\n\n'
        "firesteel predict tickets --data new.csv > answers.jsonl\n\n"
        "firesteel predict tickets --version 1.0.0 --data - < new.csv"
    )(predict)


def predict(
    model: Annotated[str, typer.Argument(help="The model, like tickets.")],
    fields: Annotated[list[str] | None, typer.Option("--set", help="A field as name=value; for one row.")] = None,
    data: Annotated[
        str | None, typer.Option(help="A CSV file of rows, - for standard input; answers are JSON lines.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="The version [default: that of the alias].")] = None,
    as_json: AsJson = False,
) -> None:
    """Classify one row, or a file of them, with a published version."""
    if (fields is None) == (data is None):
        raise typer.BadParameter("give either --set name=value (for one row) or --data file.csv")
    used, predictor = _load(model, version)
    if data is not None:
        _predict_file(predictor, used, data)
        return
    row = predictor.check(dict(_field(one) for one in fields or []))
    answer = _answer(predictor.predict(row), used)
    if as_json:
        print_json(answer)
        return
    for name, label in answer["labels"].items():
        console.print(f"{name:<12} [bold]{escape(label)}[/]  {answer['confidences'][name]:.3f}")
    if answer["review"]:
        console.print("a person should look at this")
    elif any(target.threshold is not None for target in predictor.targets):
        console.print("automatic: above the confidence that the wanted accuracy needs")


def _load(model: str, version: str | None) -> tuple[str, Predictor]:
    store = open_registry()
    entry = None if version else alias.current(store, model, settings().alias)
    manifest = bundle.read_manifest(
        store, model, version or (entry.version if entry else ""), entry.digest if entry else None
    )
    return manifest.version, load(bundle.read_file(store, manifest, "program.safetensors"))


def _field(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"--set {text!r} is not name=value")
    return name, value


def _answer(prediction: Prediction, version: str) -> dict[str, Any]:
    confidences = {name: round(value, 6) for name, value in prediction.confidences.items()}
    return {
        "labels": prediction.labels,
        "confidences": confidences,
        "review": prediction.review,
        "model_version": version,
    }


def _predict_file(predictor: Predictor, version: str, data: str) -> None:
    """One JSON line a row, in order; a row that does not fit gets its error instead."""
    for line, row in _rows(data, predictor.inputs):
        try:
            answer = _answer(predictor.predict(predictor.check(row)), version)
        except InputError as error:
            answer = {"error": str(error)}
        typer.echo(json.dumps({"line": line, **answer}, ensure_ascii=False))


def _rows(data: str, inputs: Schema) -> Iterator[tuple[int, dict[str, str]]]:
    """The inputs of a CSV's rows, with the line on which each row begins; other columns are left out.

    Raises DataError for a file that is not CSV in UTF-8, or has no column for a required input.
    """
    from functions.train import csvfile

    names = {field.name for field in inputs.fields}
    needed = [field.name for field in inputs.fields if field.required]
    with _file(data) as path, csvfile.opened(path, needed) as file:
        for line, row in file.rows:
            if len(row) != len(file.header):
                raise DataError(f"{data}: line {line} has {len(row)} fields, the header {len(file.header)}")
            yield line, {name: value for name, value in zip(file.header, row, strict=False) if name in names}


@contextmanager
def _file(data: str) -> Iterator[Path]:
    """The file that `--data` names. Standard input is copied: the reader goes back to say where a file is wrong."""
    if data != "-":
        yield Path(data)
        return
    with NamedTemporaryFile(prefix="standard-input-", suffix=".csv") as copy:
        shutil.copyfileobj(sys.stdin.buffer, copy)
        copy.flush()
        yield Path(copy.name)
