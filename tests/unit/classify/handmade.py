"""Models whose answers can be told by heart: houses with every kind of number, and recruits with two segments."""

from firesteel.registry import alias, bundle
from firesteel.registry.store import Store
from tests.unit.classify import zoo
from tests.unit.classify.zoo import field

HOUSE = {"area": 80.0, "rooms": 3, "age": 20.0, "kind": "flat", "sold": "2024-05-17", "hid": "h-1"}


def houses() -> bytes:
    """price = 2 * area + 10 * rooms - age, the truth within 10 below and 20 above."""
    inputs = [
        field("number", "area", minimum=0, maximum=1000),
        field("number", "rooms", minimum=0, integer=True),
        field("number", "age", required=False),
        field("category", "kind", required=False, values=["flat", "house"]),
        {"kind": "timestamp", "name": "sold", "required": False},
        field("identifier", "hid"),
    ]
    target = {"name": "price", "task": "regression", "range": None, "unit": None}
    target["interval"] = zoo.interval(below=10.0, above=20.0, levels=None)
    steps = [zoo.numbers("sizes", "area", "rooms", "age")]
    return zoo.linear("houses", inputs, steps, [target], [[2.0], [10.0], [-1.0]], intercept=[0.0])


def segment(own: str, factor: float) -> bytes:
    """A segment of `recruits`: rating = speed + factor * own."""
    inputs = [field("category", "position", values=["QB", "RB"]), field("number", "speed"), field("number", own)]
    target = {"name": "rating", "task": "regression", "range": None, "unit": None, "interval": None}
    steps = [zoo.numbers("stats", "speed", own)]
    return zoo.linear("recruits", inputs, steps, [target], [[1.0], [factor]], intercept=[0.0])


def recruits(store: Store) -> None:
    """A model of two segments with inputs of their own."""
    publish(store, "recruits/qb", "1.0.0", segment("arm", 2.0))
    publish(store, "recruits/rb", "1.0.0", segment("weight", 3.0))
    publish(store, "recruits", "1.0.0", zoo.router(QB="qb", RB="rb"))


def publish(store: Store, model: str, version: str, program: bytes) -> None:
    """Publish a program, without golden rows, and promote it to `latest`."""
    files = {"program.safetensors": program, "golden.json": b'{"format":1,"rows":[]}'}
    bundle.publish(store, model, version, files, who="tests")
    alias.promote(store, model, "latest", version, who="tests")
