"""`firesteel compile`: a user's own fitted scikit-learn text pipeline becomes a program."""

from pathlib import Path
from typing import Annotated

import typer

from cli.output import AsJson, console, print_json
from firesteel.errors import CompileError, DataError


def add_to(app: typer.Typer) -> None:
    app.command(
        "compile",
        epilog="Example:\n\nfiresteel compile model.joblib --input text --target intent --check texts.txt -o intent.safetensors",
    )(compile_pipeline)


def compile_pipeline(
    pipeline: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A fitted pipeline, saved by joblib.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The program file to write.")] = Path(
        "program.safetensors"
    ),
    model: Annotated[str, typer.Option(help="The model's name in the program.")] = "compiled",
    text: Annotated[str, typer.Option("--input", help="What the text input is called.")] = "text",
    target: Annotated[str, typer.Option(help="What the predicted label or number is called.")] = "label",
    max_length: Annotated[int, typer.Option(min=1, help="Longest text that is accepted, in characters.")] = 10_000,
    check: Annotated[Path | None, typer.Option(help="A file of texts, one a line, to prove parity on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compile a fitted text pipeline and prove that the program answers as it does.

    The file is loaded with joblib, which runs code that stands in it: compile only files that you trust.
    """
    import joblib

    from firesteel.program import predictor
    from functions.train import compile, parity

    try:
        fitted = joblib.load(pipeline)
    except Exception as error:  # loading runs code of the file, which may fail in any way
        raise CompileError(f"{pipeline} cannot be loaded by joblib: {type(error).__name__}: {error}") from error
    program = compile.to_program(model, compile.text_schema(text, max_length), {target: fitted})
    loaded = predictor.load(program)
    assert isinstance(loaded, predictor.Predictor)
    texts = _texts(check) if check else []
    known = {text: texts or ["The quick brown fox jumps over the lazy dog"]}
    texts += parity.fuzz(loaded.inputs, known, rows=1000, seed=0)[text]
    difference = parity.check(loaded, {text: texts}, parity.expected({target: fitted}, texts))
    output.write_bytes(program)
    summary = {"program": str(output), "bytes": len(program), "rows_checked": len(texts), "difference": difference}
    if as_json:
        print_json(summary)
    else:
        console.print(
            f"{output}: {len(program):,} bytes; agrees to {difference:.1e} on {summary['rows_checked']} texts"
        )


def _texts(path: Path) -> list[str]:
    """The lines of a text file. Raises DataError when it is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None
