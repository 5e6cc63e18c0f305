"""What a report says of labelled rows: slices, examples of what went wrong, and two versions side by side."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from cli.comparison import LEVEL
from cli.reporting import charts, compare, slices
from cli.reporting.answers import Answers, Labelled, Measured
from cli.reporting.charts import shortened
from cli.reporting.compare import Compared, Discordant
from cli.reporting.document import Part, Plot, Section, Table, Text
from cli.reporting.slices import Slice
from cli.reporting.subject import Rows, Subject
from functions.train.dataset import Dataset

_SHOWN = 20  # slices
_DRAWN = 12  # of them in the plot
_CELL = 160  # characters of an example's field
_FIELDS = 4  # of an example, the most important


def p_value(value: float) -> str:
    """A probability as tables have it."""
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def sliced(subject: Subject, rows: Rows, answers: Mapping[str, Answers], min_rows: int, seed: int) -> Iterator[Part]:
    """Every target's slices, the worst first."""
    for name, one in answers.items():
        found = slices.find(subject.definition, rows.dataset, one, min_rows=min_rows, seed=seed)
        if not found:
            yield Text(f"{name}: no slice has {min_rows} rows and leaves as many; see --min-rows.")
            continue
        how = f"At least {min_rows} rows each; {_tests(one, seed)}; p corrected for {len(found)} slices (Holm)."
        if rows.groups is not None:
            how += (
                " Rows of a group are taken as independent of each other, which makes p too small where they are not."
            )
        plot, table = _plot_of_slices(name, one, found), _table_of_slices(one, found)
        yield Section(name, (Text(_found(found)), plot, table, Text(how, "note")))


def _found(found: Sequence[Slice]) -> str:
    worse = sum(one.is_significantly_worse for one in found)
    if not worse:
        return f"None of {len(found)} slices is significantly worse than the other rows."
    return f"{worse} of {len(found)} slices {'are' if worse > 1 else 'is'} significantly worse than the other rows."


def _tests(answers: Answers, seed: int) -> str:
    if isinstance(answers, Labelled):
        return "Wilson intervals, Fisher's exact test"
    how = (
        f"bootstrap intervals ({slices.RESAMPLES:,} resamples), permutation test of the mean ({slices.PERMUTATIONS:,})"
    )
    return f"{how}, seed {seed}"


def _measure(answers: Answers) -> str:
    if isinstance(answers, Labelled):
        return "accuracy"
    return "mean Poisson deviance" if answers.is_count else "mean absolute error"


def _plot_of_slices(name: str, answers: Answers, found: Sequence[Slice]) -> Plot:
    whole = float(answers.right.mean() if isinstance(answers, Labelled) else answers.error.mean())
    bars = [
        (f"{one.field}: {one.value}", one.measure, one.low, one.high, one.is_significantly_worse)
        for one in found[:_DRAWN]
    ]
    drawn = charts.intervals(bars, whole, name, f"{_measure(answers)}, {LEVEL:.0%} interval")
    return Plot(f"{name}-slices", f"{name}: the worst slices; red ones are significant, the line is all rows", drawn)


def _table_of_slices(answers: Answers, found: Sequence[Slice]) -> Table:
    form = ".3f" if isinstance(answers, Labelled) else ".4g"
    rows = tuple(
        (
            f"{one.field}: {shortened(one.value, 60)}",
            f"{one.rows:,}",
            f"{one.measure:{form}}",
            f"{one.low:{form}} to {one.high:{form}}",
            f"{one.elsewhere:{form}}",
            *((f"{one.bias:+.4g}",) if one.bias is not None else ()),
            p_value(one.p_value),
        )
        for one in found[:_SHOWN]
    )
    bias = ("truth - prediction",) if isinstance(answers, Measured) else ()
    columns = ("slice", "rows", _measure(answers), f"{LEVEL:.0%} interval", "other rows", *bias, "p")
    marked = frozenset(place for place, one in enumerate(found[:_SHOWN]) if one.is_significantly_worse)
    left_out = f"; {len(found) - _SHOWN} better ones are left out" if len(found) > _SHOWN else ""
    return Table(columns, rows, f"Slices, the worst first{left_out}", marked)


