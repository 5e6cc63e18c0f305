"""`firesteel train`: from a CSV to a published, gated version."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli import summary
from cli.environment import open_registry, project_root, settings, user
from cli.output import AsJson, errors, print_json
from firesteel import definition_file
from firesteel.definition import Definition
from firesteel.definition.model import slug
from firesteel.errors import ConflictError, FiresteelError, GateError
from firesteel.registry import bundle, names
from firesteel.registry.store import Store, open_store
from functions.train.rehearsal import rehearse

if TYPE_CHECKING:  # at run time these cost a second of scikit-learn, which `--help` need not wait for
    from functions.train.corrections import Corrections
    from functions.train.dataset import Dataset
    from functions.train.release import Release


def add_to(app: typer.Typer) -> None:
    app.command(
        # A model's own name for its segments is an option, too: --position QB
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        epilog="Examples:\n\n"
        "firesteel train tickets --data tickets.csv\n\n"
        'firesteel train tickets --data march.csv --bump major --changelog "new departments"\n\n'
        "firesteel train recruits --data recruits.csv --position all\n\n"
        "firesteel train tickets --data tickets.csv --with-feedback --feedback-weight 2\n\n"
        "firesteel train examples/banking77/banking77.yaml --data train.csv --test-data test.csv --no-tune",
    )(train)


def train(
    context: typer.Context,
    model: Annotated[str, typer.Argument(help="A model in models/, or the path of a definition file.")],
    data: Annotated[Path, typer.Option(help="The training rows, a CSV file.")],
    test_data: Annotated[Path | None, typer.Option(help="Evaluate on this CSV instead of held-out rows.")] = None,
    segment: Annotated[
        str | None,
        typer.Option(
            help="The segment to train, or all of them. The segments' own name does it, too.", show_default="all"
        ),
    ] = None,
    bump: Annotated[
        Literal["major", "minor", "patch"], typer.Option(help="Which part of the version grows.")
    ] = "minor",
    version: Annotated[str | None, typer.Option(help="The exact version, like 2.0.0, instead of a bump.")] = None,
    changelog: Annotated[str, typer.Option(help="What changed, for the metadata and the card.")] = "",
    tune: Annotated[bool, typer.Option(help="Search the definition's space by cross-validation.")] = True,
    journal: Annotated[
        Path, typer.Option(help="Folder where a search writes its trials down; an interrupted one goes on from there.")
    ] = Path(".tuning"),
    evaluation: Annotated[bool, typer.Option("--eval/--no-eval", help="Hold rows out and evaluate on them.")] = True,
    quarantine: Annotated[Path | None, typer.Option(help="Where bad rows go.", show_default="beside the data")] = None,
    with_feedback: Annotated[
        bool, typer.Option("--with-feedback", help="Train on the corrections that were sent, too (FIRESTEEL_MONITOR).")
    ] = False,
    feedback_weight: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=100,
            help="What a correction counts for beside 1 for a row of the data.",
            show_default="the definition's, else 1",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model, publish it as a new version and, if its gates pass, serve it as `latest`."""
    if feedback_weight is not None and not with_feedback:
        raise typer.BadParameter("needs --with-feedback", param_hint="--feedback-weight")
    described = definition_file.load(file_of(model))
    run = Run(
        data, test_data, bump, version, changelog, tune, journal, evaluation, quarantine,
        with_feedback=with_feedback, feedback_weight=feedback_weight, quiet=as_json,
    )  # fmt: skip
    chosen = _segments(described, segment, context.args)
    outcomes = run.all(described, chosen)
    if as_json:
        told = [outcome.to_json() for outcome in outcomes]
        print_json(told[0] if not described.segments else {"model": described.model, "segments": told})
    if failed := [outcome.error for outcome in outcomes if outcome.error]:
        if len(outcomes) > 1:
            for error in failed[1:]:
                errors.print(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}")
        raise failed[0]


def _segments(described: Definition, segment: str | None, extra: Sequence[str]) -> list[str] | None:
    """The segments to train; None for a model without. Raises BadParameter."""
    match list(extra):
        case []:
            chosen = segment
        case [option, value] if described.segments and option == f"--{described.segment_by}" and segment is None:
            chosen = value
        case [option, *_] if described.segments and option.startswith(f"--{described.segment_by}="):
            chosen = option.partition("=")[2]
        case [option, *_]:
            what = "there is no option" if option.startswith("-") else "got an argument too many:"
            raise typer.BadParameter(f"{what} {option.partition('=')[0]}")
    if not described.segments:
        if chosen is not None:
            raise typer.BadParameter(f"{described.model} has no segments", param_hint="--segment")
        return None
    if chosen in (None, "all"):
        return list(described.segments)
    if chosen not in described.segments:
        known = ", ".join(described.segments)
        raise typer.BadParameter(f"{chosen!r} is no segment; there are: {known}, all", param_hint="--segment")
    return [str(chosen)]


@dataclass(frozen=True)
class Outcome:
    """What became of one model: its release, and why it is not served if it is not."""

    model: str
    release: "Release"
    metrics: dict[str, Any]
    error: FiresteelError | None = None

    def to_json(self) -> dict[str, Any]:
        error = {"error": str(self.error)} if self.error else {}
        return {"model": self.model, "release": self.release, "metrics": self.metrics, **error}


