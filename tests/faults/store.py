"""A store that fails where it is told to, before or after an operation lands."""

from collections.abc import Callable

from firesteel.errors import ConflictError, StoreError


class FaultyStore:
    """Wraps a store. `fault` is asked before every operation (name, key) and says what happens to it.

    None lets it pass; "before" fails it before it lands; "after" lets it land and loses the reply; "taken" refuses it
    as a conflict although nothing is there, as S3 does (409) while rival writes are under way.
    """

    def __init__(self, store, fault: Callable[[str, str], str | None] = lambda *_: None):
        self.inner, self.fault, self.log = store, fault, []

    def _do(self, name, key, run):
        self.log.append((name, key))
        match self.fault(name, key):
            case "before":
                raise StoreError(f"{name} {key}: the connection was refused")
            case "after":
                run()
                raise StoreError(f"{name} {key}: the reply was lost")
            case "taken":
                raise ConflictError(f"{name} {key}: a conflicting operation is under way")
        return run()

    def get(self, key, *, limit):
        return self._do("get", key, lambda: self.inner.get(key, limit=limit))

    def create(self, key, data):
        return self._do("create", key, lambda: self.inner.create(key, data))

    def keys(self, prefix):
        return self._do("keys", prefix, lambda: self.inner.keys(prefix))

    def folders(self, prefix):
        return self._do("folders", prefix, lambda: self.inner.folders(prefix))
