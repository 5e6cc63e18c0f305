"""Who answers the parts: this process, processes of this machine, or the workers of a Dask cluster.

All take parts as they come, hold a few at once, and give them back in any order. Nothing of a part is remembered here:
what was answered when a run ends, however it ends, is what its results hold.
"""

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice

from cli.scoring import worker
from cli.scoring.worker import Answered, Job
from firesteel.errors import FiresteelError
from functions.classify.scoring.cut import Cut

Pair = tuple[Cut, Answered]

_AHEAD = 2  # parts a worker: one that it answers, one that waits for it
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class EngineError(FiresteelError):
    """Those who answer parts ended before their time. What they had answered is kept: running again goes on."""


def here(job: Job, parts: Iterable[Cut]) -> Iterator[Pair]:
    """Answer in this process, part by part."""
    scorer = worker.scorer_of(job)
    return ((part, worker.answer(scorer, part)) for part in parts)


def processes(job: Job, parts: Iterable[Cut], workers: int) -> Iterator[Pair]:
    """Answer in that many processes of this machine. Raises EngineError when one of them dies."""
    with (
        _environment(_ONE_THREAD),
        ProcessPoolExecutor(
            workers, multiprocessing.get_context("spawn"), initializer=worker.begin, initargs=(job,)
        ) as pool,
    ):
        running: dict[Future[Answered], Cut] = {}
        waiting = iter(parts)
        try:
            while True:
                for part in islice(waiting, _AHEAD * workers - len(running)):
                    with _interrupts_held():
                        one = pool.submit(worker.answer_here, part)
                    running[one] = part
                if not running:
                    return
                for one in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(one), one.result()
        except BrokenProcessPool:
            raise EngineError(
                "a worker process died (out of memory, or ended by somebody); run the same command again to go on"
            ) from None
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C comes afterwards, and never to the processes started meanwhile: a terminal sends it to all, one is to act."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Variables that processes started meanwhile find in their environment."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
