"""The features of some rows, as estimators take them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Features(NamedTuple):
    """Text features are sparse, all others dense; in the estimator's numbering, those of texts come first.

    `texts` has for each row the numbers [n] of its text features, ascending, and their values [n]; it is empty for a
    model without texts. `plain` has shape [rows, plain features], `width` text features stand before them.
    """

    texts: Sequence[tuple[np.ndarray, np.ndarray]]
    plain: np.ndarray
    width: int

    def take(self, rows: np.ndarray) -> "Features":
        """The features of some of the rows."""
        return Features([self.texts[row] for row in rows] if self.texts else (), self.plain[rows], self.width)

    def dense(self) -> np.ndarray:
        """All features [rows, features]."""
        if not self.width:
            return self.plain
        every = np.zeros((len(self.plain), self.width + self.plain.shape[1]))
        every[:, self.width :] = self.plain
        for number, (ids, values) in enumerate(self.texts):
            every[number, ids] = values
        return every
