"""The registry against a plain model of it: Hypothesis chooses the operations, and shortens what goes wrong."""

import traceback
from collections.abc import Collection

import hypothesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.machine import DiskMachine, RegistryMachine, SealedMachine
from tests.proofs.proof import Run

KINDS = {"memory": SealedMachine, "disk": DiskMachine}


def walked(
    run: Run, kind: type[RegistryMachine], examples: int, steps: int, phases: Collection[Phase] = tuple(Phase)
) -> int:
    """So many walks of so many steps at most; how many steps it were. A walk that goes wrong is told step by step."""
    seeded = hypothesis.seed(run.seed)(type(kind.__name__, (kind,), {"steps": 0}))
    chosen = settings(
        max_examples=examples,
        stateful_step_count=steps,
        phases=phases,
        deadline=None,
        database=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
    )
    try:
        run_state_machine_as_test(seeded, settings=chosen)
    except Exception as error:  # noqa: BLE001 - whatever it is, the registry is not what its model is
        run.check(False, "\n".join(traceback.format_exception_only(error)))
    run.check(True, "", count=seeded.steps)
    return seeded.steps


def prove(run: Run) -> None:
    """A case is a step after which registry and model agree."""
    examples, steps = (2000, 200) if run.full else (100, 50)
    for name, kind in KINDS.items():
        run.note(**{f"steps_{name}": walked(run, kind, examples, steps)})
