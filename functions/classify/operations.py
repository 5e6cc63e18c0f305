"""The one table of operations, and the way of a request through it. Both lanes answer with `respond`.

A request is matched (404, 405), bounded (413), then its operation runs. Whatever happens inside becomes an answer of
the catalog: a request never ends in an exception.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import NamedTuple, cast

from firesteel.errors import InputError, NotFoundError, RegistryError
from functions.classify import answers, predict, status
from functions.classify.answers import Answer, Refused
from functions.classify.events import Request
from functions.classify.serving import TAKEN, Serving

KIB = 1024


Run = Callable[[Request, Serving], Answer]


class Operation(NamedTuple):
    """One thing the API can do. `slow` ones read the registry or score many rows: a server runs them in a thread."""

    method: str
    path: str
    name: str
    run: Run
    body_limit: int = 64 * KIB
    slow: bool = False


def _later(module: str, name: str) -> Run:
    """An operation whose module is imported when it is first asked for: cold starts pay for what they use."""

    def run(request: Request, serving: Serving) -> Answer:
        operation = cast("Run", getattr(import_module(f"functions.classify.{module}"), name))
        return operation(request, serving)

    return run


def _admin(module: str, name: str) -> Run:
    """An operation for those who run the service: there is none unless the settings say so."""
    operation = _later(module, name)

    def run(request: Request, serving: Serving) -> Answer:
        if not serving.admin:
            raise Refused("not_found")
        return operation(request, serving)

    return run


_explain = _later("explain", "explain")
_attributions = _later("attributions", "attributions")
_BATCH = 1024 * KIB
_V2 = [
    Operation(method, f"/v2/models/{model}{version}{end}", f"v2_{who}_{name}", _later("v2", name), _BATCH, slow=True)
    for model, of_model in (("{name}", "model"), ("{name}/{segment}", "segment"))
    for version, who in (("", of_model), ("/versions/{version}", f"{of_model}_version"))
    for method, end, name in (("GET", "/ready", "model_ready"), ("POST", "/infer", "infer"), ("GET", "", "model"))
]
"""The models under the Open Inference Protocol. Of two paths of one length, the first that fits is meant."""


def _of_models() -> Iterator[Operation]:
    """What is asked of a model by its path, of a segment of one, and of a version of either."""
    for path, who in (("/models/{name}", "model"), ("/models/{name}/{segment}", "segment")):
        for end, run, limit in _POSTED:
            yield Operation("POST", f"{path}/{end}", f"{who}_{end}", run, limit, slow=True)
            at = f"{path}/versions/{{version}}/{end}"
            yield Operation("POST", at, f"{who}_version_{end}", run, limit, slow=True)
        yield Operation("GET", f"{path}/versions", f"{who}_versions", _later("browse", "versions"), slow=True)
        yield Operation("GET", f"{path}/aliases", f"{who}_aliases", _later("versions", "aliases"), slow=True)
        at = f"{path}/versions/{{version}}"
        yield Operation("GET", at, f"{who}_version", _later("versions", "version"), slow=True)
        yield Operation("GET", f"{at}/files/{{file}}", f"{who}_version_file", _later("versions", "file"), slow=True)
        yield Operation("GET", path, who, _later("browse", "model"), slow=True)


_POSTED = (
    ("predict", predict.predict, 64 * KIB),
    ("explain", _explain, 64 * KIB),
    ("attributions", _attributions, 64 * KIB),
    ("batch", predict.batch, _BATCH),
)
OPERATIONS = (
    Operation("POST", "/classify", "classify", predict.predict),
    Operation("POST", "/classify/batch", "classify_batch", predict.classify_batch, body_limit=_BATCH, slow=True),
    Operation("POST", "/predict", "predict", predict.predict),
    Operation("POST", "/explain", "explain", _explain),
    Operation("POST", "/attributions", "attributions", _attributions, slow=True),
    Operation("POST", "/batch_predict", "batch_predict", predict.batch, body_limit=_BATCH, slow=True),
    Operation("GET", "/", "root", status.root),
    Operation("GET", "/health", "health", status.health),
    Operation("GET", "/health/live", "health_live", status.live),
    Operation("GET", "/health/ready", "health_ready", status.ready),
    Operation("GET", "/version", "version", status.version),
    Operation("GET", "/model/status", "model_status", status.model),
    Operation("GET", "/model/info", "model_info", _later("info", "info"), slow=True),
    Operation("GET", "/models", "models", _later("browse", "models"), slow=True),
    *_of_models(),
    Operation("POST", "/feedback", "feedback", _later("feedback", "feedback"), slow=True),
    Operation("GET", "/admin/recent_inferences", "recent_inferences", _admin("inferences", "recent"), slow=True),
    Operation("GET", "/admin/drift", "drift", _admin("drifted", "drift"), slow=True),
    Operation("GET", "/admin/review", "review", _admin("feedback", "review"), slow=True),
    Operation("GET", "/admin/feedback", "corrections", _admin("feedback", "corrections"), slow=True),
    Operation("GET", "/v2", "v2_server", _later("v2", "server")),
    Operation("GET", "/v2/health/live", "v2_health_live", _later("v2", "live")),
    Operation("GET", "/v2/health/ready", "v2_health_ready", _later("v2", "ready")),
    Operation("POST", "/v2/repository/index", "v2_index", _later("v2", "index"), slow=True),
    *_V2,
)
PAGES = frozenset({"/docs", "/openapi.json"})  # GET; FastAPI makes them

_Methods = dict[str, Operation]
_EXACT: dict[str, _Methods] = {}
_TEMPLATES: dict[tuple[str, ...], _Methods] = {}
for _operation in OPERATIONS:
    if "{" in _operation.path:
        _TEMPLATES.setdefault(tuple(_operation.path.split("/")), {})[_operation.method] = _operation
    else:
        _EXACT.setdefault(_operation.path, {})[_operation.method] = _operation


def find(method: str, path: str) -> tuple[Operation, Mapping[str, str]]:
    """The operation at a path and the path's parameters. Raises Refused: `not_found`, `method_not_allowed`."""
    methods, parameters = _match(path)
    if operation := methods.get(method):
        return operation, parameters
    allowed = sorted(methods) if methods else ["GET"] if path in PAGES else []
    if not allowed:
        raise Refused("not_found")
    raise Refused("method_not_allowed", headers={"allow": ", ".join(allowed)})


