"""`firesteel predict`: answers from a published version, without a server."""

import json
from typing import Annotated, Any

import typer
from rich.markup import escape

from cli import explain, rows
from cli.environment import open_registry, settings
from cli.output import AsJson, console, print_json
from cli.programs import Answer, Version, Versions
from firesteel.program.results import Estimate, Prediction
from firesteel.program.schema import Identifier
from firesteel.program.targets import Classification, Target

_DIGITS = 6


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        'firesteel predict tickets --set title="Cannot log in" --set description="My account is locked"\n\n'
        "firesteel predict tickets --data new.csv > answers.jsonl\n\n"
        "firesteel predict tickets --version 1.0.0 --data - < new.csv\n\n"
        "firesteel predict g2g --data businesses.csv --explain > why.jsonl"
    )(predict)


def predict(
    model: Annotated[str, typer.Argument(help="The model, like tickets; or a segment of one, like recruits/qb.")],
    fields: Annotated[
        list[str] | None,
        typer.Option("--set", help="A field as name=value, for one row; written as in a CSV file, empty is missing."),
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="A CSV file of rows, - for standard input; answers are JSON lines.")
    ] = None,
    version: Annotated[str | None, typer.Option(help="The version.", show_default="that of the alias")] = None,
    explained: Annotated[bool, typer.Option("--explain", help="Say what each field did to the answer.")] = False,
    as_json: AsJson = False,
) -> None:
    """Predict one row, or a file of them, with a published version: labels, or numbers with intervals, and why."""
    if (fields is None) == (data is None):
        raise typer.BadParameter("give either --set name=value (for one row) or --data file.csv")
    versions = Versions(open_registry(), model, version, settings().alias)
    if data is not None:
        for answer in versions.answer(rows.read(data, versions.needed), explained=explained):
            typer.echo(json.dumps({"line": answer.line, **_told(answer, explained)}, ensure_ascii=False))
        return
    cells = rows.pairs(fields)
    [answer] = versions.answer([(1, cells)], explained=explained, strict=True)
    if answer.error:
        raise answer.error
    if as_json:
        print_json(_told(answer, explained))
    elif answer.version and answer.prediction:
        _show(answer.version, answer.prediction)
        for target in answer.version.predictor.targets if explained else ():
            explain.show(answer.explanations[target.name], target)


def _told(answer: Answer, explained: bool) -> dict[str, Any]:
    """An answer in terms of JSON; that to a row which does not fit is its error."""
    version, prediction = answer.version, answer.prediction
    if version is None or prediction is None:
        return {"error": str(answer.error)}
    inputs = version.predictor.inputs.fields
    identifiers = {field.name: answer.row[field.name] for field in inputs if isinstance(field, Identifier)}
    return {
        **({"identifiers": identifiers} if identifiers else {}),
        "labels": prediction.labels,
        "confidences": {name: round(value, _DIGITS) for name, value in prediction.confidences.items()},
        "estimates": {name: _estimate(one) for name, one in prediction.estimates.items()},
        "review": prediction.review,
        "model": version.model,
        "model_version": version.version,
        **({"explanations": explain.told(answer.explanations)} if explained else {}),
    }


def _estimate(one: Estimate) -> dict[str, float | str | None]:
    return {name: round(part, _DIGITS) if isinstance(part, float) else part for name, part in one._asdict().items()}


def _show(version: Version, prediction: Prediction) -> None:
    targets = version.predictor.targets
    width = max(len(target.name) for target in targets)
    for target in targets:
        console.print(f"{target.name:<{width}}  {_sentence(target, prediction)}")
    if prediction.review:
        console.print("a person should look at this")
    elif any(isinstance(target, Classification) and target.threshold is not None for target in targets):
        console.print("automatic: above the confidence that the wanted accuracy needs")
    console.print(f"[dim]answered by {version.model} {version.version}[/]")


def _sentence(target: Target, prediction: Prediction) -> str:
    """`Tech Support  0.912`; `0.7312  0.61 to 0.85 in 90% of cases, confidence High 0.84`."""
    if isinstance(target, Classification):
        return f"[bold]{escape(prediction.labels[target.name])}[/]  {prediction.confidences[target.name]:.3f}"
    one = prediction.estimates[target.name]
    said = f"[bold]{one.value:.6g}[/]{escape(f' {target.unit}' if target.unit else '')}"
    if target.interval is None or one.score is None:
        return said
    sure = f"{one.level} {one.score:.2f}" if one.level else f"{one.score:.2f}"
    return f"{said}  {one.lower:.6g} to {one.upper:.6g} in {target.interval.coverage:.0%} of cases, confidence {sure}"
