"""The Open Inference Protocol v2 (KServe, Triton), so that clients which speak it work unchanged.

https://github.com/kserve/open-inference-protocol. Every input field is a tensor of shape [rows] or [rows, 1]: numbers
are FP64 or INT64, all else BYTES. Optional ones may be left out, and null, NaN or an empty text is a missing value.
Answers are JSON, also for those who ask for binary tensors: every client reads both. Imported at the first request.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple

from firesteel.errors import InputError, IntegrityError, NotFoundError
from firesteel.program.results import Prediction
from firesteel.program.schema import Field, Number
from firesteel.program.targets import Target
from firesteel.registry import alias, bundle
from firesteel.registry.store import Store
from functions.classify import answers, predict, status, v2_tensors
from functions.classify.answers import Answer, Refused
from functions.classify.events import Request
from functions.classify.live import Live, Loaded, Segmented
from functions.classify.serving import Serving, Taken
from functions.classify.shape import measured, rounded
from functions.classify.v2_tensors import Inference, called

EXTENSIONS = ["binary_tensor_data"]
VERSION = "model_version"
PROBLEMS_SHOWN = 5


class Part(NamedTuple):
    """The rows of a request that one bundle answers, by their numbers."""

    live: Live
    rows: dict[int, dict[str, Any]]


def server(_: Request, __: Serving) -> Answer:
    """What this server is."""
    return answers.ok({"name": status.NAME, "version": status.VERSION, "extensions": EXTENSIONS})


def live(_: Request, __: Serving) -> Answer:
    """The process answers."""
    return answers.ok({"live": True})


def ready(_: Request, serving: Serving) -> Answer:
    """The served model is loaded; 503 until it is."""
    serving.live()
    return answers.ok({"ready": True})


def model_ready(request: Request, serving: Serving) -> Answer:
    """A model is loaded, now at the latest; 503 when it cannot be."""
    return answers.ok({"name": _taken(request, serving).model.model, "ready": True})


def model(request: Request, serving: Serving) -> Answer:
    """The tensors that a model takes and gives; of one with segments, those of all that can be served now."""
    found = _taken(request, serving).model
    bundles = _bundles(found, serving)
    fields = {field.name: field for one in bundles for field in one.predictor.inputs.fields}
    outputs = _outputs(found, bundles)
    return answers.ok(
        {
            "name": found.model,
            "versions": [one.version for one in serving.sides(request.model).all()],
            "platform": status.NAME,
            "inputs": [_metadata(name, _datatype(field)) for name, field in fields.items()],
            "outputs": [_metadata(name, datatype) for name, datatype in outputs.items()],
        }
    )


def index(request: Request, serving: Serving) -> Answer:
    """All models of the registry, each with the version that its alias names; with {"ready": true} only such."""
    body = v2_tensors.parse(request.body) if request.body.strip() else {}
    if not isinstance(body, dict) or not isinstance(only_ready := body.get("ready", False), bool):
        raise Refused("invalid_input", "The body must be empty or an object; its ready must be true or false.")
    store = serving.store()
    listed = [_state(store, name, serving.alias) for name in bundle.models(store)]
    return answers.ok([one for one in listed if one["state"] == "READY" or not only_ready])


def infer(request: Request, serving: Serving) -> Answer:
    """Predictions for up to 1,000 rows: all of them, or a refusal that names tensor and row."""
    inference = v2_tensors.read(request)
    taken = _taken(request, serving)
    found, parts = taken.model, _parts(inference, taken)
    outputs = _outputs(found, [part.live for part in parts])
    if unknown := set(inference.outputs or ()) - outputs.keys():
        raise Refused("invalid_input", f"{len(unknown)} of the outputs are none of {', '.join(outputs)}.")
    rows: list[dict[str, Any]] = [{}] * inference.rows
    answered, inputs = [], []
    for part in parts:
        predictions = part.live.predictor.predict_batch(part.rows.values())
        answered.append((part.live, predictions))
        inputs += predict.kept(request, part.live, part.rows.values()) or [{}] * len(part.rows)
        for number, prediction in zip(part.rows, predictions, strict=True):
            rows[number] = {**_values(prediction), VERSION: part.live.version}
    body = {
        "model_name": found.model,
        "model_version": found.version,
        **({} if inference.id is None else {"id": inference.id}),
        "parameters": {"model_version": found.version, "digest": found.digest},
        "outputs": [_tensor(name, outputs[name], rows) for name in inference.outputs or outputs],
    }
    every = [prediction for _, predictions in answered for prediction in predictions]
    parted = {"parts": answered} if isinstance(found, Segmented) else {}
    numbers = [number for part in parts for number in part.rows]
    return predict.answer(body, found, every, rows=inference.rows, numbers=numbers, inputs=inputs, **parted)


def _taken(request: Request, serving: Serving) -> Taken:
    """The bundles that a path names. Raises Refused when it names another version than the live one."""
    taken = serving.take(request)
    if request.parameters.get("version", taken.model.version) != taken.model.version:
        raise Refused("unknown_model", f"Of this model only the live version is served: {taken.model.version}.")
    return taken


def _bundles(found: Loaded, serving: Serving) -> list[Live]:
    """The model's own; of a model with segments, those of the segments that can be served now."""
    if isinstance(found, Live):
        return [found]
    bundles = []
    for segment in found.router.segments.values():
        with suppress(Refused, NotFoundError):
            one = serving.live_of(f"{found.model}/{segment}")
            bundles += [one] if isinstance(one, Live) else []
    return bundles


