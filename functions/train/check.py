"""The check: which upload an execution is about, whether it is to be trained, where, and in which parts.

    event -> upload -> claimed by this run? -> still the newest? -> read and hashed -> trained before? -> parts to train

Of all the events that tell of one upload, one execution goes on: see claims.py. Who comes on purpose claims it last, so
only what is to be trained. What was said is listed once, before all else: that is what is claimed, compared and trained.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

from firesteel.definition import Definition
from firesteel.errors import DataError, DefinitionError
from firesteel.monitor import feedback
from functions.train import claims, intake, published, snapshot, tune
from functions.train.claims import Claim, Seen
from functions.train.deployment import DATA_LIMIT, Deployment, text
from functions.train.rehearsal import rehearse
from functions.train.upload import FILE, SHAPE, Upload

CANDIDATES = 100_000  # bytes of JSON of one execution's, with their scores: its state has room for 256 KiB
_SCORE = 24  # bytes of a number in JSON, with its comma
APPROVALS = 40  # segments: as many wait at once in a Map
_BY = ("hand", "schedule", "drift")


class Order(NamedTuple):
    """What is to be trained, and how it came about."""

    model: str
    upload: Upload
    size: int
    by: str
    again: bool


def check(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    """Decide about an event. `outcome` of the answer is train, same, superseded or elsewhere.

    Raises DataError for data that cannot be trained on, or an event that tells of none; DefinitionError for what an
    execution cannot do: a search that cannot be distributed, or too many approvals; what `rehearse` raises; NotFoundError,
    StoreError.
    """
    run = text(task, "run")
    if _is_folder(task.get("event")):
        return {"outcome": "elsewhere", "by": "upload", "reason": "somebody made a folder, which is no upload"}
    order = order_of(deployment, task.get("event"))
    definition = deployment.definition_of(order.model)
    about = {"model": order.model, "upload": order.upload._asdict(), "by": order.by, "bytes": order.size}
    said = {part.address: snapshot.listed(deployment, part) for part in _parts(definition)}
    seen = {address: feedback.fingerprint(keys) for address, keys in said.items() if keys is not None}

    def taken(over: Callable[[Claim], bool]) -> dict[str, Any] | None:
        held = claims.claim(deployment, order.model, order.upload, run, seen, over)
        return None if held.run == run else about | _elsewhere(order.model, held)

    def is_over(held: Claim) -> bool:
        return held.is_stale or bool(
            held.corrections != seen and _trained(deployment, definition, data_sha256, held.corrections)
        )

    rehearse(deployment.settings)  # before an upload is claimed by a run that could publish nothing
    if order.by == "upload" and (elsewhere := taken(lambda _: False)):
        return elsewhere
    if not order.again and (newer := _newer(deployment, order.upload)):
        return about | {"outcome": "superseded", "reason": newer}
    where, rows, data_sha256 = _examine(deployment, order, definition)
    about |= {"data_sha256": data_sha256, "rows": rows, "where": where}
    if not order.again:
        if same := _trained(deployment, definition, data_sha256, seen, but=run):
            return about | same
        if order.by != "upload" and (elsewhere := taken(is_over)):
            return elsewhere
    reason = "trained again" if order.again else "no version was trained on these data by this definition"
    work = _work(definition, where)
    for one, part in zip(work["segments"], _parts(definition), strict=True):
        one["corrections"] = snapshot.take(deployment, part, said[part.address])
    return about | {"outcome": "train", "reason": reason} | work


def _is_folder(event: object) -> bool:
    """Whether it tells of the empty object that S3's console makes for a folder."""
    match event:
        case {"detail": {"object": {"key": str(key)}}}:
            return key.endswith("/")
    return False


def _elsewhere(model: str, taken: Claim) -> dict[str, Any]:
    reason = (
        f"the execution {taken.run} has had this upload since {taken.when}; if it failed, `firesteel retrain {model} "
        f"--again` trains it, or any later execution once that is {claims.STALE // 3600} hours ago"
    )
    return {"outcome": "elsewhere", "reason": reason}


def _work(definition: Definition, where: str) -> dict[str, Any]:
    """What there is to train: each segment with the candidates of its searches. A container searches itself."""
    tried = [(part, candidates(part) if where == "function" else []) for part in _parts(definition)]
    if (size := sum(_bytes(part, found) for part, found in tried)) > CANDIDATES:
        raise DefinitionError(
            f"the candidates of the searches of {definition.model} and their scores have about {size} bytes, more than the "
            f"{CANDIDATES} that fit into an execution: fewer trials, choices or folds, or train with `firesteel train`"
        )
    if definition.promote.how == "approval" and len(tried) > APPROVALS:
        raise DefinitionError(
            f"promote.how: approval has at most {APPROVALS} segments that wait for it; {definition.model} has {len(tried)}"
        )
    segments = [{"segment": part.segment or "", "address": part.address, "candidates": found} for part, found in tried]
    return {"segments": segments, "segmented": bool(definition.segments), "promote": definition.promote.model_dump()}


def _bytes(part: Definition, found: list[dict[str, Any]]) -> int:
    """How long candidates are as JSON, at most, once each fold has a score."""
    folds = {target: search.folds for target in part.targets if (search := part.search_of(target))}
    return sum(len(json.dumps(one | {"scores": []})) + folds[one["target"]] * _SCORE + 1 for one in found)


def candidates(part: Definition) -> list[dict[str, Any]]:
    """All settings that the searches of a definition try. Raises DefinitionError for a search that has to be sequential."""
    found = []
    for target in part.targets:
        if not (search := part.search_of(target)):
            continue
        if search.method == "optuna":
            raise DefinitionError(
                f"search.method: optuna chooses each trial by those before it, so {part.address} cannot be tuned by "
                "functions side by side: choose grid or random, or train with `firesteel train`"
            )
        points = tune.points(search, part.split.seed)
        found += [{"target": target, "settings": point} for point in points]
    return found


