"""Every bit of every record is turned, files are spoiled and exchanged: whoever reads it refuses it, or sees no change."""

from itertools import permutations, product
from random import Random

from firesteel.registry import names
from tests.proofs.proof import Run
from tests.proofs.sealed_world import MODEL, VERSIONS, Changes, Key, Refused, World

_QUICK_BITS, _QUICK_FILES, _FILES = 1_000, 400, 100_000


def prove(run: Run) -> None:
    signing = Key(bytes(range(32)))
    for seal, key in (("sha256", None), ("ed25519", signing), ("unchecked_ed25519", signing)):
        world = World(key, pinned=not seal.startswith("unchecked"))
        judge = Judge(world, run, seal)
        turned(judge, run, seal)
        exchanged(judge)
        replayed(judge)
        if seal == "ed25519":
            spoiled(judge, run)
        world.restore()
        for name in world.readers:
            run.check(world.told(name) == world.truth[name], f"{seal}: the unchanged is not what {name} reads")
    run.note(mutations_of_files=_FILES if run.full else _QUICK_FILES)


class Judge:
    """Counts a change as refused when somebody who reads what was changed refuses it, and nobody sees another registry."""

    def __init__(self, world: World, run: Run, seal: str) -> None:
        self.world, self._run, self._seal = world, run, seal
        self.reading = world.reading()

    def __call__(self, changes: Changes, what: str) -> None:
        read = set().union(*(self.reading.get(key, set()) for key in changes)) or set(self.world.readers)
        self.world.change(changes)
        refused, wrong = False, ""
        for name in sorted(read):
            try:
                if self.world.told(name) != self.world.truth[name]:
                    wrong = f"{name} accepts it"
            except Refused:
                refused = True
            except Exception as error:  # noqa: BLE001 - what is no refusal is a crash
                wrong = f"{name} crashes: {error!r:.200}"
        self.world.change({key: self.world.genuine.get(key) for key in changes})
        self._run.check(refused and not wrong, lambda: f"{self._seal}, {what}: {wrong or 'nobody refuses it'}")


def turned(judge: Judge, run: Run, seal: str) -> None:
    """Each bit of each record of the model; in the quick part so many of them."""
    genuine = judge.world.genuine
    records = [key for key in sorted(genuine) if names.RECORD.match(key) and key in judge.reading]
    bits = [(key, bit) for key in records for bit in range(len(genuine[key]) * 8)]
    if run.full:
        run.note(**{f"bits_of_{seal}_records": len(bits)})
    else:
        bits = run.random("bits", seal).sample(bits, _QUICK_BITS)
    for key, bit in bits:
        data = bytearray(genuine[key])
        data[bit // 8] ^= 1 << bit % 8
        judge({key: bytes(data)}, f"bit {bit} of {key}")


def spoiled(judge: Judge, run: Run) -> None:
    """Random changes of the files of bundles, most of them of the programs."""
    genuine = judge.world.genuine
    files = [key for key in sorted(judge.reading) if not names.RECORD.match(key)]
    weights = [4 if key.endswith("program.safetensors") else 1 for key in files]
    for case in range(_FILES if run.full else _QUICK_FILES):
        random = run.random("file", case)
        key = random.choices(files, weights)[0]
        change = random.choice((_flipped, _cut, _grown, _swapped))
        data = change(genuine[key], random)
        if data != genuine[key]:
            judge({key: data}, f"case {case}, {change.__name__[1:]} {key}")


def exchanged(judge: Judge) -> None:
    """Files and records of one bundle in another's place; files that are dropped, and one that was added."""
    genuine = judge.world.genuine
    folders = {version: f"{names.version_folder(MODEL, version)}" for version in VERSIONS}
    inside = sorted(key[len(folders["1.0.0"]) :] for key in genuine if key.startswith(folders["1.0.0"]))
    for name, one in product(inside, VERSIONS):
        here = folders[one] + name
        judge({here: None}, f"{here} dropped")
        for there in [folders[one] + second for second in inside] + [folders[other] + name for other in VERSIONS]:
            if genuine[here] != genuine[there]:
                judge({here: genuine[there]}, f"{here} is {there}")
                judge({here: genuine[there], there: genuine[here]}, f"{here} and {there} exchanged")
    for one in VERSIONS:
        judge({f"{folders[one]}extra.json": b"{}\n"}, f"a file is added to {one}")


def replayed(judge: Judge) -> None:
    """Entries of an alias in one another's place."""
    genuine = judge.world.genuine
    entries = sorted(key for key in genuine if key.startswith(names.alias_folder(MODEL, "latest")))
    for here, there in permutations(entries, 2):
        judge({here: genuine[there]}, f"{here} is {there}")
        judge({here: genuine[there], there: genuine[here]}, f"{here} and {there} exchanged")


def _flipped(data: bytes, random: Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random.randint(1, 8)):
        changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _cut(data: bytes, random: Random) -> bytes:
    return data[: random.randrange(len(data))]


def _grown(data: bytes, random: Random) -> bytes:
    place = random.randint(0, len(data))
    return data[:place] + random.randbytes(random.randint(1, 64)) + data[place:]


def _swapped(data: bytes, random: Random) -> bytes:
    """Two blocks of the same length change places."""
    length = random.randint(1, max(1, len(data) // 4))
    first, second = sorted(random.randrange(len(data) - length) for _ in range(2))
    if second < first + length:
        return data
    return b"".join(
        (
            data[:first],
            data[second : second + length],
            data[first + length : second],
            data[first : first + length],
            data[second + length :],
        )
    )
