"""Evidently says the same of the same data. Its package is for development alone."""

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest

from functions.train.drift import cells, tests

warnings_of_others = pytest.mark.filterwarnings("ignore")


@cache
def samples():
    random = np.random.default_rng(8)
    shares = ([0.5, 0.3, 0.15, 0.05], [0.42, 0.33, 0.17, 0.08])
    sizes = (1500, 600)
    return {
        "normal": [random.normal(shift, size=size) for shift, size in zip((0, 0.3), sizes, strict=True)],
        "skewed": [random.lognormal(shift, size=size) for shift, size in zip((0, 0.1), sizes, strict=True)],
        "zeros": [np.maximum(random.normal(shift, size=size), 0) for shift, size in zip((0, 0.2), sizes, strict=True)],
        "whole": [random.poisson(rate, size).astype(float) for rate, size in zip((3, 3.3), sizes, strict=True)],
        "same": [random.normal(size=size) for size in sizes],
        "category": [random.choice(list("abcd"), size, p=p) for p, size in zip(shares, sizes, strict=True)],
    }


@cache
def theirs(name: str, method: str) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pandas as pd
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import ValueDrift

        kind = {"categorical_columns": ["x"]} if name == "category" else {"numerical_columns": ["x"]}
        had, has = (Dataset.from_pandas(pd.DataFrame({"x": own}), DataDefinition(**kind)) for own in samples()[name])
        done: Any = Report([ValueDrift(column="x", method=method)]).run(has, had).dict()
    return float(done["metrics"][0]["value"])


def in_their_bins(name):
    """Counts of both samples where Evidently counts: of categories and few values each, else by Sturges' rule over both."""
    had, has = samples()[name]
    if name == "category" or len(set(had.tolist())) <= 20:
        keys = sorted(set(had.tolist()) | set(has.tolist()))
        return [np.array([(own == key).sum() for key in keys]) for own in (had, has)]
    edges = np.histogram_bin_edges(np.concatenate([had, has]), bins="sturges")
    return [np.histogram(own, edges)[0] for own in (had, has)]


@warnings_of_others
@pytest.mark.parametrize("name", ["normal", "skewed", "zeros", "whole", "same", "category"])
def test_psi_and_jensen_shannon_in_the_same_bins(name):
    had, has = in_their_bins(name)
    natural = np.sqrt(np.log(2))  # their distance has the base e, ours 2
    assert tests.jensen_shannon(had, has) * natural == pytest.approx(theirs(name, "jensenshannon"), abs=1e-9)
    assert tests.psi(had, has) == pytest.approx(theirs(name, "psi"), abs=1e-9)


@warnings_of_others
@pytest.mark.parametrize("name", ["normal", "skewed", "zeros", "whole", "same"])
def test_kolmogorov_smirnov_of_the_sketch(name):
    had, has = samples()[name]
    edges = cells.edges_of(had)
    ours, exact = tests.ks(cells.count(edges, had), cells.count(edges, has)).p, theirs(name, "ks")
    assert ours >= exact * 0.8
    assert np.log10(ours) == pytest.approx(np.log10(exact), abs=0.35)


@warnings_of_others
def test_chi_squared_knows_that_the_reference_is_a_sample_and_theirs_takes_it_for_the_truth():
    had, has = in_their_bins("category")
    assert theirs("category", "chisquare") < tests.chi_squared(had, has).p < 0.01
    many = tests.chi_squared(had * 10**6, has).p
    assert many == pytest.approx(theirs("category", "chisquare"), rel=1e-3)
