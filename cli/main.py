"""The `firesteel` command line: what commands there are, and how failures end."""

import sys

import typer
from rich.markup import escape

from cli import (
    approve,
    compile,
    control,
    demo,
    doctor,
    drift,
    evaluate,
    export,
    feedback,
    gc,
    generate,
    import_,
    inferences,
    invoke,
    keys,
    loadtest,
    logs,
    predict,
    registry,
    report,
    retrain,
    review,
    rollout,
    score,
    serve,
    smoke,
    train,
    verify,
    versions,
)
from cli.output import errors
from firesteel.errors import (
    ConflictError,
    DataError,
    DefinitionError,
    FiresteelError,
    GateError,
    InputError,
    SettingsError,
)

app = typer.Typer(
    name="firesteel",
    help="Train models when data lands in S3, serve them from AWS Lambda with the cold start of a hello-world.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 bad input (data, definition, settings), 4 a gate or bound "
    "failed, 5 somebody else was first.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
)
_COMMANDS = (
    *(demo, train, predict, score, serve, smoke, evaluate, report, loadtest, doctor, compile, generate, invoke),
    *(versions, registry, verify, gc, keys, rollout, approve, control, retrain, logs),
    *(inferences, drift, feedback, review, export, import_),
)
for module in _COMMANDS:
    module.add_to(app)


def exit_code(error: FiresteelError) -> int:
    """The process's exit code for a failure."""
    match error:
        case DataError() | DefinitionError() | InputError() | SettingsError():
            return 3
        case GateError():
            return 4
        case ConflictError():
            return 5
        case _:
            return 1


def run() -> None:
    """The entry point: failures that Firesteel names become one message and an exit code."""
    try:
        app()
    except FiresteelError as error:
        errors.print(f"[bold red]{type(error).__name__}[/]: {escape(str(error))}")
        sys.exit(exit_code(error))
    except OSError as error:  # a file of the user's that cannot be read or written
        said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        errors.print(f"[bold red]{type(error).__name__}[/]: {escape(said)}")
        sys.exit(1)


if __name__ == "__main__":
    run()
