"""Definitions as people write them: a YAML file, and errors that name file, line, field and what is allowed there."""

import difflib
import re
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from firesteel.definition import Definition
from firesteel.errors import DefinitionError


class _Loader(yaml.SafeLoader):
    """YAML without dates: what looks like one stays the text that was written."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as the base class has it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def load(path: Path) -> Definition:
    """Read a definition file. Raises DefinitionError naming file, line, field and what is allowed."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DefinitionError(f"{path}: no such definition file") from None
    except UnicodeDecodeError as error:
        raise DefinitionError(f"{path}: not UTF-8 at byte {error.start}") from None
    return parse(text, str(path))


def parse(text: str, source: str) -> Definition:
    """The definition in `text`; `source` is how errors call the file."""
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if not isinstance(root, yaml.MappingNode):
            raise DefinitionError(f"{source}:1: a definition is a mapping that begins with `model: <name>`")
        _check_nodes(root, source, set())
        value = loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DefinitionError(f"{source}:{line}: not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DefinitionError(
            f"{source}:{line}: not YAML: the character U+{error.character:04X} is not allowed"
        ) from None
    except (ValueError, RecursionError) as error:  # a date of month 13, a number of 5,000 digits, 1,000 brackets
        raise DefinitionError(f"{source}: not YAML: {error}") from None
    try:
        return Definition.model_validate(value)
    except ValidationError as error:
        raise DefinitionError("\n".join(_sentence(problem, root, source) for problem in error.errors())) from None


def _check_nodes(node: yaml.Node, source: str, seen: set[int]) -> None:
    """Refuse what YAML lets pass: keys that stand twice, and lone surrogates."""
    if id(node) in seen:  # by an alias, which may even lead back to where it stands
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, child in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in keys:
                raise DefinitionError(f"{source}:{key.start_mark.line + 1}: {key.value!r} stands twice")
            keys.add(str(key.value))
            _check_nodes(key, source, seen)
            _check_nodes(child, source, seen)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _check_nodes(child, source, seen)
    elif re.search("[\ud800-\udfff]", node.value):
        raise DefinitionError(f"{source}:{node.start_mark.line + 1}: lone surrogates are no text")


_KINDS_OF_NODE = {"tuple_type": "a list", "dict_type": "a mapping", "model_type": "a mapping"}


def _sentence(problem: Any, root: yaml.Node, source: str) -> str:
    """`models/tickets.yaml:12: targets.priority.labels: ...` for one of pydantic's errors."""
    loc = problem["loc"] + getattr(problem.get("ctx", {}).get("error"), "loc", ())
    line, path, keys = _locate(root, loc)
    message = problem["msg"].removeprefix("Value error, ").replace("Tuple should", "The list should")
    if problem["type"] == "extra_forbidden":
        fields = _fields_beside(loc)
        near = difflib.get_close_matches(str(loc[-1]), fields, n=1)
        message = f"no such field{f', did you mean {near[0]!r}?' if near else '.'} Allowed: {', '.join(fields)}"
    elif problem["type"] == "missing":
        message = f"this field is required (the mapping has: {', '.join(keys) or 'nothing'})"
    elif problem["type"].startswith("union_tag"):
        context = problem["ctx"]
        tags = context.get("expected_tags") or ", ".join(f"'{tag}'" for tag in _tags(loc))
        message = f"{context['discriminator'].strip(chr(39))} must be one of {tags}"
    elif problem["type"] == "string_type" and isinstance(problem["input"], bool | int | float):
        message = f"{message}. Got {problem['input']!r}: put it in quotes"
    elif problem["type"] in _KINDS_OF_NODE:
        message = f"must be {_KINDS_OF_NODE[problem['type']]}"
    elif problem["type"] != "value_error" and isinstance(problem["input"], str | int | float):
        message = f"{message}. Got {problem['input']!r}"
    return f"{source}:{line}: {path or 'definition'}: {message}"


def _locate(root: yaml.Node, loc: tuple[str | int, ...]) -> tuple[int, str, list[str]]:
    """The line of the deepest node that `loc` names, the path to it, and the keys of the mapping it ended in."""
    node, line, path = root, root.start_mark.line + 1, ""
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            child = next(((key, value) for key, value in node.value if key.value == part), None)
            if child is not None:
                line, node = child[0].start_mark.line + 1, child[1]
                path = f"{path}.{part}" if path else str(part)
            elif part == loc[-1] and part != "[key]":
                path = f"{path}.{part}" if path else str(part)
            # else: a name that pydantic adds for a branch of a union
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node, path = node.value[part], f"{path}[{part}]"
            line = node.start_mark.line + 1
    return line, path, [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


_TELLS = ("kind", "task", "step")  # the fields that tell the models of a union apart


def _fields_beside(loc: tuple[str | int, ...]) -> list[str]:
    """The fields that are allowed where an unknown one was found."""
    models = [one for one in _types_at(loc[:-1]) if _is_model(one)]
    return sorted(models[0].model_fields, key=lambda name: name not in _TELLS) if models else []


def _tags(loc: tuple[str | int, ...]) -> list[str]:
    """The kinds that a union allows."""
    return [tag for one in _types_at(loc) for tag in _tags_of(one)]


def _types_at(loc: tuple[str | int, ...]) -> list[Any]:
    """What a location may hold: from the definition's types, along the location as pydantic tells it."""
    types: list[Any] = [Definition]
    for part in loc:
        types = [inner for one in types for inner in _inside(one, part)]
    return types


def _inside(one: Any, part: str | int) -> Iterator[Any]:
    if _is_model(one):
        if part in one.model_fields:
            yield from _branches(one.model_fields[part].annotation)
        elif part in _tags_of(one):  # the branch of a union
            yield one
    elif get_origin(one) in (dict, tuple):
        yield from _branches(get_args(one)[-1 if get_origin(one) is dict else 0])


def _branches(annotation: Any) -> Iterator[Any]:
    """The alternatives of an annotation, unwrapped."""
    if hasattr(annotation, "__metadata__"):
        yield from _branches(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for alternative in get_args(annotation):
            yield from _branches(alternative)
    else:
        yield annotation


def _tags_of(one: Any) -> tuple[Any, ...]:
    """The values of `kind`, `task` or `step` that choose this model of a union."""
    fields = one.model_fields if _is_model(one) else {}
    tagged = [get_args(fields[name].annotation) for name in _TELLS if name in fields]
    return tuple(tag for tags in tagged[:1] for tag in tags)


def _is_model(one: Any) -> bool:
    return isinstance(one, type) and issubclass(one, BaseModel)