def examples(subject: Subject, rows: Dataset, answers: Mapping[str, Answers], most: int) -> Iterator[Part]:
    """Rows that were answered wrong: of labels the surest first, of numbers those furthest off."""
    for name, one in answers.items():
        fields = _fields(subject, name, rows)
        if isinstance(one, Labelled):
            wrong = np.flatnonzero(~one.right)
            chosen = wrong[np.argsort(-one.confidence[wrong], kind="stable")][:most]
            said = f"{name}: {len(wrong):,} of {len(rows):,} rows are wrong; the surest first"
        else:
            chosen = np.argsort(-one.error, kind="stable")[:most]
            said = f"{name}: the rows that are furthest off"
        columns = ("line", "true", "predicted", "confidence" if isinstance(one, Labelled) else "interval", *fields)
        cells = tuple(
            (str(rows.lines[place]), *_answer(one, place), *(_cell(rows, field, place) for field in fields))
            for place in chosen.tolist()
        )
        yield Table(columns, cells, said) if cells else Text(f"{name}: not one of {len(rows):,} rows is wrong.")


def _answer(answers: Answers, place: int) -> tuple[str, str, str]:
    if isinstance(answers, Labelled):
        true, said = answers.labels[answers.truth[place]], answers.labels[answers.predicted[place]]
        return true, said, f"{answers.confidence[place]:.3f}"
    one = answers.estimates[place]
    ends = "" if one.lower is None or one.upper is None else f"{one.lower:.4g} to {one.upper:.4g}"
    return f"{answers.truth[place]:.6g}", f"{one.value:.6g}", ends


def _fields(subject: Subject, target: str, rows: Dataset) -> list[str]:
    """The inputs that matter most to a target."""
    importance = (subject.metrics.get("importance") or {}).get(target, {})
    return sorted(rows.inputs, key=lambda name: -importance.get(name, 0.0))[:_FIELDS]


def _cell(rows: Dataset, field: str, place: int) -> str:
    value = rows.inputs[field][place]
    if value is None or value != value:
        return ""
    return shortened(value, _CELL) if isinstance(value, str) else f"{value:.6g}"


def signed(value: float) -> str:
    """With four decimals, or where those hide it with two digits that count; what is nothing has no sign."""
    if abs(value) < 1e-9:
        return "0"
    return f"{value:+.{max(4, 1 - math.floor(math.log10(abs(value))))}f}"


def unjudged(old: Subject, new: Subject, compared: Sequence[Compared]) -> Iterator[Part]:
    """Both versions' metrics on rows that one of them may have been trained on: that one can be better for that alone."""
    cells = tuple(
        (one.target, one.metric, f"{one.old:.4f}", f"{one.new:.4f}", signed(one.difference)) for one in compared
    )
    yield Text(
        "These numbers do not say which version is better: one of them may have been trained on some of these rows. Give "
        "the file of its training with --trained-on, and the rows that stand in it are left out.",
        "warning",
    )
    yield Table(("target", "metric", old.version, new.version, "difference"), cells)


def side_by_side(
    old: Subject, new: Subject, compared: Sequence[Compared], discordant: Sequence[Discordant], unit: str, seed: int
) -> Iterator[Part]:
    """Both versions' metrics and whether they differ by more than chance."""
    cells = tuple(
        (
            one.target,
            one.metric,
            f"{one.old:.4f}",
            f"{one.new:.4f}",
            signed(one.difference),
            f"{signed(one.low)} to {signed(one.high)}",
            p_value(one.p_value),
            one.verdict,
        )
        for one in compared
    )
    columns = (
        "target",
        "metric",
        old.version,
        new.version,
        "difference",
        f"{LEVEL:.0%} interval",
        "p",
        new.version + " is",
    )
    yield Table(columns, cells, marked=frozenset(place for place, one in enumerate(compared) if one.verdict == "worse"))
    yield Text(
        f"Paired bootstrap: {compare.RESAMPLES:,} resamples of the same {unit}, seed {seed}, percentile intervals; each "
        "metric is judged by itself.",
        "note",
    )
    for one in discordant:
        yield Text(
            f"{one.target}: only {old.version} has {one.only_old:,} rows right, only {new.version} {one.only_new:,} "
            f"(McNemar's exact test: p {p_value(one.p_value)})."
        )
