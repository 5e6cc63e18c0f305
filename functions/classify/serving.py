"""What an operation may use besides its request."""

from collections.abc import Callable
from typing import NamedTuple

from firesteel.registry.store import Store
from functions.classify.answers import Refused
from functions.classify.refresh import Freshness, Live


class Serving(NamedTuple):
    """The live model of one alias, and the registry it comes from."""

    model: str
    alias: str
    freshness: Freshness
    store: Callable[[], Store]

    def live(self) -> Live:
        """The model to answer with. Raises Refused: `no_model`."""
        if live := self.freshness.current():
            return live
        trouble = self.freshness.trouble
        retry = {"retry-after": str(max(1, round(self.freshness.ttl)))}
        raise Refused("no_model", f"No model is loaded: {trouble.detail}" if trouble else None, headers=retry)
