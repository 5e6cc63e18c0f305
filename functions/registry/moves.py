"""An event of API Gateway in, a moved alias out.

    POST /models/{name}/promote?version=1.2.0     serve a version; with &canary=0.05 for that share of the requests
    POST /models/{name}/shadow?version=1.2.0      score a version beside the one that is served; it never answers
    POST /models/{name}/switch?version=1.0.0      serve any complete version, older or newer
    POST /models/{name}/rollback                  end the canary and the shadow, or without them serve what was served
                                                  before; with ?to=1.0.0 serve what once was
    POST /models/{name}/approve?version=1.2.0     go on with a training that waits for a person
    POST /models/{name}/reject?version=1.2.0      end it

Each takes `why`, which stays in the alias's history with the caller's ARN. The first four take `alias` (latest) and
`after`: the generation at which the caller saw the alias, 0 when it was never set; at any other it is not moved. A segment
is /models/{name}/{segment}/... and nothing else, so that who may move what can be said by path. The answer is the alias's
new entry; that of `approve` and `reject` says what was decided.

code                     status  when
unsupported_event        400     the function was invoked with something that is no request of a REST API
not_identified           403     API Gateway does not say who calls: the request was not signed
not_found                404     no such path
not_in_registry          404     no such model, version or alias; none to go back to; nobody asked for this approval yet
method_not_allowed       405     not a POST
conflict                 409     somebody else moved the alias at the same time, or since `after`; a version cannot run
                                 beside itself; the training does not wait any more
broken_bundle            409     the version, the alias's newest entry or the record of what is asked is not what was
                                 written, so it is not used
invalid_input            422     the query has not what the operation needs, or more
internal_error           500     a fault of ours; the log has it under the request id
registry_unavailable     503     the object store failed; whether the alias moved must be looked up
approvals_unavailable    503     the state machine could not be told; it is safe to try again

Every refusal has the body {"detail", "code", "request_id"}, as those of the public API have.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, TypedDict

from firesteel.errors import ConflictError, IntegrityError, NotFoundError, RegistryError
from firesteel.registry import alias, bundle, names
from firesteel.registry.alias import Entry, Kind
from firesteel.registry.store import Store

STATUS = {
    "unsupported_event": 400,
    "not_identified": 403,
    "not_found": 404,
    "not_in_registry": 404,
    "method_not_allowed": 405,
    "conflict": 409,
    "broken_bundle": 409,
    "invalid_input": 422,
    "internal_error": 500,
    "registry_unavailable": 503,
    "approvals_unavailable": 503,
}
Operation = Literal["promote", "shadow", "switch", "rollback", "approve", "reject"]
_QUERIES: dict[Operation, tuple[str, ...]] = {
    "promote": ("version", "alias", "after", "why", "canary"),
    "shadow": ("version", "alias", "after", "why"),
    "switch": ("version", "alias", "after", "why"),
    "rollback": ("to", "alias", "after", "why"),
    "approve": ("version", "why"),
    "reject": ("version", "why"),
}


class Refused(Exception):  # noqa: N818 - it is how an operation ends, not a fault
    """Ends an operation with a code of the table above."""

    def __init__(self, code: str, detail: str) -> None:
        self.code, self.detail = code, detail
        super().__init__(f"{code}: {detail}")


class Move(NamedTuple):
    """What somebody asks for. `model` is as in the path; `version` is None for a rollback to the version before."""

    kind: Kind
    model: str
    version: str | None
    alias: str
    who: str
    why: str
    weight: float | None = None
    """The share of the requests that a canary answers."""
    after: int | None = None
    """The generation at which the caller saw the alias."""


class Decision(NamedTuple):
    """What somebody decides about a version whose training waits for it. `model` is as in the path."""

    approved: bool
    model: str
    version: str
    who: str
    why: str


def read(event: object) -> Move | Decision:
    """What an event of a REST API asks for. Raises Refused."""
    match event:
        case {"httpMethod": str(method), "path": str(path), "requestContext": {"identity": dict(identity)}, **rest}:
            who = identity.get("userArn")
        case _:
            raise Refused("unsupported_event", "The event is no request of a REST API.")
    if not isinstance(who, str) or not who:
        raise Refused("not_identified", "Sign the request with AWS credentials: every move says who made it.")
    *start, last = path.split("/")
    operation = next((known for known in _QUERIES if known == last), None)
    if operation is None or start[:2] != ["", "models"] or len(start) not in (3, 4):
        raise Refused("not_found", "There is nothing at this path.")
    if method != "POST":
        raise Refused("method_not_allowed", "An alias is moved with POST.")
    model, query = "/".join(start[2:]), _query(rest, operation)
    version, alias_name, why = query.get("version"), query.get("alias", "latest"), query.get("why", "")
    weight = _weight(query["canary"]) if "canary" in query else None
    after = _generation(query["after"]) if "after" in query else None
    match operation:
        case "approve" | "reject":
            return Decision(operation == "approve", model, query["version"], who, why)
        case _:
            kind = "canary" if weight else operation
            return Move(kind, model, version or query.get("to"), alias_name, who, why, weight, after)


def _query(event: dict[Any, Any], operation: Operation) -> dict[str, str]:
    """The query's parameters that have a value. Raises Refused when one is missing, unknown, or there twice."""
    sent, allowed = event.get("multiValueQueryStringParameters") or {}, _QUERIES[operation]
    if not isinstance(sent, dict) or not all(isinstance(values, list) for values in sent.values()):
        raise Refused("unsupported_event", "The event's query is none of a REST API.")
    if any(name not in allowed or len(values) != 1 for name, values in sent.items()):
        raise Refused("invalid_input", f"The query may have {', '.join(allowed)}, each once, and nothing else.")
    query = {name: str(value) for name, [value] in sent.items() if value}
    if "version" in allowed and "version" not in query:
        raise Refused("invalid_input", "The query needs a version, like ?version=1.2.0.")
    return query


