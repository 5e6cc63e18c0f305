"""Garbage collection: versions that no alias can lead to are marked, and deleted at the earliest a day later.

The mark, `collected.json`, ends a version's being promoted: `bundle.problems` names it. So whatever names a version once
the day is over had named it when the histories were read. docs/registry.md has the argument.
"""

import time
from calendar import timegm
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Literal, NamedTuple

from firesteel.errors import ConflictError, IntegrityError, NotFoundError
from firesteel.registry import alias, bundle, names, record
from firesteel.registry.bundle import CLAIM, COLLECTED, MANIFEST
from firesteel.registry.entry import Entry
from firesteel.registry.record import Fields
from firesteel.registry.store import Store, put_once

DAY = 86_400.0
GRACE = DAY
"""Seconds from the mark to the deletion: more than any move of an alias takes, and than clocks differ by."""
KEEP, OLDER_THAN = 10, 30 * DAY

Action = Literal["keep", "mark", "wait", "remove"]

_MARK: Fields = {"format": int, "model": str, "version": str, "write_id": str, "who": str, "when": str}
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class Outcome(NamedTuple):
    """What becomes of a version: it stays, is marked by this run, waits for its day to be over, or is removed."""

    model: str
    version: str
    action: Action
    why: str
    until: str | None = None
    """When it may be removed, in UTC."""
    bytes: int = 0
    """Of the files its manifest lists; 0 where there is none to be read."""


class _Held(NamedTuple):
    """A version and the names in its folder."""

    version: str
    files: set[str]

    @property
    def left(self) -> list[str]:
        """What there is to delete: the manifest first, which undoes the commit. The number stays taken."""
        return sorted(self.files - {CLAIM, COLLECTED}, key=lambda name: (name != MANIFEST, name))


def collect(
    store: Store,
    model: str,
    *,
    who: str,
    keep: int = KEEP,
    older_than: float = OLDER_THAN,
    dry_run: bool = False,
    now: Callable[[], float] = time.time,
    told: Callable[[], None] = lambda: None,
) -> list[Outcome]:
    """Mark what can go and remove what was marked a day ago; oldest version first, without those removed before.

    Kept are the `keep` newest complete versions, those claimed in the last `older_than` seconds, and whatever an alias
    names in its newest entry or in one that was the newest within that time, in any role. An entry whose clock was behind
    counts as no older than those before it, and so does a mark. A history that cannot be read keeps everything.
    `dry_run` writes nothing. `told` is called after every version.

    A run that ends early is finished by the next one. Raises StoreError.
    """
    time_now = now()
    held = [_Held(version, files) for version, files in bundle.folders(store, model).items()]
    held = [one for one in held if COLLECTED not in one.files or one.left]
    try:
        named, latest = _named(store, model, time_now - older_than - DAY)
    except IntegrityError as damage:
        return [Outcome(model, one.version, "keep", f"nothing is collected while {damage}") for one in held]
    complete = [one.version for one in held if MANIFEST in one.files and COLLECTED not in one.files]
    newest = set(complete[-keep:] if keep else ())
    outcomes = []
    for one in held:
        if COLLECTED in one.files:
            outcome = _of_marked(store, model, one, named, time_now)
        elif why := named.get(one.version) or (one.version in newest and f"one of the {keep} newest"):
            outcome = Outcome(model, one.version, "keep", why)
        else:
            outcome = _of_old(store, model, one, time_now, older_than)
        if not dry_run:
            outcome = _done(store, outcome, one, who, max(now(), latest))
        outcomes.append(outcome)
        told()
    return outcomes


def _named(store: Store, model: str, since: float) -> tuple[dict[str, str], float]:
    """The versions that an alias names, or named since, and how; and when the latest entry was written.

    Raises IntegrityError when an entry cannot be read that was the newest at some time since.
    """
    named: dict[str, str] = {}
    latest = 0.0
    for name in alias.aliases(store, model):
        for entry, until in _lasting(store, model, name, since):
            for version, role in _roles(entry):
                named.setdefault(version, f"{role} {name}{f' until {_text(until)}' if until else ''}")
            latest = max(latest, _seconds(entry.when, f"{name} of {model}"))
    return named, latest


