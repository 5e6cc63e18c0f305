"""The alias `latest` of tickets, and what moves it."""

from firesteel.registry import alias


def key(generation):
    return f"models/tickets/aliases/latest/{generation:08d}.json"


def promote(store, version, name="latest"):
    return alias.promote(store, "tickets", name, version, who="ada", why="because")


def beside(store, kind, version, **options):
    """Set a canary or a shadow."""
    options = {"who": "ada", **({"weight": 0.05} if kind == "canary" else {}), **options}
    return getattr(alias, kind)(store, "tickets", "latest", version, **options)


def rollback(store, **options):
    return alias.rollback(store, "tickets", "latest", who="ada", **options)
