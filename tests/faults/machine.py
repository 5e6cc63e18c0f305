"""The registry against its model, in every order of operations that Hypothesis can think of."""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from firesteel.errors import ConflictError, IntegrityError, NotFoundError
from firesteel.registry import alias, bundle, collect, record
from firesteel.registry.disk import DiskStore
from firesteel.registry.seal import Sealed
from firesteel.registry.store import MemoryStore
from tests.faults.model import DAY, PlainAlias, PlainVersions

VERSION = st.sampled_from(["1.0.0", "1.1.0", "1.2.0", "2.0.0", "2.1.0"])
MODEL, ALIAS = "m", "latest"
FOLDER = f"models/{MODEL}/aliases/{ALIAS}/"


class RegistryMachine(RuleBasedStateMachine):
    """One model with one alias, in memory; a clock that only moves when it is told to."""

    steps = 0
    """So many were made by all machines of a class."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = 1_800_000_000
        self._timestamp = record.timestamp
        record.timestamp = lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock))
        self.store = self.opened()
        self.alias, self.versions = PlainAlias(clock=self.clock), PlainVersions()

    def opened(self) -> Any:
        self.raw = MemoryStore()
        return self.raw

    def read(self, key: str) -> bytes:
        return self.raw._objects[key]

    def overwrite(self, key: str, data: bytes) -> None:
        """What no store can do."""
        self.raw._objects[key] = data

    def teardown(self) -> None:
        self.everything_is_there()
        record.timestamp = self._timestamp

    def refusal(self, version: str) -> type[Exception] | None:
        """What must be raised when a version is to be served."""
        return {"complete": None, "marked": IntegrityError}.get(self.versions.state(version), NotFoundError)

    def expect(self, error: type[Exception] | None, work: Callable[[], Any]) -> Any:
        if error is None:
            return work()
        with pytest.raises(error) as caught:
            work()
        assert type(caught.value) is error
        return None

    # What is done

    @rule(version=VERSION)
    def publish(self, version):
        taken = ConflictError if version in self.versions.claimed else None
        files = {"program": version.encode()}
        self.expect(taken, lambda: bundle.publish(self.store, MODEL, version, files, who="w"))
        if not taken:
            self.versions.claimed[version] = self.clock

    @rule(version=VERSION, kind=st.sampled_from(["promote", "switch"]), seen=st.booleans())
    def promote(self, version, kind, seen):
        after = len(self.alias.moves) if seen else None
        error = self.refusal(version)
        self.expect(error, lambda: alias.promote(self.store, MODEL, ALIAS, version, who="w", kind=kind, after=after))
        if not error:
            self.alias.promote(kind, version, self.versions.complete)

    @rule(version=VERSION, behind=st.integers(1, 3))
    def promote_over_what_was_not_seen(self, version, behind):
        after = len(self.alias.moves) - behind
        self.expect(ConflictError, lambda: alias.promote(self.store, MODEL, ALIAS, version, who="w", after=after))

    @rule(version=VERSION, kind=st.sampled_from(["canary", "shadow"]))
    def run_beside(self, version, kind):
        move, weight = getattr(alias, kind), {"weight": 0.25} if kind == "canary" else {}
        error = self.unless_readable() or (ConflictError if version == self.alias.served else self.refusal(version))
        self.expect(error, lambda: move(self.store, MODEL, ALIAS, version, who="w", **weight))
        if not error:
            self.alias.run_beside(kind, version)

    @rule()
    def roll_back(self):
        error = self.unless_readable() or (None if self.alias.can_roll_back else NotFoundError)
        moved = self.expect(error, lambda: alias.rollback(self.store, MODEL, ALIAS, who="w"))
        if not error:
            assert moved.version == self.alias.roll_back()

    @rule(version=VERSION)
    def roll_back_to(self, version):
        error = self.refusal(version) if self.alias.was(version) else NotFoundError
        self.expect(error, lambda: alias.rollback(self.store, MODEL, ALIAS, who="w", to=version))
        if not error:
            self.alias.roll_back_to(version, self.versions.complete)

    @rule(
        days=st.integers(0, 3),
        keep=st.integers(1, 2),
        older_than=st.integers(0, 2),
        dry=st.sampled_from([False, False, True]),
    )
    def collect(self, days, keep, older_than, dry):
        self.clock = self.alias.clock = self.clock + days * DAY
        named = self.alias.named_since(self.clock - (older_than + 1) * DAY)
        found = collect.collect(
            self.store, MODEL, who="w", keep=keep, older_than=older_than * DAY, now=lambda: self.clock, dry_run=dry
        )
        versions = PlainVersions(dict(self.versions.claimed), dict(self.versions.marked), set(self.versions.gone))
        assert {one.version: one.action for one in found} == versions.collect(named, self.clock, keep, older_than * DAY)
        if not dry:
            self.versions = versions

    # What happens to it

    @precondition(lambda self: self.alias.moves and not self.alias.is_damaged)
    @rule(data=st.sampled_from([b"", b"{}\n", b"\xff", b"[" * 5000, b" " * 20_000]))
    def the_newest_entry_is_damaged(self, data):
        self.overwrite(f"{FOLDER}{len(self.alias.moves):08d}.json", data)
        self.alias.damage()

    @precondition(lambda self: self.alias.moves)
    @rule(count=st.integers(1, 30))
    def it_turns_out_to_be_written_by_an_earlier_release(self, count):
        """The first entries lose what the first releases did not write; whatever follows must not notice."""
        for number, move in enumerate(self.alias.moves[:count]):
            if move.damaged or move.beside:
                return
            key = f"{FOLDER}{number + 1:08d}.json"
            content = json.loads(self.read(key))
            for later in ("before", "seal"):
                content.pop(later, None)
            self.overwrite(key, (json.dumps(content, indent=1) + "\n").encode())
            self.alias.forget_the_way(number)

    # What is seen

    @rule(seen=st.integers(0, 12))
    def catch_up(self, seen):
        there = seen < len(self.alias.moves)
        error = IntegrityError if there and self.alias.is_damaged else None
        entry = self.expect(error, lambda: alias.newer(self.store, MODEL, ALIAS, seen))
        if not error:
            assert (entry and entry.generation) == (len(self.alias.moves) if there else None)

    @rule(most=st.integers(1, 5), bump=st.sampled_from(["major", "minor", "patch"]))
    def look_around(self, most, bump):
        moves = list(enumerate(self.alias.moves, 1))[::-1][:most]
        sound = [generation for generation, move in moves if not move.damaged]
        assert [one.generation for one in alias.recent(self.store, MODEL, ALIAS, most)] == sound
        assert alias.aliases(self.store, MODEL) == ([ALIAS] if moves else [])
        assert bundle.models(self.store) == ([MODEL] if self.versions.claimed else [])
        highest = max(self.versions.claimed, default="")
        major, minor, _ = map(int, highest.split(".")) if highest else (1, 0, 0)
        following = {"major": f"{major + 1}.0.0", "minor": f"{major}.{minor + 1}.0", "patch": f"{major}.{minor}.1"}
        assert bundle.next_version(self.store, MODEL, bump) == (following[bump] if highest else "1.0.0")

    @rule()
    def everything_is_there(self):
        states = {one.version: one.state for one in bundle.versions(self.store, MODEL)}
        assert states == {version: self.versions.state(version) for version in self.versions.claimed}
        for version, state in states.items():
            assert (bundle.verify(self.store, MODEL, version) == []) == (state == "complete")
        error = IntegrityError if any(move.damaged for move in self.alias.moves) else None
        history = self.expect(error, lambda: alias.history(self.store, MODEL, ALIAS))
        if not error:
            assert [(one.kind, one.version) for one in history] == [move[:2] for move in self.alias.moves]

    @invariant()
    def the_newest_entry_tells_what_is_served_what_runs_beside_and_the_way_back(self):
        type(self).steps += 1
        newest = self.expect(self.unless_readable(), lambda: alias.current(self.store, MODEL, ALIAS))
        if newest:
            running = {kind: getattr(newest, kind).version for kind in ("canary", "shadow") if getattr(newest, kind)}
            assert (newest.version, running) == (self.alias.served, self.alias.beside)
            if newest.before is not None:
                assert tuple(one.version for one in newest.before) == self.alias.moves[-1].back

    def unless_readable(self) -> type[Exception] | None:
        """What must be raised by whoever needs the newest entry."""
        return IntegrityError if self.alias.is_damaged else None if self.alias.moves else NotFoundError


class SealedMachine(RegistryMachine):
    """In memory, sealed as the product has it."""

    def opened(self) -> Any:
        return Sealed(super().opened())


class DiskMachine(RegistryMachine):
    """In a folder; of memory where there is such a one, because what a disk forgets in a power cut is not the question."""

    def opened(self) -> Any:
        self.root = Path(tempfile.mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
        self.raw = DiskStore(str(self.root))
        return Sealed(self.raw)

    def read(self, key: str) -> bytes:
        return (self.root / key).read_bytes()

    def overwrite(self, key: str, data: bytes) -> None:
        (self.root / key).write_bytes(data)

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            shutil.rmtree(self.root)
