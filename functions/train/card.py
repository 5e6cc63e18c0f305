"""The model card: what a version is, how good it is and where it fails, for people."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from firesteel.definition import ClassificationTarget, Definition
from firesteel.definition.model import slug
from functions.train.gate import Verdict
from functions.train.train import Trained
from functions.train.tune import LESS_IS_BETTER

_MEASURES = {
    "classification": {
        "accuracy": "accuracy",
        "macro_f1": "macro F1",
        "weighted_f1": "weighted F1",
        "roc_auc": "ROC AUC",
        "log_loss": "log loss",
        "expected_calibration_error": "calibration error",
    },
    "regression": {"r2": "R2", "rmse": "RMSE", "mae": "MAE"},
    "count": {
        "poisson_deviance": "Poisson deviance",
        "mape": "MAPE",
        "r2": "R2",
        "rmse": "RMSE",
        "mae": "MAE",
        "calibration_error": "calibration error",
    },
}
_TRIALS = 20  # shown, the best
_FIELDS = 15  # shown, the most important


def plots(trained: Trained) -> dict[str, bytes]:
    """SVG files by name, three or four a target; none without held-out rows."""
    files: dict[str, bytes] = {}
    if trained.metrics["evaluated"]:
        from functions.train import plots as draw  # half a second, and only here

        policies = (trained.metrics["review"] or {}).get("targets", {})
        for name, metrics in trained.metrics["targets"].items():
            if isinstance(trained.definition.targets[name], ClassificationTarget):
                files[f"{name}-confusion.svg"] = draw.confusion(metrics, name)
                files[f"{name}-reliability.svg"] = draw.reliability(metrics, name)
                files[f"{name}-review.svg"] = draw.review_curve(metrics, policies.get(name), name)
            else:
                files[f"{name}-calibration.svg"] = draw.calibration(metrics, name)
                files[f"{name}-residuals.svg"] = draw.residuals(metrics, name)
                files[f"{name}-intervals.svg"] = draw.intervals(metrics, trained.definition.interval.coverage, name)
            files[f"{name}-importance.svg"] = draw.importance(_top(metrics["importance"]), name)
    return files


def write(trained: Trained, described: dict[str, Any], verdicts: Sequence[Verdict], images: Sequence[str]) -> str:
    """The card as Markdown; `images` are files beside it."""
    return "\n".join(_lines(trained, described, verdicts, images)) + "\n"


def of_segments(definition: Definition, version: str) -> str:
    """The card of a model that is one model a segment."""
    rows = [f"| {segment} | {definition.model}/{slug(segment)} |" for segment in definition.segments]
    other = "is refused" if definition.fallback is None else f"goes to that of {definition.fallback}"
    parts = [f"# {definition.model} {version}\n"]
    parts += [f"{definition.description}\n"] if definition.description else []
    parts += [f"A row goes to the model of its {definition.segment_by}. Any other {definition.segment_by} {other}.\n"]
    return "\n".join([*parts, f"| {definition.segment_by} | model |\n|---|---|", *rows]) + "\n"


def _lines(
    trained: Trained, described: dict[str, Any], verdicts: Sequence[Verdict], images: Sequence[str]
) -> Iterator[str]:
    definition, metrics = trained.definition, trained.metrics
    yield f"# {definition.address} {described['version']}\n"
    if definition.description:
        yield f"{definition.description}\n"
    if described["changelog"]:
        yield f"Changes: {described['changelog']}\n"
    yield f"{_origin(described)} {_parted(described['split'])}\n"
    yield "## How good it is\n"
    yield from _measures(definition, metrics["targets"]) if metrics["evaluated"] else ("Nothing was held out.",)
    if definition.labelled:
        yield "\n## When a person should look\n"
        yield from _review(metrics["review"])
    if verdicts:
        yield "\n## Gates\n"
        yield from (f"- {verdict.sentence()}" for verdict in verdicts)
    for name, target in definition.targets.items():
        yield f"\n## {name}\n"
        yield from (f"![{image}]({image})" for image in images if image.startswith(f"{name}-"))
        if name in metrics["targets"]:
            yield from _details(target, metrics["targets"][name])
        if name in trained.trials:
            yield from _trials(trained.trials[name])
    yield "\n## Parity\n"
    proof = metrics["parity"]
    yield (
        f"Program and pipeline agree to {proof['largest_difference']:.1e} in every answer on {proof['rows']} rows and "
        f"{proof['fuzz_rows']} hostile ones."
    )


def _origin(described: Mapping[str, Any]) -> str:
    data = described["data"]
    sentence = f"Trained {described['trained_at']} on {data['rows_used']} rows of `{data['source']}` (SHA-256 `{data['sha256']}`)."
    noticed = {
        "rows were quarantined": data["rows_quarantined"],
        "rows were added to others that agree with them": data.get("rows_merged", 0),
        "texts had conflicting labels": data["conflicting_texts"],
    }
    said = [f"{count} {what}" for what, count in noticed.items() if count]
    return f"{sentence} {_listed(said)}." if said else sentence


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _parted(split: Mapping[str, Any]) -> str:
    """How rows were held out and, of groups, the proof that none stands on both sides."""
    test = split["test"]
    match split["kind"]:
        case "none":
            return "No rows were held out."
        case "given":
            return f"It was evaluated on {test} rows of a file of their own."
        case "group":
            groups, both = split["groups"], split["groups_on_both_sides"]
            return (
                f"{test} rows were held out, all those of {groups['test']} of {groups['train'] + groups['test']} groups by "
                f"`{split['column']}` (seed {split['seed']}); {both} groups stand on both sides."
            )
        case "time":
            return f"{test} rows were held out, the latest by `{split['column']}`."
        case kind:
            how = "at random" if kind == "random" else "at random, stratified"
            return f"{test} rows were held out {how} (seed {split['seed']})."


def _measures(definition: Definition, targets: Mapping[str, Any]) -> Iterator[str]:
    """One table for each task, and a sentence for each target with intervals."""
    for task, measures in _MEASURES.items():
        of_task = {name: own for name, own in targets.items() if definition.targets[name].task == task}
        shown = {key: title for key, title in measures.items() if any(key in own for own in of_task.values())}
        if of_task:
            yield f"| target | {' | '.join(shown.values())} |\n|---|{'---|' * len(shown)}"
            yield from (
                f"| {name} | {' | '.join(_number(own.get(key)) for key in shown)} |" for name, own in of_task.items()
            )
    sure = [_sureness(definition, name, own) for name, own in targets.items() if "interval_coverage" in own]
    yield from ("", *sure) if sure else ()


def _sureness(definition: Definition, name: str, own: Mapping[str, Any]) -> str:
    stated, unit = definition.interval.coverage, getattr(definition.targets[name], "unit", None)
    sentence = (
        f"- {name}: the interval is to hold the true value in {stated:.0%} of cases, and held it in "
        f"{own['interval_coverage']:.1%} of {own['rows']}; {own['interval_below']:.1%} were below it and "
        f"{own['interval_above']:.1%} above. It is {own['interval_width']:.4g}{f' {unit}' if unit else ''} wide on average."
    )
    least = own.get("interval_least_coverage", 0.0)
    if least > stated:
        sentence += f" No interval could have held it less often: {least:.1%} of counts are the likeliest one."
    return sentence


def _review(review: Mapping[str, Any] | None) -> Iterator[str]:
    if review is None:
        yield "The definition has no review policy: every answer is automatic."
        return
    for name, policy in review["targets"].items():
        share = "Every answer is reviewed"
        if policy["automatic_accuracy"] is not None:
            share = (
                f"{policy['automatic_share']:.1%} of answers are automatic, from confidence {policy['threshold']:.4f}"
            )
        yield f"- {name}: {share}. Guarantee: {policy['guarantee']}."
    overall = review["overall"]
    right = overall["automatic_accuracy_of_all_targets"]
    yield (
        f"- Automatic in every target: {overall['automatic_share']:.1%} of rows"
        + (f", all targets right in {right:.1%} of them." if right is not None else ".")
    )


def _details(target: object, own: Mapping[str, Any]) -> Iterator[str]:
    """A table of labels, or of tenths of the rows, and one of the fields."""
    if isinstance(target, ClassificationTarget):
        yield "\n| label | precision | recall | F1 | rows |\n|---|---|---|---|---|"
        for label in own["labels"]:
            row = own["report"][label]
            numbers = f"{row['precision']:.3f} | {row['recall']:.3f} | {row['f1-score']:.3f} | {row['support']:.0f}"
            yield f"| {label} | {numbers} |"
    else:
        yield "\n| tenth by prediction | rows | predicted | observed | in the interval |\n|---|---|---|---|---|"
        for number, tenth in enumerate(own["calibration"], 1):
            inside = f"{tenth['coverage']:.1%}" if "coverage" in tenth else ""
            yield f"| {number} | {tenth['rows']} | {tenth['predicted']:.4g} | {tenth['observed']:.4g} | {inside} |"
    yield "\n| input | mean contribution |\n|---|---|"
    yield from (f"| {field} | {value:.4g} |" for field, value in _top(own["importance"]).items())


def _trials(trials: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The best trials of the search, best first."""
    metric, names = trials[0]["metric"], list(trials[0]["settings"])
    less = metric in LESS_IS_BETTER
    ordered = sorted(trials, key=lambda trial: trial["mean"] if less else -trial["mean"])
    yield f"\n{len(trials)} settings were tried{f'; the best {_TRIALS}' if len(trials) > _TRIALS else ''}:\n"
    yield f"| {' | '.join(names)} | {metric} | spread over folds |\n|{'---|' * (len(names) + 2)}"
    for trial in ordered[:_TRIALS]:
        settings = " | ".join(f"{trial['settings'][name]:.4g}" for name in names)
        yield f"| {settings} | {trial['mean']:.4f} | {trial['spread']:.4f} |"


def _top(importance: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(importance.items(), key=lambda item: -item[1])[:_FIELDS])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
