"""Bad training files: each with a name, its bytes and what a message about it must say."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from firesteel.definition import Definition

ROWS = 120
LABELS = ("fruit", "sea")
WORDS = {
    "fruit": ("apple", "pear", "plum", "orchard", "sweet", "ripe", "basket", "cider", "jam", "peel"),
    "sea": ("wave", "harbour", "salt", "tide", "gull", "anchor", "reef", "sail", "mast", "deck"),
}
COMMON = ("today", "again", "the", "very", "never", "often", "small", "large", "old", "new")

DEFINITION = Definition.model_validate(
    {
        "model": "small",
        "inputs": {
            "text": {"kind": "text", "max_length": 2000, "example": "a ripe pear"},
            "size": {"kind": "number", "minimum": 0, "maximum": 100, "example": 3},
            "season": {"kind": "category", "values": ["spring", "autumn"], "example": "spring"},
        },
        "targets": {"topic": {"task": "classification", "labels": list(LABELS)}},
        "features": {
            "words": {"step": "tfidf", "inputs": ["text"]},
            "size": {"step": "number", "inputs": ["size"], "fill": "mean", "scale": True},
            "season": {"step": "onehot", "inputs": ["season"]},
        },
        "gates": [
            {"metric": "topic.accuracy", "at_least": 0.8},
            {"metric": "topic.accuracy", "max_drop": 0.03},
            {"metric": "topic.macro_f1", "max_drop": 0.03},
        ],
        "split": {"seed": 5},
    }
)

Row = list[str]
HEADER = ["text", "size", "season", "topic"]


class Spoiled(NamedTuple):
    """A file that must change nothing; `says` stands in the message, whose error comes while the file is read or judged."""

    name: str
    data: bytes
    says: str = ""
    trains: bool = False


def good(random: Random, count: int = ROWS) -> list[Row]:
    """Rows that a model can learn from: each topic has words of its own, and no two texts are the same."""
    rows = []
    for number in range(count):
        topic = LABELS[number % 2]
        words = random.sample(WORDS[topic], 4) + random.sample(COMMON, 4)
        random.shuffle(words)
        rows.append([" ".join(words), str(random.randrange(100)), random.choice(("spring", "autumn")), topic])
    return rows


def csv_of(rows: list[Row], header: list[str] | None = None, *, delimiter: str = ",", end: str = "\n") -> bytes:
    return (end.join(delimiter.join(row) for row in [header or HEADER, *rows]) + end).encode()


def files(random: Random) -> Iterator[Spoiled]:
    """All of them that reading refuses, then those that are trained on and judged."""
    rows = good(random)
    whole = csv_of(rows)
    yield from _no_rows()
    yield from _other_formats(whole, random)
    yield from _packed(whole)
    yield from _encodings(rows, random)
    yield from _headers(rows)
    yield from _quotes(rows)
    yield from _cells(rows)
    yield from _too_few(rows)
    yield from _misleading(rows, random)


def _no_rows() -> Iterator[Spoiled]:
    yield Spoiled("empty", b"", "the file is empty")
    yield Spoiled("a mark of UTF-8 alone", b"\xef\xbb\xbf", "no column")
    for name, data in {"blanks": b"   ", "line ends": b"\n\n\n", "CRs": b"\r\r", "commas": b",,,\n,,,\n"}.items():
        yield Spoiled(f"nothing but {name}", data, "no column")
    for name, end in {"LF": "\n", "CRLF": "\r\n", "CR": "\r", "no end": ""}.items():
        yield Spoiled(f"a header alone, {name}", (",".join(HEADER) + end).encode(), "not one row")
    yield Spoiled("a header and empty lines", csv_of([]) + b"\n" * 1000, "not one row")


def _other_formats(whole: bytes, random: Random) -> Iterator[Spoiled]:
    for name, what in {"data.csv": "ZIP", "xl/workbook.xml": "workbook"}.items():
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(name, whole)
        yield Spoiled(f"a ZIP file with {name}", packed.getvalue(), what)
    archived = io.BytesIO()
    with tarfile.open(fileobj=archived, mode="w") as tar:
        entry = tarfile.TarInfo("data.csv")
        entry.size = len(whole)
        tar.addfile(entry, io.BytesIO(whole))
    magic = {
        "an old Excel workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(512),
        "Parquet": b"PAR1" + bytes(64) + b"PAR1",
        "a pickle": pickle.dumps([["text", "size"], ["a", 1]]),
        "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
        "PNG": b"\x89PNG\r\n\x1a\n" + bytes(32),
        "JSON": json.dumps([{"text": "a", "topic": "sea"}]).encode(),
        "JSON lines": b'{"text": "a", "topic": "sea"}\n' * 50,
        "XML": b'<?xml version="1.0"?><rows><row text="a"/></rows>',
        "HTML": b"<!doctype html><table><tr><td>text</td></tr></table>",
        "SQLite": b"SQLite format 3\0" + bytes(84),
        "Arrow": b"ARROW1\0\0" + bytes(64),
        "npy": b"\x93NUMPY\x01\x00v\x00{'descr': '<f8'}" + bytes(64),
        "bzip2": bz2.compress(whole),
        "xz": lzma.compress(whole),
        "zstd": b"\x28\xb5\x2f\xfd" + bytes(64),
        "tar": archived.getvalue(),
        "an executable": b"\x7fELF\x02\x01\x01" + bytes(64),
        "YAML": b"- text: a\n  topic: sea\n" * 20,
    }
    for name, data in magic.items():
        yield Spoiled(name, data)
        yield Spoiled(f"{name}, packed", gzip.compress(data, mtime=0))
    for number in range(12):
        yield Spoiled(f"random bytes {number}", random.randbytes(1 << (number + 2)))


def _packed(whole: bytes) -> Iterator[Spoiled]:
    packed = gzip.compress(whole, mtime=0)
    for share in (0.1, 0.5, 0.9):
        yield Spoiled(f"gzip cut off at {share:.0%}", packed[: int(share * len(packed))], "damaged or cut off")
    for name, place in {"trailer": -6, "length": -2}.items():
        changed = bytearray(packed)
        changed[place] ^= 1
        yield Spoiled(f"gzip with a wrong {name}", bytes(changed), "damaged or cut off")
    yield Spoiled("gzip of gzip", gzip.compress(packed, mtime=0))
    yield Spoiled("gzip of nothing", gzip.compress(b"", mtime=0), "the file is empty")
    yield Spoiled("gzip's first bytes", b"\x1f\x8b", "damaged or cut off")
    yield Spoiled("gzip with rubbish behind it", packed + b"rubbish" * 9, "damaged or cut off")
    for name, byte in {"zeros": b"\0", "letters": b"a", "quotes": b'"', "lines": b"\n", "commas": b","}.items():
        yield Spoiled(f"a bomb of {name}", gzip.compress(byte * (96 << 20), 9, mtime=0))
    yield Spoiled("a bomb behind a header", gzip.compress(csv_of([]) + b"a" * (96 << 20), 9, mtime=0))


def _encodings(rows: list[Row], random: Random) -> Iterator[Spoiled]:
    text = csv_of([["ça va, été".replace(",", ""), *row[1:]] for row in rows]).decode()
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "cp500"):
        yield Spoiled(encoding, text.encode(encoding))
    for encoding in ("latin-1", "cp1252", "mac-roman", "cp850"):
        yield Spoiled(encoding, text.encode(encoding), "is not UTF-8")
    yield Spoiled("shift-jis", text.replace("ça va été", "日本").encode("shift-jis"), "is not UTF-8")
    wrong = {
        "a lone continuation": b"\x80",
        "an overlong slash": b"\xc0\xaf",
        "half a surrogate pair": b"\xed\xa0\x80",
        "beyond Unicode": b"\xf5\x80\x80\x80",
        "a cut character": b"\xe2\x82",
        "0xFF": b"\xff",
    }
    whole = csv_of(rows)
    for name, data in wrong.items():
        place = whole.index(b"\n", random.randrange(40, len(whole) - 50))
        yield Spoiled(f"{name} in a row", whole[:place] + data + whole[place:], "is not UTF-8")
        yield Spoiled(f"{name} at the end", whole + data, "is not UTF-8")


def _headers(rows: list[Row]) -> Iterator[Spoiled]:
    for place, name in enumerate(HEADER):
        without = [*HEADER[:place], *HEADER[place + 1 :]]
        cut = [[*row[:place], *row[place + 1 :]] for row in rows]
        yield Spoiled(f"no column {name}", csv_of(cut, without), f"there is no column '{name}'")
        for other in (name.upper(), f" {name}", f"{name}s", f"\u200b{name}"):
            renamed = [*HEADER[:place], other, *HEADER[place + 1 :]]
            yield Spoiled(f"{name} called {other!r}", csv_of(rows, renamed), f"there is no column '{name}'")
        twice = [[row[place], *row] for row in rows]
        yield Spoiled(f"two columns {name}", csv_of(twice, [name, *HEADER]), f"more than one column is called '{name}'")
    yield Spoiled("no header", csv_of(rows[1:], rows[0]), "line 1: there is no column")
    yield Spoiled("parted by blanks", csv_of(rows, delimiter=" "), "line 1: there is no column")
    yield Spoiled("parted by bars", csv_of(rows, delimiter="|"), "line 1: there is no column")
    wide = [f"c{number}" for number in range(100_000)]
    yield Spoiled("100,000 columns", csv_of([["1"] * len(wide)] * 3, wide), "line 1: there is no column")
    yield Spoiled("100,000 more columns than cells", csv_of(rows, [*HEADER, *wide]), "rows are bad")
    yield Spoiled("a zero byte in the header", csv_of(rows, ["te\0xt", *HEADER[1:]]))
    yield Spoiled("a column of 5 million characters", csv_of(rows, ["a" * 5_000_000, *HEADER]))
    yield Spoiled("a quoted column of 5 million characters", csv_of(rows, [f'"{"a" * 5_000_000}"', *HEADER]))
    yield Spoiled("a header whose quote is left open", csv_of(rows, ['"text', *HEADER[1:]]))


def _quotes(rows: list[Row]) -> Iterator[Spoiled]:
    for line in (2, 3, 60, 119):
        for name, cell in {"left open": '"a b', "closed too soon": '"a" b', "alone": '"'}.items():
            broken = [list(row) for row in rows]
            broken[line - 2][0] = cell
            yield Spoiled(f"a quote {name} in line {line}", csv_of(broken), "line ")


def _cells(rows: list[Row]) -> Iterator[Spoiled]:
    """One cell in five is wrong, or all of them are."""
    wrong = {
        "size": ["inf", "-inf", "1e999", "nan", "NaN", "NA", "null", "-", "", "-1", "101", "1,5", "0x10", "12 kg", "١", "\0"],
        "season": ["winter", "Spring", "", " spring", "\0", "spring\0"],
        "topic": ["", "nan", "NaN", "None", "NULL", "Fruit", "fruit ", "0", "1", "-1", "\0", "\u202efruit"],
        "text": ["", "   ", "\t", "\u2003", "a" * 2001],
    }  # fmt: skip
    for name, cells in wrong.items():
        place = HEADER.index(name)
        for cell in cells:
            quoted = f'"{cell}"' if "," in cell else cell
            for every, how in ((5, "every fifth"), (1, "every")):
                changed = [
                    [*row[:place], quoted, *row[place + 1 :]] if not number % every else row
                    for number, row in enumerate(rows)
                ]
                shown = cell if len(cell) < 20 else f"{len(cell)} letters"
                yield Spoiled(f"{name} {shown!r} in {how} row", csv_of(changed), f"line 2, {name}: ")
    long = [["a" * 1_000_000, *row[1:]] if number < 10 else row for number, row in enumerate(rows)]
    yield Spoiled("cells of a million characters", csv_of(long), "line 2, text: ")
    yield Spoiled("a cell of 5 million characters", csv_of([["a" * 5_000_000, *rows[0][1:]], *rows]), "line 2")
    for name, changed in {"short": [row[:2] for row in rows], "long": [[*row, "x"] for row in rows]}.items():
        yield Spoiled(f"{name} rows", csv_of(changed), "line 2, ")
    yield Spoiled("columns that change places", csv_of([row[::-1] for row in rows]), "line 2, ")


def _too_few(rows: list[Row]) -> Iterator[Spoiled]:
    for count in range(1, 20):
        yield Spoiled(f"{count} rows", csv_of(rows[:count]), "data.min_rows")
    for label in LABELS:
        own = [row for row in rows if row[3] == label]
        yield Spoiled(f"nothing but {label}", csv_of(own), "data.min_rows_per_class")
        for others in (1, 5, 9):
            few = own + [row for row in rows if row[3] != label][:others]
            yield Spoiled(f"{label} and {others} others", csv_of(few), "data.min_rows_per_class")
    yield Spoiled("one season", csv_of([[*row[:2], "spring", row[3]] for row in rows]), "season 'autumn'")


def _misleading(rows: list[Row], random: Random) -> Iterator[Spoiled]:
    """Files in order, whose rows are not: what trains on them is worse than what is served."""
    other = dict(zip(LABELS, reversed(LABELS), strict=True))
    for share in (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6):
        flipped = [[*row[:3], other[row[3]] if random.random() < share else row[3]] for row in rows]
        yield Spoiled(f"{share:.0%} of the labels flipped", csv_of(flipped), "topic.accuracy", trains=True)
    for number in range(7):
        labels = random.sample([row[3] for row in rows], len(rows))
        shuffled = [[*row[:3], label] for row, label in zip(rows, labels, strict=True)]
        yield Spoiled(f"shuffled labels {number}", csv_of(shuffled), "topic.accuracy", trains=True)
    same = [["the same text", "1", ("spring", "autumn")[number // 2 % 2], row[3]] for number, row in enumerate(rows)]
    yield Spoiled("constant inputs", csv_of(same), "topic.accuracy", trains=True)
    strange = [[f"{struct.pack('>Q', random.getrandbits(60)).hex()}", *row[1:]] for row in rows]
    yield Spoiled("texts of no words", csv_of(strange), trains=True)
    signs = [["? ! ...", *row[1:]] for row in rows]
    yield Spoiled("texts of signs alone", csv_of(signs), trains=True)
    for copies in (2, 5, 20):
        copied = rows[: ROWS // copies // 2 * 2] * copies
        yield Spoiled(f"every row {copies} times", csv_of(copied), "repeat one that was trained on", trains=True)
    for count in (20, 30, 40):
        yield Spoiled(f"{count} rows to learn from", csv_of(rows[:count]), "held-out rows", trains=True)
    mixed = [[rows[random.randrange(len(rows))][0], *row[1:]] for row in rows]
    yield Spoiled("texts of other rows", csv_of(mixed), "topic.accuracy", trains=True)
