"""Somebody puts, overwrites and deletes whatever they like in the bucket, without the private key: nothing of it is believed."""

from collections.abc import Callable, Hashable
from random import Random

from firesteel.errors import FiresteelError
from firesteel.registry import alias, bundle, names
from firesteel.registry.seal import Sealed
from functions.classify import refresh
from tests.proofs import forgeries_attacks as attacks
from tests.proofs.proof import Run
from tests.proofs.sealed_world import ALIAS, MODEL, VERSIONS, Changes, Key, Refused, World, answered
from tests.unit.classify import bundles
from tests.unit.classify.bundles import Clock

_QUICK, _FULL = 60, 5_000
OPERATOR = bytes(range(32))


def prove(run: Run) -> None:
    world = World(Key(OPERATOR))
    genuine = Genuine(world)
    for place, seal in attacks.everywhere(world, run.random("everywhere")):
        judge(run, genuine, attacks.resealed(world, place, seal, run.random(place, seal)), f"{seal} at {place}")
    for name, attack in attacks.ATTACKS.items():
        for case in range(3 if run.full else 1):
            judge(run, genuine, attack(world, run.random(name, case)), f"{name}, case {case}")
    for case in range(_FULL if run.full else _QUICK):
        random = run.random("together", case)
        chosen = random.sample(sorted(attacks.ATTACKS), random.randint(2, 4))
        changes: dict[str, bytes | None] = {}
        for name in chosen:
            changes |= attacks.ATTACKS[name](world, random)
        judge(run, genuine, changes, f"case {case}, {', '.join(chosen)}")
    deleted(run)
    rotated(run)
    run.note(kinds_of_attack=len(attacks.ATTACKS), kinds_of_seal=len(attacks.SEALS))


class Genuine:
    """What the operator published and promoted: the only things that may be believed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bundles = {world.truth[f"pinned {version}"][:2] for version in VERSIONS}  # type: ignore[index]
        self.entries = set(alias.history(world.reader, MODEL, ALIAS))


def judge(run: Run, genuine: Genuine, changes: Changes, what: str) -> None:
    """Apply an attack, let everybody read and everybody move, and look at what they believed."""
    world = genuine.world
    world.change(changes)
    try:
        wrong = [*believed(genuine, changes), *served(genuine), *moved(genuine)]
    except Exception as error:  # noqa: BLE001 - what is no refusal is a crash
        wrong = [f"crash: {error!r:.200}"]
    world.restore()
    run.check(not wrong, lambda: f"{what}: {'; '.join(wrong)}")


def believed(genuine: Genuine, changes: Changes) -> list[str]:
    """Records that are given out although nobody with the key wrote them at their place."""
    world, found = genuine.world, []
    for key, data in changes.items():
        if data is not None and names.RECORD.match(key) and data != world.genuine.get(key):
            found += [f"{key} is believed"] if _passes(lambda key=key: world.reader.get(key, limit=1 << 16)) else []
    return found


def served(genuine: Genuine) -> list[str]:
    """What starts now and what is asked for a version by its number, wherever that serves what is not the operator's."""
    world, found = genuine.world, []
    for name in world.readers:
        try:
            told = world.told(name)
        except Refused:
            continue
        if name == "history":
            strange: object = set(told) - genuine.entries  # type: ignore[call-overload]
        elif name.startswith("verify") or told is None:
            strange = told is not None and told != world.truth[name]
        else:
            strange = answered(told) not in {answered(world.truth[f"pinned {one}"]) for one in VERSIONS}
        found += [f"{name} believes {strange}"] if strange else []
    return found


def moved(genuine: Genuine) -> list[str]:
    """Moves by the operator, who signs what they see: none may name what the operator did not publish."""
    world, found = genuine.world, []
    before = dict(world.objects)
    moves: dict[str, Callable[[], alias.Entry]] = {
        "rollback": lambda: alias.rollback(world.store, MODEL, ALIAS, who="ada"),
        **{
            f"promote {one}": lambda one=one: alias.promote(world.store, MODEL, ALIAS, one, who="ada")
            for one in (*VERSIONS, attacks.FORGED)
        },
    }
    for name, move in moves.items():
        try:
            entry = move()
        except FiresteelError:
            continue
        named = {entry.served, *(one[:2] for one in (entry.canary, entry.shadow) if one), *(entry.before or ())}
        if strange := {tuple(one) for one in named} - genuine.bundles:
            found.append(f"{name} signed {strange}")
        world.objects.clear()
        world.objects.update(before)
    return found


