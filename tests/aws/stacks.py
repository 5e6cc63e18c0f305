"""The template as tests ask for it: after SAM's transform, with references or resolved."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from infra.cloud.stack import Stack

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
NAMES = ("Classify", "Monitor", "Smoke", "Registry", "Guard", "Train", "Score")
FUNCTIONS = tuple(f"{name}Function" for name in NAMES)
MACHINES = {"RetrainMachine": "retrain", "BatchMachine": "batch"}
BUCKETS = ("ModelBucket", "IncomingBucket", "WorkBucket", "MonitorBucket")
PUBLIC_KEY = "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
KMS_KEY = "arn:aws:kms:eu-central-1:123456789012:key/0a1b2c3d-0a1b-0a1b-0a1b-0a1b2c3d4e5f"
EVERYTHING = {  # every part that is off by default
    "Container": "fargate",
    "ContainerImage": "123456789012.dkr.ecr.us-east-1.amazonaws.com/firesteel:1",
    "ContainerSubnets": "subnet-0a1b2c3d",
    "ContainerSecurityGroups": "sg-0a1b2c3d",
    "RetrainSchedule": "rate(7 days)",
    "InferenceLog": "on",
    "RetrainOnDrift": "on",
    "Page": "on",
    "Admin": "on",
    "AlarmEmail": "somebody@example.com",
    "WebAcl": "own",
    "DomainName": "api.example.com",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/0a1b",
    "CorsOrigins": "https://example.com,https://www.example.com",
    "SnapStart": "on",
    "ReservedConcurrency": "7",
    "MonitorConcurrency": "3",
    "PublicKeys": PUBLIC_KEY,
    "SigningKeyArn": KMS_KEY,
    "OldestGeneration": "4",
}
Resources = dict[str, dict[str, Any]]


class NoManagedPolicies:
    """The transform asks for AWS's managed policies by name; this stack uses none."""

    def load(self) -> dict[str, str]:
        return {}


@cache
def deployed(**parameters: str) -> Resources:
    template = yaml_parse(TEMPLATE.read_text())
    for name in ("FiresteelLayer", *FUNCTIONS):
        uri = "ContentUri" if name.endswith("Layer") else "CodeUri"
        template["Resources"][name]["Properties"][uri] = "s3://artifacts/archive.zip"  # what `sam package` puts there
    for name in MACHINES:
        template["Resources"][name]["Properties"]["DefinitionUri"] = "s3://artifacts/machine.json"
    values = {name: str(one["Default"]) for name, one in template["Parameters"].items()} | parameters
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        resources: Resources = transform(template, values, NoManagedPolicies())["Resources"]
    return resources


@cache
def stack(**parameters: str) -> Stack:
    """The stack with every reference resolved."""
    return Stack(TEMPLATE, "firesteel", parameters)


def of_type(resources: Resources, kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
