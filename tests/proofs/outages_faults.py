"""What S3 may do while a model is served from it, each for all requests or for a share of them."""

from collections.abc import Callable
from random import Random
from threading import Lock
from typing import NamedTuple

from tests.faults.proxy import DOWN, PASS, Fault, refused

EMPTY = (
    b'<?xml version="1.0"?><ListBucketResult><KeyCount>0</KeyCount><IsTruncated>false</IsTruncated></ListBucketResult>'
)


class Outage(NamedTuple):
    """What becomes of the requests. `share` of them meet the fault; `only` those that it says."""

    name: str
    fault: Fault
    share: float = 1.0
    only: Callable[[str], bool] = lambda _path: True
    spoiled: str = ""
    """What is wrong with the registry itself: the newest `program`, `golden`, `manifest` or `entry`."""
    code: str = "store_unreachable"
    """The reason that /health has, where every look fails."""

    @property
    def total(self) -> bool:
        """Whether no look at what moved can succeed."""
        return self.share == 1.0

    def treat(self, random: Random) -> Callable[[str, str], Fault]:
        """What a proxy does to each request."""
        lock = Lock()

        def fault(_method: str, path: str) -> Fault:
            with lock:
                met = random.random() < self.share
            return self.fault if met and self.only(path) else PASS

        return fault


def _listing(path: str) -> bool:
    return "list-type=2" in path


def _program(path: str) -> bool:
    return path.endswith(".safetensors")


CORRUPT = "corrupt_bundle"
OUTAGES = (
    Outage("down", DOWN),
    Outage("silent", Fault(lands=False, delay=20.0, keep=0.0)),
    Outage("slow", Fault(delay=3.0)),
    Outage("503 for 75 %", refused(503), share=0.75),
    Outage("429 for 75 %", refused(429), share=0.75),
    Outage("500 for all", refused(500)),
    Outage("403 for all", refused(403)),
    Outage("resets of 15 %", Fault(keep=0.3, reset=True), share=0.15),
    Outage("bodies cut in half", Fault(keep=0.5)),
    Outage("programs with a wrong bit", Fault(spoil=True), only=_program, code=CORRUPT),
    Outage("empty listings", Fault(content=EMPTY), only=_listing, code="nothing_published"),
    Outage("newest program overwritten", PASS, spoiled="program.safetensors", code=CORRUPT),
    Outage("newest golden rows overwritten", PASS, spoiled="golden.json", code=CORRUPT),
    Outage("newest manifest overwritten", PASS, spoiled="manifest.json", code=CORRUPT),
    Outage("newest entry overwritten", PASS, spoiled="entry", code=CORRUPT),
)
