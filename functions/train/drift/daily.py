"""The drift task: a look at a model, or at each of its segments, whose reports are kept and counted as metrics."""

from datetime import UTC, datetime
from typing import Any

from firesteel.errors import DataError
from firesteel.monitor import reports
from firesteel.registry.store import Store, open_store
from firesteel.settings import Settings
from functions.train.deployment import Deployment, text
from functions.train.drift import html
from functions.train.drift.look import MOST_DAYS, look, watched

DAYS = 7


def drift(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    """Look at {"model", "run", "days"?, "now"?}. A run that comes again finds what it left, and counts it again.

    Returns {model, looked: [{model, version, state, rows, drifted, key}], metrics: [a document in the Embedded Metric Format
    for each]}. Raises DataError, NotFoundError for a model without a baseline, IntegrityError, StoreError.
    """
    model, run = text(task, "model"), text(task, "run")
    days, until = _days(task.get("days", DAYS)), _time(task.get("now"))
    monitor, looked, metrics = open_store(deployment.settings.monitor), [], []
    for address in watched(deployment.registry, model):
        key, report = _look(deployment.registry, monitor, address, run, days, until)
        looked.append({"model": address, "key": key, **{name: report[name] for name in _TOLD}})
        metrics.append(measured(deployment.settings, report, until))
    if model not in [one["model"] for one in looked]:  # who watches a model watches its segments
        metrics.append(measured(deployment.settings, _together(model, looked), until))
    return {"model": model, "looked": looked, "metrics": metrics}


_TOLD = ("version", "state", "rows", "drifted")


def _together(model: str, looked: list[dict[str, Any]]) -> dict[str, Any]:
    """What the looks at a model's segments say of the model: one that drifts is enough."""
    states = {one["state"] for one in looked}
    return {
        "model": model,
        "state": next(state for state in ("DRIFT", "OK", "INSUFFICIENT_DATA") if state in states),
        "rows": sum(one["rows"] for one in looked),
        "drifted": [f"{one['model']}: {name}" for one in looked for name in one["drifted"]],
    }


def measured(settings: Settings, report: dict[str, Any], when: datetime) -> dict[str, Any]:
    """The metrics of a look. Without enough data it says how many rows there were, and nothing of drift."""
    values = {"DriftRows": report["rows"]}
    if report["state"] != "INSUFFICIENT_DATA":
        values |= {"DriftedFields": len(report["drifted"]), "Drift": int(report["state"] == "DRIFT")}
    directive = {
        "Namespace": settings.metrics_namespace,
        "Dimensions": [["service", "model"]],
        "Metrics": [{"Name": name, "Unit": "Count"} for name in values],
    }
    about = {"Timestamp": int(when.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    return {"_aws": about, "service": settings.service, "model": report["model"], **values}


def _look(
    registry: Store, monitor: Store, address: str, run: str, days: int, until: datetime
) -> tuple[str, dict[str, Any]]:
    if found := reports.of_run(monitor, address, run):
        return found
    report = look(registry, monitor, address, until=until, days=days, run=run)
    return reports.publish(monitor, address, until, report, html.page(report)), report


def _days(value: object) -> int:
    if type(value) is not int or not 1 <= value <= MOST_DAYS:
        raise DataError(f"the task's days are a whole number from 1 to {MOST_DAYS}")
    return value


def _time(value: object) -> datetime:
    """`value` in ISO 8601, else now; in whole seconds, as reports are called."""
    try:
        when = datetime.now(UTC) if value is None else datetime.fromisoformat(str(value))
    except ValueError:
        raise DataError("the task's now is a time in ISO 8601, like 2026-11-21T06:00:00Z") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
