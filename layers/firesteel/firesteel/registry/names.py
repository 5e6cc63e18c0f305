"""Names that become keys: checked before a key is made, so a name is never a path.

What breaks the rules can name nothing, hence NotFoundError.
"""

import re

from firesteel.errors import NotFoundError

ALIASES = "aliases"

_NAME = r"[a-z0-9][a-z0-9-]{0,62}"
_MODEL = re.compile(rf"{_NAME}(/(?!{ALIASES}\Z){_NAME})?\Z")
_ALIAS = re.compile(rf"{_NAME}\Z")
_NUMBER = r"(0|[1-9][0-9]{0,8})"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}\Z")
FILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
RECORD = re.compile(
    rf"models/{_NAME}/((?!{ALIASES}/){_NAME}/)?"
    rf"(v{_NUMBER}\.{_NUMBER}\.{_NUMBER}/(claim|manifest|collected)\.json|{ALIASES}/{_NAME}/[0-9]{{8}}\.json)\Z"
)
"""The keys of records: what the registry writes of bundles and aliases, beside the files."""
RESERVED = re.compile(rf"(.*/)?({ALIASES}/.*|(claim|manifest|collected)\.json)\Z", re.DOTALL)
"""Keys at which there is a record or nothing."""
LAST_GENERATION = 99_999_999
"""Of an alias: a key has eight digits for it."""


def folder(model: str) -> str:
    """The folder of a model, or of one segment of it (`recruits/qb`)."""
    if not _MODEL.match(model):
        raise NotFoundError(
            f"{model[:80]!r} is no model: names are a-z, 0-9 and -, with one / before a segment, "
            f"which cannot be called {ALIASES}"
        )
    return f"models/{model}/"


def version_folder(model: str, version: str) -> str:
    """The folder of a version's files."""
    number(version)
    return f"{folder(model)}v{version}/"


def alias_folder(model: str, alias: str) -> str:
    """The folder of an alias's entries."""
    if not _ALIAS.match(alias):
        raise NotFoundError(f"{alias[:80]!r} is no alias: names are a-z, 0-9 and -")
    return f"{folder(model)}{ALIASES}/{alias}/"


def number(version: str) -> tuple[int, int, int]:
    """A version as numbers, for ordering."""
    match = _VERSION.match(version)
    if not match:
        raise NotFoundError(f"{version[:80]!r} is no version: versions look like 1.2.0")
    major, minor, patch = map(int, match.groups())
    return major, minor, patch


def is_version(text: str) -> bool:
    return _VERSION.match(text) is not None


def is_version_folder(name: str) -> bool:
    """`v1.2.0` is one. A segment is none, however it begins: its name has no dots."""
    return name.startswith("v") and is_version(name[1:])


def is_alias(text: str) -> bool:
    return _ALIAS.match(text) is not None


def is_segment(name: str) -> bool:
    """Whether a folder inside a model's is a segment of it."""
    return name != ALIASES and is_alias(name)
