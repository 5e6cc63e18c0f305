"""What a model is: frozen, typed, validated. Read from YAML for training and frozen as JSON into every bundle.

Training, evaluation, gates, the request schema and the API all read this one thing. Serving never imports this package:
what it needs of the definition is compiled into the program.
"""

from firesteel.definition.base import Frozen, MisfitError
from firesteel.definition.estimators import (
    CatBoost,
    Estimator,
    GradientBoosting,
    LightGBM,
    Linear,
    Logistic,
    Poisson,
)
from firesteel.definition.features import (
    CalendarFeature,
    Feature,
    HashFeature,
    LookupFeature,
    NumberFeature,
    OneHotFeature,
    OrdinalFeature,
    RatioFeature,
    TfidfFeature,
)
from firesteel.definition.inputs import (
    CategoryInput,
    IdentifierInput,
    Input,
    NumberInput,
    TextInput,
    TimestampInput,
)
from firesteel.definition.model import Definition, Segment
from firesteel.definition.policies import (
    Calibration,
    Data,
    Feedback,
    Gate,
    Inferences,
    Interval,
    Levels,
    Part,
    Promotion,
    Request,
    Review,
    Split,
)
from firesteel.definition.search import Search, Span
from firesteel.definition.targets import (
    METRICS,
    ClassificationTarget,
    CountTarget,
    RegressionTarget,
    Target,
)

__all__ = [
    "METRICS",
    "CalendarFeature",
    "Calibration",
    "CatBoost",
    "CategoryInput",
    "ClassificationTarget",
    "CountTarget",
    "Data",
    "Definition",
    "Estimator",
    "Feature",
    "Feedback",
    "Frozen",
    "Gate",
    "GradientBoosting",
    "HashFeature",
    "IdentifierInput",
    "Inferences",
    "Input",
    "Interval",
    "Levels",
    "LightGBM",
    "Linear",
    "Logistic",
    "LookupFeature",
    "MisfitError",
    "NumberFeature",
    "NumberInput",
    "OneHotFeature",
    "OrdinalFeature",
    "Part",
    "Poisson",
    "Promotion",
    "RatioFeature",
    "RegressionTarget",
    "Request",
    "Review",
    "Search",
    "Segment",
    "Span",
    "Split",
    "Target",
    "TextInput",
    "TfidfFeature",
    "TimestampInput",
]
