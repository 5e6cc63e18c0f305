"""Training on rows with secrets: not one is in a byte of the bundle, in what is logged or in what people are told."""

import contextlib
import csv
import io
import json
import logging
import sys
import unicodedata
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from unittest.mock import patch

import yaml

from firesteel.definition import Definition
from firesteel.errors import FiresteelError
from firesteel.program.format import read as read_program
from firesteel.settings import Settings
from functions.train import dataset, gate, handler, metadata, private, release, train
from tests.proofs.proof import Run
from tests.proofs.spoiled_files import DEFINITION, HEADER, good

COUNTS = (2, 5)
"""How few rows of a term are too few, in the definitions that are trained."""
TEXTS = {
    "features": {
        "words": {"step": "tfidf", "inputs": ["text"], "ngrams": [1, 3], "min_df": 1},
        "marks": {"step": "tfidf", "inputs": ["text"], "analyzer": "char", "ngrams": [5, 7], "min_df": 1},
        "edges": {"step": "tfidf", "inputs": ["text"], "analyzer": "char_wb", "ngrams": [2, 4], "min_df": 1},
        "signs": {"step": "tfidf", "inputs": ["text"], "token_pattern": r"\S+", "min_df": 1},
    },
    "estimator": {"kind": "logistic"},
}
CATEGORIES = {
    "features": {
        "size": {"step": "number", "inputs": ["size"]},
        "street": {"step": "onehot", "inputs": ["street"], "min_count": 1},
        "where": {"step": "ordinal", "inputs": ["street"]},
        "known": {"step": "lookup", "key": "street", "defaults": {"worth": "mean"}},
        "relative": {"step": "ratio", "inputs": ["size"], "group": "street"},
    },
    "estimator": {"kind": "gradient_boosting", "iterations": 5},
}
SEPARATORS = [
    chr(point)
    for point in range(sys.maxunicode + 1)
    if unicodedata.category(chr(point)) in {"Zs", "Zl", "Zp", "Pd", "Pc", "Po", "Ps", "Pe", "Pi", "Pf", "Cf"}
] + ["\t", "\n"]
"""Every blank, dash, mark and invisible character of Unicode."""
AT = ("@", "\uff20", "\ufe6b", "%40", "%2540", "&#64;", "&#x40;", "&commat;", "(at)", "[at]", "{AT}", "<at>")
DISGUISES = 40
"""Addresses and numbers with such in between, in the rows of a bundle."""


def prove(run: Run) -> None:
    _disguised(run)
    for least in COUNTS if run.full else COUNTS[:1]:
        found, controls = _bundles(run, least)
        for name, where in found.items():
            run.check(not where, f"of {least} rows a term: {name} is in {where}")
        for name, is_there in controls.items():
            run.check(is_there, f"of {least} rows a term: {name} should be in the bundle, and is not")
    _function(run)


def _disguised(run: Run) -> None:
    """Every separator between the parts of an address and of a card number: nothing of them is left."""
    for mark in SEPARATORS:
        for between in (mark, f" {mark} ", f"{mark} ", 2 * mark):
            number = between.join(("4111", "1111", "2222", "3333"))
            left = private.blanked(f"call {number} now")
            run.check(left.split()[0] == "call" and "1" not in left, f"{number!a} leaves {left!a}")
    for at in AT:
        for before, after in (("", ""), (" ", ""), ("", " "), (" ", " "), ("\n", "\u202f"), ("\u2003", "\u200b")):
            address = f"john.smyth{before}{at}{after}exampel.com"
            left = private.blanked(f"write to {address} now")
            run.check(left.split() == ["write", "to", "now"], f"{address!a} leaves {left!a}")


def definition(least: int, parts: dict[str, object]) -> Definition:
    """Steps that keep words or categories, with no bound of their own."""
    told = DEFINITION.model_dump(mode="json", exclude_none=True)
    street = {"kind": "category", "required": False, "example": "Main Street"}
    return Definition.model_validate(
        told | parts | {"inputs": told["inputs"] | {"street": street}, "data": {"min_rows_per_term": least}}
    )


