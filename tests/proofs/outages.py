"""S3 is down, slow, refuses, lies: what is warm answers from the last good model, and is fresh again soon after.

Each outage is lived through by an environment of Lambda and by a server, over real HTTP. One that starts in the middle
of it says clearly that it has no model.
"""

from concurrent.futures import ThreadPoolExecutor

from tests.proofs.outages_faults import OUTAGES, Outage
from tests.proofs.outages_trial import SHARED, Plan, Trial, publish
from tests.proofs.outages_worlds import Environment, Served, Serves, s3
from tests.proofs.proof import Run

_FULL = Plan(ttl=1.0, still=8.0, moving=12.0, requests=6_000)
_QUICK = Plan(ttl=0.2, still=0.3, moving=0.5, requests=40)
_AT_A_SERVER = ("slow", "newest program overwritten")
"""Those that the quick part tries at a server, too: it takes seconds to start."""


def prove(run: Run) -> None:
    plan = _FULL if run.full else _QUICK
    kinds: list[tuple[type[Serves], Outage]] = [(Environment, outage) for outage in OUTAGES]
    kinds += [(Served, outage) for outage in OUTAGES if run.full or outage.name in _AT_A_SERVER]
    with s3() as place, ThreadPoolExecutor(8 if run.full else len(kinds)) as pool:
        publish(place, SHARED)
        trials = [Trial(kind, outage, place, plan, run.random(kind.__name__, outage.name)) for kind, outage in kinds]
        lived = list(pool.map(Trial.run, trials))
    for trial in lived:
        for sentence in trial.checked:
            run.check(not sentence, sentence)
    for kind in (Environment, Served):
        own = [trial for trial in lived if trial.name.startswith(kind.__name__)]
        run.figures[f"slowest_request_{kind.__name__}"] = f"{max(trial.slowest for trial in own):.2f} s"
        run.figures[f"fresh_after_{kind.__name__}"] = f"{max(trial.recovery for trial in own):.1f} s"
    run.note(outages=len(OUTAGES), time_to_live=f"{plan.ttl:g} s")
