"""The model card: what a version is, how good it is and where it fails, for people."""

from collections.abc import Iterator, Sequence
from typing import Any

from functions.train.gate import Verdict
from functions.train.train import Trained


def plots(trained: Trained) -> dict[str, bytes]:
    """SVG files by name, three a target; none without held-out rows."""
    files: dict[str, bytes] = {}
    if trained.metrics["evaluated"]:
        from functions.train import plots as draw  # half a second, and only here

        policies = (trained.metrics["review"] or {}).get("targets", {})
        for name, metrics in trained.metrics["targets"].items():
            files[f"{name}-confusion.svg"] = draw.confusion(metrics, name)
            files[f"{name}-reliability.svg"] = draw.reliability(metrics, name)
            files[f"{name}-review.svg"] = draw.review_curve(metrics, policies.get(name), name)
    return files


def write(trained: Trained, described: dict[str, Any], verdicts: Sequence[Verdict], images: Sequence[str]) -> str:
    """The card as Markdown; `images` are files beside it."""
    return "\n".join(_lines(trained, described, verdicts, images)) + "\n"


def _lines(
    trained: Trained, described: dict[str, Any], verdicts: Sequence[Verdict], images: Sequence[str]
) -> Iterator[str]:
    definition, data = trained.definition, described["data"]
    yield f"# {definition.model} {described['version']}\n"
    yield f"{definition.description}\n" if definition.description else ""
    if described["changelog"]:
        yield f"Changes: {described['changelog']}\n"
    yield (
        f"Trained {described['trained_at']} on {data['rows_used']} rows of `{data['source']}` "
        f"(SHA-256 `{data['sha256']}`). {data['rows_quarantined']} rows were quarantined, {data['conflicting_texts']} texts "
        f"had conflicting labels, {described['split']['test']} rows were held out (seed {described['seed']}).\n"
    )
    yield "## How good it is\n"
    yield from _table(trained.metrics["targets"]) if trained.metrics["evaluated"] else ("Nothing was held out.",)
    yield "\n## When a person should look\n"
    yield from _review(trained.metrics["review"])
    if verdicts:
        yield "\n## Gates\n"
        yield from (f"- {verdict.sentence()}" for verdict in verdicts)
    for name, metrics in trained.metrics["targets"].items():
        yield f"\n## {name}\n"
        yield from (f"![{image}]({image})" for image in images if image.startswith(f"{name}-"))
        yield "\n| label | precision | recall | F1 | rows |\n|---|---|---|---|---|"
        for label in metrics["labels"]:
            row = metrics["report"][label]
            numbers = f"{row['precision']:.3f} | {row['recall']:.3f} | {row['f1-score']:.3f} | {row['support']:.0f}"
            yield f"| {label} | {numbers} |"
    yield "\n## Parity\n"
    proof = trained.metrics["parity"]
    yield (
        f"Program and pipeline agree to {proof['largest_difference']:.1e} in every probability, and in every label, on "
        f"{proof['rows']} rows and {proof['fuzz_rows']} hostile ones."
    )


def _table(targets: dict[str, Any]) -> Iterator[str]:
    yield "| target | accuracy | macro F1 | weighted F1 | log loss | calibration error |\n|---|---|---|---|---|---|"
    for name, m in targets.items():
        numbers = (m[k] for k in ("accuracy", "macro_f1", "weighted_f1", "log_loss", "expected_calibration_error"))
        yield f"| {name} | {' | '.join(f'{number:.4f}' for number in numbers)} |"


def _review(review: dict[str, Any] | None) -> Iterator[str]:
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
