"""What a program lets the inference log keep of its inputs. Older programs say nothing of it: then nothing is kept."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from firesteel.errors import ProgramError
from firesteel.program.schema import Identifier, Schema

HASH, PLAIN = "hash", "plain"


class Log(NamedTuple):
    """The share of requests whose inputs are kept, and how each field is: as a digest, or as it is."""

    sample: float
    inputs: Mapping[str, str]


def load(entry: Mapping[str, Any] | None, inputs: Schema) -> Log | None:
    """The policy in a program's metadata. Raises ProgramError; KeyError, TypeError when it is none."""
    if entry is None:
        return None
    log = Log(entry["sample"], dict(entry["inputs"]))
    fields = {field.name: field for field in inputs.fields}
    if type(log.sample) not in (int, float) or not 0 <= log.sample <= 1:
        raise ProgramError("the share of requests that are logged is no number from 0 to 1")
    for name, how in log.inputs.items():
        if name not in fields or how not in (HASH, PLAIN) or (how == PLAIN and isinstance(fields[name], Identifier)):
            raise ProgramError("the log keeps what is no input, an identifier as it is, or in a way that nobody knows")
    return log
