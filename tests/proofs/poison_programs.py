"""Programs whose files are well formed and whose content is hostile: golden ones, changed in structure, and by hand."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from firesteel.program import format as program_format
from firesteel.program.signature import signature

GOLDEN = Path(__file__).parents[1] / "golden"
BASES = tuple(sorted(GOLDEN.glob("v*/models/**/program.safetensors")))
HUGE = 10**399  # as long as JSON's numbers may be
_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2,
        255,
        256,
        1 << 31,
        1 << 40,
        1 << 63,
        HUGE,
        -HUGE,
        0.5,
        1e-308,
        1e308,
        -1e308,
        1e30,
    ),
    *(
        "",
        "x",
        "\0",
        "\x1b[2J\x1b]0;title\x07",
        "../x",
        "%2e%2e/",
        "a" * 5000,
        "<script>",
        "\u202e",
        "{0.__class__}",
        "os.system",
    ),
    *([], {}, [[]], [None], [1, 1], ["x", "x"], {"a": 1}, [0] * 1000, [[0, 0]] * 50, [{}] * 300),
)
_ARRAYS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda array: array[:0],
    lambda array: array[:-1],
    lambda array: np.concatenate([array, array]),
    lambda array: array.reshape(-1, 1),
    lambda array: array.reshape(-1),
    lambda array: array[::-1],
    np.zeros_like,
    np.ones_like,
    lambda array: np.full_like(array, _largest(array)),
    lambda array: np.full_like(array, -1 if array.dtype.kind != "u" else 1),
    lambda array: np.full(array.shape, np.nan),
    lambda array: np.full(array.shape, np.inf, np.float32),
    lambda array: np.full(array.shape, 1e300),
    lambda array: np.full(array.shape, 1e-300),
    lambda array: array.astype(np.float64),
    lambda array: array.astype(np.float32),
    lambda array: np.zeros(array.shape, np.uint8),
    lambda array: np.zeros(array.shape, np.uint64),
    lambda array: np.zeros((0, 1 << 40, 1 << 20), np.uint8),
    lambda array: np.zeros((*array.shape, 0), np.uint8),
    lambda array: np.arange(array.size, dtype=np.int32).reshape(array.shape),
)


def _largest(array: np.ndarray) -> Any:
    return np.finfo(array.dtype).max if array.dtype.kind == "f" else np.iinfo(array.dtype).max


class Content:
    """A golden program's content, to be changed."""

    def __init__(self, path: Path) -> None:
        meta, tensors = program_format.read(path.read_bytes())
        self.meta: dict[str, Any] = copy.deepcopy(meta)
        self.tensors = dict(tensors)

    def written(self) -> bytes:
        """The file, signed as an attacker would."""
        if "signature" in self.meta:
            try:
                self.meta["signature"] = signature(self.meta)
            except (KeyError, TypeError, ValueError, AttributeError):
                self.meta["signature"] = "0" * 64  # nobody could sign it
        return write(self.meta, self.tensors)


def write(meta: Any, tensors: dict[str, np.ndarray]) -> bytes:
    """A file of the format, whatever is in it; the format that `meta` says is kept."""
    kept = {name: array for name, array in tensors.items() if array.dtype in program_format._NAMES}
    header: dict[str, Any] = {"__metadata__": {"firesteel": json.dumps(meta)}}
    data = b""
    for name, array in kept.items():
        end = len(data) + array.nbytes
        kind = program_format._NAMES[array.dtype]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [len(data), end]}
        data += array.tobytes()
    return raw(json.dumps(header).encode(), data)


def raw(header: bytes, data: bytes = b"") -> bytes:
    return len(header).to_bytes(8, "little") + header + data


def mutated(random: Random) -> tuple[str, Path, bytes]:
    """A golden program with one to three changes; what they are, and of which it is."""
    path = random.choice(BASES)
    content = Content(path)
    said = [
        _change_meta(content.meta, random)
        if random.random() < 0.6 or not content.tensors
        else _change_tensor(content, random)
        for _ in range(random.choice((1, 1, 1, 2, 3)))
    ]
    return "; ".join(said), path, content.written()


def _change_meta(meta: dict[str, Any], random: Random) -> str:
    """One place of the metadata is dropped, doubled, or becomes what it should not be."""
    places = list(_places(meta))
    parent, key, where = random.choice(places)
    how = random.random()
    if how < 0.15:
        del parent[key]
        return f"{where} dropped"
    if how < 0.25 and isinstance(parent, list):
        parent.insert(key, copy.deepcopy(parent[key]))
        return f"{where} doubled"
    if how < 0.35:
        other, name, there = random.choice(places)
        parent[key] = (
            copy.deepcopy(other[name]) if name in other or (isinstance(other, list) and name < len(other)) else None
        )
        return f"{where} = {there}"
    if how < 0.45 and isinstance(parent[key], int | float):
        parent[key] = parent[key] * random.choice((-1, 2, 1000, 1 << 40))
        return f"{where} scaled"
    parent[key] = value = copy.deepcopy(random.choice(_VALUES))
    return f"{where} = {str(value)[:30]!r}"


def _places(value: Any, where: str = "") -> Iterator[tuple[Any, Any, str]]:
    """Every place in a tree of JSON: what holds it, under which key, and its path."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield value, key, f"{where}.{key}"
        yield from _places(item, f"{where}.{key}")


def _change_tensor(content: Content, random: Random) -> str:
    name = random.choice(sorted(content.tensors))
    array = content.tensors[name]
    how = random.randrange(len(_ARRAYS) + 6)
    if len(array.shape) > 3 or 1 << 40 in array.shape:  # it was changed before: numpy itself could not go on
        return f"{name} left as it is"
    if how < len(_ARRAYS):
        with np.errstate(all="ignore"):
            content.tensors[name] = np.ascontiguousarray(_ARRAYS[how](array))
        return f"{name} in way {how}"
    if how == len(_ARRAYS):
        del content.tensors[name]
        return f"{name} dropped"
    if how == len(_ARRAYS) + 1:
        other = random.choice(sorted(content.tensors))
        content.tensors[name] = content.tensors[other]
        return f"{name} = {other}"
    changed = array.copy()
    if changed.size:
        place = random.randrange(changed.size)
        changed.ravel()[place] = random.choice((0, 1, 2, place % 128, place // 2 % 128, 127, _largest(array)))
    content.tensors[name] = changed
    return f"{name} changed in one place"
