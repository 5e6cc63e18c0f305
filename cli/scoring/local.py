"""A run of batch scoring on this machine's files: begun or gone on with, part by part, until its manifest is written."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from cli.scoring.engines import Pair
from cli.scoring.source import Source
from cli.scoring.worker import Job
from firesteel.errors import ConflictError
from firesteel.program import predictor
from firesteel.registry import record
from firesteel.registry.store import Store
from functions.classify.fetch import Fetched
from functions.classify.scoring import part, run
from functions.classify.scoring.cut import PART_ROWS, Cut
from functions.classify.scoring.layout import Kind
from functions.classify.scoring.results import Done, Results
from functions.classify.scoring.run import Bundle, Run

Engine = Callable[[Job, Iterable[Cut]], Iterator[Pair]]
Told = Callable[[Done, bool], None]
"""Is told of every part that is done, and whether it was done before."""


class Bundles(NamedTuple):
    """What answers: which bundles, their bytes, and the columns without which no row is answered."""

    named: tuple[Bundle, ...]
    fetched: dict[str, Fetched]
    needed: list[str]


def bundles(store: Store, model: str, version: str | None, alias_name: str) -> Bundles:
    """The bundles that answer a model's rows. Raises NotFoundError, IntegrityError, ProgramError, StoreError."""
    named = run.resolve(store, model, version, alias_name)
    fetched = {one.model: run.fetch(store, one) for one in named}
    return Bundles(named, fetched, part.needed(predictor.load(fetched[named[0].model].program)))


def refuse_leftovers(results: Results, named: str) -> None:
    """Raises ConflictError when the folder that is so `named` has results, and nothing says of which run; StoreError."""
    if left := results.leftover():
        raise ConflictError(
            f"{named} has {left} but no {run.RUN}, so nothing says which run its files are of; "
            "name another folder, or move them away"
        )


def begin(
    source: Source, chosen: Bundles, results: Results, answers: Kind, *, explained: bool, part_rows: int = PART_ROWS
) -> Run:
    """The run of a file, as it is in the folder of results from now on or was before. Raises DataError, ConflictError."""
    wanted = Run(
        chosen.named, source.input(), source.layout, source.start, answers, explained, part_rows, record.timestamp()
    )
    return run.claim(results.store, results.folder, wanted)


def score(begun: Run, source: Source, chosen: Bundles, results: Results, engine: Engine, told: Told) -> dict[str, Any]:
    """Answer the parts that are missing, and give the manifest. Raises DataError, ConflictError, StoreError, EngineError."""
    numbers: list[int] = []

    def missing() -> Iterator[Cut]:
        for cut in source.parts(begun.part_rows):
            numbers.append(cut.number)
            if done := results.done(cut.number):
                told(done, True)
            else:
                yield cut

    for cut, answered in engine(job_of(begun, chosen), missing()):
        place = (cut.begin, cut.end, cut.line)
        told(results.write(begun, cut.number, place, answered.scored, answered.seconds), False)
    return results.manifest(begun, numbers)


def job_of(begun: Run, chosen: Bundles) -> Job:
    """What the workers of a run are told."""
    return Job(chosen.fetched, begun.layout, begun.answers, begun.explained, begun.begun)
