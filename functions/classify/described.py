"""Components of the OpenAPI document that say what the served model takes and answers, with an example that it answers."""

from collections.abc import Mapping
from typing import Any

from firesteel.program.predictor import Predictor
from firesteel.program.schema import Schema as Inputs
from firesteel.program.targets import Target
from functions.classify import attributions, explain, grid, shape
from functions.classify.components import ATTRIBUTIONS, EXPLANATION, OBJECT, TEXT, VERSION, Schema, array, obj, ref
from functions.classify.live import Live

_OF_ROWS = ("Row", "Result", "Explained", "Attributed")
_OF_REQUESTS = ("Request", "Answer", "ExplainedAnswer", "AttributedAnswer")
NOTHING_LOADED: Schema = dict.fromkeys((*_OF_ROWS, *_OF_REQUESTS), OBJECT)


def of(live: Live) -> Schema:
    """Row, Result, Explained and Attributed are of one row; Request and the answers of one request."""
    row, result = live.predictor.inputs.json_schema(live.example), _result(live.predictor)
    explained, attributed = _explained(live.predictor, result), obj(result["properties"] | ATTRIBUTIONS)
    if live.example is not None:
        checked = live.predictor.check(live.example)
        result["example"] = shape.answer(checked, live.predictor.predict(checked), live)
        for reasoned, say in ((explained, explain.tell), (attributed, attributions.tell)):
            reasoned["example"] = result["example"] | say(live, [checked])[0]
    about = {"Row": row, "Result": result, "Explained": explained, "Attributed": attributed}
    if live.predictor.request:
        return about | _grid(live, live.predictor.request, about)
    return about | dict(zip(_OF_REQUESTS, map(ref, _OF_ROWS), strict=True))


def merged(several: list[Schema], chooser: Inputs) -> Schema:
    """Of segments: what any of them has, and what all of them need. What chooses one has the values of all."""
    if not several:
        return NOTHING_LOADED
    together = dict(several[0])
    for name in _OF_ROWS:
        parts = [one[name] for one in several]
        properties = {field: schema for part in parts for field, schema in part["properties"].items()}
        chosen = {field.name: field.json_schema() for field in chooser.fields if field.name in properties}
        required = [field for field in parts[0]["required"] if all(field in part["required"] for part in parts)]
        together[name] = {**parts[0], "properties": properties | chosen, "required": required}
    return together


def _result(predictor: Predictor) -> Schema:
    targets = {target.name: target for target in predictor.targets}
    fields = {field.name: field.json_schema() for field in predictor.inputs.fields}
    summed = ((predictor.request or {}).get("sum") or {"inputs": ()})["inputs"]
    fields |= {name: {"description": "Null in a sum."} for name in summed}
    properties = {}
    for name, source in shape.sources(predictor).items():
        owner, _, aspect = source.partition(".")
        if source in _GENERAL:
            properties[name] = _GENERAL[source]
        else:
            properties[name] = fields[aspect] if owner == "input" else _aspect(targets[owner], aspect)
    return obj(properties)


_GENERAL: Mapping[str, Schema] = {
    "review": {"type": "boolean", "description": "A confidence lies below its threshold: a person should look."},
    "model": TEXT,
    "model_version": VERSION,
    "timestamp": {"type": "string", "format": "date-time"},
}
_ASPECTS: Mapping[str, Schema] = {
    "confidence": {"type": "number", "minimum": 0, "maximum": 1},
    "lower": {"type": ["number", "null"]},
    "upper": {"type": ["number", "null"]},
    "level": {"enum": ["High", "Medium", "Low", None], "description": "By the width of the interval."},
    "score": {"type": ["number", "null"], "minimum": 0.5, "maximum": 0.95},
}


def _aspect(target: Target, aspect: str) -> Schema:
    if aspect in _ASPECTS:
        return _ASPECTS[aspect]
    if target.task == "classification":
        return {"type": "string", "enum": list(target.labels)}
    unit = {"description": f"In {target.unit}."} if target.unit else {}
    if target.task == "count":
        return {"type": "number", "minimum": 0, **unit}
    bounds = dict(zip(("minimum", "maximum"), target.range, strict=True)) if target.range else {}
    return {"type": "number", **bounds, **unit}


def _explained(predictor: Predictor, result: Schema) -> Schema:
    if len(predictor.targets) == 1:
        return obj(result["properties"] | EXPLANATION)
    by_target = obj({target.name: ref("Explanation") for target in predictor.targets})
    return obj(result["properties"] | {"explanations": by_target})


def _grid(live: Live, request: Mapping[str, Any], about: Schema) -> Schema:
    """A model whose requests list things; the example lists one of each."""
    lists = [part for part in (request["each"], request["sum"]) if part]
    common, *inside = grid.schemas(live)
    taken = common.json_schema()
    for part, inputs in zip(lists, inside, strict=True):
        taken["properties"][part["name"]] = array(inputs.json_schema(), minItems=1)
        taken["required"].append(part["name"])
    answered = obj({"predictions": array(ref("Result")), "model_version": VERSION})
    reasoned = []
    for name in ("Explained", "Attributed"):
        one = ref(name)
        if request["sum"]:
            of_part = inside[-1].json_schema()["properties"] | about[name]["properties"]
            one = obj(about["Result"]["properties"] | {request["sum"]["name"]: array(obj(of_part))})
        reasoned.append(obj({"predictions": array(one), "model_version": VERSION}))
    if live.example is not None:
        taken["example"] = _of(common, live.example) | {
            part["name"]: [_of(inputs, live.example)] for part, inputs in zip(lists, inside, strict=True)
        }
        answered["example"] = grid.predict(live, taken["example"]).content
        for schema, say in zip(reasoned, (explain.tell, attributions.tell), strict=True):
            schema["example"] = grid.explain(live, taken["example"], say).content
    return dict(zip(_OF_REQUESTS, (taken, answered, *reasoned), strict=True))


def _of(inputs: Inputs, example: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: example[field.name] for field in inputs.fields if field.name in example}
