"""Parts answered by the workers of a Dask cluster, which must have Firesteel installed."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from distributed import Client, KilledWorker, Security, WorkerPlugin, as_completed, get_worker

from cli.scoring import worker
from cli.scoring.engines import EngineError, Pair
from cli.scoring.worker import Answered, Job
from functions.classify.scoring.cut import Cut

_AHEAD = 2  # parts a core: one that it answers, one that waits for it
_PLUGIN = "firesteel-score"
_CONNECT = "10s"


def dask(job: Job, parts: Iterable[Cut], scheduler: str) -> Iterator[Pair]:
    """Answer on the cluster of a scheduler. The parts of workers that die are answered by others.

    Raises EngineError when there is no such cluster, or when it gives a part up.
    """
    security: Any = Security()  # type: ignore[no-untyped-call]
    if scheduler.startswith("tls://") and not security.get_connection_args("client").get("ssl_context"):
        raise EngineError(f"{scheduler} wants certificates: set distributed.comm.tls in the configuration of Dask")
    try:
        client: Any = Client(scheduler, timeout=_CONNECT, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise EngineError(f"there is no Dask scheduler at {scheduler}: {error}") from None
    with client:
        client.register_plugin(_Ready(job), name=_PLUGIN)
        yield from _answered(client, iter(parts))
        client.unregister_worker_plugin(_PLUGIN)


def _answered(client: Any, parts: Iterator[Cut]) -> Iterator[Pair]:
    running: dict[Any, Cut] = {}
    finished: Any = as_completed(loop=client.loop)  # type: ignore[no-untyped-call]
    while True:
        cores = sum(client.ncores().values())
        for part in islice(parts, max(1, _AHEAD * cores - len(running))):
            one = client.submit(_answer, part, pure=False)
            running[one] = part
            finished.add(one)
        if not running:
            return
        one = next(finished)
        yield running.pop(one), _result(one)


def _result(one: Any) -> Answered:
    try:
        answered = one.result()
    except KilledWorker as error:
        raise EngineError(f"the cluster gave a part up: {error}") from None
    assert isinstance(answered, Answered)
    return answered


class _Ready(WorkerPlugin):
    """Every worker, also one that joins later, has the bundles loaded before its first part."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def setup(self, worker: Any) -> None:
        worker.firesteel_scorer = _scorer(self._job)

    def teardown(self, worker: Any) -> None:
        del worker.firesteel_scorer


_scorer = worker.scorer_of


def _answer(part: Cut) -> Answered:
    dask_worker: Any = get_worker()
    return worker.answer(dask_worker.firesteel_scorer, part)
