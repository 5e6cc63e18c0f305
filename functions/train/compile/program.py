"""The program file of fitted pipelines, and that of a model of segments."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.pipeline import Pipeline

from firesteel.definition import Definition
from firesteel.definition.model import slug
from firesteel.errors import CompileError
from firesteel.program import format, schema
from firesteel.program.signature import signature
from functions.train.compile import pipeline as fitted
from functions.train.compile.weights import Weights, weights_of
from functions.train.models import CalibratedClassifier, CountModel, RegressionModel
from functions.train.steps.step import Step, smallest


class Group(NamedTuple):
    """Targets over the same steps: they share the steps' work and, if linear, one matrix of weights."""

    steps: list[Step]
    members: list[tuple[str, Any]]

    @property
    def order(self) -> np.ndarray:
        """The pipeline's column of each feature of the program: those of texts first."""
        begins = np.cumsum([0, *(len(step.columns) for step in self.steps)])
        columns = [begin + step.columns for begin, step in zip(begins, self.steps, strict=False)]
        texts = [own for step, own in zip(self.steps, columns, strict=True) if _is_text(step)]
        plain = [own for step, own in zip(self.steps, columns, strict=True) if not _is_text(step)]
        return np.concatenate([*texts, *plain])


def _is_text(step: Step) -> bool:
    return bool(step.meta["kind"] == "tfidf")


def request_schema(definition: Definition) -> list[dict[str, Any]]:
    """The inputs as the program's metadata has them."""
    return [schema.described(one.field(name)) for name, one in definition.inputs.items()]


def log_policy(definition: Definition) -> dict[str, Any] | None:
    """What the inference log may keep of inputs, as the program's metadata has it; None when that is nothing."""
    fields = {name: one.log for name, one in definition.inputs.items() if one.log != "no"}
    return {"sample": definition.inferences.sample, "inputs": fields} if fields else None


def text_schema(name: str, max_length: int) -> list[dict[str, Any]]:
    """The request schema of a pipeline that takes one text."""
    return [schema.described(schema.Text(name, True, 1, max_length))]


def to_program(
    model: str,
    inputs: list[dict[str, Any]],
    pipelines: Mapping[str, Pipeline],
    *,
    targets: Mapping[str, Mapping[str, Any]] | None = None,
    means: np.ndarray | None = None,
    answer: Mapping[str, str] | None = None,
    request: Mapping[str, Any] | None = None,
    log: Mapping[str, Any] | None = None,
) -> bytes:
    """The program file of one fitted pipeline a target. Raises CompileError naming the step that does not fit.

    Targets whose steps are the same share them: the text is tokenized once. `targets` has what a target's metadata has
    beyond its estimator's (threshold, exposure, interval, ...), `means` [columns] what the features were on average,
    `log` what `log_policy` gives.
    """
    groups: list[Group] = []
    described = []
    texts = [entry["name"] for entry in inputs if entry["kind"] == "text"]
    for name, pipeline in pipelines.items():
        steps, estimator_name, estimator = fitted.parts(pipeline, texts)
        _group(steps, groups).members.append((f"{name}.{estimator_name}", estimator))
        described.append(target(name, estimator, (targets or {}).get(name, {})))
    if len(groups) > 1 and not all(_is_text(step) for group in groups for step in group.steps):
        raise CompileError("targets with different steps can have no steps but those of texts")
    estimators: list[dict[str, Any]] = []
    tensors: dict[str, np.ndarray] = {}
    text: list[Step] = []
    plain: list[Step] = []
    for group in groups:
        span = [len(text), len(text) + sum(map(_is_text, group.steps))]
        for columns, (entry, arrays) in _estimators(group, means):
            tensors |= {f"estimators.{len(estimators)}.{key}": array for key, array in arrays.items()}
            estimators.append({**entry, "text": span, "columns": columns})
        text += [step for step in group.steps if _is_text(step)]
        plain += [step for step in group.steps if not _is_text(step)]
    for prefix, steps in (("text", text), ("steps", plain)):
        for number, step in enumerate(steps):
            tensors |= {f"{prefix}.{number}.{key}": array for key, array in step.tensors.items()}
    meta: dict[str, Any] = {"model": model, "inputs": inputs}
    meta |= {"text": [step.meta for step in text], "steps": [step.meta for step in plain]}
    shape = list(answer.items()) if answer else None  # pairs: they are sent in this order
    meta |= {"estimators": estimators, "targets": described, "answer": shape, "request": request}
    meta |= {"log": log} if log else {}
    return format.write(meta | {"signature": signature(meta)}, tensors)