def _match(path: str) -> tuple[_Methods, Mapping[str, str]]:
    if methods := _EXACT.get(path):
        return methods, {}
    parts = path.split("/")
    for template, methods in _TEMPLATES.items():
        if len(parts) == len(template):
            parameters = {want[1:-1]: part for want, part in zip(template, parts, strict=True) if want[:1] == "{"}
            if all(part == want for want, part in zip(template, parts, strict=True) if want[:1] != "{") and all(
                parameters.values()
            ):
                return methods, parameters
    return {}, {}


def respond(request: Request, serving: Serving) -> Answer:
    """The answer to a request, whatever it is."""
    route = None
    TAKEN.set(None)
    try:
        operation, parameters = find(request.method, request.path)
        route = operation.path
        if len(request.body) > operation.body_limit:
            raise Refused("payload_too_large", f"The body has more than {operation.body_limit // KIB} KiB.")
        answer = operation.run(request._replace(parameters=parameters) if parameters else request, serving)
    except Refused as refused:
        answer = answers.refuse(refused, request)
    except InputError as error:
        answer = answers.refuse(Refused("invalid_input", problems=error.problems), request)
    except NotFoundError:
        answer = answers.refuse(Refused("unknown_model"), request)
    except RegistryError as error:
        answer = answers.refuse(Refused("registry_unavailable"), request, error=error)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a fault of ours is a 500, never a crash
        answer = answers.refuse(Refused("internal_error"), request, error=error)
        if taken := TAKEN.get():
            answer.facts["live"] = taken.answering()
    answer.headers[answers.REQUEST_ID] = request.request_id
    answer.facts["route"] = route
    return answer
