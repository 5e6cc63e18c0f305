"""Programs with hostile content, by hand: what mutation would hardly find."""

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.proofs.poison_programs import BASES, HUGE, Content, raw

Change = Callable[[dict[str, Any], dict[str, np.ndarray]], Any]
Program = tuple[str, Path, bytes]
"""What is wrong with it, of which golden one it is, and the file."""
_OWN = {path.parents[1].name: path for path in BASES if "v2" in path.parts}
_TEXTS, _COUNT, _NUMBER, _SEGMENTS, _SEGMENT = (_OWN[name] for name in ("tickets", "gifts", "g2g", "recruits", "qb"))


def by_hand() -> Iterator[Program]:
    """All of them."""
    yield from _texts()
    yield from _numbers()
    yield from _many()
    yield from _requests()
    yield from _segments()
    for path in (_NUMBER, _COUNT):
        yield from ((what, path, data) for what, data in _trees(path))
    yield from ((what, _TEXTS, data) for what, data in _headers(_TEXTS))


def _changed(what: str, path: Path, change: Change) -> Program:
    content = Content(path)
    change(content.meta, content.tensors)
    return what, path, content.written()


def _all_text(**changes: Any) -> Change:
    return lambda meta, _: [step.update(changes) for step in meta["text"]]


def _filled(part: str, value: float) -> Change:
    return lambda _, arrays: arrays.update({n: np.full(a.shape, value) for n, a in arrays.items() if part in n})


def _texts() -> Iterator[Program]:
    """Patterns that take for ever, n-grams without end, texts that are none."""
    for pattern in (
        r"(a+)+$",
        r"(?:\w+\s?)*!",
        r"(?:a|aa)+$",
        r"\w+!",
        r"\w+\w+\w+!",
        r"(?=(\w+))\1!",
        "(" * 5000,
        "a{99999999999}",
        r"(?:(?:a{999}){999}){999}",
        "[" + "\u0100-\U0010ffff" * 60 + "]",
        r"\w*?x",
        r"(?i)[\0-\U0010ffff]+!",
    ):
        yield _changed(f"the token pattern {pattern[:20]}", _TEXTS, _all_text(token_pattern=pattern, lookup="words"))
    for ngrams in ([1, 10**9], [1, 255], [0, 1], [5, 2], [1, 2.5], ["1", "2"], [1, True], [32, 32]):
        yield _changed(f"n-grams {ngrams}", _TEXTS, _all_text(ngrams=ngrams))
    for inputs in ([], ["title", "title"], "title", [["title"]], [None], ["title"] * 5000):
        yield _changed(f"texts of {str(inputs)[:30]}", _TEXTS, _all_text(inputs=inputs))


def _numbers() -> Iterator[Program]:
    """Numbers whose sums and products are none."""
    yield _changed("a weight of 400 digits", _TEXTS, _all_text(weight=HUGE))
    for part, value in (("idf", 1e-200), ("idf", 1e200), ("weights", 1.7e308), ("means", 3e38), ("intercept", 1e308)):
        yield _changed(f"{part} of {value}", _TEXTS, _filled(part, value))
    yield _changed("a scale near all", _TEXTS, lambda m, _: [one.update(scale=1e308) for one in m["targets"]])
    yield _changed("a bias of 400 digits", _TEXTS, lambda m, _: m["targets"][0]["bias"].__setitem__(0, HUGE))
    yield _changed(
        "an infinite range", _NUMBER, lambda m, _: [one.update(range=[-1.7e308, 1.7e308]) for one in m["targets"]]
    )
    for name, bound in (("minimum", HUGE), ("maximum", -HUGE)):
        yield _changed(
            f"a {name} of 400 digits",
            _NUMBER,
            lambda m, _, told={name: bound}: [one.update(told) for one in m["inputs"] if one["kind"] == "number"],
        )


def _many() -> Iterator[Program]:
    """So many of everything that nobody could hold it."""
    for path, width in ((_COUNT, 1 << 40), (_NUMBER, -1), (_NUMBER, 1 << 16)):
        hashing = {"kind": "hash", "name": "h", "inputs": ["a", "b"], "pairs": [["a", "b"]], "width": width}
        yield _changed(f"a hash into {width} columns", path, lambda m, _, step=hashing: m["steps"].append(step))
    yield _changed("many hashes", _COUNT, lambda m, _: m["steps"].extend(copy.deepcopy(_hashes(m, 5000))))
    yield _changed("many pairs", _COUNT, lambda m, _: m["steps"].extend(_hashes(m, 1, pairs=50_000)))
    yield _changed(
        "many targets",
        _TEXTS,
        lambda m, _: m["targets"].extend({**m["targets"][0], "name": str(n)} for n in range(2000)),
    )
    yield _changed("many estimators", _TEXTS, lambda m, _: m["estimators"].extend([m["estimators"][0]] * 2000))
    yield _changed(
        "many inputs",
        _NUMBER,
        lambda m, _: m["inputs"].extend({**m["inputs"][0], "name": f"x{n}"} for n in range(5000)),
    )


