"""Programs of earlier formats, told in today's words.

1  only texts: their steps were called `steps`, there was no signature, and answers had one shape
"""

from collections.abc import Mapping
from typing import Any

from firesteel.errors import ProgramError
from firesteel.program.format import FORMAT, Content
from firesteel.program.signature import signature


def upgrade(content: Content) -> Content:
    """The content of any format as one of the present format. Raises ProgramError for what is none."""
    if content.meta["format"] == FORMAT:
        return content
    try:
        return _from_1(content.meta, content.tensors)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise ProgramError(f"the program is not what format 1 says: {type(error).__name__}: {error}") from None


def _from_1(meta: Mapping[str, Any], tensors: Mapping[str, Any]) -> Content:
    told = {
        "format": FORMAT,
        "model": meta["model"],
        "inputs": meta["inputs"],
        "text": [{"name": f"text{number}", **step} for number, step in enumerate(meta["steps"])],
        "steps": [],
        "estimators": [{**entry, "text": entry["steps"]} for entry in meta["estimators"]],
        "targets": meta["targets"],
        "answer": None,
        "request": None,
    }
    renamed = {
        (f"text.{name.removeprefix('steps.')}" if name.startswith("steps.") else name): array
        for name, array in tensors.items()
    }
    return Content(told | {"signature": signature(told)}, renamed)
