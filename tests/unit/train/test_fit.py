"""One target's model: judged and calibrated by models that had not seen the rows, then fitted on all of them."""

import hashlib
import io

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from firesteel.definition.search import SCORES
from firesteel.errors import DataError
from functions.train import estimators, models
from functions.train.calibrate import Calibration
from functions.train.fit import fit
from tests.unit.train.problems import ESTIMATORS, define, problem, silent

EVERY = [(task, kind) for task in ESTIMATORS for kind in ESTIMATORS[task]]


def run(task, kind=None, rows=600, journal=None, report=silent, change=None, **parts):
    X, data = problem(task, rows)
    if change is not None:
        change(X, data)
    return fit(X, data, "y", define(task, kind, **parts), journal=journal, report=report), X, data


@pytest.mark.parametrize(("task", "kind"), EVERY)
def test_a_model_answers_and_was_judged_on_rows_it_had_not_seen(task, kind):
    fitted, X, data = run(task, kind)
    y, predicted = data.targets["y"], fitted.model.predict(X)
    assert np.isfinite(fitted.raw).all()
    if task in {"classification", "binary"}:
        assert set(predicted) <= set(fitted.model.labels)
        assert np.allclose(fitted.out_of_fold.sum(1), 1)
        assert np.array_equal(fitted.out_of_fold_labels, fitted.raw.argmax(1))
        assert fitted.interval is None
        return
    assert fitted.interval["coverage"] == 0.9
    expected = predicted * data.exposure
    assert np.square(expected - y).sum() < np.square(fitted.out_of_fold - y).sum() < np.square(y - y.mean()).sum()


def test_out_of_fold_scores_are_those_of_scikit_learn():
    fitted, X, data = run("classification")
    y = data.targets["y"]
    cross = StratifiedKFold(3, shuffle=True, random_state=3)
    scores = cross_val_predict(LogisticRegression(max_iter=1000), X, y, cv=cross, method="decision_function")
    assert np.array_equal(fitted.raw, scores)


@pytest.mark.parametrize(("task", "kind"), [("binary", "logistic"), ("regression", "linear"), ("count", "poisson")])
def test_linear_weights_are_those_that_are_served(task, kind):
    fitted, _, _ = run(task, kind)
    weights = fitted.model.estimator.coef_
    assert weights.dtype == np.float64
    assert np.array_equal(weights, weights.astype(np.float32))


@pytest.mark.parametrize(("task", "kind"), EVERY)
def test_the_same_rows_give_the_same_bytes(task, kind):
    def digest():
        fitted, X, _ = run(task, kind)
        file = io.BytesIO()
        joblib.dump((fitted.raw, fitted.out_of_fold, fitted.interval, fitted.model.raw(X)), file)
        return hashlib.sha256(file.getvalue()).hexdigest()

    assert digest() == digest()


def test_counts_are_expected_for_their_exposure():
    fitted, _, data = run("count", "poisson")
    assert np.allclose(fitted.out_of_fold, data.exposure * np.exp(fitted.raw[:, 0]))
    assert fitted.out_of_fold.sum() == pytest.approx(data.targets["y"].sum(), rel=0.02)


def test_numbers_stay_in_the_range_out_of_fold_too():
    fitted, _, _ = run("regression", "linear")
    assert fitted.raw.max() > fitted.out_of_fold.max() == 1


def test_a_search_chooses_the_settings_and_tells_its_trials():
    search = {"space": {"alpha": [1000.0, 1.0]}, "folds": 2}
    fitted, _, _ = run("regression", "linear", search=search)
    assert fitted.settings.alpha == 1.0
    assert [trial["settings"] for trial in fitted.trials] == [{"alpha": 1000.0}, {"alpha": 1.0}]
    assert all(trial["metric"] == "rmse" and trial["spread"] > 0 for trial in fitted.trials)


def test_without_tuning_the_settings_are_those_of_the_definition():
    X, data = problem("regression")
    definition = define("regression", "linear", search={"space": {"alpha": [9.0]}})
    fitted = fit(X, data, "y", definition, tune=False, report=silent)
    assert (fitted.settings.alpha, fitted.trials) == (1.0, [])


@pytest.mark.parametrize(("task", "metric"), [(task, metric) for task, known in SCORES.items() for metric in known])
def test_a_search_can_choose_by_every_metric_of_its_task(task, metric):
    kind = ESTIMATORS[task][0]
    weak, strong = ({"C": 1e-6}, {"C": 1e6}) if kind == "logistic" else ({"alpha": 1e6}, {"alpha": 1e-6})
    space = {name: [weak[name], strong[name]] for name in weak}
    fitted, _, _ = run(task, kind, search={"space": space, "metric": metric})
    assert fitted.settings.model_dump().items() >= strong.items()


