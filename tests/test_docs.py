"""What the documents name exists: commands and their options, make targets, settings, files."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from cli import main
from firesteel.settings import Settings, key_of

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*sorted(ROOT.glob("[A-Z]*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
COMMANDS = typer.main.get_command(main.app).commands  # type: ignore[attr-defined]

_FENCE = re.compile(r"^```\w*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`]+)`")
_PROGRAM = re.compile(r"(?:\.venv/bin/)?firesteel")
_TARGETS = set(re.findall(r"^([A-Za-z0-9._/-]+):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))


def lines_of(text: str) -> Iterator[str]:
    """What a reader could type: the lines of code blocks, and code within sentences."""
    for block in _FENCE.findall(text):
        yield from block.replace("\\\n", " ").splitlines()
    for span in _SPAN.findall(_FENCE.sub("", text)):
        yield " ".join(span.split())


def commands_of(text: str) -> Iterator[list[str]]:
    """The words of every `firesteel` command, without what the shell makes of its line."""
    for line in lines_of(text):
        try:
            words = shlex.split(line.removeprefix("$ "), comments=True)
        except ValueError:
            continue  # a quote is open: output, not a command
        for part in _parts(words):
            while part and re.match(r"[A-Z_0-9]+=", part[0]):
                del part[0]
            if len(part) > 1 and _PROGRAM.fullmatch(part[0]):
                yield part[1:]


def _parts(words: list[str]) -> list[list[str]]:
    """The commands of one line, each up to where the shell redirects it."""
    parts: list[list[str]] = [[]]
    redirected = False
    for word in words:
        if word in ("|", "&&", ";"):
            parts.append([])
            redirected = False
        elif redirected := redirected or word.startswith((">", "<")):
            continue
        else:
            parts[-1].append(word)
    return parts


def parse(words: list[str]) -> None:
    """Raises a usage error when there is no such command or option."""
    assert words[0] in COMMANDS, f"there is no command {words[0]!r}"
    command = COMMANDS[words[0]]
    command.make_parser(command.context_class(command, **command.context_settings)).parse_args(list(words[1:]))


def test_every_command_stands_in_the_documents() -> None:
    shown = {words[0] for document in DOCUMENTS for words in commands_of(document.read_text())}
    assert set(COMMANDS) - shown == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_of_a_document_exists_with_its_options(document: Path) -> None:
    for words in commands_of(document.read_text()):
        parse(words)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_example_of_a_commands_help_parses(name: str) -> None:
    examples = list(commands_of(f"```\n{COMMANDS[name].epilog}\n```\n"))
    assert examples
    for words in examples:
        parse(words)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_make_target_of_a_document_exists(document: Path) -> None:
    named = {target for line in lines_of(document.read_text()) for target in re.findall(r"^make ([\w./-]+)", line)}
    assert named - _TARGETS == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    named = re.findall(r"\b(?:docs|events|examples|infra|benchmarks)/[\w./-]+\.\w+", document.read_text())
    assert [file for file in named if not (ROOT / file).exists()] == []


def test_the_example_of_settings_has_every_setting_and_no_other() -> None:
    named = re.findall(r"^(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert named == [key_of(name) for name in Settings.__dataclass_fields__]


def test_the_example_of_settings_says_the_defaults() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert Settings.read(given) == Settings()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_setting_of_a_document_exists(document: Path) -> None:
    known = {key_of(name) for name in Settings.__dataclass_fields__}
    assert set(re.findall(r"\bFIRESTEEL_[A-Z_]+\b", document.read_text())) - known == set()
