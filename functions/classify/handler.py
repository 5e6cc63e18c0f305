"""Wiring: the environment -> settings -> registry -> lane. All of it happens at import, which Lambda calls init.

The order of the lines is the cold start: the bundle is on its way in a thread while numpy and Powertools are imported.
"""

import os

from firesteel.settings import Settings
from functions.classify import coldstart, fetch

coldstart.begin(os.environ)
_settings = Settings.read(os.environ)
_source = fetch.Source.configured(_settings, with_shadows=_settings.shadow)
_newest = fetch.Ahead(_source.newest)

from functions.classify.lane import Lane  # noqa: E402 - the bundle comes first
from functions.classify.models import programs_within  # noqa: E402
from functions.classify.serving import over  # noqa: E402
from functions.classify.telemetry import Telemetry  # noqa: E402

_telemetry = Telemetry(service=_settings.service, level=_settings.log_level, namespace=_settings.metrics_namespace)
_telemetry.logger.append_keys(
    function_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME"),
    function_version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION"),
)
_serving = over(
    _source,
    ttl=_settings.refresh_seconds,
    memory=programs_within(_settings.models_mib),
    on_failure=_telemetry.refresh_failed,
    monitor=_settings.monitor,
    admin=_settings.admin,
)
_serving.freshness.start(_newest.result)
_after = None
if _settings.shadow:
    from functions.classify import extension, shadow

    _shadows = shadow.Shadows(_serving, _telemetry.shadowed)
    _after = extension.started(os.environ.get("AWS_LAMBDA_RUNTIME_API", ""), _shadows, _telemetry.logger.error)
_initialization = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
if _initialization == "snap-start":
    from snapshot_restore_py import register_after_restore

    # The snapshot may be days old: its connections and credentials are dead, and the alias may have moved on.
    register_after_restore(_source.reconnect)
    register_after_restore(_serving.expire)
_lane = Lane(
    _serving,
    _telemetry,
    cold_start=_initialization != "provisioned-concurrency",
    after=_after,
    origins=_settings.cors_origins,
)
coldstart.end()


def handler(event: object, context: object) -> dict[str, object]:
    """Answers one event of API Gateway (REST or HTTP API), a function URL or an Application Load Balancer."""
    return _lane(event, getattr(context, "aws_request_id", ""))
