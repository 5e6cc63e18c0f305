"""The app under uvicorn: what Lambda and API Gateway do elsewhere stands here before it.

`Front` refuses strange hosts, limits each client's rate, answers the operations of the table directly, lets the app
make the pages, and sees to it that every request has its log line and its place in the metrics.
"""

import asyncio
import gc
import logging
import math
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from threading import Thread

import uvicorn
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from firesteel.monitor import spool
from firesteel.registry.store import open_store
from firesteel.settings import Settings
from functions.classify import answers, app, fetch, loopback, operations, otel, refresh
from functions.classify.answers import Answer, Refused
from functions.classify.asgi import App, Receive, Scope, Send, read_body, request_of, send_answer
from functions.classify.events import Request
from functions.classify.meters import Meters
from functions.classify.models import programs_within
from functions.classify.serving import KEY, SIGNATURE, Serving, over
from functions.classify.shadow import Shadows
from functions.classify.telemetry import Telemetry

METRICS = "/metrics"
MEMORY = "memory://"
_PAGES = operations.PAGES | {METRICS}
_REQUEST_ID = answers.REQUEST_ID.encode()
_PROBES = {"/health", "/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"}
_WORTH_PACKING = 4096  # bytes, as in template.yaml
_NEVER_LIMITED = _PROBES | {METRICS, "/"}
_PREDICTING = {one.name for one in operations.OPERATIONS if one.method == "POST"} - {"feedback", "v2_index"}
_SIGNED = ["authorization", "x-api-key", "x-amz-date", "x-amz-security-token"]  # what a page of another origin may send


class RateLimit:
    """At most `amount` requests of one client in any `seconds`; 0 is no limit."""

    def __init__(self, amount: int, seconds: int) -> None:
        self._item = RateLimitItemPerSecond(amount, seconds) if amount else None
        self._windows = MovingWindowRateLimiter(MemoryStorage())

    def check(self, request: Request) -> None:
        """Raises Refused: `rate_limited`, with the seconds until there is room again."""
        if self._item is None or request.path in _NEVER_LIMITED or self._windows.hit(self._item, request.client):
            return
        reset = self._windows.get_window_stats(self._item, request.client).reset_time
        wait = max(1, math.ceil(reset - time.time()))
        raise Refused("rate_limited", headers={"retry-after": str(wait)})


class Front:
    """The outermost ASGI app but for CORS."""

    def __init__(
        self,
        inner: App,
        serving: Serving,
        telemetry: Telemetry,
        meters: Meters,
        limit: RateLimit,
        traces: otel.Otel | None = None,
        *,
        is_local: bool = False,
    ) -> None:
        """One that `is_local` is asked by this machine's own names alone."""
        self._inner, self._serving, self._telemetry, self._meters = inner, serving, telemetry, meters
        self._limit, self._traces, self._is_local = limit, traces, is_local
        self._predicting = ThreadPoolExecutor(thread_name_prefix="predicting")
        self._reading = ThreadPoolExecutor(thread_name_prefix="reading")
        self._shadows = Shadows(serving, telemetry.shadowed)
        Thread(target=self._shadows.run, name="shadows", daemon=True).start()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        started = time.perf_counter()
        request = request_of(scope)
        try:
            if self._is_local and not loopback.is_meant(request.headers.get("host", "")):
                raise Refused("misdirected_request")
            self._limit.check(request)
        except Refused as refused:
            answer = answers.refuse(refused, request)
            await send_answer(send, answer)
        else:
            is_page = request.method == "GET" and request.path in _PAGES
            answer = await (self._page if is_page else self._operate)(request, scope, receive, send)
        seconds = time.perf_counter() - started
        self._meters.observe(request, answer, seconds)
        if self._traces:
            self._traces.observe(request, answer, seconds)
        self._telemetry.answered(request, answer, seconds)

    async def _operate(self, request: Request, _: Scope, receive: Receive, send: Send) -> Answer:
        """Scoring one row takes less than handing it to a thread; what is slow must not hold up the others.

        What waits for a store waits in threads of its own: however many do, models in memory go on predicting.
        """
        try:
            if request.path == METRICS:
                raise Refused("method_not_allowed", headers={"allow": "GET"})
            operation, given = operations.find(request.method, request.path)
        except Refused as refused:
            answer = answers.refuse(refused, request)
        else:
            request = request._replace(body=await read_body(receive, operation.body_limit))
            if operation.slow or not self._serving.is_quick:
                predicts = operation.name in _PREDICTING and self._serving.is_warm(request._replace(parameters=given))
                pool = self._predicting if predicts else self._reading
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(pool, operations.respond, request, self._serving)
            else:
                answer = operations.respond(request, self._serving)
        await send_answer(send, answer)
        self._shadows.offer(request, answer)
        return answer

    async def _page(self, request: Request, scope: Scope, receive: Receive, send: Send) -> Answer:
        """Let the app answer, under the same request id."""
        others = [header for header in scope["headers"] if header[0].lower() != _REQUEST_ID]
        identified = {**scope, "headers": [*others, (_REQUEST_ID, request.request_id.encode())]}
        facts = {"route": request.path}
        try:
            await self._inner(identified, receive, send)
        except Exception as error:  # noqa: BLE001 - the app has sent its 500 and raises what it was, for the log
            return Answer(500, {}, b"", {**facts, "code": "internal_error", "error": error})
        return Answer(200, {}, b"", facts)


