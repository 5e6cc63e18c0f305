"""What a worker process does: load the bundles once, then answer part after part. Imports nothing but what serving has."""

import multiprocessing
import os
import threading
import time
from collections.abc import Mapping
from typing import NamedTuple

from functions.classify.fetch import Fetched
from functions.classify.scoring.cut import Cut
from functions.classify.scoring.layout import Kind, Layout
from functions.classify.scoring.part import Scored, Scorer


class Job(NamedTuple):
    """What all parts of a run have in common: all a worker needs beside them, so it reads no registry and no file."""

    bundles: Mapping[str, Fetched]
    layout: Layout
    answers: Kind
    explained: bool
    begun: str


class Answered(NamedTuple):
    """A part's answers, and the seconds they took."""

    scored: Scored
    seconds: float


def scorer_of(job: Job) -> Scorer:
    return Scorer(job.bundles, job.layout, job.answers, explained=job.explained, begun=job.begun)


def answer(scorer: Scorer, part: Cut) -> Answered:
    """Answer a part."""
    started = time.perf_counter()
    return Answered(scorer.score(part.data, part.line), time.perf_counter() - started)


_scorers: list[Scorer] = []  # of this process: one


def begin(job: Job) -> None:
    """Make this process ready to answer parts of a run; it ends with the one that started it, however that ends."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _scorers[:] = [scorer_of(job)]


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    os._exit(1)  # nothing here is worth keeping, and a part under way is answered again


def answer_here(part: Cut) -> Answered:
    """Answer a part in a process that is ready."""
    [scorer] = _scorers
    return answer(scorer, part)
