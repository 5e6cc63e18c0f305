"""The search for an estimator's settings: every point is judged by cross-validation, and an interrupted search goes on.

What was judged is written to a journal, one line a trial. Points are chosen by a seed and by the results so far, never by
the clock; so a search that finds its first results in the journal takes the same way as one that computes them.
"""

import itertools
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from firesteel.definition import Estimator, Search, Span
from firesteel.definition.search import Dimension
from firesteel.errors import DataError, DefinitionError

Judge = Callable[[Estimator], list[float]]
"""The metric of settings on each fold."""
Report = Callable[[str, int, int], None]
"""Told what begins, how many parts of it are done, and how many there are."""
Point = dict[str, Any]

LESS_IS_BETTER = ("log_loss", "rmse", "mae", "poisson_deviance")


class Journal:
    """The trials of one search in a file that several searches may share; `key` says whose they are.

    A line that was cut off when the process was killed is no line: its trial is judged again. Without a path, nothing is
    kept beyond the process.
    """

    def __init__(self, path: Path | None, key: str) -> None:
        self._path, self._key = path, key
        self._known: dict[str, list[float]] = {}
        if path is not None and path.exists():
            for line in path.read_text("utf-8", errors="replace").splitlines():
                self._remember(line)

    def know(self, settings: Estimator, scores: Sequence[float]) -> None:
        """Settings that were judged elsewhere, on the same rows."""
        self._known[_canonical(settings.model_dump(mode="json"))] = list(scores)

    def _remember(self, line: str) -> None:
        try:
            entry = json.loads(line)
            if entry["key"] == self._key:
                self._known[_canonical(entry["settings"])] = [float(score) for score in entry["scores"]]
        except (ValueError, TypeError, KeyError):
            return

    def judged(self, settings: Estimator, judge: Judge) -> list[float]:
        """The scores on record, or else those that `judge` gives, from now on on record."""
        point = settings.model_dump(mode="json")
        known = self._known.get(_canonical(point))
        if known is None:
            known = self._known[_canonical(point)] = judge(settings)
            self._write({"key": self._key, "settings": point, "scores": known})
        return known

    def _write(self, entry: dict[str, Any]) -> None:
        if self._path is None:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"\n{json.dumps(entry)}\n")  # the line before may have been cut off
            file.flush()
            os.fsync(file.fileno())


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def search_settings(
    settings: Estimator, search: Search, metric: str, judge: Judge, *, seed: int, journal: Journal, report: Report
) -> tuple[Estimator, list[dict[str, Any]]]:
    """The best settings by the mean of `metric` over the folds, the first of equals; and all trials in their order.

    Raises DefinitionError for settings that the estimator cannot have, DataError when a metric is not finite.
    """
    _refuse_impossible(settings, search)
    candidates = None if search.method == "optuna" else points(search, seed)
    total = search.trials if candidates is None else len(candidates)
    sign = -1.0 if metric in LESS_IS_BETTER else 1.0
    trials: list[dict[str, Any]] = []

    def judged(point: Point) -> float:
        report("tune", len(trials), total)
        scores = journal.judged(with_point(settings, point), judge)
        mean = float(np.mean(scores))
        if not np.isfinite(mean):
            raise DataError(f"tuning gave no finite {metric} for {point}: {scores}")
        trials.append({"settings": point, "metric": metric, "mean": mean, "spread": float(np.std(scores))})
        return sign * mean

    if candidates is None:
        _optuna(search, seed, judged)
    else:
        for point in candidates:
            judged(point)
    best = max(trials, key=lambda trial: sign * trial["mean"])
    return with_point(settings, best["settings"]), trials


def points(search: Search, seed: int) -> list[Point]:
    """The whole grid, or so many points at random; one drawn twice is tried once. No search by Optuna has its points before.

    Each may be judged elsewhere, and `Journal.know` tells a search of it.
    """
    if search.method == "grid":
        choices = [dimension for dimension in search.space.values() if not isinstance(dimension, Span)]
        return [dict(zip(search.space, values, strict=True)) for values in itertools.product(*choices)]
    generator = np.random.default_rng(seed)
    drawn = [
        {name: _drawn(dimension, generator) for name, dimension in search.space.items()} for _ in range(search.trials)
    ]
    return [point for number, point in enumerate(drawn) if point not in drawn[:number]]


def _drawn(dimension: Dimension, generator: np.random.Generator) -> float:
    if not isinstance(dimension, Span):
        return dimension[int(generator.integers(len(dimension)))]
    low, high = dimension.low, dimension.high
    if dimension.integer and not dimension.log:
        return int(generator.integers(int(low), int(high) + 1))
    value = float(
        np.exp(generator.uniform(np.log(low), np.log(high))) if dimension.log else generator.uniform(low, high)
    )
    value = min(max(value, low), high)
    return round(value) if dimension.integer else value


def _optuna(search: Search, seed: int, judged: Callable[[Point], float]) -> None:
    """Tree-structured Parzen estimators: Bergstra et al. 2011, "Algorithms for Hyper-Parameter Optimization"."""
    try:
        import optuna
    except ModuleNotFoundError:
        raise DefinitionError(
            "search.method: optuna needs the package optuna, which is not installed: "
            "run `pip install optuna`, or choose random"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(lambda trial: judged(_suggested(search, trial)), n_trials=search.trials)


def _suggested(search: Search, trial: Any) -> Point:
    point: Point = {}
    for name, dimension in search.space.items():
        if not isinstance(dimension, Span):
            point[name] = trial.suggest_categorical(name, dimension)
        elif dimension.integer:
            point[name] = trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.log)
        else:
            point[name] = trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)
    return point


def with_point(settings: Estimator, point: Point) -> Estimator:
    """The settings, with those of the point. Raises ValidationError when the estimator cannot have them."""
    return type(settings).model_validate(settings.model_dump() | point)


def _refuse_impossible(settings: Estimator, search: Search) -> None:
    for name, dimension in search.space.items():
        for value in _extremes(dimension):
            try:
                with_point(settings, {name: value})
            except ValidationError as error:
                hint = "; write integer: true" if error.errors()[0]["type"] == "int_from_float" else ""
                raise DefinitionError(
                    f"search.space.{name}: {settings.kind} cannot have {value:g}: {error.errors()[0]['msg']}{hint}"
                ) from None


def _extremes(dimension: Dimension) -> tuple[float, ...]:
    """Values that are possible if all of the dimension are: of a span its ends, and a number that is not whole."""
    if not isinstance(dimension, Span):
        return dimension
    ends = (dimension.low, dimension.high)
    return ends if dimension.integer else (*ends, dimension.low + (dimension.high - dimension.low) / np.pi)