def _lasting(store: Store, model: str, name: str, since: float) -> Iterator[tuple[Entry, float | None]]:
    """The entries of an alias that were the newest at some time since, newest first, each with when it was over."""
    entries, said = list[Entry](), list[float]()
    whole = enough = False
    try:
        for entry in alias.newest_first(store, model, name):
            said.append(_seconds(entry.when, f"{name} of {model}, generation {entry.generation},"))
            entries.append(entry)
            # Where the way back was not kept, the whole history is: it is replayed from there.
            whole = entries[0].before is None
            enough = enough or (said[-1] <= since and not whole)
    except IntegrityError:
        if not enough:
            raise
    # Entries that were begun by a clock that was behind are no older than those before them.
    begun = list(accumulate(reversed(said), max))[::-1]
    for entry, until in zip(entries, (None, *begun), strict=False):
        if until is None or until > since or whole:
            yield entry, until


def _roles(entry: Entry) -> list[tuple[str, str]]:
    """The versions that an entry names, each with what it is to the alias."""
    beside = [(one.version, role) for one, role in ((entry.canary, "canary of"), (entry.shadow, "shadow of")) if one]
    return [(entry.version, "served by"), *beside, *((one.version, "on the way back of") for one in entry.before or ())]


def _of_marked(store: Store, model: str, one: _Held, named: dict[str, str], time_now: float) -> Outcome:
    """A version that was named after it was marked, by whoever had verified it before, stays as long as it is named."""
    key = names.version_folder(model, one.version) + COLLECTED
    try:
        mark = record.decode(store.get(key, limit=record.LIMIT), _MARK, key)
        if (mark["model"], mark["version"]) != (model, one.version):
            raise IntegrityError(f"{key} is the mark of another version")
        due = _seconds(mark["when"], key) + GRACE
    except (IntegrityError, NotFoundError) as damage:
        return Outcome(model, one.version, "keep", str(damage))
    if why := named.get(one.version):
        return Outcome(model, one.version, "keep", f"{why}, though marked: promote another version", None)
    action: Action = "wait" if time_now < due else "remove"
    why = f"marked by {mark['who']} at {mark['when']}"
    return Outcome(model, one.version, action, why, _text(due), _size(store, model, one))


def _of_old(store: Store, model: str, one: _Held, time_now: float, older_than: float) -> Outcome:
    """A version that nothing names and that is not among the newest: its age decides."""
    try:
        claimed = _seconds(bundle.read_claim(store, model, one.version)["when"], "its claim")
    except (IntegrityError, NotFoundError) as damage:
        return Outcome(model, one.version, "keep", f"its age is unknown: {damage}")
    if claimed > time_now - older_than:
        return Outcome(model, one.version, "keep", f"younger than {older_than / DAY:g} days")
    why = f"claimed at {_text(claimed)}, no alias leads to it"
    return Outcome(model, one.version, "mark", why, _text(time_now + GRACE), _size(store, model, one))


def _done(store: Store, outcome: Outcome, one: _Held, who: str, time_now: float) -> Outcome:
    """Do what the outcome says. The day of a mark begins when it is made, however long it took to come to it."""
    folder = names.version_folder(outcome.model, outcome.version)
    if outcome.action == "remove":
        for name in one.left:
            store.delete(folder + name)
    if outcome.action == "mark":
        identity = {"format": record.FORMAT, "model": outcome.model, "version": outcome.version}
        said = {"write_id": record.new_write_id(), "who": record.one_line(who, 200), "when": _text(time_now)}
        try:
            put_once(store, folder + COLLECTED, record.encode(identity | said))
        except ConflictError:
            return outcome._replace(action="wait", why="marked by somebody else at the same time")
    return outcome


def _size(store: Store, model: str, one: _Held) -> int:
    """The bytes of the files that the manifest lists and that are still there."""
    try:
        manifest = bundle.read_manifest(store, model, one.version)
    except (IntegrityError, NotFoundError):
        return 0
    return sum(file.size for name, file in manifest.files.items() if name in one.files)


def _seconds(when: str, what: str) -> float:
    """A record's time, since the epoch. Raises IntegrityError when it is none."""
    try:
        return float(timegm(time.strptime(when, _TIME)))
    except ValueError:
        raise IntegrityError(f"{what} says no time: {when[:40]!r}") from None


def _text(seconds: float) -> str:
    return time.strftime(_TIME, time.gmtime(seconds))
