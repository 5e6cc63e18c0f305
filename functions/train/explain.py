"""Which fields a model's answers rest on, over many rows."""

from collections import defaultdict
from itertools import islice

from firesteel.errors import ParityError
from firesteel.program.predictor import Predictor
from functions.train.dataset import Dataset
from functions.train.parity import TOLERANCE, rows_of

ROWS = 500


def importance(loaded: Predictor, rows: Dataset) -> dict[str, dict[str, float]]:
    """The mean absolute contribution of each field to each target's raw score, largest first, over the first rows.

    Raises ParityError when base value and contributions do not add up to the score: nothing may be published then.
    """
    some = list(islice(rows_of(rows.columns, loaded.inputs), ROWS))
    sums: dict[str, dict[str, float]] = {target.name: defaultdict(float) for target in loaded.targets}
    for explained in loaded.explain_batch(some):
        for name, one in explained.items():
            total = one.base
            for part in one.contributions:
                sums[name][part.feature] += abs(part.contribution) / len(some)
                total += part.contribution
            if not abs(total - one.score) <= TOLERANCE * (1 + abs(one.score)):
                raise ParityError(f"the contributions to {name} add up to {total!r}, not to its score {one.score!r}")
    return {name: dict(sorted(of.items(), key=lambda item: -item[1])) for name, of in sums.items()}
