"""Writes docs/reference/ from the code: `python -m infra.reference`. A test holds that it is current.

cli.md has every command with its arguments and options, settings.md every setting, definition.md every part of a
definition file. The Python reference is made of the docstrings when the site is built.
"""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer.main
from pydantic import BaseModel

from cli import main
from firesteel import definition
from firesteel.settings import Settings, key_of

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
_MADE = "<!-- Made by infra/reference.py: change the code, not this page. -->\n"


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {
        "cli.md": _page("Commands", _commands()),
        "settings.md": _page("Settings", _settings()),
        "definition.md": _page("Definition", _definition()),
    }


def write() -> None:
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


def _page(title: str, lines: Iterator[str]) -> str:
    return "\n".join([_MADE, f"# {title}", *lines]).rstrip() + "\n"


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
    yield ""


def _commands() -> Iterator[str]:
    group: Any = typer.main.get_command(main.app)
    yield f"\n{group.help}\n\n{_plain(group.epilog)}\n"
    for name, command in sorted(group.commands.items()):
        yield f"## {name}\n\n{_plain(command.help)}\n"
        context = command.context_class(command, **command.context_settings)
        rows = [_parameter(one, context) for one in command.params if not one.hidden]
        if rows:
            yield from _table(("argument or option", "takes", "default", "what"), rows)
        yield f"```\n{_examples(command.epilog)}\n```\n"


def _parameter(one: Any, context: Any) -> tuple[str, ...]:
    is_flag = getattr(one, "is_flag", False)
    takes = "" if is_flag else (one.metavar or one.display_type(context).strip("<>")).replace("str", "text")
    if one.param_type_name == "argument":
        return f"`{one.name.upper()}`", takes, "required" if one.required else "", _plain(one.help)
    names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    return names, takes, "required" if one.required else _default(one), _plain(one.help)


def _default(one: Any) -> str:
    if isinstance(one.show_default, str):
        return one.show_default
    if one.default in (None, False, "", ()) or callable(one.default):
        return ""
    if one.default is True and one.secondary_opts:
        return f"`{one.opts[0]}`"
    return f"`{one.default}`"


def _examples(epilog: str | None) -> str:
    return "\n".join(line for line in (epilog or "").split("\n\n") if line.startswith("firesteel "))


def _plain(text: str | None) -> str:
    """One line a paragraph, without the marks of rich."""
    unmarked = re.sub(r"\[/?(?:bold|dim|red|green|yellow)?\]", "", inspect.cleandoc(text or ""))
    return "\n\n".join(" ".join(part.split()) for part in unmarked.split("\n\n"))


def _settings() -> Iterator[str]:
    """Keys and defaults of the class, with what .env.example says of them."""
    told: dict[str, str] = {}
    comment: list[str] = []
    for line in (ROOT / ".env.example").read_text(encoding="utf-8").splitlines():
        if line.startswith("#"):
            comment.append(line.lstrip("# "))
        elif "=" in line:
            told[line.partition("=")[0]] = " ".join(comment)
        else:
            comment = []
    yield "\nEnvironment variables, or lines of `.env` in the current folder. An empty one is the default.\n"
    defaults = {key_of(name): field.default for name, field in Settings.__dataclass_fields__.items()}
    rows = [(f"`{key}`", _written(default), told.get(key, "")) for key, default in defaults.items()]
    yield from _table(("setting", "default", "what"), rows)


def _written(value: object) -> str:
    if value in ("", (), None):
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _definition() -> Iterator[str]:
    yield "\nEvery part of a definition file. [The guide](../definition.md) says what they mean and shows them at work.\n"
    named = {name: getattr(definition, name) for name in definition.__all__}
    parts = {name: one for name, one in named.items() if inspect.isclass(one) and issubclass(one, BaseModel)}
    parts.pop("Frozen")
    for name in sorted(parts, key=lambda one: (one != "Definition", one)):
        part = parts[name]
        yield f"## {name}\n\n{_plain(part.__doc__)}\n"
        content = part.model_json_schema(ref_template="{model}")
        required = content.get("required", ())
        rows = [
            (f"`{field}`", _type(about), "required" if field in required else _fallback(about))
            for field, about in content.get("properties", {}).items()
        ]
        if rows:
            yield from _table(("field", "type", "default"), rows)


def _fallback(about: Mapping[str, Any]) -> str:
    value = about.get("default")
    if isinstance(value, dict):
        return "its own"
    return "" if value in (None, "", []) else f"`{value}`"


_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "minLength": "characters at least",
    "maxLength": "characters at most",
    "minItems": "items at least",
    "maxItems": "items at most",
}


def _type(about: Mapping[str, Any]) -> str:
    """A JSON schema in words."""
    if "$ref" in about:
        name = about["$ref"]
        return f"[{name}](#{name.lower()})"
    if options := about.get("anyOf") or about.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(one) for one in options if one.get("type") != "null"))
    if "const" in about:
        return f"`{about['const']}`"
    if "enum" in about:
        return ", ".join(f"`{one}`" for one in about["enum"])
    return ", ".join([_kind(about), *(f"{said} {about[key]}" for key, said in _BOUNDS.items() if key in about)])


def _kind(about: Mapping[str, Any]) -> str:
    kind = about.get("type", "anything")
    if kind == "array":
        inner = about.get("items") or {"anyOf": about.get("prefixItems", [])}
        return f"list of {_type(inner)}"
    if kind == "object":
        inner = about.get("additionalProperties") or next(iter(about.get("patternProperties", {}).values()), None)
        return f"by name: {_type(inner)}" if isinstance(inner, dict) else "object"
    return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(kind, str(kind))


if __name__ == "__main__":
    write()
