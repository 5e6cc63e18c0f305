"""Requests with a secret in every place that a caller can write to, and all that the service keeps of them."""

import contextlib
import io
import json
import logging
import re
from collections.abc import Iterator
from random import Random
from typing import Any
from unittest.mock import patch

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from firesteel.errors import StoreError
from firesteel.program.predictor import Predictor
from firesteel.registry.store import MemoryStore
from functions.classify import browse
from functions.classify.lane import Lane
from functions.classify.meters import Meters
from functions.classify.operations import OPERATIONS
from functions.classify.otel import Otel
from functions.classify.serving import Serving
from functions.classify.shadow import Shadows
from functions.classify.telemetry import Telemetry
from tests.proofs.proof import Run
from tests.unit.classify import canaries, zoo
from tests.unit.classify.bundles import TICKET, beside, files, program, release, serving_over
from tests.unit.classify.test_events import HTTP

SHAPES = (
    "{}", "{}@example.com", "+49 {} 4567", "4111 1111 {}", '{"{}": 1}', "\r\nset-cookie: {}", "\x1b[31m{}\x1b[0m",
    "\0{}", "<script>{}</script>", "\u2028{}\u2029", '"}\n{"level": "FAKE", "message": "{}"', "%0a{}", "../{}", "'; drop {}",
    "\ud83d\ude00{}", "\u202e{}", "${jndi:ldap://{}}", "{} " * 50,
)  # fmt: skip
"""How a secret is dressed."""
MODELS = {
    "tickets": TICKET,
    "readiness": zoo.BUSINESS,
    "gifts": zoo.ORDER,
    "recruits": zoo.PLAYERS["qb"],
    "discreet": TICKET,
    "nothing": TICKET,
}
HEADERS = (
    "authorization", "cookie", "user-agent", "x-request-id", "x-canary-key", "x-forwarded-for", "referer", "origin", "host",
    "traceparent", "tracestate", "baggage", "x-feature-signature", "x-api-key", "accept", "content-type", "prefer", "etag",
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
SECRET = re.compile(r"zq[0-9]{5}q[0-9]{6}")
"""Each request has its own, so that an answer can be seen to hold another's."""


class Breaking(MemoryStore):
    """A store that fails when told to, and quotes what it was asked for."""

    broken = ""

    def get(self, key: str, *, limit: int) -> bytes:
        if self.broken:
            raise StoreError(f"{key}: {self.broken}")
        return super().get(key, limit=limit)

    def keys(self, prefix: str) -> Iterator[str]:
        if self.broken:
            raise StoreError(f"{prefix}: {self.broken}")
        return super().keys(prefix)


def store() -> Breaking:
    """The models of the zoo, tickets with a shadow, and a model whose texts are kept as digests."""
    stocked = Breaking()
    zoo.release_all(stocked)
    beside(stocked, "1.3.0", lean=9.0)
    kept = dict.fromkeys(("title", "description", "customer_email"), "hash")
    for model, log in {"discreet": kept, "nothing": {}}.items():
        logged = canaries.logging(program(model=model), log) if log else program(model=model)
        release(stocked, "1.0.0", files() | {"program.safetensors": logged}, name=model)
    return stocked


class Witness:
    """A service in a process: what it writes, traces, measures and hands to the inference log."""

    def __init__(self, run: Run) -> None:
        self.store = store()
        self.serving: Serving = serving_over(self.store, with_shadows=True, admin=True, memory=1 << 30)
        self.written, self.kept = io.StringIO(), list[str]()
        self.spans, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.otel, self.meters = Otel(tracers, MeterProvider([self.reader], shutdown_on_exit=False)), Meters()
        with contextlib.redirect_stdout(self.written):
            self.telemetry = Telemetry(service=f"privacy-{run.seed}-{id(self)}", level="DEBUG", namespace="Firesteel")
        self.telemetry.keep = lambda model, when, line: self.kept.append(line)
        self.shadows = Shadows(self.serving, self.telemetry.shadowed)
        self.lane = Lane(self.serving, self.telemetry, after=self._after)

    def _after(self, request: Any, answer: Any) -> None:
        self.shadows.offer(request, answer)
        self.shadows.score()
        self.otel.observe(request, answer, 0.001)
        self.meters.observe(request, answer, 0.001)

    def ask(self, event: object, fault: str) -> tuple[dict[str, Any], str]:
        """The answer, and what was written meanwhile to standard output, standard error and by any logger."""
        begun, errors = self.written.tell(), io.StringIO()
        with contextlib.redirect_stdout(self.written), contextlib.redirect_stderr(errors), _crashing(self.store, fault):
            answer = self.lane(event, "lambda-1")
        self.written.seek(begun)
        written = self.written.read()
        if errors.getvalue():
            written += f"(on standard error:) {errors.getvalue()}"
        return answer, written

    def traced(self) -> str:
        """Everything that was told to a collector or counted; it is forgotten here."""
        spans = "".join(one.to_json() + str(one.context.trace_state) for one in self.spans.get_finished_spans())
        self.spans.clear()
        return (
            spans + str(self.reader.get_metrics_data()) + self.meters.text(self.serving).decode() + "".join(self.kept)
        )

    def close(self) -> None:
        self.otel.close()
        logging.getLogger(self.telemetry.logger.service).handlers.clear()


@contextlib.contextmanager
def _crashing(broken: Breaking, fault: str) -> Iterator[None]:
    """A predictor, or a store, that raises with the secret in its message."""
    if fault.startswith("predictor"):
        with patch.object(Predictor, "check", side_effect=ValueError(fault)):
            yield
    elif fault:
        broken.broken = fault
        browse_cache = patch.object(browse, "content", side_effect=StoreError(fault))
        with browse_cache:
            yield
        broken.broken = ""
    else:
        yield


def event(random: Random, secret: str) -> tuple[dict[str, Any], str]:
    """An event with the secret in one place or several, and the text of the fault that meets it, mostly none."""
    operation = random.choice(OPERATIONS)
    dressed = random.choice(SHAPES).replace("{}", secret)
    model = random.choice(list(MODELS))
    parameters = {"{name}": model, "{segment}": "qb", "{version}": "1.0.0", "{file}": "metrics.json"}
    path = operation.path
    for name, value in parameters.items():
        path = path.replace(name, dressed if random.random() < 0.1 else value)
    if random.random() < 0.1:
        path += random.choice(("/", "%", "?", "#")) + dressed
    sent = {name: random.choice((dressed, f"Bearer {dressed}", f"W/{dressed}")) for name in random.sample(HEADERS, 4)}
    if "x-request-id" in sent:  # one of an id's form is the caller's word for the request, and logged as that
        sent["x-request-id"] += "@"
    if random.random() < 0.8:
        sent["content-type"] = "application/json"
    if random.random() < 0.3:
        sent |= {"traceparent": f"00-{random.getrandbits(128) | 1:032x}-{random.getrandbits(64) | 1:016x}-01"}
        sent |= {"tracestate": f"vendor={secret}"}
    http = {"method": operation.method, "path": path, "sourceIp": random.choice(("10.0.0.2", dressed))}
    if random.random() < 0.05:
        http["method"] = random.choice((dressed, *METHODS))
    context = {**HTTP["requestContext"], "http": http, "authorizer": {"jwt": {"claims": {"sub": dressed}}}}
    made = {
        **HTTP,
        "requestContext": context,
        "headers": sent,
        "rawQueryString": f"q={dressed}&{dressed}=1&text={dressed}",
    }
    made["body"] = _body(random, MODELS[model], operation.name, dressed)
    chance = random.random()
    fault = f"predictor {dressed}" if chance < 0.1 else f"store {dressed}" if chance < 0.2 else ""
    return made, fault


def _body(random: Random, row: dict[str, Any], operation: str, dressed: str) -> str:
    """A body of the right shape with the secret in some fields, or of a wrong one."""
    changed = json.loads(json.dumps(row))
    for name in random.sample(list(changed), random.randrange(1, len(changed) + 1)):
        changed[name] = dressed
    if random.random() < 0.3:
        changed[dressed] = dressed
    body: Any = changed
    if "batch" in operation or operation == "classify_batch":
        body = random.choice(
            ({"rows": [row, changed]}, [row, changed], {"tickets": [row, changed]}, {"items": [changed]})
        )
    elif operation.startswith("v2"):
        columns = [
            {"name": name, "shape": [1], "datatype": "BYTES", "data": [value]} for name, value in changed.items()
        ]
        body = {"id": dressed, "inputs": columns, "parameters": {dressed: dressed}}
    elif operation == "feedback":
        body = {
            "request_id": dressed,
            "input": changed,
            "correct": {"priority": dressed},
            "who": dressed,
            "note": dressed,
        }
    text = json.dumps(body, ensure_ascii=random.random() < 0.5)
    match random.randrange(10):
        case 0:
            return text[: random.randrange(len(text) + 1)] + dressed
        case 1:
            return random.choice(
                (dressed, json.dumps(dressed), f"[{dressed}", '{"a": NaN, "b": "' + dressed + '"}', "[" * 99 + dressed)
            )
    return text