def test_an_interrupted_training_goes_on_from_its_journal(tmp_path, monkeypatch):
    journal, search = tmp_path / "y.jsonl", {"space": {"alpha": [4.0, 1.0, 2.0]}}
    whole, _, _ = run("count", "poisson", search=search)

    def stop_at_the_third(stage, done, _total):
        if (stage, done) == ("tune", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("count", "poisson", search=search, journal=journal, report=stop_at_the_third)
    fits = []
    made = estimators.make
    monkeypatch.setattr(estimators, "make", lambda *given: fits.append(given) or made(*given))
    resumed, _, _ = run("count", "poisson", search=search, journal=journal)
    assert resumed.trials == whole.trials
    assert np.array_equal(resumed.raw, whole.raw)
    assert len(fits) == 3 + 3 + 1  # a trial of three folds, three to calibrate, one to keep


@pytest.mark.parametrize("other", [{"split": {"seed": 4}}, {"description": "another"}, {"rows": 500}])
def test_a_journal_of_other_rows_definition_or_seed_is_not_used(other, tmp_path):
    journal, search = tmp_path / "y.jsonl", {"space": {"alpha": [4.0, 1.0]}}
    run("regression", "linear", search=search, journal=journal)
    lines = journal.read_text().count('"key"')
    run("regression", "linear", search=search, journal=journal, **other)
    assert journal.read_text().count('"key"') == lines + 2


def test_groups_stay_together_when_models_are_judged():
    groups = [f"shop {number % 5}" for number in range(600)]
    parts = {"split": {"kind": "group", "group": "shop", "seed": 3}, "calibration": {"folds": 5}}
    X, data = problem("regression", extra={"shop": groups})
    X[:, 3] = [number % 5 for number in range(600)]
    data.targets["y"][:] = X[:, 3] / 4
    definition = define("regression", "gradient_boosting", **parts)
    fitted = fit(X, data, "y", definition, report=silent)
    assert np.abs(fitted.out_of_fold - data.targets["y"]).min() > 0.1  # of its own group, no model had seen a row


def test_progress_names_the_stages_in_order():
    told = []
    run("binary", report=lambda *stage: told.append(stage))
    assert told == [("calibrate", 0, 0), ("fit", 0, 0)]


def test_trees_take_sparse_features():
    X, data = problem("binary")
    definition = define("binary", "gradient_boosting")
    dense = fit(X, data, "y", definition, report=silent)
    assert np.array_equal(fit(csr_matrix(X), data, "y", definition, report=silent).raw, dense.raw)


def test_confidence_is_calibrated_on_the_out_of_fold_scores():
    fitted, _, _ = run("binary", "gradient_boosting")
    assert isinstance(fitted.model.calibration, Calibration)
    assert np.allclose(fitted.out_of_fold, fitted.model.calibration.probabilities(fitted.raw))
    assert not np.allclose(fitted.out_of_fold, models.probabilities(fitted.raw))


@pytest.mark.parametrize(("task", "kind", "value"), [("count", "poisson", 0), ("regression", "catboost", 0.5)])
def test_a_target_that_is_always_the_same_teaches_nothing(task, kind, value):
    with pytest.raises(DataError, match=rf"small\.csv: every value of 'y' is {value}"):
        run(task, kind, change=lambda _, data: data.targets["y"].fill(value))


def test_a_label_that_stands_in_one_group_alone_is_named():
    def change(_, data):
        data.targets["y"][:] = [number % 2 for number in range(600)]
        data.targets["y"][:100] = 2
        data.extra["shop"] = ["one"] * 100 + [f"shop {number % 7}" for number in range(500)]

    with pytest.raises(DataError, match="none has the y 'high'.*more folds"):
        run("classification", change=change, split={"kind": "group", "group": "shop", "seed": 3})


def test_more_categories_than_trees_can_split_by_sets_are_an_error_about_the_data():
    X, data = problem("regression")
    X[:, 0] = np.arange(600)
    with pytest.raises(DataError, match="gradient_boosting cannot be fitted on the target 'y'"):
        fit(
            X, data, "y", define("regression", "gradient_boosting"), report=silent,
            categorical=np.array([True, False, False, False]),
        )  # fmt: skip


def test_a_number_that_is_missing_in_every_row_is_no_obstacle_to_trees():
    def emptied(X):
        X = X.copy()
        X[:, 0] = np.nan
        return X

    for kind in ("gradient_boosting", "lightgbm"):
        definition = define("regression", kind)
        X, dataset = problem("regression")
        fitted = fit(emptied(X), dataset, "y", definition, report=silent)
        assert np.isfinite(fitted.model.predict(emptied(X))).all()


def test_what_a_library_refuses_is_an_error_about_the_data():
    definition = define("regression", "catboost")
    X, dataset = problem("regression")
    with pytest.raises(DataError, match="catboost cannot be fitted on the target"):
        fit(np.zeros_like(X), dataset, "y", definition, report=silent)
