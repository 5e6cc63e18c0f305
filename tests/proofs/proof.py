"""What every proof is: cases that must all hold, counted, made from a seed that replays them."""

import importlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from types import ModuleType

SEED = 20261121
_SHOWN = 5


@dataclass(frozen=True)
class Proof:
    """A promise and the module of this folder that proves it: `prove(run)`, which may take a minute or an hour."""

    name: str
    promise: str

    @property
    def module(self) -> ModuleType:
        return importlib.import_module(f"tests.proofs.{self.name}")


@dataclass
class Run:
    """One run of a proof. `full` is the command's; the tests' is bounded to seconds and takes a part of the same cases."""

    name: str
    seed: int
    full: bool
    advance: Callable[[int], None] = lambda _: None
    """Told of so many cases done, for a progress bar."""
    cases: int = 0
    failed: int = 0
    wrong: list[str] = field(default_factory=list)
    figures: dict[str, int | float | str] = field(default_factory=dict)
    seconds: float = 0.0

    def random(self, *place: object) -> Random:
        """A generator of its own for each place, so that one case can be replayed without those before it."""
        return Random(f"{self.seed} {place}")

    def check(self, holds: bool, what: str | Callable[[], str], count: int = 1) -> None:
        """Count cases; where they do not hold, `what` says which and how."""
        self.cases += count
        if not holds:
            self.failed += count
            if len(self.wrong) < _SHOWN:
                self.wrong.append(what if isinstance(what, str) else what())
        self.advance(count)

    def note(self, **figures: float | str) -> None:
        """Figures beside the number of cases, for the table."""
        self.figures |= figures

    def command(self) -> str:
        """What does the same again."""
        return f"python -m tests.proofs {self.name} --seed {self.seed}{'' if self.full else ' --quick'}"


def run(proof: Proof, seed: int, *, full: bool, advance: Callable[[int], None] = lambda _: None) -> Run:
    """Runs a proof to its end."""
    one = Run(proof.name, seed, full, advance)
    begun = time.monotonic()
    proof.module.prove(one)
    one.seconds = time.monotonic() - begun
    return one


def holds(name: str) -> Run:
    """The test of a proof: its bounded part has cases, and none fails. PROOF_SEED chooses another seed."""
    one = run(Proof(name, ""), int(os.environ.get("PROOF_SEED", SEED)), full=False)
    print(one.command())
    assert one.cases, f"{name} has no cases"
    assert not one.failed, f"{one.failed} of {one.cases} cases fail; `{one.command()}` does it again:\n" + "\n".join(
        one.wrong
    )
    return one
