"""Poison that is no program: what would run code, or take all memory, if it were read as what it looks like."""

import bz2
import gzip
import io
import json
import lzma
import marshal
import os
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

Packed = tuple[str, Callable[[bytes], bytes]]
PACKERS: tuple[Packed, ...] = (
    ("raw", bytes),
    ("zlib", zlib.compress),
    ("gzip", gzip.compress),
    ("bz2", bz2.compress),
    ("lzma", lambda data: lzma.compress(data, lzma.FORMAT_ALONE)),
    ("xz", lzma.compress),
    ("zstd header", lambda data: b"\x28\xb5\x2f\xfd\x20" + data),
)


class Call:
    """Pickles as a call of a function."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._call = function, args

    def __reduce__(self) -> tuple[Any, ...]:
        return self._call


def calls(canary: Path) -> dict[str, Call]:
    """Calls that would leave `canary`, each another way."""
    name, touch = str(canary), f"touch {canary}"
    return {
        "os.system": Call(os.system, touch),
        "eval": Call(eval, f"open({name!r}, 'w')"),
        "exec": Call(exec, f"open({name!r}, 'w')"),
        "open": Call(open, name, "w"),
        "pathlib": Call(Path.write_text, canary, "x"),
        "environment": Call(os.putenv, "POISON", "1"),
        "getattr": Call(getattr, "x", "upper"),
        "import": Call(__import__, "antigravity"),
        "reduce": Call(reduce, max, [1, 2]),
        "numpy": Call(np.fromfile, "/dev/zero", "u1", 10),
        "memory": Call(np.zeros, 1 << 31),
    }


def pickles(canary: Path) -> Iterator[tuple[str, bytes]]:
    """Of all protocols, and by hand what no pickler writes."""
    for name, call in calls(canary).items():
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            yield f"{name} protocol {protocol}", pickle.dumps(call, protocol)
    touch = f"touch {canary}".encode()
    yield "INST", b"(S'" + touch + b"'\nios\nsystem\n."
    yield "OBJ", b"(cos\nsystem\nS'" + touch + b"'\no."
    yield "STACK_GLOBAL", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c" + bytes([len(touch)]) + touch + b"\x85R."
    yield "memo", b"cos\nsystem\np0\n0g0\n(S'" + touch + b"'\ntR."
    yield "EXT", b"\x80\x02\x82\x01."
    yield "PERSID", b"Pcanary\n."
    yield "stopped twice", pickle.dumps(1) + pickle.dumps(Call(os.system, touch.decode()))
    yield "never stopped", b"cos\nsystem\n(S'" + touch + b"'\ntR"
    yield "LONG4 that lies", b"\x80\x02\x8b\xff\xff\xff\x7f" + b"\0" * 8
    yield "BINBYTES8 that lies", b"\x80\x04\x8e" + b"\xff" * 8
    yield "deep", b"(" * 100_000 + b"."


def containers(canary: Path) -> Iterator[tuple[str, bytes]]:
    """What holds pickles or code: arrays of objects, archives, compiled modules, tagged YAML."""
    attack = pickle.dumps(Call(os.system, f"touch {canary}"))
    head = b"\x93NUMPY\x01\x00\x76\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    yield "npy of objects", head.ljust(127) + b"\n" + attack
    yield "npy that is huge", head.replace(b"'|O'", b"'<f8'").replace(b"(1,)", b"(9999999999,)").ljust(127) + b"\n"
    for name, entries in {
        "npz": {"a.npy": head.ljust(127) + b"\n" + attack},
        "torch": {"archive/data.pkl": attack, "archive/version": b"3\n"},
        "skops": {"schema.json": b'{"__class__": "system", "__module__": "os", "__loader__": "FunctionNode"}'},
        "names": {"../../canary": b"x", "/etc/canary": b"x", "C:\\canary": b"x"},
        "bomb": {"data.pkl": b"\0" * (4 << 20)},
    }.items():
        data = _zip(entries)
        yield f"zip of {name}", data
        yield f"zip of {name} with another CRC", data.replace(data[14:18], b"\1\2\3\4")
        yield f"zip of {name} marked encrypted", data[:6] + b"\x01\x00" + data[8:]
        yield f"zip of {name} behind a header", (2).to_bytes(8, "little") + b"{}" + data
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind in (("../canary", tarfile.REGTYPE), ("link", tarfile.SYMTYPE), ("device", tarfile.CHRTYPE)):
            about = tarfile.TarInfo(name)
            about.type, about.linkname = kind, "/etc/passwd"
            tar.addfile(about)
    yield "tar", buffer.getvalue()
    code = compile(f"open({str(canary)!r}, 'w')", "poison", "exec")
    yield "compiled module", b"\xf3\r\r\n" + bytes(12) + marshal.dumps(code)
    yield "source", f"open({str(canary)!r}, 'w')\n".encode()
    yield "shell", f"#!/bin/sh\ntouch {canary}\n".encode()
    yield "shared object", b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x03\x00\x3e\x00" + bytes(100)
    yield "yaml", f"!!python/object/apply:os.system ['touch {canary}']\n".encode()
    yield "yaml anchors", b"a: &a [x,x,x]\n" + b"".join(b"b%d: &b%d [*a,*a]\n" % (n, n) for n in range(99))
    yield "template", b"{{ ''.__class__.__mro__[1].__subclasses__() }}${7*7}<%= 7*7 %>"
    yield "script", b"<script>fetch('http://127.0.0.1:9/')</script><img src=x onerror=alert(1)>[a](javascript:alert(1))"
    yield "XML entities", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


def _zip(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def documents() -> Iterator[tuple[str, bytes]]:
    """JSON that is too deep, too wide or not what it should be."""
    deep = 100_000
    yield "deep lists", b"[" * deep + b"]" * deep
    yield "deep objects", b'{"a":' * deep + b"1" + b"}" * deep
    yield "many keys", json.dumps({str(number): 0 for number in range(100_000)}).encode()
    yield "one key twice", b'{"format":1,"rows":[],"rows":[]}'
    yield "long number", b'{"format":1,"rows":[' + b"9" * 300_000 + b"]}"
    yield "large exponent", b'{"format":1,"rows":[1e999999]}'
    yield "not a number", b'{"format":1,"rows":[NaN]}'
    yield "a surrogate", b'{"format":1,"rows":["\\ud800"]}'
    yield "nothing", b""
    yield "zeros", bytes(1 << 20)
    yield "byte order mark", b"\xef\xbb\xbf{}"
    yield "UTF-16", '{"format":1}'.encode("utf-16")
    for value in ("null", "1", '"x"', "[]", "{}", "true", '{"format":1}', '{"format":2,"rows":[]}', '{"format":"1"}',
                  '{"format":1,"rows":null}', '{"format":1,"rows":5}', '{"format":1,"rows":{"a":1}}', '{"format":1,"rows":[1]}',
                  '{"format":1,"rows":[{}]}', '{"format":1,"rows":[{"input":[]}]}', '{"format":1,"targets":5}',
                  '{"format":1,"rows":[{"input":{"title":"a","description":"b"},"labels":[],"confidences":{}}]}',
                  '{"format":1,"rows":[{"input":{"title":"a","description":"b"},"labels":{"x":[]},"confidences":{}}]}',
                  '{"format":1,"rows":[{"input":{"title":"a","description":"b"},"labels":{},"values":{"x":1}}]}',
                  '{"format":1,"gates":7,"signature":[],"targets":{"priority":7}}',
                  '{"format":1,"gates":[7],"parent":{},"trained_at":[],"targets":{"priority":{"labels":7}}}'):  # fmt: skip
        yield f"a document that is {value[:60]}", value.encode()
    yield "a million rows", b'{"format":1,"rows":[' + b"{}," * 1_000_000 + b"{}]}"


def poison(canary: Path, random: Random) -> Iterator[tuple[str, bytes]]:
    """All of it, in an order of its own for each generator; packed in every way in turn."""
    found = [*pickles(canary), *containers(canary)]
    random.shuffle(found)
    plain = [*documents(), *[(f"{name}, {how}", pack(data)) for name, data in found for how, pack in PACKERS]]
    random.shuffle(plain)
    yield from plain
