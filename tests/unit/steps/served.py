"""A fitted step as it is served, from rows; and the columns that it is tried on."""

import sys

import numpy as np
from hypothesis import strategies as st

from firesteel.program import format, steps

NUMBERS = (
    st.none()
    | st.floats(-10, 10)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.0, 1e308, -1e308])
)
CATEGORIES = (
    st.none()
    | st.sampled_from(["EU", "US", "é", "=", "a\nb", "a\x00b"])
    | st.text(st.characters(exclude_categories=["Cs"]))
)


def served(fitted):
    """Compiled, written to a file's bytes, read back and loaded."""
    compiled = sys.modules[type(fitted).__module__].compile(fitted)
    content = format.read(format.write({"step": compiled.meta}, compiled.tensors))
    step = steps.load(content.meta["step"], content.tensors)
    assert compiled.columns.tolist() == list(range(step.size))
    return step


def columns_of(rows, numbers=()):
    """Rows as the columns that training has: NaN for a missing number."""
    columns = {name: [row[name] for row in rows] for name in (rows[0] if rows else ())}
    return {name: np.array(values, np.float64) if name in numbers else values for name, values in columns.items()}


def filled(step, rows):
    """The features of rows, as one block of a larger array."""
    out = np.zeros((len(rows), step.size + 2))
    step.fill(rows, out[:, 1:-1])
    assert not out[:, 0].any()
    assert not out[:, -1].any()
    return out[:, 1:-1]


def check_parity(fitted, rows, numbers=()):
    """Program and transformer agree to the last bit, row by row and all at once; names and owners are what they must be."""
    step = served(fitted)
    expected = fitted.transform(columns_of(rows, numbers))
    assert expected.dtype == np.float64
    assert not np.isinf(expected).any()
    np.testing.assert_array_equal(filled(step, rows), expected)
    for row, line in zip(rows, expected, strict=True):
        np.testing.assert_array_equal(filled(step, [row])[0], line)
        owners = step.owners(row)
        assert owners.shape == (step.size, len(step.inputs))
        assert (owners >= 0).all()
        np.testing.assert_allclose(owners.sum(1), 1)
    assert len(step.names) == len(set(step.names)) == step.size
    assert len(step.kinds) == len(step.inputs)
    return step
