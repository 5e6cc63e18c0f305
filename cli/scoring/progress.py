"""How far a run is: a bar with rows a second and the time that is left, on a terminal; elsewhere nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from cli.output import errors
from functions.classify.scoring.results import Done

_REMEMBERED = 60.0  # seconds that the time which is left is estimated from


@contextmanager
def shown(total: int) -> Iterator[Callable[[Done, bool], None]]:
    """What is to be told of every part. `total` is what the places of all parts add up to."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f} rows/s,"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=errors, disable=not errors.is_terminal, speed_estimate_period=_REMEMBERED)
    task = bar.add_task("scoring", total=total, rows=0, rate=0.0)
    began = time.monotonic()
    rows = new = 0

    def told(done: Done, earlier: bool) -> None:
        nonlocal rows, new
        rows += done.rows
        new += 0 if earlier else done.rows
        rate = new / max(time.monotonic() - began, 1e-9)
        bar.update(task, advance=done.end - done.begin, rows=rows, rate=rate)

    with bar:
        yield told
