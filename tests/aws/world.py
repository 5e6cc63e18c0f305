"""The functions with their roles, in a cloud that holds them to these; and an administrator's hands."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest

from firesteel.registry.seal import open_registry
from firesteel.registry.store import Store
from infra.cloud.stack import REGION, Stack
from tests.aws.iam import ADMIN, Door

ROOT = Path(__file__).resolve().parents[2]
EVENTS = ROOT / "events"
PARAMETERS = {
    "Admin": "on",
    "InferenceLog": "on",
    "Container": "fargate",
    "ContainerImage": "image",
    "ContainerSubnets": "subnet-0a1b2c3d",
    "ContainerSecurityGroups": "sg-0a1b2c3d",
}
STACK = Stack(ROOT / "template.yaml", "firesteel", PARAMETERS)
MODELS, INCOMING, WORK, MONITOR = (
    STACK.physical(name) for name in ("ModelBucket", "IncomingBucket", "WorkBucket", "MonitorBucket")
)

Workers = dict[str, subprocess.Popen[str]]


LONG_IMPORTS = {
    "TrainFunction": ("functions.train.tasks", "functions.train.release"),
    "ScoreFunction": ("numpy",),
    "RegistryFunction": ("boto3",),
    "SmokeFunction": ("boto3",),
}


class World:
    """The cloud of one scenario: its admin's hands, and the functions with their roles."""

    def __init__(self, url: str, door: Door, workers: Workers) -> None:
        self.door, self._url, self._workers = door, url, workers
        self.client = boto3.client(
            "s3", endpoint_url=url, region_name=REGION, aws_access_key_id=ADMIN, aws_secret_access_key="x"
        )
        for bucket in (MODELS, INCOMING, WORK, MONITOR):
            self.client.create_bucket(Bucket=bucket)
            self.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})

    def put(self, bucket: str, key: str, content: bytes) -> dict[str, Any]:
        """Puts an object as a person does; gives the event that tells of it."""
        told = self.client.put_object(Bucket=bucket, Key=key, Body=content)
        about = {"key": key, "version-id": told["VersionId"], "etag": told["ETag"].strip('"'), "size": len(content)}
        return {"detail": {"bucket": {"name": bucket}, "object": about}}

    def objects(self, bucket: str) -> list[str]:
        return [one["Key"] for one in self.client.list_objects_v2(Bucket=bucket).get("Contents", [])]

    @contextmanager
    def store(self, bucket: str = MODELS) -> Iterator[Store]:
        """A store as its administrator sees it."""
        with pytest.MonkeyPatch.context() as patch:
            for key, value in self._environment(ADMIN).items():
                patch.setenv(key, value)
            yield open_registry(f"s3://{bucket}")

    def invoke(self, logical: str, event: object, role: str = "", models: Path | None = None) -> Any:
        """What the function answers, with its role's rights. Raises Failed when it ends in an error.

        With `role`, the same code runs elsewhere, with that role's rights. `models` has definitions in place of ours.
        """
        function = STACK.function(logical)
        environment = function.environment | self._environment(role or logical.replace("Function", "Role"))
        if models:
            environment["LAMBDA_TASK_ROOT"] = str(models.parent)
        if "SMOKE_VERSION" in environment:
            environment["SMOKE_VERSION"] = f"{STACK.attribute('ClassifyFunction', 'Arn')}:1"
        asked = {"handler": function.handler, "environment": environment, "event": event}
        worker = self._worker(logical)
        assert worker.stdin
        assert worker.stdout
        worker.stdin.write(json.dumps(asked) + "\n")
        worker.stdin.flush()
        told = json.loads(worker.stdout.readline())
        if "error" in told:
            raise Failed(told["error"], told["message"])
        return told["answer"]

    def _worker(self, logical: str) -> subprocess.Popen[str]:
        if logical not in self._workers:
            command = [sys.executable, "-m", "tests.aws.forked", *LONG_IMPORTS.get(logical, ())]
            path = f"{ROOT}:{ROOT / 'layers/firesteel'}"
            environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, "HOME": os.environ.get("HOME", "/")}
            self._workers[logical] = subprocess.Popen(
                command, env=environment, text=True, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
        return self._workers[logical]

    def _environment(self, role: str) -> dict[str, str]:
        services = ("S3", "SFN", "LAMBDA", "CODEDEPLOY")
        addresses = {f"AWS_ENDPOINT_URL_{service}": self._url for service in services}
        keys = {"AWS_ACCESS_KEY_ID": role, "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": REGION}
        return addresses | keys | {"AWS_DEFAULT_REGION": REGION, "AWS_MAX_ATTEMPTS": "1"}


class Failed(Exception):  # noqa: N818 - it is how an invocation ends
    """The function raised this."""