@dataclass(frozen=True)
class Run:
    """How a model, or every segment of one, is trained and released."""

    data: Path
    test_data: Path | None
    bump: bundle.Bump
    version: str | None
    changelog: str
    tune: bool
    journal: Path
    evaluation: bool
    quarantine: Path | None
    with_feedback: bool = False
    feedback_weight: float | None = None
    quiet: bool = False

    def all(self, described: Definition, segments: Sequence[str] | None) -> list[Outcome]:
        """One model, or every segment in turn. All files are read before anything is trained: a segment with too few
        rows is an error before anything is published, and so is a signing key that is missing or wrong.
        """
        rehearse(settings())
        parts = [described] if segments is None else [described.of_segment(segment) for segment in segments]
        if self.version:
            for part in parts:
                _must_be_free(open_registry(), part.address, self.version)
        outcomes = [self._one(part, *sets) for part, sets in [(part, self._read(part)) for part in parts]]
        if segments is not None:
            from functions.train import release

            if routed := release.release_segments(open_registry(), described, who=user()):
                errors.print(f"{described.model} {routed} sends rows by {described.segment_by}")
        return outcomes

    def _read(self, described: Definition) -> "tuple[Dataset, Dataset | None]":
        """The rows to train on, and those to evaluate on if there is a file of them."""
        from functions.train import dataset

        beside = self.quarantine or self._aside(self.data, described)
        rows = dataset.read(self.data, described, quarantine=beside)
        if described.segment:
            errors.print(f"{described.segment}:")
        summary.rows_read(rows, beside)
        if self.test_data is None:
            return rows, None
        aside = self._aside(self.test_data, described)
        return rows, dataset.read(self.test_data, described, quarantine=aside, training=False)

    def _aside(self, data: Path, described: Definition) -> Path:
        """Where the bad rows of a file go."""
        named = f".{slug(described.segment)}" if described.segment else ""
        return data.parent / f"{data.name.removesuffix('.gz').removesuffix('.csv')}{named}.quarantine.csv"

    def _one(self, described: Definition, rows: "Dataset", test: "Dataset | None") -> Outcome:
        from cli.peers import tracking
        from functions.train import metadata, release
        from functions.train import train as training

        bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=errors)
        with bar if errors.is_terminal else nullcontext():
            task = bar.add_task("features", total=None)

            def progress(stage: str, done: int, total: int) -> None:
                said = f"{described.segment or ''} {stage}".strip()
                bar.update(task, description=said, completed=done, total=total + 1)

            said = self._corrections(described)
            trained = training.train(
                described, rows,
                tune=self.tune, hold_out=self.evaluation, test=test, journal=self._journal(described),
                corrections=said, progress=progress,
            )  # fmt: skip
            bar.update(task, description="publish")
            done = release.release(
                open_registry(),
                trained,
                version=self.version,
                bump=self.bump,
                changelog=self.changelog,
                who=user(),
                data_name=self.data.name,
                commit=metadata.git_commit(project_root()),
            )
            tracking.log(trained, done, open_registry())
            bar.update(task, description="done", completed=1, total=1)
        if said and trained.feedback:
            _corrected(said, trained.feedback)
        if not self.quiet:
            summary.trained(trained, done)
        if not done.failed:
            return Outcome(described.address, done, trained.metrics)
        reasons = "; ".join(verdict.sentence() for verdict in done.failed)
        error = GateError(f"{described.address} {done.version} is published but not served: {reasons}")
        return Outcome(described.address, done, trained.metrics, error)

    def _corrections(self, described: Definition) -> "Corrections | None":
        from functions.train import corrections

        if not self.with_feedback:
            return None
        return corrections.gathered(open_store(settings().monitor), described, self.feedback_weight)

    def _journal(self, described: Definition) -> Path:
        return self.journal / f"{described.address.replace('/', '-')}.jsonl"


def _corrected(said: "Corrections", told: Mapping[str, Any]) -> None:
    """What became of the corrections, and each reason for which some were refused."""
    errors.print(
        f"corrections: {told['used']} used with weight {told['weight']:g} ({told['rows_replaced']} rows of the data "
        f"replaced, {told['rows_added']} added), {told['held_out']} of held-out rows left out, {told['refused']} refused"
    )
    if told["beyond_share"]:
        errors.print(
            f"[yellow]  {told['beyond_share']} more left out: corrections may be {told['share']:.0%} of the rows, as the "
            "definition's feedback.share says; put those that are right into the training file[/]"
        )
    for reason, count, named in summary.by_reason(said.refused):
        errors.print(f"[yellow]  {count} refused: {escape(reason)}[/] ({escape(named)})")
    for damaged in said.damaged:
        errors.print(f"[yellow]  {escape(damaged)}[/]")


def _must_be_free(store: Store, model: str, version: str) -> None:
    """Fail before the training, not after it. Raises ConflictError, and NotFoundError for what is no version."""
    if version in [one.version for one in bundle.versions(store, model)]:
        raise ConflictError(f"{model} {version} exists already: versions are never written twice")
    names.version_folder(model, version)


def file_of(model: str) -> Path:
    """The definition that `model` means: a path to a file, or a name in models/."""
    path = Path(model)
    return path if path.suffix in (".yaml", ".yml") else project_root() / "models" / f"{model}.yaml"