def create(settings: Settings, telemetry: Telemetry) -> App:
    """The app with all that stands before it, its model loaded if there is one. Reads the registry."""
    meters = Meters()
    serving = over(
        fetch.Source.configured(settings, with_shadows=True),
        ttl=settings.refresh_seconds,
        memory=programs_within(settings.models_mib),
        on_failure=telemetry.refresh_failed,
        run=refresh.run_aside,
        monitor=settings.monitor,
        admin=settings.admin,
    )
    serving.freshness.start()
    service = app.create(serving)

    async def metrics(http: HttpRequest) -> Response:
        return app.identified(http, Response(meters.text(serving), media_type=meters.media_type))

    service.add_api_route(
        METRICS, metrics, methods=["GET"], response_class=Response, summary="Metrics", tags=["service"]
    )
    limit = RateLimit(settings.rate_limit, settings.rate_window_seconds)
    is_local = settings.admin and loopback.is_own(settings.host)
    front = Front(service, serving, telemetry, meters, limit, otel.start(settings.service), is_local=is_local)
    packed = _packing(front)
    return _cors(packed, settings) if settings.cors_origins else packed


def _packing(front: Front) -> App:
    """The page is packed for who asks for it, as API Gateway packs it; answers are too short to gain by it."""
    packing = GZipMiddleware(front, minimum_size=_WORTH_PACKING)

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        await (packing if scope.get("path") == "/" else front)(scope, receive, send)

    return service


def _cors(service: App, settings: Settings) -> App:
    return CORSMiddleware(
        service,
        allow_origins=settings.cors_origins,
        allow_credentials=settings.cors_credentials,
        allow_methods=["GET", "POST"],
        allow_headers=["content-type", "x-request-id", SIGNATURE, KEY, *_SIGNED],
        expose_headers=answers.EXPOSED.split(", "),
    )


def run(settings: Settings) -> None:
    """Serve until interrupted: one process, one event loop. Raises SystemExit when the port is taken.

    What models answer goes to the inference log of FIRESTEEL_MONITOR; memory:// would not outlive us, so it gets none.
    """
    telemetry = Telemetry(service=settings.service, level=settings.log_level)
    kept = None
    if settings.monitor != MEMORY:
        store = cache(lambda: open_store(settings.monitor))
        kept = spool.Spool(spool.folder_of(settings.monitor), store, telemetry.troubled)
        telemetry.keep = kept.append
    config = uvicorn.Config(
        create(settings, telemetry),
        host=settings.host,
        port=settings.port,
        http="httptools",
        loop="uvloop",
        log_config=None,
        access_log=False,  # the log lines are our own
        server_header=False,
        proxy_headers=False,  # a client must not choose the address that its rate is limited by
        lifespan="off",
        timeout_graceful_shutdown=10,
    )
    for name in ("logAsyncioTasks", "logThreads", "logProcesses", "logMultiprocessing"):
        setattr(logging, name, False)  # what each record would look up, and no line says
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that it too ends below, and nowhere else
    if kept:
        kept.start()
    try:
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run()
    finally:
        if kept:
            kept.close()
