"""What MLflow runs to load an exported bundle: "models from code", so that nothing is unpickled.

MLflow executes this file. It needs numpy and the packages that stand beside it in the model's `code` folder: the layer's
runtime and the shape of answers, as `POST /predict` has them.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlflow
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from firesteel.errors import InputError
from firesteel.program import predictor
from functions.classify import shape


class FiresteelModel(PythonModel):
    """A frame of rows in, a frame of answers out: a column for each field that the served API answers."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the program that the model folder holds."""
        loaded = predictor.load(Path(context.artifacts["program"]).read_bytes())
        assert isinstance(loaded, predictor.Predictor)
        about = json.loads(Path(context.artifacts["about"]).read_bytes())
        self._predictor = loaded
        self._shape = shape.of(loaded)
        self._live: Any = SimpleNamespace(model=about["model"], version=about["version"])

    def predict(self, context: PythonModelContext, model_input: pd.DataFrame, params: object = None) -> pd.DataFrame:
        """The answers to rows. Raises MlflowException naming row and field for one that does not fit the request schema."""
        del context, params
        rows = [self._checked(number, row) for number, row in enumerate(model_input.to_dict("records"))]
        told = zip(rows, self._predictor.predict_batch(rows), strict=True)
        answers = [{name: of(row, answer, self._live) for name, of in self._shape.items()} for row, answer in told]
        return pd.DataFrame(answers, columns=list(self._shape))

    def _checked(self, number: int, row: Mapping[str, Any]) -> dict[str, Any]:
        values = {str(name): None if pd.isna(value) else value for name, value in row.items()}
        try:
            return self._predictor.check(values)
        except InputError as error:
            raise MlflowException(f"row {number}: {error}", error_code=INVALID_PARAMETER_VALUE) from None


mlflow.models.set_model(FiresteelModel())
