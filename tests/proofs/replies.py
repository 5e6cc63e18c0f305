"""Writers whose replies are lost, over real HTTP: nobody is told of a conflict there was not, and nothing is gone.

Every write names itself, so that what the registry holds at the end can be told from what the writers were told:
acknowledged is there once, refused is not there, unknown is there once or not at all.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from firesteel.errors import ConflictError, StoreError
from firesteel.registry import alias, bundle
from firesteel.registry.store import Store
from tests.faults.proxy import PASS, Fault, Proxy
from tests.proofs.proof import Run
from tests.proofs.replies_world import TIMEOUT, bucket

WRITERS = 8
ALIAS, SHARED = "latest", "9.0.0"
LOST = (
    Fault(keep=0.0),
    Fault(keep=0.0, reset=True),
    Fault(keep=0.3),
    Fault(keep=0.5, reset=True),
    Fault(keep=0.98),
    Fault(status=500),
    Fault(status=503),
)
SLOW = (Fault(delay=TIMEOUT * 1.5), Fault(late=TIMEOUT * 1.5))
UNREAD = (Fault(keep=0.5), Fault(keep=0.0, reset=True), Fault(lands=False, status=503))
POSSIBLE = {"done": {1}, "conflict": {0}, "unknown": {0, 1}}
"""How often a write may be there, by what its writer was told."""


class Write(NamedTuple):
    """A write and what its writer was told: `done`, `conflict` or `unknown`."""

    model: str
    name: str
    """The version that is published, or the word in the `why` of a move."""
    told: str


class Faults:
    """What becomes of each request: it depends on the key and on how often it was asked for, not on who is faster."""

    def __init__(self, run: Run) -> None:
        self.run, self.counts, self.cut = run, Counter[tuple[str, str]](), 0

    def __call__(self, method: str, path: str) -> Fault:
        self.counts[method, path] += 1
        random = self.run.random(method, path.partition("?")[0], self.counts[method, path])
        if method == "GET":
            return random.choice(UNREAD) if random.random() < 0.02 else PASS
        if self.counts[method, path] > 1 and random.random() < 0.6:
            return PASS
        self.cut += 1
        return random.choice(SLOW) if random.random() < 0.005 else random.choice(LOST)


def told(work: Callable[[], object]) -> str:
    """What the writer is told, and can do something with: any other error ends the proof."""
    try:
        work()
    except ConflictError:
        return "conflict"
    except StoreError:
        return "unknown"
    return "done"


def published(store: Store, model: str, number: int) -> Write:
    version = f"1.{number}.0"
    contents = {"program": f"{model} {version}".encode()}
    return Write(model, version, told(lambda: bundle.publish(store, model, version, contents, who="w")))


def moved(store: Store, model: str, version: str, why: str) -> Write:
    return Write(model, why, told(lambda: alias.promote(store, model, ALIAS, version, who="w", why=why)))


def written(store: Store, place: str, number: int) -> list[Write]:
    """What one writer does in a round: publish and promote a model of its own, then move an alias that all move."""
    own = f"m{place}-{number}"
    writes = [published(store, own, one) for one in range(3)]
    moves = [moved(store, own, one.name, f"to {one.name}") for one in writes if one.told == "done"]
    return [*writes, *moves, moved(store, f"m{place}", SHARED, f"by {number}")]


def judge(run: Run, store: Store, writes: Sequence[Write]) -> None:
    """What the registry holds against what the writers were told."""
    for model in {one.model for one in writes}:
        mine = [one for one in writes if one.model == model]
        history = Counter(entry.why for entry in alias.history(store, model, ALIAS))
        whole = {one.version for one in bundle.versions(store, model) if not bundle.verify(store, model, one.version)}
        for one in mine:
            there = history[one.name] + (one.name in whole)
            run.check(there in POSSIBLE[one.told], f"{one} is there {there} times")
        doubted = any(one.told == "unknown" for one in mine)
        conflicts = [one for one in mine if one.told == "conflict"]
        alone = "-" in model  # then only what it has itself in doubt can be in its way
        run.check(not (alone and conflicts and not doubted), f"{conflicts} were in nobody's way")


def trial(run: Run, cuts: int) -> tuple[list[Write], Faults]:
    """Rounds of writers until so many replies were cut."""
    writes, faults, rounds = [], Faults(run), 0
    with bucket() as s3, Proxy(s3.url, faults) as proxy, ThreadPoolExecutor(WRITERS) as pool:
        plain = s3.store(s3.url)
        stores = [s3.store(proxy.url) for _ in range(WRITERS)]
        while faults.cut < cuts:
            bundle.publish(plain, f"m{rounds}", SHARED, {"program": b"shared"}, who="w")
            work = [pool.submit(written, store, str(rounds), number) for number, store in enumerate(stores)]
            done = [one for each in work for one in each.result()]
            proxy.settle()
            judge(run, plain, done)
            writes += done
            rounds += 1
    return writes, faults


def prove(run: Run) -> None:
    writes, faults = trial(run, 10_000 if run.full else 200)
    outcomes = Counter(one.told for one in writes)
    run.note(replies_cut=faults.cut, **{f"writes_{name}": outcomes[name] for name in POSSIBLE})
