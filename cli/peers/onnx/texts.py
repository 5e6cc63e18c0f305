"""TF-IDF of words as ONNX: onnxruntime's Tokenizer, then TfIdfVectorizer for the counts, then the program's arithmetic."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cli.peers.onnx.graph import DOUBLE, RUNTIME, TEXT, Graph
from firesteel.errors import CompileError
from firesteel.program.steps.tfidf import Tfidf

_LOCALE = "C.UTF-8"  # glibc's lower case of single characters; every Linux has it
_FILLER = "aa"  # a row more, so that there is a token even where no row has one

_CLASSES = {r"\w": r"\p{L}\p{N}_", r"\d": r"\p{Nd}", r"\s": r"\p{Z}\t\n\v\f\r\x{1c}-\x{1f}\x{85}"}
_SPACE = _CLASSES[r"\s"]
_SET = re.compile(r"\[(\^?)((?:\\[wds]|\\[^A-Za-z0-9]|[^\\\]\[])+)\]")
_ITEM = re.compile(rf"({_SET.pattern}|\\[wds]|\\[^A-Za-z0-9]|[^\\\[\](){{}}.*+?^$|])((?:[*+?]|\{{\d+(?:,\d*)?\}})?)")
_RUNS = {r"(?u)\b\w\w+\b": r"[\p{L}\p{N}_]{2,}", r"(?u)\b\w+\b": r"[\p{L}\p{N}_]+"}


def tfidf(graph: Graph, meta: Mapping[str, Any], step: Tfidf) -> str:
    """The features [rows, terms] of a step. Raises CompileError naming the step, if ONNX cannot express it."""
    name = meta["name"]
    shortest, longest = meta["ngrams"]
    if step.strip_accents:
        raise CompileError(f"step {name} strips accents, which ONNX cannot express; train with strip_accents: null")
    if meta["stop_words"] and longest > 1:
        raise CompileError(f"step {name} leaves stop words out of its n-grams, which ONNX cannot express")
    if meta["analyzer"] == "char_wb" and shortest == 1:
        raise CompileError(
            f"step {name} counts the spaces around words, which ONNX cannot express; let ngrams begin at 2"
        )
    text = _prepared(graph, step)
    if meta["analyzer"] == "word":
        units = _tokens(graph, text, token_pattern(name, meta["token_pattern"]))
        parted = [tuple(term.split(" ")) if longest > 1 else (term,) for term in _terms(step)]
        if max(map(len, parted), default=1) > longest:
            raise CompileError(f"step {name} has terms with spaces within words, which ONNX cannot tell from n-grams")
    else:
        units = _characters(graph, text, meta["analyzer"])
        parted = [tuple(term) for term in _terms(step)]
    return _weighed(graph, step, _counts(graph, units, parted))


def token_pattern(name: str, pattern: str) -> str:
    """A Python pattern in RE2's words: a run of characters, or sets of characters in a row, taken greedily.

    RE2 takes the longest match and knows of ASCII alone, so what could mean another thing there is refused. Raises CompileError.
    """
    if pattern in _RUNS:
        return _RUNS[pattern]
    items, end = [], 0
    for item in _ITEM.finditer(pattern):
        if item.start() != end:
            break
        end = item.end()
        items.append(_translated(item[1]) + item[item.lastindex or 0])
    if end != len(pattern) or not items:
        raise CompileError(f"step {name}: the token pattern {pattern!r} may mean another thing in ONNX")
    return "".join(items)


def _translated(item: str) -> str:
    if item in _CLASSES:
        return f"[{_CLASSES[item]}]"
    if not item.startswith("["):
        return item
    return re.sub(r"\\[wds]", lambda found: _CLASSES[found[0]], item)


def _terms(step: Tfidf) -> list[str]:
    return [step.lookup.term(number) for number in range(step.size)]


def _prepared(graph: Graph, step: Tfidf) -> str:
    """The texts [rows + 1] of the step's inputs, joined by a line break, in lower case if it says so; the filler is last."""
    columns = [graph.flat(graph.input(name, TEXT)) for name in step.inputs]
    text = columns[0]
    for column in columns[1:]:
        text = graph.op("StringConcat", graph.op("StringConcat", text, graph.constant(["\n"], str)), column)
    text = graph.joined([text, graph.constant([_FILLER], str)], axis=0)
    if not step.lowercase:
        return text
    return graph.op("StringNormalizer", text, case_change_action="LOWER", is_case_sensitive=1, locale=_LOCALE)


def _tokens(graph: Graph, text: str, pattern: str) -> str:
    """What a pattern finds in each text [rows + 1, most]; filled up with empty ones, which no term has."""
    return graph.op("Tokenizer", text, domain=RUNTIME, mark=0, mincharnum=1, pad_value="", tokenexp=pattern)


def _characters(graph: Graph, text: str, analyzer: str) -> str:
    """The characters of each text, white space made one space as scikit-learn does.

    `char_wb` takes n-grams within words, each between two spaces. Those of all words in a row are the same and more: an n-gram
    across words has a space within, which no term has.
    """
    least = 2
    if analyzer == "char_wb":
        least, space = 1, graph.constant([" "], str)
        text = graph.op("StringConcat", graph.op("StringConcat", space, text), space)
    run = f"[{_SPACE}]{{{least},}}"
    found = _tokens(graph, text, f"(?s){run}|.")
    return graph.op("Where", graph.op("RegexFullMatch", found, pattern=run), graph.constant(" ", str), found)


def _counts(graph: Graph, units: str, terms: Sequence[tuple[str, ...]]) -> str:
    """How often each term [rows, terms], a sequence of units, stands in the units [rows + 1, most]."""
    lengths = [len(term) for term in terms]
    by_length = [[number for number, own in enumerate(lengths) if own == n] for n in range(1, max(lengths) + 1)]
    pools = [[unit for number in numbers for unit in terms[number]] for numbers in by_length]
    counts = graph.op(
        "TfIdfVectorizer",
        units,
        mode="TF",
        min_gram_length=min(lengths),
        max_gram_length=max(lengths),
        max_skip_count=0,
        ngram_counts=[sum(map(len, pools[:n])) for n in range(len(pools))],
        ngram_indexes=[number for numbers in by_length for number in numbers],
        pool_strings=[unit for pool in pools for unit in pool],
    )
    rows = graph.op("Slice", counts, *[graph.constant([bound], np.int64) for bound in (0, -1, 0)])
    return graph.cast(rows, DOUBLE)


def _weighed(graph: Graph, step: Tfidf, counts: str) -> str:
    present = graph.op("Greater", counts, graph.constant(0.0))
    values = counts
    if step.binary:
        values = graph.cast(present)
    elif step.sublinear:
        grown = graph.op("Add", graph.op("Log", counts), graph.constant(1.0))
        values = graph.op("Where", present, grown, graph.constant(0.0))
    values = graph.op("Mul", values, graph.constant(np.asarray(step.idf, np.float64)))
    if step.norm:
        axis = graph.constant([1], np.int64)
        total = graph.op("ReduceL2" if step.norm == "l2" else "ReduceSum", values, axis, keepdims=1)
        empty = graph.op("Equal", total, graph.constant(0.0))
        values = graph.op("Div", values, graph.op("Where", empty, graph.constant(1.0), total))
    return values if step.weight == 1 else graph.op("Mul", values, graph.constant(step.weight))