def to_router(definition: Definition) -> bytes:
    """The program of a model of segments: which field chooses, and which model answers."""
    by = str(definition.segment_by)
    segments = {segment: slug(segment) for segment in definition.segments}
    meta = {
        "model": definition.model,
        "inputs": [schema.described(definition.inputs[by].field(by))],
        "segment_by": by,
        "segments": segments,
        "fallback": segments[definition.fallback] if definition.fallback else None,
    }
    return format.write(meta, {})


def target(name: str, estimator: object, also: Mapping[str, Any]) -> dict[str, Any]:
    """A target as the program's metadata has it: what the estimator says of it, and `also` what else is known."""
    return {"name": name, **_told(estimator), **also}


def _told(estimator: object) -> dict[str, Any]:
    match estimator:
        case CalibratedClassifier():
            scale, bias = estimator.calibration
            labels = [str(label) for label in estimator.labels]
            return _classification(labels, float(scale), [float(value) for value in bias])
        case RegressionModel():
            bounds = [float(bound) for bound in estimator.range] if estimator.range else None
            return {"task": "regression", "range": bounds, "unit": None, "interval": None}
        case CountModel():
            return {"task": "count", "exposure": None, "unit": None, "interval": None}
        case _ if hasattr(estimator, "classes_"):
            labels = [str(label) for label in estimator.classes_]
            return _classification(labels, 1.0, [0.0] * len(labels))
    return {"task": "regression", "range": None, "unit": None, "interval": None}


def _classification(labels: list[str], scale: float, bias: list[float]) -> dict[str, Any]:
    return {"task": "classification", "labels": labels, "scale": scale, "bias": bias, "threshold": None}


def _group(steps: list[Step], groups: list[Group]) -> Group:
    """The group of targets over exactly these steps; a new one if there is none yet."""
    for group in groups:
        if len(group.steps) == len(steps) and all(map(_same, group.steps, steps)):
            return group
    groups.append(Group(steps, []))
    return groups[-1]


def _same(one: Step, other: Step) -> bool:
    return one.meta == other.meta and all(  # as bytes: NaN is not equal to itself
        array.tobytes() == other.tensors[key].tobytes() for key, array in one.tensors.items()
    )


_Compiled = tuple[dict[str, Any], dict[str, np.ndarray]]


def _estimators(group: Group, means: np.ndarray | None) -> list[tuple[dict[str, list[int]], _Compiled]]:
    """The group's estimators with the columns of their targets: one for all linear ones, one for each of trees."""
    order = group.order
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    linear: list[tuple[str, Weights]] = []
    compiled = []
    for path, estimator in group.members:
        name = path.split(".")[0]
        inner = _inner(estimator)
        if (weights := weights_of(inner)) is not None:
            if weights.weights.shape[1] != len(order):
                raise CompileError(
                    f"{name}: the estimator has {weights.weights.shape[1]} features, its steps {len(order)}"
                )
            linear.append((name, weights))
        else:
            from functions.train.compile.trees import compile_trees

            trees = compile_trees(inner, place, path)
            compiled.append(({name: [0, trees.scores]}, (trees.meta, trees.tensors)))
    if linear:
        compiled.insert(0, _side_by_side(linear, order, means))
    return compiled


def _inner(estimator: object) -> object:
    """The library's estimator in one of ours."""
    if isinstance(estimator, CalibratedClassifier | RegressionModel | CountModel):
        return estimator.estimator
    return estimator


def _side_by_side(
    members: Sequence[tuple[str, Weights]], order: np.ndarray, means: np.ndarray | None
) -> tuple[dict[str, list[int]], _Compiled]:
    columns, width = {}, 0
    for name, weights in members:
        columns[name] = [width, width + len(weights.intercept)]
        width += len(weights.intercept)
    tensors = {
        "weights": smallest(np.concatenate([weights.weights for _, weights in members]).T[order]),
        "intercept": np.concatenate([weights.intercept for _, weights in members]),
    }
    if means is not None:
        tensors["means"] = means[order].astype(np.float32)
    return columns, ({"kind": "linear"}, tensors)
