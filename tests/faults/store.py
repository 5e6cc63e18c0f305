"""A store that fails where it is told to, before or after an operation lands, or long after the writer was told."""

from collections import Counter
from collections.abc import Callable

from firesteel.errors import ConflictError, StoreError

FAULTS = (
    *("crash before", "crash after", "lost reply", "late landing", "500", "503", "throttling"),
    *("409", "412", "truncated body"),
)
"""What may become of an operation: all of these can happen to each, though not all in another way (`behaviour`)."""

_REPLIES = {
    "before": "the connection was refused",
    "503": "503 ServiceUnavailable",
    "throttling": "429 SlowDown",
    "after": "the reply was lost",
    "lost reply": "the reply was lost",
    "500": "500 InternalError",
    "late landing": "timed out",
}
_LANDED = ("after", "lost reply", "500", "412", "crash after")
_WRITES = ("create", "delete")


def behaviour(name: str, fault: str) -> str:
    """The first of the faults that makes of an operation what `fault` makes of it: nothing can tell them apart.

    A listing of which a page is lost is an error as any (`tests/contract/test_store.py`), so a listing is never truncated.
    """
    writes = name in _WRITES
    if fault.startswith("crash"):
        return fault if writes else "crash before"
    if (name, fault) == ("get", "truncated body") or (name == "create" and fault in ("409", "412")):
        return fault
    if writes and fault in ("lost reply", "late landing"):
        return fault
    return "lost reply" if writes and fault in _LANDED else "500" if not writes else "503"


def distinct(name: str) -> dict[str, int]:
    """What may become of an operation in different ways, each with how many of the faults it stands for."""
    return Counter(behaviour(name, fault) for fault in FAULTS)


class Crash(BaseException):
    """The process ends here. No Exception: nobody handles it."""


class FaultyStore:
    """Wraps a store. `fault` is asked before every operation (name, key) and says what happens to it.

    None lets it pass. These do not:

    - "before", "503", "throttling": it fails before it lands;
    - "after", "lost reply", "500": it lands, and the answer is an error, or none;
    - "late landing": a write fails and lands when `land` is called, by a network that had kept it;
    - "taken", "409": a create is refused as a conflict although nothing is there, as S3 does while rivals are at it;
    - "412": a create lands, and the client's own second attempt meets it;
    - "truncated body": what is read is half of what is there; what is written is refused for its length;
    - "crash before", "crash after": the process ends, and nothing that it does from then on reaches the store.
    """

    def __init__(self, store, fault: Callable[[str, str], str | None] = lambda *_: None, cut: Counter | None = None):
        """`cut` counts, by key, what was truncated when it was read."""
        self.inner, self.fault, self.log = store, fault, []
        self.cut = Counter() if cut is None else cut
        self.late: list[Callable[[], None]] = []
        self.crashed = False

    def land(self) -> int:
        """Whatever is late lands now; how much that was."""
        late, self.late = self.late, []
        for write in late:
            write()
        return len(late)

    def _do(self, name, key, run):
        if self.crashed:
            raise Crash
        self.log.append((name, key))
        fault = self.fault(name, key)
        if fault is None:
            return run()
        if fault in ("crash before", "crash after"):
            self.crashed = True
        if fault in _LANDED:
            self._landed(name, run)
        if self.crashed:
            raise Crash
        if fault == "late landing" and name in _WRITES:
            self.late.append(lambda: self._landed(name, run))
        if fault in ("taken", "409", "412") and name == "create":
            raise ConflictError(f"{name} {key}: a conflicting operation is under way")
        if fault == "truncated body" and name == "get":
            self.cut[key] += 1
            return (whole := run())[: len(whole) // 2]
        raise StoreError(f"{name} {key}: {_REPLIES.get(fault, fault)}")

    def _landed(self, name, run):
        """A write lands, or meets what is there. A read of which nothing comes back is nothing."""
        if name in _WRITES:
            try:
                run()
            except ConflictError:
                return

    def sign(self, message, run):
        """Signing is done by others too, over a network: it fails, or is not the last thing that is done."""
        return self._do("sign", "", lambda: run(message))

    def get(self, key, *, limit):
        return self._do("get", key, lambda: self.inner.get(key, limit=limit))

    def create(self, key, data):
        return self._do("create", key, lambda: self.inner.create(key, data))

    def keys(self, prefix):
        return self._do("keys", prefix, lambda: self.inner.keys(prefix))

    def folders(self, prefix):
        return self._do("folders", prefix, lambda: self.inner.folders(prefix))

    def delete(self, key):
        return self._do("delete", key, lambda: self.inner.delete(key))
