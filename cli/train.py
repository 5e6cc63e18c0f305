"""`firesteel train`: from a CSV to a published, gated version."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from cli.environment import open_registry, project_root, user
from cli.output import AsJson, console, errors, print_json, print_table
from firesteel import definition_file
from firesteel.errors import ConflictError, GateError
from firesteel.registry import bundle, names
from firesteel.registry.store import Store

if TYPE_CHECKING:  # at run time these cost a second of scikit-learn, which `--help` need not wait for
    from functions.train.dataset import Dataset
    from functions.train.release import Release
    from functions.train.train import Trained


def add_to(app: typer.Typer) -> None:
    app.command(
        epilog="Examples:\n\n"
        "firesteel train tickets --data tickets.csv\n\n"
        'firesteel train tickets --data march.csv --bump major --changelog "new departments"\n\n'
        "firesteel train examples/banking77/banking77.yaml --data train.csv --test-data test.csv --no-tune"
    )(train)


def train(
    model: Annotated[str, typer.Argument(help="A model in models/, or the path of a definition file.")],
    data: Annotated[Path, typer.Option(help="The training rows, a CSV file.")],
    test_data: Annotated[Path | None, typer.Option(help="Evaluate on this CSV instead of held-out rows.")] = None,
    bump: Annotated[
        Literal["major", "minor", "patch"], typer.Option(help="Which part of the version grows.")
    ] = "minor",
    version: Annotated[str | None, typer.Option(help="The exact version, like 2.0.0, instead of a bump.")] = None,
    changelog: Annotated[str, typer.Option(help="What changed, for the metadata and the card.")] = "",
    tune: Annotated[bool, typer.Option(help="Search the definition's space by cross-validation.")] = True,
    evaluation: Annotated[bool, typer.Option("--eval/--no-eval", help="Hold rows out and evaluate on them.")] = True,
    quarantine: Annotated[Path | None, typer.Option(help="Where bad rows go [default: beside the data].")] = None,
    as_json: AsJson = False,
) -> None:
    """Train a model, publish it as a new version and, if its gates pass, serve it as `latest`."""
    from functions.train import dataset, metadata, release
    from functions.train import train as training

    described = definition_file.load(file_of(model))
    rejected = quarantine or data.parent / f"{data.stem}.quarantine.csv"
    store = open_registry()
    if version:
        _must_be_free(store, described.model, version)
    bar = Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=errors, transient=False)
    with bar if errors.is_terminal else nullcontext():
        task = bar.add_task("reading", total=None)

        def progress(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done + 1, total=total + 2)

        rows = dataset.read(data, described, quarantine=rejected)
        test = None
        if test_data:
            beside = test_data.parent / f"{test_data.stem}.quarantine.csv"
            test = dataset.read(test_data, described, quarantine=beside, min_rows_per_class=0)
        _report_rows(rows, rejected)
        trained = training.train(described, rows, tune=tune, hold_out=evaluation, test=test, progress=progress)
        bar.update(task, description="publish")
        done = release.release(
            store,
            trained,
            version=version,
            bump=bump,
            changelog=changelog,
            who=user(),
            data_name=data.name,
            commit=metadata.git_commit(project_root()),
        )
        bar.update(task, description="done", completed=1, total=1)
    if as_json:
        print_json({"model": described.model, "release": done, "metrics": trained.metrics})
    else:
        _summary(described.model, trained, done)
    if done.failed:
        raise GateError(
            f"{described.model} {done.version} is published but not served: "
            + "; ".join(verdict.sentence() for verdict in done.failed)
        )


def _must_be_free(store: Store, model: str, version: str) -> None:
    """Fail before the training, not after it. Raises ConflictError, and NotFoundError for what is no version."""
    if version in [one.version for one in bundle.versions(store, model)]:
        raise ConflictError(f"{model} {version} exists already: versions are never written twice")
    names.version_folder(model, version)


def file_of(model: str) -> Path:
    """The definition that `model` means: a path to a file, or a name in models/."""
    path = Path(model)
    return path if path.suffix in (".yaml", ".yml") else project_root() / "models" / f"{model}.yaml"


def _report_rows(rows: "Dataset", rejected: Path) -> None:
    errors.print(f"{len(rows)} of {rows.rows_read} rows are usable")
    if rows.bad_rows:
        errors.print(f"[yellow]{len(rows.bad_rows)} bad rows are in {escape(str(rejected))}[/], the first:")
        for bad in rows.bad_rows[:3]:
            errors.print(f"  line {bad.line}, {escape(bad.column)}: {escape(bad.reason)}")
    if rows.conflicts:
        first = rows.conflicts[0]
        lines = ", ".join(map(str, first.lines[:5]))
        errors.print(f"[yellow]{len(rows.conflicts)} texts stand with different labels[/], such as on lines {lines}")


def _summary(model: str, trained: "Trained", done: "Release") -> None:
    if trained.metrics["evaluated"]:
        policies = (trained.metrics["review"] or {}).get("targets", {})
        print_table(
            ("target", "accuracy", "macro F1", "log loss", "calibration error", "automatic"),
            [
                (
                    name,
                    *(f"{m[key]:.4f}" for key in ("accuracy", "macro_f1", "log_loss", "expected_calibration_error")),
                    f"{policies[name]['automatic_share']:.1%}" if name in policies else "",
                )
                for name, m in trained.metrics["targets"].items()
            ],
        )
    for verdict in done.verdicts:
        console.print(f"gate {'[green]' if verdict.passed else '[red]'}{escape(verdict.sentence())}[/]")
    console.print(f"published [bold]{model} {done.version}[/] (digest {done.digest[:12]})")
    if done.promoted:
        console.print(f"latest is now {done.version} (generation {done.promoted.generation})")
