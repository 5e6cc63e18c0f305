"""Evidently's drift report of a model's inputs and predictions: two files of rows, scored by one version."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.peers import scored
from cli.peers.extras import need
from firesteel.program import schema
from firesteel.program.predictor import Predictor
from firesteel.program.schema import Category, Number, Text, Timestamp


def write(out: Path, loaded: Predictor, *, current: Path, reference: Path) -> dict[str, Any]:
    """Write the HTML, which needs no network, and give how many columns Evidently says drifted. Raises DataError.

    Numbers and seconds are numerical columns, categories and labels categorical ones; a text is told by how many characters
    and words it has. Evidently chooses the test of each column by its kind and the number of rows.
    """
    evidently = need("evidently", "evidently")
    presets = need("evidently.presets", "evidently")
    import pandas as pd

    before, now = (scored.rows(path, loaded) for path in (reference, current))
    columns = [_columns(loaded, rows) for rows in (before, now)]
    numbers = sorted({name for one in columns for name, values in one.items() if not isinstance(values[0], str)})
    frames = [pd.DataFrame(one) for one in columns]
    # What neither file says anything of cannot be compared.
    known = [name for name in frames[0] if all(frame[name].notna().any() for frame in frames)]
    described = evidently.DataDefinition(
        numerical_columns=[name for name in known if name in numbers],
        categorical_columns=[name for name in known if name not in numbers],
    )
    old, new = (evidently.Dataset.from_pandas(frame[known], described) for frame in frames)
    snapshot = evidently.Report([presets.DataDriftPreset(columns=known)]).run(new, old)
    snapshot.save_html(str(out))
    drifted = snapshot.dict()["metrics"][0]["value"]
    return {
        "reference_rows": len(before),
        "current_rows": len(now),
        "columns": len(known),
        "drifted": int(drifted["count"]),
    }


def _columns(loaded: Predictor, rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    """What Evidently compares, by name; a missing number is NaN, a missing category a category."""
    columns: dict[str, list[Any]] = {}
    for field in loaded.inputs.fields:
        values = [row[field.name] for row in rows]
        match field:
            case Number():
                columns[field.name] = [float("nan") if value is None else float(value) for value in values]
            case Timestamp():
                columns[field.name] = [float("nan") if value is None else schema.seconds(value) for value in values]
            case Category():
                columns[field.name] = ["(missing)" if value is None else value for value in values]
            case Text():
                columns[f"{field.name} characters"] = [float(len(value or "")) for value in values]
                columns[f"{field.name} words"] = [float(len((value or "").split())) for value in values]
    predictions = loaded.predict_batch(rows)
    for target in loaded.targets:
        if target.task == "classification":
            columns[f"predicted_{target.name}"] = [one.labels[target.name] for one in predictions]
            columns[f"{target.name}_confidence"] = [one.confidences[target.name] for one in predictions]
        else:
            columns[target.name] = [one.estimates[target.name].value for one in predictions]
    return columns
