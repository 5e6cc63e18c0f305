"""The report on a version, from what the registry has of it and, where there are some, labelled rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cli.reporting import answers, compare, drift, rows, versions
from cli.reporting.answers import Answers
from cli.reporting.document import Part, Section, Text
from cli.reporting.subject import Rows, Subject, common, rows_of, sha256
from firesteel.errors import DataError


class Wanted(NamedTuple):
    """How much of what: the least rows of a slice, how many examples, and the seed of all resampling."""

    min_rows: int
    examples: int
    seed: int


class Evidence(NamedTuple):
    """The rows that were asked, and what the version, and the one it is compared with, answered."""

    rows: Rows
    answers: dict[str, Answers]
    other: tuple[Rows, dict[str, Answers]] | None


def gather(subject: Subject, against: Subject | None, data: Path, trained_on: Sequence[Path] = ()) -> Evidence:
    """Ask the version, or both versions on the same rows, those left out that are known from the files of their training.

    Raises DataError.
    """
    versions_asked = [subject, against] if against else [subject]
    for file in trained_on:
        if sha256(file) not in [one.trained_on for one in versions_asked]:
            names = " or ".join(one.version for one in versions_asked)
            raise DataError(f"{file} is not the file that {names} was trained on: its SHA-256 is another")
    own = rows_of(subject, data, trained_on)
    if against is None:
        return Evidence(own, answers.of(subject, own.dataset), None)
    own, theirs = common(own, rows_of(against, data, trained_on))
    other = theirs, answers.of(against, theirs.dataset)
    return Evidence(own, answers.of(subject, own.dataset), other)


def report(
    subject: Subject,
    against: Subject | None,
    evidence: Evidence | None,
    look: Mapping[str, Any] | None,
    wanted: Wanted,
) -> Section:
    """The whole report."""
    title = f"{subject.manifest.model} {subject.version}" + (f" beside {against.version}" if against else "")
    parts: list[Part] = []
    if evidence and wanted.examples:
        source = Path(evidence.rows.dataset.source).name
        parts.append(
            Text(f"This report holds rows of {source}: give it to nobody who may not read that file.", "warning")
        )
    parts += versions.origin(subject)
    metrics, said = _metrics(subject, evidence)
    parts.append(Section("How good it is", (Text(said), *versions.quality(subject, metrics))))
    if against:
        parts.append(
            Section(f"{against.version} and {subject.version}", tuple(_beside(subject, against, evidence, wanted)))
        )
    if metrics:
        parts.append(Section("By target", tuple(versions.details(subject, metrics))))
    if evidence:
        found = rows.sliced(subject, evidence.rows, evidence.answers, wanted.min_rows, wanted.seed)
        parts.append(Section("Where it is worse", tuple(found)))
        if wanted.examples:
            wrong = rows.examples(subject, evidence.rows.dataset, evidence.answers, wanted.examples)
            parts.append(Section("What went wrong", tuple(wrong)))
    if policy := tuple(versions.policy(subject)):
        parts.append(Section("When a person should look", policy))
    parts.append(Section("Drift", tuple(drift.told(look, subject.manifest.model, subject.version))))
    return Section(title, tuple(parts))


def _metrics(subject: Subject, evidence: Evidence | None) -> tuple[dict[str, Any], str]:
    """The metrics by target, and of which rows they are."""
    if evidence:
        return {name: one.metrics() for name, one in evidence.answers.items()}, evidence.rows.said
    if not subject.metrics.get("evaluated"):
        return {}, f"No rows were held out when {subject.version} was trained; with --data it is measured on a file."
    said = f"As training measured it on the {subject.metadata['split']['test']:,} rows that it held out. With --data there are"
    return subject.metrics["targets"], f"{said} slices, examples and tests, too."


def _beside(subject: Subject, against: Subject, evidence: Evidence | None, wanted: Wanted) -> list[Part]:
    if evidence is None or evidence.other is None:
        said = "Each version on the rows that its own training held out: give --data to compare them on the same rows."
        parts: list[Part] = [Text(said, "warning")]
        both = [(one, one.metrics.get("targets", {})) for one in (against, subject)]
        return parts + [Section(one.version, tuple(versions.quality(one, own))) for one, own in both]
    theirs, told = evidence.other
    own, groups = evidence.rows, evidence.rows.groups
    compared = compare.compare(told, evidence.answers, groups=groups, seed=wanted.seed)
    discordant = compare.mcnemar(told, evidence.answers)
    unit = (
        f"{len(own.dataset):,} rows" if groups is None else f"groups, with all their rows, of {len(own.dataset):,} rows"
    )
    told_rows: list[Part] = [Text(f"{against.version}: {theirs.said}"), Text(f"{subject.version}: {own.said}")]
    if not (own.unseen and theirs.unseen):
        return [*told_rows, *rows.unjudged(against, subject, compared)]
    return [*told_rows, *rows.side_by_side(against, subject, compared, discordant, unit, wanted.seed)]
