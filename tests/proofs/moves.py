"""Aliases move while they are asked: an answer is of one bundle, never of an older one, and none is missing.

Two worlds: environments of Lambda in this process, where the request that finds the model too old looks at the alias;
and a server's process, which looks aside. Every bundle answers in its own way, so an answer tells which gave it, and a
body must be, byte for byte, what that bundle alone would have answered. And environments that are frozen in a look.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.proofs import moves_frozen
from tests.proofs.moves_asked import Judge
from tests.proofs.moves_history import Ages, misfits, staleness
from tests.proofs.moves_worlds import TTL, Lanes, Lived, Plan, World, live, served
from tests.proofs.proof import Run

_FULL, _QUICK = Plan(requests=50_000, moves=520), Plan(requests=600, moves=12, pause=0.01)


def prove(run: Run) -> None:
    plan = _FULL if run.full else _QUICK
    run.note(requests=0, alias_moves=0, over_damaged_entries=0, time_to_live=f"{TTL:g} s")
    lanes = Lanes(run.random("pauses"))
    told(run, lanes, lived(run, lanes, plan))
    with TemporaryDirectory() as folder, served(Path(folder)) as server:
        told(run, server, lived(run, server, plan))
    moves_frozen.prove(run, 1_000 if run.full else 50)


def lived(run: Run, world: World, plan: Plan) -> Lived:
    return live(world, Judge(world.store), lambda place: run.random(world.name, place), plan)


def told(run: Run, world: World, seen: Lived) -> None:
    """Cases are the answers, whether they are of one bundle; and each model that an answer is from, whether of its time."""
    behind = 0.0
    for sentence in seen.judged:
        run.check(not sentence, f"{world.name}: {sentence}")
    for asks, own, looks in zip(world.environments, seen.seen, world.looks(), strict=True):
        for model, moves in seen.moves.history.items():
            of_model = [one for one in own if one.told.model == model]
            of_alias = [look for look in looks if look.model == model]
            ages = Ages(moves, of_model, of_alias, TTL, waits=world.waits and len(asks) == 1)
            for sentence in misfits(moves, of_model, ages):
                run.check(not sentence, f"{world.name}: {sentence}")
            behind = max(behind, staleness(moves, of_model))
    run.figures["requests"] += len(seen.judged)
    run.figures["alias_moves"] += seen.moves.made
    run.figures["over_damaged_entries"] += seen.moves.damages
    run.figures[f"{world.name}_longest_behind"] = f"{behind:.2f} s"
    run.figures[f"{world.name}_slowest_request"] = f"{seen.longest:.2f} s"