def deleted(run: Run) -> None:
    """The newest entries are gone: what starts then refuses, where the oldest generation is set; what is warm stays."""
    newest = 4
    for gone in range(1, newest + 1):
        world = World(Key(OPERATOR), oldest=newest)
        warm = refresh.Freshness(world.source(), MODEL, ttl=30, clock=(clock := Clock()), on_failure=lambda *_: None)
        warm.start()
        folder = names.alias_folder(MODEL, ALIAS)
        for junk in (
            {},
            {f"{folder}zzz.json": b"{}"},
            {f"{folder}{newest + 5:08d}.json": world.genuine[f"{folder}00000001.json"]},
        ):
            world.restore()
            world.change({f"{folder}{one:08d}.json": None for one in range(newest + 1 - gone, newest + 1)})
            world.change(junk)
            clock.now += 31
            warm.look()
            stays = warm.sides is not None and warm.sides.stable.generation == newest
            run.check(stays, f"{gone} newest entries deleted: what was warm is at another")
            run.check(
                not _passes(lambda world=world: world.told("stable")), f"{gone} newest entries deleted: one starts"
            )


def rotated(run: Run) -> None:
    """Another key takes over. While both are trusted nothing changes; then what the old one signed is nothing any more."""
    old, new = attacks.RETIRED, Key(OPERATOR)
    world = World(old)
    both = Sealed(world.raw, [old.text, new.text], new)
    run.check(
        alias.history(both, MODEL, ALIAS) == alias.history(world.reader, MODEL, ALIAS), "two keys: another history"
    )
    run.check(
        not any(bundle.verify(both, MODEL, one) for one in VERSIONS), "two keys: the old one's versions are refused"
    )
    bundle.publish(both, MODEL, "2.0.0", bundles.files(lean=2.0), who="ada")
    newest = alias.promote(both, MODEL, ALIAS, "2.0.0", who="ada")
    run.check(newest.previous == "1.1.0", "two keys: the old one's entry is not where the next comes from")
    only = Sealed(world.raw, [new.text], new)
    run.check(alias.current(only, MODEL, ALIAS) == newest, "the old key is retired: the newest entry is not read")
    run.check(not bundle.verify(only, MODEL, "2.0.0"), "the old key is retired: the newest version is not read")
    run.check(
        alias.history(only, MODEL, ALIAS, signed=True) == [newest], "the old key is retired: its entries are read"
    )
    before = dict(world.objects)
    for one in VERSIONS:
        run.check(bool(bundle.verify(only, MODEL, one)), f"the old key is retired: its {one} is read")
        moves = {
            "promoted": lambda one=one: alias.promote(only, MODEL, ALIAS, one, who="ada"),
            "gone back to": lambda one=one: alias.rollback(only, MODEL, ALIAS, who="ada", to=one),
        }
        for name, move in moves.items():
            run.check(not _passes(move), f"the old key is retired: its {one} is {name}")
    run.check(
        not _passes(lambda: alias.rollback(only, MODEL, ALIAS, who="ada")), "the old key is retired: one back is it"
    )
    run.check(world.objects == before, "the old key is retired: what was refused has written")
    stolen = Sealed(world.raw, [old.text, new.text], old)
    forged = alias.promote(stolen, MODEL, ALIAS, "1.0.0", who="thief")
    run.check(
        not _passes(lambda: alias.current(only, MODEL, ALIAS)), "the old key is retired: its new entry is believed"
    )
    bundle.publish(only, MODEL, "2.1.0", bundles.files(lean=2.5), who="ada")
    mended = alias.promote(only, MODEL, ALIAS, "2.1.0", who="ada")
    run.check(mended.generation == forged.generation + 1, "the old key is retired: its entry is written over")
    run.check(mended.before == (newest.served,), f"the old key is retired: the way back is {mended.before}")


def _passes(read: Callable[[], Hashable]) -> bool:
    try:
        read()
    except (FiresteelError, Refused):
        return False
    return True


def controls(random: Random) -> dict[str, list[str]]:
    """The same attacks where nobody has a key, in which reading believes: what came of each."""
    world = World(None)
    genuine, found = Genuine(world), {}
    for name, attack in attacks.ATTACKS.items():
        world.change(attack(world, random))
        found[name] = [*served(genuine), *moved(genuine)]
        world.restore()
    return found
