"""The store, and whether what its alias names can be served."""

from collections.abc import Generator, Iterator
from dataclasses import replace

from cli.examination.finding import Finding, attempted
from cli.registry import mending
from firesteel.errors import FiresteelError, NotFoundError, StoreError
from firesteel.program.router import Router
from firesteel.registry import alias, bundle
from firesteel.registry.alias import Entry
from firesteel.registry.seal import registry_of
from firesteel.registry.store import Store
from firesteel.settings import PREFIX, Settings
from functions.classify import fetch, refresh
from functions.classify.live import Live


def registry(settings: Settings) -> Iterator[Finding]:
    """The store, and the model that is served; with segments, each of them."""
    try:
        store = registry_of(settings)
        models = bundle.models(store)
    except FiresteelError as error:
        yield Finding("store", "FAIL", f"{settings.store}: {error}", _store_remedy(settings.store))
        return
    yield Finding("store", "ok", f"{settings.store}, models: {', '.join(models) or 'none yet'}")
    router = yield from _model(settings, store, models)
    for segment in router.segments.values() if router else ():
        yield from _model(replace(settings, model=f"{settings.model}/{segment}"), store, models, f"segment {segment}: ")


def _model(
    settings: Settings, store: Store, models: list[str], what: str = ""
) -> Generator[Finding, None, Router | None]:
    """The alias, the bundle it names, and whether that can be served. Returns what sends rows to segments, if it does."""
    own, _, segment = settings.model.partition("/")
    train = f"`firesteel train {own} --data file.csv{' --segment NAME' if segment else ''}` publishes a version"
    if settings.model not in models:
        yield Finding(f"{what}model", "warn", f"{settings.model} has no version in the store", train)
        return None
    name = f"{settings.alias} of {settings.model}"
    try:
        entry = alias.current(store, settings.model, settings.alias)
    except NotFoundError:
        remedy = f"`firesteel versions {settings.model}` lists what `firesteel promote` can serve"
        yield Finding(f"{what}alias", "warn", f"{name} names no version", remedy)
        return None
    except StoreError as error:
        yield Finding(f"{what}alias", "FAIL", f"{name}: {error}", _store_remedy(settings.store))
        return None
    except FiresteelError as error:
        yield Finding(f"{what}alias", "FAIL", f"{name}: {error}", mending(store, settings.model, settings.alias))
        return None
    found = f"{name} is {entry.version}, generation {entry.generation}, since {entry.when}"
    yield Finding(f"{what}alias", "ok", found)
    back = f"`firesteel rollback {settings.model} --alias {settings.alias}` serves the version before"
    remedy = back if entry.before or (entry.before is None and entry.previous) else f"{train} that can be served"
    return (yield from _served(settings, store, entry, what, remedy))


def _served(
    settings: Settings, store: Store, entry: Entry, what: str, remedy: str
) -> Generator[Finding, None, Router | None]:
    served = f"{settings.model} {entry.version}"
    yield attempted(f"{what}bundle", lambda: _verified(store, settings.model, entry.version), remedy)
    routers: list[Router] = []

    def replay() -> str:
        loaded = refresh.load(fetch.Source.configured(settings).newest(), settings.model)
        if isinstance(loaded, Live):
            return f"{served} loads, and answers its golden rows as when it was published"
        routers.append(loaded.router)
        return f"{served} loads, and sends rows by {loaded.router.segment_by}"

    yield attempted(f"{what}program", replay, remedy)
    return routers[0] if routers else None


def _verified(store: Store, model: str, version: str) -> str:
    if problems := bundle.verify(store, model, version):
        raise FiresteelError("; ".join(problems))
    return f"every file of {model} {version} is what was published"


def _store_remedy(url: str) -> str:
    if url.startswith("s3://"):
        return "check the bucket, AWS_REGION, the credentials in AWS_*, and AWS_ENDPOINT_URL if it is not Amazon's S3"
    return f"make the folder readable and writable, or set {PREFIX}STORE to another"
