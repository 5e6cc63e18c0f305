"""A program as an ONNX model: the story from columns to answers."""

from collections.abc import Mapping

import numpy as np

from cli.peers.onnx import estimators, steps, targets, texts
from cli.peers.onnx.graph import Graph
from firesteel.errors import CompileError
from firesteel.program import format, old, predictor
from firesteel.program.predictor import Predictor


def convert(program: bytes, about: Mapping[str, str]) -> bytes:
    """The ONNX model of a program; `about` becomes its metadata.

    Inputs are columns [rows, 1]: numbers and seconds since 1970 as doubles with NaN for a missing one, texts and categories as
    strings with "" for a missing one. Outputs are named as answers are: predicted_<target>, <target>_confidence,
    <target>_probabilities [rows, labels] and review; <target>, <target>_lower and <target>_upper. The graph does not
    check rows against the request schema. Raises CompileError naming the step that ONNX cannot express; ProgramError.
    """
    loaded = predictor.load(program)
    if not isinstance(loaded, Predictor):
        raise CompileError(
            f"{loaded.model} sends rows to its segments; export one of them: {_segments(loaded.segments)}"
        )
    meta, tensors = old.upgrade(format.read(program))
    graph = Graph()
    of_texts = [texts.tfidf(graph, entry, step) for entry, step in zip(meta["text"], loaded.texts, strict=True)]
    plain = [
        steps.plain(graph, entry, _under(tensors, f"steps.{number}.")) for number, entry in enumerate(meta["steps"])
    ]
    raw: dict[str, str] = {}
    for number, (entry, part) in enumerate(zip(meta["estimators"], loaded.parts, strict=True)):
        X = graph.joined([*of_texts[part.begin : part.end], *plain])
        size = int(loaded.offsets[part.end] - loaded.offsets[part.begin] + loaded.bounds[-1])
        scores = estimators.scores(graph, entry["kind"], _under(tensors, f"estimators.{number}."), X, size)
        for name, span in part.estimator.columns.items():
            bounds = [graph.constant([bound], np.int64) for bound in (*span, 1)]
            raw[name] = graph.op("Slice", scores, *bounds)
    doubts = [targets.answer(graph, target, raw[target.name]) for target in loaded.targets]
    targets.review(graph, [doubt for doubt in doubts if doubt])
    return graph.finish(loaded.model, about)


def _segments(segments: Mapping[str, str]) -> str:
    return ", ".join(segments.values())


def _under(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
