"""Definitions as people write them: a YAML file, and errors that name file, line, field and what is allowed there."""

import difflib
import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from firesteel.definition import (
    Calibration,
    ClassificationTarget,
    Data,
    Definition,
    Gate,
    IdentifierInput,
    Logistic,
    Review,
    Search,
    Split,
    TextInput,
    TfidfFeature,
)
from firesteel.errors import DefinitionError


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
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if not isinstance(root, yaml.MappingNode):
            raise DefinitionError(f"{source}:1: a definition is a mapping that begins with `model: <name>`")
        _check_nodes(root, source, set())
        value = yaml.safe_load(text)
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
_ADDED = (
    "text",
    "identifier",
    "list",
    "mapping",
    "[key]",
)  # what pydantic adds to a location: branches of unions, keys


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
        tags = problem["ctx"].get("expected_tags", "'text', 'identifier'")
        message = f"kind must be one of {tags}"
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
            elif part == loc[-1] and part not in _ADDED:
                path = f"{path}.{part}" if path else str(part)
            # else: a name that pydantic adds for a branch of a union
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node, path = node.value[part], f"{path}[{part}]"
            line = node.start_mark.line + 1
    return line, path, [key.value for key, _ in node.value] if isinstance(node, yaml.MappingNode) else []


def _fields_beside(loc: tuple[str | int, ...]) -> list[str]:
    """The fields that are allowed where an unknown one was found."""
    kinds: dict[str, type[BaseModel]] = {
        "inputs": TextInput,
        "targets": ClassificationTarget,
        "features": TfidfFeature,
        "estimator": Logistic,
        "search": Search,
        "split": Split,
        "calibration": Calibration,
        "review": Review,
        "gates": Gate,
        "data": Data,
    }
    if len(loc) == 1:
        return list(Definition.model_fields)
    model = kinds[str(loc[0])]
    if len(loc) == 4:  # inputs.<name>.<branch of the union>.<field>, targets.<name>.<estimator or search>.<field>
        model = IdentifierInput if loc[2] == "identifier" else kinds.get(str(loc[2]), model)
    return list(model.model_fields)