def _requests() -> Iterator[Program]:
    """Answers and lists that are none."""
    for what in ([], {}, [["a", "b"]], {"a": 1}, {"a": []}, {"a": "x.y"}, [[{}, "b"]], "ab", 5, {"a": "input."}):
        yield _changed(f"an answer of {what}", _NUMBER, lambda m, _, what=what: m.update(answer=what))
    for each, summed in (
        (None, None),
        (None, {"name": "s", "inputs": []}),
        ({"name": "a", "inputs": "gid"}, None),
        ({"name": "a", "inputs": []}, {"name": "a", "inputs": []}),
        ({"name": "gid", "inputs": ["gid"]}, None),
        ({"name": "a", "inputs": ["gid"]}, {"name": "b", "inputs": ["gid"]}),
        ({"name": 5, "inputs": []}, None),
        ({"name": "a", "inputs": []}, {"name": "b", "inputs": []}),
    ):
        yield _changed(
            f"lists {each} {summed}",
            _NUMBER,
            lambda m, _, each=each, summed=summed: m.update(request={"each": each, "sum": summed}),
        )


def _segments() -> Iterator[Program]:
    """Segments that are no names, and programs in each other's place."""
    for segments in (
        {"QB": "recruits"},
        {"QB": "../x"},
        {"QB": "qb/qb"},
        {"QB": ""},
        [["QB", "qb"]],
        [[1, "qb"]],
        {"QB": "a" * 64},
        {"QB": "%2e%2e"},
        {"\x1b[2J": "qb"},
        {str(n): "qb" for n in range(50_000)},
        {"QB": None},
    ):
        yield _changed(
            f"segments {str(segments)[:30]}",
            _SEGMENTS,
            lambda m, _, segments=segments: m.update(segments=segments, fallback=None),
        )
    yield "a segment that has segments", _SEGMENT, _SEGMENTS.read_bytes()
    yield "a model that is a segment", _SEGMENTS, _SEGMENT.read_bytes()


def _hashes(meta: dict[str, Any], count: int, pairs: int = 1) -> list[dict[str, Any]]:
    names = [one["name"] for one in meta["inputs"] if one["kind"] == "category"][:2] * 2
    step = {"kind": "hash", "inputs": sorted(set(names[:2])), "pairs": [names[:2]] * pairs, "width": 1 << 16}
    return [{**step, "name": f"h{number}"} for number in range(count)]


def _trees(path: Path) -> Iterator[tuple[str, bytes]]:
    """Trees with circles, lost nodes, leaves for roots, and so many of everything that nobody could hold it."""
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "that never end": np.zeros_like,
        "of leaves": lambda tests: np.full_like(tests, -1),
        "upside down": lambda tests: tests[::-1].copy(),
        "of a chain": lambda tests: np.tile(np.array([0, -1], tests.dtype), len(tests) // 2),
        "that ask what nobody asks": lambda tests: np.where(tests >= 0, np.iinfo(np.int32).max, tests).astype(np.int32),
        "cut off": lambda tests: tests[: len(tests) // 2],
    }
    for what, change in ways.items():
        content = Content(path)
        for name in [name for name in content.tensors if name.endswith(".tests")]:
            content.tensors[name] = change(content.tensors[name])
        yield f"trees {what}", content.written()


def _headers(path: Path) -> Iterator[tuple[str, bytes]]:
    """Headers that lie: of lengths, offsets, shapes, depths and numbers."""
    good = path.read_bytes()
    yield "a header's length that is all", (2**64 - 1).to_bytes(8, "little") + good[8:]
    yield "a header's length that is none", bytes(8) + good[8:]
    yield "a header as long as may be, of spaces", raw(b" " * (1 << 20))
    yield "a header longer than may be", raw(b" " * (8 << 20))
    yield "deep", raw(b"[" * 100_000)
    yield "deep in the metadata", raw(json.dumps({"__metadata__": {"firesteel": "[" * 100_000}}).encode())
    yield "keys", raw(json.dumps({f"k{number}": 0 for number in range(90_000)}).encode())
    meta = {"firesteel": json.dumps({"format": 2, "model": "tickets"})}
    for shape in (
        [0, 1 << 62],
        [0, HUGE],
        [0, 1 << 62, 1 << 62],
        [1 << 63],
        [-1],
        [1 << 32, 1 << 32],
        [2**61],
        [HUGE, 0, 0, 0],
        "ab",
        {},
        [True],
    ):
        header = {"__metadata__": meta, "a": {"dtype": "F64", "shape": shape, "data_offsets": [0, 0]}}
        yield f"the shape {str(shape)[:30]}", raw(json.dumps(header).encode())
    for first, second in (
        ([0, 8], [4, 12]),
        ([0, 8], [0, 8]),
        ([8, 0], [0, 8]),
        ([-8, 0], [0, 8]),
        ([0, HUGE], [0, 8]),
        (["0", 8], [0, 8]),
    ):
        entry = {"dtype": "F64", "shape": [1]}
        header = {"__metadata__": meta, "a": entry | {"data_offsets": first}, "b": entry | {"data_offsets": second}}
        yield f"the offsets {str(first)[:20]}, {second}", raw(json.dumps(header).encode(), bytes(16))
    for kind in ("O", "V8", "object", "F64" * 1000, None, [], {}, 5, "|O", "M8[ns]"):
        header = {"__metadata__": meta, "a": {"dtype": kind, "shape": [1], "data_offsets": [0, 8]}}
        yield f"the type {str(kind)[:20]}", raw(json.dumps(header).encode(), bytes(8))
    for number in (0, 3, -1, True, 1.0, 2.0, "2", None, [], {"a": "b" * 500_000}, HUGE, "\x1b[2J"):
        header = {"__metadata__": {"firesteel": json.dumps({"format": number, "model": "tickets"})}}
        yield f"the format {str(number)[:20]!r}", raw(json.dumps(header).encode())