def _parts(definition: Definition) -> list[Definition]:
    """The definition itself, or that of each segment."""
    return [definition.of_segment(segment) for segment in definition.segments] or [definition]


def order_of(deployment: Deployment, event: object) -> Order:
    """Which upload of which model an event is about. Raises DataError for one of another shape, NotFoundError, StoreError."""
    match event:
        case {"detail": {"bucket": {"name": str(bucket)}, "object": {"key": str(key), **about}}}:
            return _uploaded(deployment, bucket, key, about.get("version-id"))
        case {"model": str(model), **wanted}:
            return _wanted(deployment, model, wanted)
    raise DataError('the event is neither an upload to S3 as EventBridge tells it nor {"model": "<name>"}')


def _uploaded(deployment: Deployment, bucket: str, key: str, version_id: object) -> Order:
    incoming = deployment.settings.incoming.rstrip("/")
    data = f"{incoming.partition('://')[0]}://{bucket}/{key}"
    model, slash, file = data.removeprefix(f"{incoming}/").partition("/")
    if not data.startswith(f"{incoming}/") or not slash or not FILE.fullmatch(file):
        raise DataError(f"{key[:200]!r} is no upload: those are {SHAPE}")
    deployment.definition_of(model)  # before anything is asked of the store
    upload, size = deployment.uploads.find(data, version_id if isinstance(version_id, str) else None)
    return Order(model, upload, size, "upload", again=False)


def _wanted(deployment: Deployment, model: str, wanted: dict[Any, Any]) -> Order:
    if unknown := set(wanted) - {"data", "by", "again"}:
        raise DataError(f"the event has fields that mean nothing: {', '.join(sorted(map(str, unknown)))}")
    data, by, again = wanted.get("data"), wanted.get("by", "hand"), wanted.get("again", False)
    if not (data is None or isinstance(data, str)) or by not in _BY or not isinstance(again, bool):
        raise DataError(f"the event's data must be a URL, by one of {', '.join(_BY)}, again true or false")
    deployment.definition_of(model)
    if data is None:
        folder = f"{deployment.settings.incoming.rstrip('/')}/{model}"
        current = deployment.uploads.current(folder)
        if not current:
            raise DataError(f"there is no CSV file in {folder}/: put one there, or name the data")
        data = current[-1].data
    elif not FILE.fullmatch(data.rpartition("/")[2]):
        raise DataError(f"{data[:200]!r} is no CSV file: names end in .csv or .csv.gz")
    upload, size = deployment.uploads.find(data)
    return Order(model, upload, size, by, again)


def _newer(deployment: Deployment, upload: Upload) -> str | None:
    """Why an upload is not the newest of its folder any more, or None."""
    current = deployment.uploads.current(upload.folder)
    own = [one for one in current if one.data == upload.data]
    if not own:
        return f"{upload.data} was removed"
    if (own[0].etag, own[0].uploaded) != (upload.etag, upload.uploaded):
        return f"{upload.data} was replaced at {own[0].uploaded}"
    if current[-1].order > upload.order:
        return f"{current[-1].data} is newer: {current[-1].uploaded}"
    return None


def _examine(deployment: Deployment, order: Order, definition: Definition) -> tuple[str, int | None, str]:
    """Where the data are trained, how many rows they have (None where that was not counted), and their SHA-256."""
    settings, parts = deployment.settings, _parts(definition)
    large = settings.large_mib << 20
    if order.size > DATA_LIMIT:
        raise DataError(f"{order.upload.data} has {order.size} bytes, and nothing trains on more than {DATA_LIMIT}")
    if order.size > large:
        _refuse_large(deployment, f"{order.size >> 20} MiB", "MIB", settings.large_mib)
        sha256 = hashlib.sha256()
        for chunk in deployment.uploads.chunks(order.upload):
            sha256.update(chunk)
        return "container", None, sha256.hexdigest()
    with intake.fetched(deployment, order.upload) as (path, data_sha256):
        rows, size = intake.measure(path, parts[0], large)
        if size > large:
            _refuse_large(deployment, f"more than {settings.large_mib} MiB unpacked", "MIB", settings.large_mib)
            return "container", None, data_sha256
        if rows > settings.large_rows:
            _refuse_large(deployment, f"{rows} rows", "ROWS", settings.large_rows)
            return "container", rows, data_sha256
        for part in parts:
            intake.read(deployment, order.upload, path, part)
    return "function", rows, data_sha256


def _refuse_large(deployment: Deployment, what: str, setting: str, limit: int) -> None:
    if not deployment.settings.container:
        raise DataError(
            f"the data have {what}, more than a function trains on (FIRESTEEL_LARGE_{setting} is {limit}): "
            "give the stack a container (its parameter Container), or send fewer rows"
        )


def _trained(
    deployment: Deployment, definition: Definition, data_sha256: str, seen: Seen, *, but: str = ""
) -> dict[str, Any] | None:
    """The answer when every part was trained on these data and corrections by this definition, `but` in this run; or None."""
    versions = {}
    for part in _parts(definition):
        known, said = published.newest_first(deployment.registry, part.address), seen.get(part.address)
        found = next(
            (one for one in known if one.is_of(part, data_sha256) and one.has_seen(said) and one.run != but), None
        )
        if found is None:
            return None
        versions[part.address] = found.manifest.version
    told = ", ".join(f"{address} {version}" for address, version in versions.items())
    reason = f"these data were trained by this definition before: {told}; `firesteel promote` serves a version again"
    return {"outcome": "same", "reason": reason, "version": ", ".join(dict.fromkeys(versions.values()))}
