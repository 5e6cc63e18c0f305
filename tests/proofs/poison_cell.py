"""The cell in which poison is tried: a process of its own that is watched. Prints a line of JSON for each case.

python -m tests.proofs.poison_cell SEED COUNT FIRST [CONTROL]
"""

import json
import logging
import os
import pickle
import shutil
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import Any, NamedTuple

from firesteel.errors import FiresteelError
from firesteel.program import predictor
from firesteel.program.predictor import Predictor
from tests.proofs import poison_content, poison_corpus, poison_places, poison_programs
from tests.proofs.poison_entries import Entry, Place, UsageError, answers, entries
from tests.proofs.poison_places import Bundle
from tests.proofs.poison_reads import ENTRY, MANIFEST, NECESSARY, ROWS, UNUSED, Turns, reading
from tests.proofs.poison_watch import LONGEST, MOST, HangError, Watch, limit, measured

_KINDS = ("refused", "refused", "program", "refused", "left", "refused", "program", "refused")
_SLOW, _MANY = ("firesteel report",), 1000  # it imports for seconds: not for a quick run
_SIZE = 4  # of a bundle's bytes, in memory: read, as text, as Python's objects
_PLACES = 12  # of so many cases one is a place
_WHOLE, _SEGMENT = (
    poison_programs.BASES[-1],
    next(path for path in poison_programs.BASES if path.parts[-3] == "qb"),
)


class Case(NamedTuple):
    """A poisoned bundle, and the ways in by which it is tried.

    Its kind: "refused" in all these ways; "left" alone in those that answer rows; "program" whose content is hostile,
    which is refused or answers within bounds.
    """

    kind: str
    what: str
    ways: list[str]
    file: str = ""
    """What is poisoned."""
    data: bytes = b""
    poison: Callable[[Path], None] | None = None
    """Done to the store's folder once the bundle is there; None: `data` is the file."""
    program: Path | None = None

    def bundle(self, way: str) -> Bundle:
        """As this way in can be asked: of a model or of a segment."""
        if self.program:
            return _answering(Bundle(self.program), self.data)
        bundle = Bundle(_SEGMENT if "{segment}" in way else _WHOLE)
        return bundle if self.poison else bundle.with_file(self.file, self.data)


def cases(seed: int, count: int, names: Iterable[str], canary: Path) -> Iterator[Case]:
    """So many, the same for a seed; each way in meets as many bundles as its like."""
    random = Random(f"{seed} poison")
    ways = 3 if count > _MANY else 2
    turns = Turns(names, random)
    all_places = random.sample(found := list(poison_places.places()), len(found))
    places = {
        "refused": iter([one for one in all_places if one.file in NECESSARY]),
        "left": iter([one for one in all_places if one.file not in NECESSARY]),
    }
    files = {
        name: ((what, data) for what, data in poison_corpus.poison(canary, Random(f"{seed} {name}")))
        for name in (*NECESSARY, *UNUSED)
    }
    by_hand = iter(random.sample(hand := list(poison_content.by_hand()), len(hand)))
    made = chain(by_hand, (poison_programs.mutated(Random(f"{seed} program {number}")) for number in range(count)))
    numbers = Counter[str]()
    for number in range(count):
        kind = _KINDS[number % len(_KINDS)]
        numbers[kind] += 1
        if kind == "program":
            what, path, data = next(made)
            tried = ["POST /predict", "POST /explain", *turns.next(kind, ways - 1, names)]
            yield Case(kind, what, tried, data=data, program=path)
            continue
        place = next(places[kind], None) if numbers[kind] % _PLACES == 1 else None
        if place:
            case = Case(kind, place.what, [], place.file, poison=place.poison)
        else:
            among = NECESSARY if kind == "refused" else UNUSED
            name = among[numbers[kind] % len(among)]
            what, data = next(files[name])
            over = poison_places.written_over(name, data) if name in (MANIFEST, ENTRY) else None
            case = Case(kind, f"{name}: {what}", [], name, data, over)
        able = set(reading(case.file)) if kind == "refused" else ROWS
        tried = turns.next(kind, ways + 1, able & ROWS if place and place.absent else able)
        yield case._replace(ways=tried if kind == "refused" else [*tried, *turns.next("other", 2, set(names) - ROWS)])


def _answering(bundle: Bundle, program: bytes) -> Bundle:
    """The bundle with another program, and golden rows that it answers: nothing but its content is wrong."""
    changed = bundle.with_file("program.safetensors", program)
    try:
        loaded = predictor.load(program)
        if not isinstance(loaded, Predictor):
            return changed
        golden = {"format": 1, "rows": [_golden(loaded, bundle.row)]}
        return changed.with_file("golden.json", json.dumps(golden, allow_nan=False).encode())
    except (FiresteelError, ValueError):
        return changed


def _golden(loaded: Predictor, row: Any) -> dict[str, Any]:
    answer = loaded.predict(loaded.check(row))
    values = {name: one.value for name, one in answer.estimates.items()}
    return {"input": row, "labels": answer.labels, "confidences": answer.confidences, "values": values}