def _parts(inference: Inference, taken: Taken) -> list[Part]:
    """The checked rows, by the bundle that answers them. Raises Refused with the first of what is wrong."""
    parts: dict[str, Part] = {}
    problems: list[str] = []
    for number in range(inference.rows):
        row = {name: values[number] for name, values in inference.columns.items() if values[number] is not None}
        try:
            live = taken.of(row)
            inputs = live.predictor.inputs
            unknown = sorted(row.keys() - {field.name for field in inputs.fields})
            problems += [f"{called(name, 'a tensor')}, row {number}: is none of {inputs.names()}" for name in unknown]
            parts.setdefault(live.model, Part(live, {})).rows[number] = live.predictor.check(row)
        except InputError as error:
            problems += [f"tensor {one.field}, row {number}: {one.message}" for one in error.problems if one.field]
    if problems:
        more = f"; and {len(problems) - PROBLEMS_SHOWN} more" if len(problems) > PROBLEMS_SHOWN else ""
        raise Refused("invalid_input", f"The rows do not fit: {'; '.join(problems[:PROBLEMS_SHOWN])}{more}.")
    return list(parts.values())


def _outputs(found: Loaded, bundles: Iterable[Live]) -> dict[str, str]:
    """The datatypes of what `_values` gives, by name; segments say which version answered each row."""
    outputs = {name: kind for one in bundles for target in one.predictor.targets for name, kind in _given(target)}
    return outputs | ({VERSION: "BYTES"} if isinstance(found, Segmented) else {})


def _given(target: Target) -> list[tuple[str, str]]:
    name = target.name
    if target.task == "classification":
        return [(f"predicted_{name}", "BYTES"), (f"{name}_confidence", "FP64"), ("review", "BOOL")]
    interval = [(f"{name}_lower", "FP64"), (f"{name}_upper", "FP64")] if target.interval else []
    return [(name, "FP64"), *interval]


def _values(prediction: Prediction) -> dict[str, Any]:
    """What is answered for one row, named and rounded as everywhere in this API."""
    values: dict[str, Any] = {f"predicted_{target}": label for target, label in prediction.labels.items()}
    values |= {f"{target}_confidence": rounded(value) for target, value in prediction.confidences.items()}
    for target, (value, lower, upper, *_) in prediction.estimates.items():
        values |= {target: measured(value), f"{target}_lower": measured(lower), f"{target}_upper": measured(upper)}
    return values | {"review": prediction.review}


def _tensor(name: str, datatype: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """An output; null where a row's segment does not answer it."""
    return {"name": name, "datatype": datatype, "shape": [len(rows)], "data": [row.get(name) for row in rows]}


def _metadata(name: str, datatype: str) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [-1]}


def _datatype(field: Field) -> str:
    """A missing number is NaN, which whole numbers have none of."""
    if not isinstance(field, Number):
        return "BYTES"
    return "INT64" if field.integer and field.required else "FP64"


def _state(store: Store, name: str, alias_name: str) -> dict[str, str]:
    """A model as the index lists it: ready when its alias names a version, for it is loaded when asked for."""
    try:
        version, reason = alias.current(store, name, alias_name).version, ""
    except (NotFoundError, IntegrityError):
        version, reason = "", f"its alias {alias_name} names no version"
    return {"name": name, "version": version, "state": "READY" if version else "UNAVAILABLE", "reason": reason}