def _weight(text: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = 0.0
    if not 0 < weight < 1:
        raise Refused("invalid_input", "A canary is a share of the requests above 0 and below 1, like canary=0.05.")
    return weight


def _generation(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 8):
        raise Refused("invalid_input", "A generation is a whole number, like after=3; 0 for an alias never set.")
    return int(text)


class _Said(TypedDict):
    who: str
    why: str
    after: int | None


def perform(move: Move, store: Store) -> tuple[str, Entry]:
    """Moves the alias: the model's name in the registry and the alias's new entry. Raises Refused."""
    with refusing():
        require(move.model, store)
        where, said = (store, move.model, move.alias), _Said(who=move.who, why=move.why, after=move.after)
        if move.kind == "rollback":
            return move.model, alias.rollback(*where, **said, to=move.version)
        assert move.version
        if move.kind == "canary":
            assert move.weight
            return move.model, alias.canary(*where, move.version, **said, weight=move.weight)
        if move.kind == "shadow":
            return move.model, alias.shadow(*where, move.version, **said)
        return move.model, alias.promote(*where, move.version, **said, kind=move.kind)


@contextmanager
def refusing() -> Iterator[None]:
    """Failures of a registry's store leave the block as Refused."""
    try:
        yield
    except NotFoundError as error:
        raise Refused("not_in_registry", str(error)) from error
    except ConflictError as error:
        raise Refused("conflict", str(error)) from error
    except IntegrityError as error:
        raise Refused("broken_bundle", str(error)) from error
    except RegistryError as error:
        detail = "The object store failed. Look at the alias before you try again: it may have moved."
        raise Refused("registry_unavailable", detail) from error


def require(model: str, store: Store) -> None:
    """Raises NotFoundError for what is no model of the registry; of a segment without its model it says the full names."""
    if store.folders(names.folder(model)):
        return
    full = [known for known in bundle.models(store) if known.partition("/")[2] == model]
    hint = f"; a segment has its model's name before it: {', '.join(full)}" if full else ""
    raise NotFoundError(f"there is no model {model}{hint}")
