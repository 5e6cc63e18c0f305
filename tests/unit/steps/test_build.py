"""From a definition's features to transformers that scikit-learn can clone, fit side by side and pickle."""

import hashlib
import json
import os
import pickle
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.pipeline import FeatureUnion

from firesteel.definition import Definition
from tests.unit.steps.served import check_parity

CATEGORY = {"kind": "category", "example": "x", "required": False}
NUMBER = {"kind": "number", "example": 1.0, "required": False}
DEFINITION = Definition.model_validate(
    {
        "model": "m",
        "inputs": {
            "shop": CATEGORY,
            "branch": CATEGORY | {"values": ["x", "w"]},
            "price": NUMBER,
            "size": NUMBER,
            "opened": {"kind": "timestamp", "example": "2024-05-17", "required": False},
        },
        "targets": {"worth": {"task": "regression"}},
        "estimator": {"kind": "gradient_boosting"},
        "features": {
            "plain": {"step": "number", "inputs": ["price", "size"]},
            "prepared": {
                "step": "number",
                "inputs": ["size"],
                "clip_iqr": 1.5,
                "fill": "median",
                "scale": True,
                "missing_flags": True,
            },
            "shops": {"step": "onehot", "inputs": ["shop", "branch"], "min_count": 2},
            "branches": {"step": "ordinal", "inputs": ["branch", "shop"], "categorical": True},
            "met": {"step": "hash", "pairs": [["shop", "branch"], ["branch", "shop"]], "width": 8},
            "known": {"step": "lookup", "key": "shop", "fallback": ["branch"], "defaults": {"volume": "mean"}},
            "relative": {"step": "ratio", "inputs": ["price", "size"], "group": "shop"},
            "opening": {"step": "calendar", "inputs": ["opened"], "parts": ["weekday", "hour"]},
        },
    }
)
COLUMNS = {
    "shop": ["A", "A", "B", None, "B", "C"],
    "branch": ["w", "x", None, "w", "w", "x"],
    "price": np.array([1.0, 2.0, np.nan, 4.0, 5.0, 100.0]),
    "size": np.array([np.nan, 20.0, 30.0, 40.0, 50.0, 60.0]),
    "opened": np.array([0.0, 1e9, np.nan, -1e9, 1.5e9, 0.5]),
    "volume": np.array([1.0, 2.0, 3.0, np.nan, 5.0, 6.0]),
}
ROWS = [
    {"shop": "A", "branch": "w", "price": 3.5, "size": 10, "opened": None},
    {"shop": None, "branch": None, "price": None, "size": None, "opened": None},
    {"shop": "new", "branch": "x", "price": -1, "size": 1e9, "opened": None},
]


def built():
    features = DEFINITION.features.items()
    return {
        name: import_module(f"functions.train.steps.{feature.step}").build(name, feature, DEFINITION)
        for name, feature in features
    }


@pytest.mark.parametrize("name", DEFINITION.features)
def test_a_step_keeps_its_settings_can_be_cloned_and_pickled(name):
    step = built()[name]
    settings = {key: value for key, value in DEFINITION.features[name].model_dump().items() if key != "step"}
    assert {key: step.get_params()[key] for key in settings} == settings
    twin = clone(step)
    assert twin is not step
    assert twin.get_params() == step.get_params()
    expected = step.fit_transform(COLUMNS)
    np.testing.assert_array_equal(twin.fit_transform(COLUMNS), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(step)).transform(COLUMNS), step.transform(COLUMNS))


@pytest.mark.parametrize("name", [name for name in DEFINITION.features if name != "opening"])
def test_a_step_of_a_definition_is_served_as_it_was_fitted(name):
    check_parity(built()[name].fit(COLUMNS), ROWS, ("price", "size", "volume"))


def test_a_closed_list_keeps_the_definitions_order_and_an_open_one_what_two_rows_have():
    step = built()["branches"].fit(COLUMNS)
    assert step.categories_ == [["x", "w"], ["A", "B"]]


def test_steps_stand_side_by_side_and_ratios_leave_the_row_itself_out_in_training_alone():
    union = FeatureUnion(list(built().items()))
    trained, later = union.fit_transform(COLUMNS), union.transform(COLUMNS)
    parts = [step.transform(COLUMNS) for _, step in union.transformer_list]
    np.testing.assert_array_equal(later, np.hstack(parts))
    differ = np.flatnonzero((np.nan_to_num(trained) != np.nan_to_num(later)).any(0))
    begin = sum(part.shape[1] for part in parts[:6])
    assert differ.tolist() == [begin, begin + 1]


def fingerprint():
    """Of all that is compiled."""
    compiled = [sys.modules[type(step).__module__].compile(step.fit(COLUMNS)) for step in built().values()]
    tensors = [{key: array.tobytes().hex() for key, array in sorted(step.tensors.items())} for step in compiled]
    return hashlib.sha256(json.dumps([[step.meta for step in compiled], tensors]).encode()).hexdigest()


def test_what_is_compiled_is_the_same_in_every_process():
    root = Path(__file__).parents[3]
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, [root, root / "layers" / "firesteel"])),
        "PYTHONHASHSEED": "7",
    }
    script = f"from {__name__} import fingerprint; print(fingerprint())"
    answer = subprocess.run(
        [sys.executable, "-c", script], env=environment, cwd=root, capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == fingerprint()
