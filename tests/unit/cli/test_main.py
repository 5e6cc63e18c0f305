"""What all commands have in common."""

import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from cli import main
from firesteel import errors
from tests.unit.cli.conftest import Run

COMMANDS = typer.main.get_command(main.app).commands  # type: ignore[attr-defined]


def test_the_commands_are_these() -> None:
    assert set(COMMANDS) == {
        *("demo", "train", "predict", "score", "serve", "smoke", "evaluate", "doctor", "compile", "generate", "invoke"),
        *("versions", "show", "promote", "shadow", "rollback", "switch", "verify", "gc", "keys"),
        *("rollout", "approve", "reject", "control", "retrain", "logs"),
        *("report", "loadtest", "inferences", "drift", "feedback", "review", "export", "import"),
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_every_commands_help_says_what_it_does_and_shows_an_example(name: str, firesteel: Run) -> None:
    done = firesteel(name, "--help")
    assert done.code == 0
    assert COMMANDS[name].help
    assert "Example" in done.out
    assert f"firesteel {name}" in done.words


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_tells_every_default(name: str, firesteel: Run) -> None:
    assert " . " not in firesteel(name, "--help").words  # Rich takes [default: ...] in a text for markup, and drops it


@pytest.mark.parametrize(
    "name", sorted(set(COMMANDS) - {"demo", "serve", "control", "generate", "invoke", "rollout", "keys"})
)
def test_every_command_that_reports_something_can_do_so_in_json(name: str) -> None:
    assert "--json" in [option for parameter in COMMANDS[name].params for option in parameter.opts]


def test_without_a_command_the_help_is_shown(firesteel: Run) -> None:
    done = firesteel()
    assert "Exit codes" in done.out + done.err


@pytest.mark.parametrize("words", [["nope"], ["versions"], ["versions", "tickets", "--nope"]])
def test_wrong_usage_ends_with_2(words: list[str], firesteel: Run) -> None:
    assert firesteel(*words).code == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.SettingsError(), 3),
        (errors.DefinitionError(), 3),
        (errors.DataError(), 3),
        (errors.GateError(), 4),
        (errors.ConflictError(), 5),
        (errors.NotFoundError(), 1),
        (errors.CompileError(), 1),
    ],
)
def test_every_kind_of_failure_has_its_exit_code(error: errors.FiresteelError, code: int) -> None:
    assert main.exit_code(error) == code


def test_a_failure_is_one_message_on_standard_error_and_no_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "versions", "tickets"],
        env={"FIRESTEEL_STORE": "nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stdout == ""
    assert "FIRESTEEL_STORE" in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_come_from_the_env_file_of_the_current_folder(firesteel: Run, published: Path) -> None:
    Path(".env").write_text(f"FIRESTEEL_STORE=file://{published}\n")
    assert firesteel("versions", "tickets").code == 0


def test_a_wrong_line_in_the_env_file_is_named(firesteel: Run) -> None:
    Path(".env").write_text("FIRESTEEL_PORTS=80\n")
    done = firesteel("versions", "tickets")
    assert done.code == 3
    assert "FIRESTEEL_PORTS" in done.err
    assert "FIRESTEEL_PORT?" in done.err
