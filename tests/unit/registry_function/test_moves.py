import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firesteel.errors import ConflictError, StoreError
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from functions.registry import moves
from functions.registry.moves import Decision, Move, Refused
from tests.faults.store import FaultyStore

EVENTS = Path(__file__).parents[3] / "events"
ADA = "arn:aws:sts::123456789012:assumed-role/ModelRelease/ada"


def event(path, method="POST", who=ADA, **query):
    return {
        "httpMethod": method,
        "path": path,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "requestContext": {"requestId": "gateway-1", "identity": {"userArn": who}},
    }


def publish(store, model, *versions):
    for version in versions:
        bundle.publish(store, model, version, {"program.safetensors": version.encode()}, who="tests")


def move(store, path, **query):
    return moves.perform(moves.read(event(path, **query)), store)


def refused(run, *arguments, **query):
    with pytest.raises(Refused) as caught:
        run(*arguments, **query)
    return caught.value.code


@pytest.fixture
def store():
    """Tickets in three versions, 1.0.0 and then 1.1.0 served; recruits with two segments; nothing of theirs is served."""
    store = MemoryStore()
    publish(store, "tickets", "1.0.0", "1.1.0", "2.0.0")
    for version in ("1.0.0", "1.1.0"):
        alias.promote(store, "tickets", "latest", version, who="tests")
    publish(store, "recruits/qb", "1.0.0")
    publish(store, "recruits/rb", "1.0.0")
    return store


def test_promote_serves_a_version_and_says_who_and_why(store):
    model, entry = move(store, "/models/tickets/promote", version="2.0.0", why="looked at the errors")
    assert model == "tickets"
    assert entry == alias.current(store, "tickets", "latest")
    assert (entry.kind, entry.version, entry.previous, entry.generation) == ("promote", "2.0.0", "1.1.0", 3)
    assert (entry.who, entry.why) == (ADA, "looked at the errors")


def test_switch_goes_to_any_complete_version(store):
    _, entry = move(store, "/models/tickets/switch", version="1.0.0")
    assert (entry.kind, entry.version) == ("switch", "1.0.0")


def test_rollback_goes_to_what_was_served_before(store):
    _, entry = move(store, "/models/tickets/rollback")
    assert (entry.kind, entry.version, entry.previous) == ("rollback", "1.0.0", "1.1.0")


def test_rollback_goes_to_a_version_that_was_served_once(store):
    move(store, "/models/tickets/promote", version="2.0.0")
    _, entry = move(store, "/models/tickets/rollback", to="1.0.0")
    assert (entry.kind, entry.version) == ("rollback", "1.0.0")


def test_a_canary_is_promoted_for_a_share_of_the_requests(store):
    _, entry = move(store, "/models/tickets/promote", version="2.0.0", canary="0.05", why="slowly")
    assert (entry.kind, entry.version, entry.canary.version, entry.canary.weight) == ("canary", "1.1.0", "2.0.0", 0.05)
    assert (entry.who, entry.why) == (ADA, "slowly")


def test_a_shadow_is_scored_beside(store):
    _, entry = move(store, "/models/tickets/shadow", version="2.0.0")
    assert (entry.kind, entry.version, entry.shadow.version) == ("shadow", "1.1.0", "2.0.0")


def test_a_rollback_ends_the_canary_first_and_then_goes_back(store):
    move(store, "/models/tickets/promote", version="2.0.0", canary="0.05")
    _, first = move(store, "/models/tickets/rollback")
    _, second = move(store, "/models/tickets/rollback")
    assert [(one.version, one.canary) for one in (first, second)] == [("1.1.0", None), ("1.0.0", None)]


def test_a_segment_has_a_canary_of_its_own(store):
    publish(store, "recruits/qb", "1.1.0")
    move(store, "/models/recruits/qb/promote", version="1.0.0")
    model, entry = move(store, "/models/recruits/qb/promote", version="1.1.0", canary="0.5")
    assert (model, entry.canary.version) == ("recruits/qb", "1.1.0")


@pytest.mark.parametrize("path", ["/models/tickets/promote?canary", "/models/tickets/shadow"])
def test_what_is_served_cannot_run_beside_itself(store, path):
    path, _, canary = path.partition("?")
    assert refused(move, store, path, version="1.1.0", **({"canary": "0.5"} if canary else {})) == "conflict"


@pytest.mark.parametrize("share", ["0", "1", "-0.1", "5", "5%", "nan", "inf", "half"])
def test_a_share_is_above_none_and_below_all(share):
    assert refused(moves.read, event("/models/tickets/promote", version="2.0.0", canary=share)) == "invalid_input"


