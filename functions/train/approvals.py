"""Waiting for a person: what `firesteel approve` needs to go on with an execution that asks for approval."""

from typing import Any

from firesteel.registry import names, record
from functions.train.deployment import Deployment, text
from functions.train.upload import replace


def ask(deployment: Deployment, task: dict[str, Any]) -> dict[str, Any]:
    """Leave the token of a waiting execution in the work bucket, where the registry function finds it.

    Asked again, the newest token is the one that is waited for: it takes the place of the one before.
    """
    address, version = text(task, "address"), text(task, "version")
    names.version_folder(address, version)  # refuses what is no model or no version
    key = f"approvals/{address}/{version}.json"
    approval = {
        "format": record.FORMAT,
        "model": address,
        "version": version,
        "token": text(task, "token"),
        "run": text(task, "run"),
        "when": record.timestamp(),
    }
    replace(deployment.settings.work, key, record.encode(approval))
    return {"key": key}