def _bundles(run: Run, least: int) -> tuple[dict[str, str], dict[str, bool]]:
    """Where each secret is found in the bundles; and whether what may be there is."""
    random = run.random("bundle", least)
    secrets, allowed, rows = _rows(random, least)
    content: dict[str, str] = {}
    terms: list[str] = []
    with TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([[*HEADER, "street", "worth"], *rows])
        for name, parts in {"texts": TEXTS, "categories": CATEGORIES}.items():
            told = definition(least, parts)
            trained = train.train(told, dataset.read(path, told), hold_out=False)
            content |= {f"{name}, {file}": text for file, text in _content(trained).items()}
            terms += _terms(trained.program)
    found = {secret: ", ".join(name for name, text in content.items() if secret.lower() in text) for secret in secrets}
    found |= {f"the term {term!r}": "the vocabulary" for term in terms if private.shaped(term)}
    return found, {term: any(term.lower() in text for text in content.values()) for term in allowed}


def _rows(random: Random, least: int) -> tuple[list[str], list[str], list[list[str]]]:
    """Secrets that must not be in a bundle, terms that may, and rows with both; all in lower-case letters or digits."""
    rows = [[*row, "Main Street", "1"] for row in good(random, 160)]

    def word() -> str:
        return "".join(random.choices("bcdfghjkqvwxz", k=12))

    def put(text: str, times: int, column: int = 0) -> None:
        for row in random.sample([row for row in rows if row[4] == "Main Street" or column == 0], times):
            row[column] = f"{row[0]} {text}" if column == 0 else text

    secrets, allowed = [], []
    for times in {1, least - 1}:
        for column in (0, 4):
            secrets.append(word())
            put(secrets[-1], times, column)
    for times in (1, least, 4 * least):
        person, host = word(), word()
        put(f"{person}@{host}.example", times)
        phone, card = f"{random.randrange(10**10):010}", f"{random.randrange(10**16):016}"
        put(f"+49 {phone[:3]} {phone[3:]}", times)
        put(" ".join(card[place : place + 4] for place in range(0, 16, 4)), times)
        put(f"{random.choice(['call', 'id'])} {phone[::-1]}", times)
        secrets += [person, host, phone[3:], phone[::-1], card, card[4:12], f"{card[:4]} {card[4:8]}"]
        for _ in range(DISGUISES // 3):
            person, host, mark = word(), word(), random.choice(SEPARATORS)
            before, after = random.choice(("", " ", "\u2003")), random.choice(("", " ", "\u202f"))
            put(f"{person}{before}{random.choice(AT)}{after}{host}.example", times)
            groups = [f"{random.randrange(10**4):04}" for _ in range(4)]
            put(f"{word()} {mark.join(groups)}", times)
            secrets += [person, host, mark.join(groups), *(f"{a} {b}" for a, b in pairwise(groups))]
        owner = word()
        put(f"{owner}@street.example", times, 4)
        secrets.append(owner)
    for column in (0, 4):
        allowed.append(word())
        put(allowed[-1], 4 * least, column)
    return secrets, allowed, rows


def _content(trained: train.Trained) -> dict[str, str]:
    """All bytes of a bundle's files as text, unpacked where they are, and every string of the pipelines."""
    verdicts = gate.judge(trained.definition.gates, trained.metrics, None, None)
    described = metadata.describe(trained, metadata.Origin("data.csv"), "1.0.0", verdicts, None)
    files = release.bundle_files(trained, described, verdicts)
    unpacked = {name: zlib.decompress(data) if name.endswith(".joblib") else data for name, data in files.items()}
    text = {name: data.decode("utf-8", "replace").lower() for name, data in unpacked.items()}
    return text | {"terms": "\n".join(_terms(trained.program)).lower()}


def _terms(program: bytes) -> list[str]:
    """What is looked up in a program: its words, n-grams and categories; those that are packed as numbers, unpacked."""
    meta, tensors = read_program(program)
    terms: list[str] = []
    for number, step in enumerate(meta["text"]):
        if step["lookup"] != "character_keys":
            terms += tensors[f"text.{number}.terms"].tobytes().decode().split(step["separator"])
            continue
        alphabet = [chr(point) for point in tensors[f"text.{number}.alphabet"].tolist()]
        terms += [_unpacked(key, alphabet) for key in tensors[f"text.{number}.keys"].tolist()]
    for number, step in enumerate(meta["steps"]):
        if "separator" in step:
            terms += tensors[f"steps.{number}.values"].tobytes().decode().split(step["separator"])
    return terms


def _unpacked(key: int, alphabet: list[str]) -> str:
    letters = ""
    while key > 1:
        key, place = divmod(key, len(alphabet) + 1)
        letters = alphabet[place - 1] + letters
    return letters


SECRET = "zq31415q926535"


def _function(run: Run) -> None:
    """The train function on files whose cells are secret: what it logs, raises and answers."""
    rows = good(run.random("function"))
    whole = [list(row) for row in rows]
    faults: dict[str, list[list[str]]] = {
        "no header": [[SECRET, *row[1:]] for row in rows],
        "a wrong encoding": [HEADER, [f"{SECRET} \udce9t\udce9", *rows[0][1:]], *rows],
        "a broken quote": [HEADER, [f'"{SECRET}', *rows[0][1:]], *rows],
        "too wide": [HEADER, *([*row, SECRET] for row in rows)],
        "few rows": [HEADER, *rows[:5], [SECRET, *rows[5][1:]]],
    }
    for place, name in enumerate(HEADER):
        faults[f"{name}, another kind"] = [
            HEADER,
            *([*row[:place], SECRET * (place == 0) * 200 + SECRET, *row[place + 1 :]] for row in whole),
        ]
        faults[f"no {name}"] = [[SECRET if one == name else one for one in HEADER], *rows]
    crashes = {"a fault of the program": [HEADER, *rows]}
    for name, table in (faults | crashes).items():
        told = _invoked(table, crash=name in crashes)
        run.check(SECRET not in told, f"the train function on {name}: {told[:500]!r}")
        run.check("training failed" in told, f"the train function on {name} says nothing of it: {told[:300]!r}")


def _invoked(table: list[list[str]], *, crash: bool) -> str:
    """All that an invocation writes, and the error that it ends with."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "models").mkdir()
        (folder / "models" / "small.yaml").write_text(
            yaml.safe_dump(DEFINITION.model_dump(mode="json", exclude_none=True))
        )
        text = "\n".join(",".join(row) for row in table) + "\n"
        (folder / "data.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
        written = io.StringIO()
        settings = Settings(store=(folder / "store").as_uri())
        with contextlib.ExitStack() as stack:
            stack.enter_context(patch.object(handler, "_ROOT", folder))
            stack.enter_context(patch.object(handler, "_settings", settings))
            stack.enter_context(_listening(handler.logger._logger, written))
            stack.enter_context(contextlib.redirect_stderr(written))
            if crash:
                stack.enter_context(patch.object(train, "train", side_effect=ValueError(f"cannot convert {SECRET}")))
            event = {"model": "small", "data": (folder / "data.csv").as_uri(), "tune": False}
            try:
                with handler._failures_logged():
                    written.write(json.dumps(handler._train(event), default=str))
            except FiresteelError as error:
                written.write(f"{type(error).__name__}: {error} {error.__cause__}")
        return written.getvalue()


@contextlib.contextmanager
def _listening(logger: logging.Logger, written: io.StringIO) -> Iterator[None]:
    """The function's lines as it writes them, to a text instead of standard output."""
    before = [one.stream for one in logger.handlers if isinstance(one, logging.StreamHandler)]
    for one in logger.handlers:
        if isinstance(one, logging.StreamHandler):
            one.setStream(written)
    try:
        yield
    finally:
        for one, stream in zip(logger.handlers, before, strict=True):
            if isinstance(one, logging.StreamHandler):
                one.setStream(stream)
