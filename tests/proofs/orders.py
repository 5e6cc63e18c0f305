"""Who moves an alias at the same time as others: for a few every order of their operations, for more a million orders."""

from collections import Counter
from collections.abc import Sequence

from firesteel.registry import alias
from tests.faults.schedules import Schedule, World, drawn, every, in_threads, merged, outline
from tests.faults.stepping import Actor, Play
from tests.proofs.orders_actors import (
    ALIAS,
    back_and_forth,
    collects,
    moves,
    playing,
    publishes,
    serves,
    world,
)
from tests.proofs.orders_checks import judged, spelled
from tests.proofs.proof import Run

PROMOTES_B = ("promotes 1.1.0", moves(alias.promote, "1.1.0"))
PROMOTES_C = ("promotes 2.0.0", moves(alias.promote, "2.0.0"))
STALLS = ("stalls since generation 1", moves(alias.promote, "2.0.0", seen=1))
BACK_AND_FORTH = ("goes back and forth", back_and_forth)
SERVES = ("serves", serves(2))
ROLLS_BACK = ("rolls back", moves(alias.rollback))
COLLECTS = ("collects", collects)
TRIO = ("two promoters of an alias that was never set, and a server", "unset", (PROMOTES_B, PROMOTES_C, SERVES))
PAIR = ("two promoters of an alias that was never set", "unset", (PROMOTES_B, PROMOTES_C))
CASTS = (
    TRIO,
    ("two promoters and a server", "set", (PROMOTES_B, PROMOTES_C, SERVES)),
    ("a promoter, one who rolls back, and a collector", "canary", (PROMOTES_B, ROLLS_BACK, COLLECTS)),
    ("a stalled promoter, one to and fro, and a server", "set", (STALLS, BACK_AND_FORTH, SERVES)),
)
ROLES = (
    PROMOTES_B,
    PROMOTES_C,
    ("switches to 1.0.0", moves(alias.promote, "1.0.0", kind="switch")),
    STALLS,
    ("stalls since generation 4", moves(alias.promote, "1.1.0", seen=4)),
    BACK_AND_FORTH,
    ROLLS_BACK,
    ("rolls back to 1.1.0", moves(alias.rollback, to="1.1.0")),
    ("sets a canary", moves(alias.canary, "2.0.0", weight=0.25)),
    ("sets a shadow", moves(alias.shadow, "1.1.0")),
    ("publishes", publishes),
    COLLECTS,
    SERVES,
    ("serves longer", serves(4)),
)


WORLDS = ("unset", "set", "moved", "canary")
type Role = tuple[str, Play]


class Judge:
    """Judges schedules of one cast, and each outline once: a judgement depends on nothing else."""

    def __init__(self, run: Run, place: str, actors: Sequence[Actor], begin: str) -> None:
        self.run, self.place, self.actors = run, place, actors
        self.before = sum(f"/aliases/{ALIAS}/" in key for key in world(begin))
        self.orders: Counter[tuple] = Counter()
        self._known: dict[tuple, str | None] = {}

    def __call__(self, schedule: Schedule, orders: int = 1, place: str = "") -> None:
        key = outline(schedule)
        self.orders[key] += orders
        if key not in self._known:
            self._known[key] = judged(schedule, self.before)
        wrong = self._known[key]
        self.run.check(wrong is None, lambda: f"{self.place}{place}: {wrong}; turns: {spelled(schedule, self.actors)}")


def cast(roles: Sequence[Role]) -> list[Actor]:
    return [Actor(f"{index} {name}", play) for index, (name, play) in enumerate(roles)]


def all_orders(run: Run, place: str, begin: str, actors: Sequence[Actor]) -> Judge:
    """Every order of a cast, merged."""
    judge = Judge(run, place, actors, begin)
    for schedule, orders in merged(actors, World(world(begin))):
        judge(schedule, orders)
    return judge


def one_by_one(run: Run, place: str, begin: str, roles: Sequence[Role]) -> int:
    """Every order of a cast, walked alone; and merging them loses none and finds none."""
    actors = cast(roles)
    judge = Judge(run, place, actors, begin)
    every(actors, World(world(begin)), judge)
    together = all_orders(run, place, begin, actors).orders
    run.check(judge.orders == together, f"{place}: one by one there are other orders than merged")
    return judge.orders.total()


def by_chance(run: Run, number: int, schedules: int, known: dict[tuple[int, Role], Actor], compared: int) -> None:
    """A cast drawn by chance, in orders by chance; some of them by the code itself, in threads."""
    random = run.random("cast", number)
    begin, roles = random.choice(WORLDS), [random.choice(ROLES) for _ in range(random.randint(3, 5))]
    actors = [known.setdefault((index, role), Actor(f"{index} {role[0]}", role[1])) for index, role in enumerate(roles)]
    judge = Judge(run, f"cast {number} ({begin}: {', '.join(name for name, _ in roles)})", actors, begin)
    for one in range(schedules):
        schedule = drawn(actors, World(world(begin)), run.random("schedule", number, one))
        judge(schedule, place=f", schedule {one}")
        if one < compared:
            told, objects = in_threads(actors, world(begin), schedule.turns)
            last = dict(zip(schedule.turns, schedule.nodes, strict=True))
            same = [tuple(one) for one in told] == [last[index].told for index in range(len(actors))]
            run.check(
                same and objects == schedule.objects, f"{judge.place}, schedule {one}: in threads it ends otherwise"
            )


def prove(run: Run) -> None:
    with playing():
        merged_orders = [all_orders(run, place, begin, cast(roles)).orders.total() for place, begin, roles in CASTS]
        walked = one_by_one(run, *(TRIO if run.full else PAIR))
        casts, schedules, compared = (100, 10_000, 10) if run.full else (20, 300, 2)
        known: dict[tuple[int, Role], Actor] = {}
        for number in range(casts):
            by_chance(run, number, schedules, known, compared)
    run.note(
        orders_covered=sum(merged_orders),
        one_by_one=walked,
        of_three_to_five_by_chance=casts * schedules,
        again_in_threads=casts * compared,
    )
