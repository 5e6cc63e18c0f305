"""The registry against a plain model, in every order that Hypothesis can think of."""

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firesteel.errors import ConflictError, NotFoundError
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore

VERSION = st.sampled_from(["1.0.0", "1.1.0", "2.0.0"])
FOLDER = "models/m/aliases/latest/"


class RegistryMachine(RuleBasedStateMachine):
    """A set of versions, where the alias was, the way back from there, and what runs beside."""

    def __init__(self):
        super().__init__()
        self.store, self.versions, self.moves = MemoryStore(), set(), []
        self.served = []  # the way back: what rollback undoes is taken off its end
        self.beside = {}  # kind -> version

    @rule(version=VERSION)
    def publish(self, version):
        if version in self.versions:
            with pytest.raises(ConflictError):
                bundle.publish(self.store, "m", version, {"program": b"x"}, who="w")
        else:
            bundle.publish(self.store, "m", version, {"program": version.encode()}, who="w")
            self.versions.add(version)

    @rule(version=VERSION, kind=st.sampled_from(["promote", "switch"]))
    def promote(self, version, kind):
        if version in self.versions:
            alias.promote(self.store, "m", "latest", version, who="w", kind=kind, after=len(self.moves))
            self.moves.append((kind, version))
            self.beside = {}
            if self.served[-1:] != [version]:
                self.served.append(version)
        else:
            with pytest.raises(NotFoundError):
                alias.promote(self.store, "m", "latest", version, who="w")

    @rule(version=VERSION, kind=st.sampled_from(["canary", "shadow"]))
    def run_beside(self, version, kind):
        def run():
            move, weight = getattr(alias, kind), {"weight": 0.25} if kind == "canary" else {}
            return move(self.store, "m", "latest", version, who="w", after=len(self.moves), **weight)

        if not self.moves or version not in self.versions:
            with pytest.raises(NotFoundError):
                run()
        elif version == self.served[-1]:
            with pytest.raises(ConflictError):
                run()
        else:
            run()
            self.moves.append((kind, self.served[-1]))
            self.beside[kind] = version

    @rule()
    def roll_back(self):
        if not self.beside and len(self.served) < 2:
            with pytest.raises(NotFoundError):
                alias.rollback(self.store, "m", "latest", who="w")
        else:
            if not self.beside:
                self.served.pop()
            self.beside = {}
            assert alias.rollback(self.store, "m", "latest", who="w").version == self.served[-1]
            self.moves.append(("rollback", self.served[-1]))

    @rule(version=VERSION)
    def roll_back_to(self, version):
        if any(version == moved_to for _, moved_to in self.moves):
            alias.rollback(self.store, "m", "latest", who="w", to=version)
            self.moves.append(("rollback", version))
            self.beside = {}
            if version in self.served:
                while self.served[-1] != version:
                    self.served.pop()
            else:  # left behind earlier: what it went from is undone, so the next way back does not lead there
                self.served[-1] = version
        else:
            with pytest.raises(NotFoundError):
                alias.rollback(self.store, "m", "latest", who="w", to=version)

    @rule(seen=st.integers(0, 12))
    def catch_up(self, seen):
        entry = alias.newer(self.store, "m", "latest", seen)
        assert (entry and entry.generation) == (len(self.moves) if seen < len(self.moves) else None)

    @rule(count=st.integers(1, 30))
    def turn_out_to_be_written_by_an_earlier_release(self, count):
        """The first entries lose what the first releases did not write; whatever follows must not notice."""
        for key in self.store.keys(FOLDER)[:count] if self.moves else []:
            content = json.loads(self.store._objects[key])
            if content["kind"] in ("canary", "shadow"):
                return
            content.pop("before", None)
            self.store._objects[key] = json.dumps(content).encode()

    @invariant()
    def history_is_the_moves_and_every_version_is_whole(self):
        history = alias.history(self.store, "m", "latest")
        assert [(entry.kind, entry.version) for entry in history] == self.moves
        assert {one.version for one in bundle.versions(self.store, "m") if one.complete} == self.versions
        for entry in history:
            assert bundle.verify(self.store, "m", entry.version) == []

    @invariant()
    def the_newest_entry_tells_what_is_served_what_runs_beside_and_the_way_back(self):
        if self.moves:
            newest = alias.current(self.store, "m", "latest")
            running = {kind: getattr(newest, kind).version for kind in ("canary", "shadow") if getattr(newest, kind)}
            assert (newest.version, running) == (self.served[-1], self.beside)
            if newest.before is not None:
                assert [one.version for one in newest.before] == self.served[-2::-1][:16]


TestRegistryMachine = RegistryMachine.TestCase
TestRegistryMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