@pytest.mark.parametrize(("path", "approved"), [("approve", True), ("reject", False)])
@pytest.mark.parametrize("model", ["tickets", "recruits/qb"])
def test_a_decision_is_read_with_who_makes_it(path, approved, model):
    found = moves.read(event(f"/models/{model}/{path}", version="2.0.0", why="looked at it"))
    assert found == Decision(approved, model, "2.0.0", ADA, "looked at it")


def test_another_alias_moves_alone(store):
    _, entry = move(store, "/models/tickets/switch", version="2.0.0", alias="champion")
    assert (entry.alias, entry.generation) == ("champion", 1)
    assert alias.current(store, "tickets", "latest").version == "1.1.0"


def test_a_segment_is_named_with_its_model(store):
    model, entry = move(store, "/models/recruits/qb/switch", version="1.0.0")
    assert model == "recruits/qb"
    assert alias.current(store, "recruits/qb", "latest") == entry


OPERATIONS = {
    "promote": {"version": "1.0.0"},
    "shadow": {"version": "1.0.0"},
    "switch": {"version": "1.0.0"},
    "rollback": {},
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_path_moves_what_it_names_and_never_a_segment_of_another_model(store, operation):
    """IAM says by path who may move what: rights on /models/qb are none on /models/recruits/qb."""
    publish(store, "scouts/qb", "1.0.0")
    for model in ("recruits/qb", "scouts/qb"):
        for _ in range(2):
            alias.promote(store, model, "latest", "1.0.0", who="tests")
    before = dict(store._objects)
    with pytest.raises(Refused, match=r"there is no model qb; .*recruits/qb, scouts/qb") as caught:
        move(store, f"/models/qb/{operation}", **OPERATIONS[operation])
    assert (caught.value.code, moves.STATUS[caught.value.code]) == ("not_in_registry", 404)
    assert store._objects == before


def test_what_no_model_has_as_a_segment_is_named_alone(store):
    with pytest.raises(Refused, match=r"there is no model nope$"):
        move(store, "/models/nope/switch", version="1.0.0")


def test_a_model_may_have_the_name_of_a_segment(store):
    publish(store, "qb", "1.0.0")
    assert move(store, "/models/qb/switch", version="1.0.0")[0] == "qb"
    assert store.folders("models/recruits/qb/aliases/") == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/models/nope/switch", {"version": "1.0.0"}),
        ("/models/recruits/te/switch", {"version": "1.0.0"}),
        ("/models/tickets/switch", {"version": "9.0.0"}),
        ("/models/tickets/switch", {"version": "../1.0.0"}),
        ("/models/../switch", {"version": "1.0.0"}),
        ("/models/QB/switch", {"version": "1.0.0"}),
        ("/models//switch", {"version": "1.0.0"}),
        ("/models/tickets/aliases/switch", {"version": "1.0.0"}),
        ("/models/tickets/switch", {"version": "1.0.0", "alias": "../latest"}),
        ("/models/tickets/rollback", {"alias": "champion"}),
        ("/models/tickets/rollback", {"to": "2.0.0"}),
        ("/models/recruits/qb/rollback", {}),
    ],
)
def test_what_is_not_in_the_registry_moves_nothing(store, path, query):
    before = dict(store._objects)
    assert refused(move, store, path, **query) == "not_in_registry"
    assert store._objects == before


MOVED = {**OPERATIONS, "promote?canary": {"version": "1.0.0", "canary": "0.5"}}


@pytest.mark.parametrize("operation", MOVED)
def test_an_alias_is_moved_from_where_the_caller_saw_it(store, operation):
    path = f"/models/tickets/{operation.partition('?')[0]}"
    _, entry = move(store, path, **MOVED[operation], after="2")
    assert (entry.generation, entry == alias.current(store, "tickets", "latest")) == (3, True)


@pytest.mark.parametrize("operation", MOVED)
@pytest.mark.parametrize("seen", ["0", "1", "3"])
def test_an_alias_that_moved_since_it_was_seen_stays(store, operation, seen):
    before = dict(store._objects)
    path = f"/models/tickets/{operation.partition('?')[0]}"
    with pytest.raises(Refused, match=rf"at generation 2 and not, as you saw it, at {seen}") as caught:
        move(store, path, **MOVED[operation], after=seen)
    assert (caught.value.code, moves.STATUS[caught.value.code]) == ("conflict", 409)
    assert store._objects == before


def test_an_alias_that_was_never_set_is_at_generation_0(store):
    _, entry = move(store, "/models/recruits/qb/promote", version="1.0.0", after="0")
    assert entry.generation == 1


@pytest.mark.parametrize(
    "seen", ["-1", "1.0", "+2", " 2", "two", "\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT TWO}", "9" * 9]
)
def test_a_generation_is_a_whole_number(seen):
    assert refused(moves.read, event("/models/tickets/rollback", after=seen)) == "invalid_input"


