"""Every failure Firesteel can name. Nothing here knows of HTTP: `functions/classify/answers.py` maps errors to answers.

FiresteelError
├── SettingsError          an environment variable or a line of .env is unknown or out of its range
├── DefinitionError        a definition file: file, line, field and what is allowed there
├── DataError              a training file cannot be used: wrong encoding, missing column, too many bad rows
├── CompileError           a fitted step that the program format cannot express
│   └── ParityError        program and pipeline disagree: nothing may be published
├── GateError              a version was published but is not good enough to be served
├── InputError             a request (or row) that does not fit the model's inputs: one `Problem` a field
├── ProgramError           a program file that is not what the format says
└── RegistryError
    ├── NotFoundError      no such model, version, alias or object
    ├── ConflictError      somebody else took this version or generation first
    ├── IntegrityError     stored bytes are not the bytes that were published: size, SHA-256 or shape differ
    │   └── UnsignedError  no key that is trusted here signed a record
    └── StoreError         the object store could not be reached or refused; the outcome of a write is unknown
"""

from dataclasses import dataclass


class FiresteelError(Exception):
    """The root: catch it to catch everything Firesteel raises on purpose."""


class SettingsError(FiresteelError):
    """A setting is unknown, malformed or out of its range."""


class DefinitionError(FiresteelError):
    """A definition file cannot be used. The message names file, line, field and what is allowed."""


class DataError(FiresteelError):
    """A training file cannot be used. The message names the file and, where there is one, line and column."""


class CompileError(FiresteelError):
    """A fitted step that the program format cannot express. The message names the step."""


class ParityError(CompileError):
    """The compiled program and the fitted pipeline disagree; nothing may be published."""


class GateError(FiresteelError):
    """A published version failed a gate of its definition: no alias was moved."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field of a request, without the value that was sent.

    `kind` is stable and meant for programs (`missing`, `too_long`, ...); `message` is for people.
    """

    field: str
    kind: str
    message: str


class InputError(FiresteelError):
    """A request that does not fit the model's inputs."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{problem.field or 'the row'} {problem.message}" for problem in problems))


class ProgramError(FiresteelError):
    """A program file that is not what its format says."""


class RegistryError(FiresteelError):
    """The root of what the registry raises."""


class NotFoundError(RegistryError):
    """No such model, version, alias or object."""


class ConflictError(RegistryError):
    """Somebody else took this version or this generation first."""


class IntegrityError(RegistryError):
    """Stored bytes are not the bytes that were published."""


class UnsignedError(IntegrityError):
    """No key that is trusted here signed a record: it is forged, or older than these keys."""


class StoreError(RegistryError):
    """The object store could not be reached or refused. After a write, its outcome is unknown."""