class Cell:
    """A folder with a canary in it, the entries, and what was seen."""

    def __init__(self, many: bool, more: dict[str, Entry]) -> None:
        self.folder = Path(mkdtemp(prefix="poison-"))
        self.canary = self.folder / "canary"
        self.watch = Watch((str(self.folder),))
        self.entries = {name: entry for name, entry in entries().items() if many or name not in _SLOW} | more
        self.more = more
        self.good: dict[str, str] = {}
        self.answers = ""

    def warm(self) -> dict[str, str]:
        """Ask every entry of every good bundle, so that what it imports is there. What they say of their own."""
        for path in poison_programs.BASES:
            for name, entry in self.entries.items():
                own = path == (_SEGMENT if "{segment}" in name else _WHOLE)
                if own or name in ("POST /predict", "POST /explain"):
                    said = self._outcome(entry, Bundle(path).placed(self.folder))[0]
                    self.good |= {name: said} if own else {}
        self.answers = answers(Bundle(_WHOLE).placed(self.folder))
        return self.good

    def tried(self, case: Case) -> dict[str, Any]:
        wrong: list[str] = []
        refused_by: list[str] = []
        seconds, memory = 0.0, 0
        for name in dict.fromkeys([*case.ways, *self.more]):
            bundle = case.bundle(name)
            place = self._placed(case, bundle)
            self.watch.opened.clear()
            with measured() as cost:
                said, refused = self._outcome(self.entries[name], place)
            refused_by += [name] if refused else []
            seconds, memory = max(seconds, cost.seconds), max(memory, cost.memory)
            if "!" not in said and name not in self.more:
                said = self._misjudged(case, name, said, refused)
            if cost.seconds > LONGEST:
                said += f" took {cost.seconds:.1f} s"
            if cost.memory > MOST + _SIZE * (bundle.size + len(case.data)):
                said += f" took {cost.memory >> 20} MiB"
            if said and (name not in self.more or "!" in said):
                wrong.append(f"{name}: {said}")
        if case.kind == "left" and answers(self._placed(case, case.bundle(""))) != self.answers:
            wrong.append("POST /predict: another answer than without it")
        wrong += self.watch.seen
        self.watch.seen.clear()
        if self.canary.exists() or os.environ.get("POISON") or "antigravity" in sys.modules:
            wrong.append("the canary was touched")
            self.canary.unlink(missing_ok=True)
        told = {"kind": case.kind, "what": case.what, "ways": case.ways, "refused_by": refused_by, "wrong": wrong}
        return told | {"seconds": seconds, "memory": memory}

    def _placed(self, case: Case, bundle: Bundle) -> Place:
        place = bundle.placed(self.folder)
        if case.poison:
            case.poison(self.folder / "store")
        return place

    def _misjudged(self, case: Case, name: str, said: str, refused: bool) -> str:
        """What is wrong where the process itself came to no harm."""
        if case.kind == "refused":
            return "" if refused else f"is served: {said}"
        if case.kind == "program" or name not in ROWS:
            return ""
        if said != self.good[name]:
            return f"{said}, and without it {self.good[name]}"
        return f"opens {case.file}" if case.file in self.watch.opened else ""

    def _outcome(self, entry: Entry, place: Place) -> tuple[str, bool]:
        """What came of it, with a mark where it must not; and whether it was refused."""
        self.watch.armed = True
        try:
            status = entry(place)
        except (FiresteelError, UsageError) as error:
            kind = isinstance(error, UsageError) or 0 < len(str(error)) < 5000
            return ("refused" if kind else f"! refuses without a kind sentence: {str(error)[:200]!r}"), True
        except (Exception, HangError) as error:  # noqa: BLE001 - that is what is looked for
            return f"! {type(error).__name__}: {str(error)[:300]}", False
        finally:
            self.watch.armed = False
        return (f"! answers {status}" if status == 500 else str(status)), status >= 400


def unpickled(place: Place) -> int:
    """A server as it must not be, for control."""
    for path in sorted(place.folder.glob("store/models/*/v*/*.*")):
        try:
            pickle.loads(path.read_bytes())
        except Exception:  # noqa: BLE001 - most are no pickles
            continue
    return 200


def run(seed: int, count: int, first: int, control: bool) -> None:
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what the endpoint logs
    cell = Cell(count > _MANY, {"a server that unpickles": unpickled} if control else {})
    try:
        print(json.dumps({"good": cell.warm()}), file=out, flush=True)
        limit()
        sys.addaudithook(cell.watch.hook)
        names = sorted(cell.entries.keys() - cell.more.keys())
        for number, case in islice(enumerate(cases(seed, count, names, cell.canary)), first, None):
            print(json.dumps({"begun": number, "kind": case.kind, "what": case.what}), file=out, flush=True)
            print(json.dumps(cell.tried(case)), file=out, flush=True)
    finally:
        shutil.rmtree(cell.folder, ignore_errors=True)


if __name__ == "__main__":
    run(*map(int, sys.argv[1:4]), control="control" in sys.argv)