def test_a_damaged_version_is_not_served(store):
    store._objects["models/tickets/v2.0.0/program.safetensors"] = b"?????"
    assert refused(move, store, "/models/tickets/promote", version="2.0.0") == "broken_bundle"
    assert alias.current(store, "tickets", "latest").version == "1.1.0"


def test_the_loser_of_a_race_is_told_so(store):
    def rival(name, key):
        if name == "create" and key.endswith("00000003.json"):
            store.create(key, b"{}")
            raise ConflictError(key)

    assert refused(move, FaultyStore(store, rival), "/models/tickets/promote", version="2.0.0") == "conflict"


@pytest.mark.parametrize("fails", ["get", "keys", "folders"])
def test_a_store_that_fails_is_named_without_its_insides(store, fails):
    faulty = FaultyStore(store, lambda name, _: "before" if name == fails else None)
    with pytest.raises(Refused) as caught:
        move(faulty, "/models/tickets/promote", version="2.0.0")
    assert caught.value.code == "registry_unavailable"
    assert isinstance(caught.value.__cause__, StoreError)
    assert "refused" not in caught.value.detail


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/models/tickets/promote", {}),
        ("/models/tickets/switch", {"version": ""}),
        ("/models/tickets/switch", {"to": "1.0.0"}),
        ("/models/tickets/switch", {"verison": "1.0.0"}),
        ("/models/tickets/rollback", {"version": "1.0.0"}),
        ("/models/tickets/rollback", {"canary": "0.5"}),
        ("/models/tickets/switch", {"version": "1.0.0", "canary": "0.5"}),
        ("/models/tickets/shadow", {"version": "1.0.0", "canary": "0.5"}),
        ("/models/tickets/shadow", {}),
        ("/models/tickets/approve", {}),
        ("/models/tickets/approve", {"version": "1.0.0", "alias": "champion"}),
        ("/models/tickets/reject", {"why": "no"}),
        ("/models/tickets/approve", {"version": "1.0.0", "after": "2"}),
    ],
)
def test_a_query_must_have_what_the_operation_needs_and_nothing_else(path, query):
    assert refused(moves.read, event(path, **query)) == "invalid_input"


def test_a_parameter_may_stand_once():
    twice = event("/models/tickets/switch") | {"multiValueQueryStringParameters": {"version": ["1.0.0", "2.0.0"]}}
    assert refused(moves.read, twice) == "invalid_input"


@pytest.mark.parametrize(
    "path",
    ["/", "/models", "/models/switch", "/models/tickets", "/models/a/b/c/switch", "/x/a/switch", "/models/a/canary"],
)
def test_other_paths_are_none(path):
    assert refused(moves.read, event(path, version="1.0.0")) == "not_found"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "post"])
def test_an_alias_is_moved_with_post(method):
    assert refused(moves.read, event("/models/tickets/switch", method, version="1.0.0")) == "method_not_allowed"


@pytest.mark.parametrize("who", [None, "", 5])
def test_nobody_moves_an_alias_unnamed_even_if_the_api_were_open(who):
    assert refused(moves.read, event("/models/tickets/switch", who=who, version="1.0.0")) == "not_identified"


@pytest.mark.parametrize("foreign", [None, [], {}, {"Records": []}, {"version": "2.0", "requestContext": {"http": {}}}])
def test_what_is_no_request_of_a_rest_api_is_refused(foreign):
    assert refused(moves.read, foreign) == "unsupported_event"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(JSON, st.sampled_from(["httpMethod", "path", "requestContext", "multiValueQueryStringParameters"]))
def test_whatever_an_event_holds_comes_out_as_a_move_or_a_refusal(value, key):
    try:
        assert isinstance(moves.read(event("/models/tickets/rollback") | {key: value}), Move | Decision)
    except Refused as error:
        assert error.code in moves.STATUS


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("promote", "promote"),
        ("canary", "canary"),
        ("shadow", "shadow"),
        ("switch", "switch"),
        ("rollback", "rollback"),
    ],
)
def test_the_shipped_events_are_read(name, kind):
    found = moves.read(json.loads((EVENTS / f"registry-{name}.json").read_text()))
    assert (found.kind, found.alias, found.who) == (kind, "latest", ADA)


@pytest.mark.parametrize(("name", "approved"), [("approve", True), ("reject", False)])
def test_the_shipped_events_of_decisions_are_read(name, approved):
    found = moves.read(json.loads((EVENTS / f"registry-{name}.json").read_text()))
    assert (found.approved, found.who, found.model) == (approved, ADA, "tickets")
