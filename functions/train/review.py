"""From which confidence on an answer needs no person: selective classification with a guarantee."""

from typing import Any, NamedTuple

import numpy as np
from scipy.stats import beta, binom

from firesteel.definition import Review

NEVER_AUTOMATIC = 2.0
"""A threshold that no confidence reaches."""
_CANDIDATES = 100


class Answers(NamedTuple):
    """Confidence [rows] of some answers and whether they were right [rows]."""

    confidence: np.ndarray
    right: np.ndarray

    def automatic(self, threshold: float) -> tuple[int, int]:
        """How many answers have at least this confidence, and how many of these are wrong."""
        chosen = self.confidence >= threshold
        return int(chosen.sum()), int((~self.right[chosen]).sum())


class Threshold(NamedTuple):
    """Answers with at least this confidence are automatic; the rest says how that went on the rows it was tested on."""

    threshold: float
    share: float
    accuracy: float | None
    lower_bound: float | None
    rows: int

    def summary(self, policy: Review, *, held_out: bool) -> dict[str, Any]:
        return {
            "threshold": self.threshold,
            "automatic_share": self.share,
            "automatic_accuracy": self.accuracy,
            "accuracy_lower_bound": self.lower_bound,
            "wanted_accuracy": policy.accuracy,
            "confidence": policy.confidence,
            "rows": self.rows,
            "guarantee": self._guarantee(policy, held_out),
        }

    def _guarantee(self, policy: Review, held_out: bool) -> str:
        if self.threshold >= NEVER_AUTOMATIC:
            return "none needed: no threshold could be shown to reach the wanted accuracy, so every answer is reviewed"
        if not held_out:
            return "none: estimated from out-of-fold answers, because no rows were held out"
        return (
            f"with probability {policy.confidence:g} over the draw of the {self.rows} held-out rows, automatic answers to "
            f"rows of the same kind are right at least {policy.accuracy:.1%} of the time"
        )


def find(out_of_fold: Answers, held_out: Answers, policy: Review) -> Threshold:
    """The lowest threshold that is shown, on rows that took no part in training, to reach the policy's accuracy.

    Fixed-sequence testing (Angelopoulos et al. 2021, "Learn then Test", section 3): the out-of-fold answers alone name
    the candidates and their order, from the one likeliest to pass downwards; each is tested on the held-out rows by an
    exact binomial test at the whole level 1 - confidence, and the first failure ends the sequence. So the chance that
    any accepted threshold is worse than promised stays below 1 - confidence, with no correction for the many tests.
    """
    level, rows = 1 - policy.confidence, len(held_out.right)
    best = Threshold(NEVER_AUTOMATIC, 0.0, None, None, rows)
    for threshold in _sequence(out_of_fold, rows, policy):
        selected, wrong = held_out.automatic(threshold)
        if not selected or binom.cdf(wrong, selected, 1 - policy.accuracy) > level:
            break
        lower_bound = 1 - float(beta.ppf(1 - level, wrong + 1, selected - wrong))
        best = Threshold(threshold, selected / rows, 1 - wrong / selected, lower_bound, rows)
    return best


def _sequence(out_of_fold: Answers, rows: int, policy: Review) -> list[float]:
    """Candidate thresholds in the order of their tests, by what the out-of-fold answers let expect of `rows` rows."""
    candidates = np.unique(np.quantile(out_of_fold.confidence, np.linspace(0, 1, _CANDIDATES), method="lower"))[::-1]
    expected = []
    for threshold in candidates:
        selected, wrong = out_of_fold.automatic(threshold)
        scale = rows / len(out_of_fold.right)
        expected.append(binom.cdf(np.ceil(wrong * scale), max(1, round(selected * scale)), 1 - policy.accuracy))
    return [float(threshold) for threshold in candidates[int(np.argmin(expected)) :]]
