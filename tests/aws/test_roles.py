"""What the roles allow, as the template says it; test_policies.py tries each right."""

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import pytest

from firesteel.registry.names import alias_folder, version_folder
from tests.aws.stacks import (
    EVERYTHING,
    FUNCTIONS,
    MACHINES,
    NAMES,
    deployed,
    listed,
    of_type,
    stack,
)


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    assert "ManagedPolicyArns" not in role["Properties"]
    return [one for policy in role["Properties"]["Policies"] for one in policy["PolicyDocument"]["Statement"]]


def actions(role: dict[str, Any]) -> set[str]:
    named = [statement["Action"] for statement in statements(role)]
    return {action for one in named for action in (one if isinstance(one, list) else [one])}


OWN = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


def test_what_serves_the_public_can_neither_read_nor_write_what_is_monitored() -> None:
    reaching = {
        role for role in roles(**EVERYTHING) if "monitorbucket" in json.dumps(stack(**EVERYTHING).properties(role))
    }
    assert reaching == {"MonitorRole", "TrainRole", "InferenceStreamRole"}


def test_nobody_looks_back_while_admin_is_off() -> None:
    def reads(admin: str) -> set[str]:
        policies = stack(Admin=admin).properties("MonitorRole")["Policies"]
        said = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
        named = [key for one in said if "s3:GetObject" in listed(one["Action"]) for key in listed(one["Resource"])]
        return {key.partition("monitorbucket/")[2] for key in named if "monitorbucket" in key}

    assert reads("off") == {"feedback/*"}
    assert reads("on") == {"feedback/*", "inferences/*", "drift/*"}


def test_who_lists_what_is_monitored_says_which_part_of_it() -> None:
    """No listing without a prefix: one would name what Firehose could not sort, too."""
    made = stack(**EVERYTHING)
    listing = {
        role: one["Condition"]
        for role in ("MonitorRole", "TrainRole")
        for policy in made.properties(role)["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
        if "s3:ListBucket" in listed(one["Action"]) and "monitorbucket" in one["Resource"]
    }
    known = {"StringLike": {"s3:prefix": ["inferences/*", "feedback/*", "drift/*"]}}
    assert listing == {"MonitorRole": known, "TrainRole": known}


def test_lines_are_handed_on_by_services_that_act_for_this_account() -> None:
    made = stack(**EVERYTHING)
    trusted = {
        role: made.properties(role)["AssumeRolePolicyDocument"]["Statement"][0]
        for role in ("InferenceLinesRole", "InferenceStreamRole")
    }
    assert {role: (one["Principal"], one["Condition"]) for role, one in trusted.items()} == {
        "InferenceLinesRole": (
            {"Service": "logs.amazonaws.com"},
            {"StringLike": {"aws:SourceArn": "arn:aws:logs:us-east-1:123456789012:*"}},
        ),
        "InferenceStreamRole": (
            {"Service": "firehose.amazonaws.com"},
            {"StringEquals": {"sts:ExternalId": "123456789012"}},
        ),
    }
    [policy] = made.properties("InferenceLinesRole")["Policies"]
    [hand] = policy["PolicyDocument"]["Statement"]
    assert hand["Resource"] == made.attribute("InferenceStream", "Arn")


def test_classify_can_read_models_and_nothing_else() -> None:
    role = deployed()["ClassifyRole"]
    assert actions(role) == OWN | {"s3:GetObject", "s3:ListBucket"}
    [read] = [one for one in statements(role) if one["Action"] == "s3:GetObject"]
    assert read["Resource"] == {"Fn::Sub": "${ModelBucket.Arn}/models/*"}
    [browse] = [one for one in statements(role) if one["Action"] == "s3:ListBucket"]
    assert browse["Condition"] == {"StringLikeIfExists": {"s3:prefix": "models/*"}}


def writes(role: str, **parameters: str) -> set[str]:
    """The objects that a role may write or delete, as patterns."""
    found = set()
    for policy in stack(**parameters).properties(role).get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            changing = [one for one in listed(statement["Action"]) if re.match(r"s3:(?!Get|List)|\*", one)]
            found |= set(listed(statement["Resource"])) if changing else set()
    return {one.removeprefix("arn:aws:s3:::firesteel-") for one in found}


def roles(**parameters: str) -> list[str]:
    return [name for name, one in stack(**parameters).resources.items() if one["Type"] == "AWS::IAM::Role"]


def test_each_role_writes_what_it_must_and_nothing_else() -> None:
    written = {role: writes(role, **EVERYTHING) for role in roles(**EVERYTHING)}
    assert {role: keys for role, keys in written.items() if keys} == {
        "RegistryRole": {"modelbucket/models/*/aliases/*"},
        "GuardRole": {"modelbucket/models/tickets/aliases/latest/*"},
        "TrainRole": {
            "modelbucket/models/*/v*.*.*/*",
            "modelbucket/models/*/aliases/latest/*",
            "workbucket/claims/*",
            "workbucket/corrections/*",
            "workbucket/quarantine/*",
            "workbucket/approvals/*",
            "monitorbucket/drift/*",
        },
        "MonitorRole": {"monitorbucket/feedback/*"},
        "InferenceStreamRole": {"monitorbucket/inferences/*", "monitorbucket/errors/*"},
        "ContainerRole": {"modelbucket/models/*/v*.*.*/*", "workbucket/quarantine/*"},
        "ScoreRole": {"workbucket/batch/*"},
    }


MOVES = [  # what the names of models, segments and aliases may look like, at their worst
    alias_folder(model, alias) + "0000000001.json"
    for model in ("tickets", "recruits/qb", "recruits/vets", "v1-0-0/v2-0-0")
    for alias in ("latest", "stable", "vnext", "v1-0-0")
]


@pytest.mark.parametrize(
    ("role", "moved"), [("ContainerRole", []), ("TrainRole", [one for one in MOVES if "/latest/" in one])]
)
def test_what_trains_adds_versions_and_moves_no_alias_but_latest(role: str, moved: list[str]) -> None:
    patterns = [f"firesteel-{one}" for one in writes(role, **EVERYTHING) if one.startswith("modelbucket/")]

    def may(key: str) -> bool:
        return any(fnmatchcase(f"firesteel-modelbucket/{key}", one) for one in patterns)

    assert [one for one in MOVES if may(one)] == moved
    for model in ("tickets", "recruits/qb"):
        assert may(f"{version_folder(model, '1.20.3')}program.safetensors")


def test_nothing_here_can_start_a_training_of_its_own_accord() -> None:
    """Uploads start trainings, and only one bucket tells of uploads: no role may write to it, no machine names it."""
    everything = stack(**EVERYTHING)
    telling = {
        name for name, bucket in everything.of_type("AWS::S3::Bucket").items() if "NotificationConfiguration" in bucket
    }
    assert telling == {"IncomingBucket"}
    pattern = everything.properties("UploadArrives")["EventPattern"]
    assert pattern["detail"]["bucket"]["name"] == [everything.ref("IncomingBucket")]
    assert not [
        role for role in roles(**EVERYTHING) for key in writes(role, **EVERYTHING) if "incoming" in key or key == "*"
    ]
    for machine in MACHINES:
        definition = everything.machine(machine).definition
        assert everything.ref("IncomingBucket") not in definition
        assert "s3:put" not in definition.lower()
    for policy in ("ModelBucketPolicy", "IncomingBucketPolicy", "WorkBucketPolicy", "MonitorBucketPolicy"):
        assert {one["Effect"] for one in everything.properties(policy)["PolicyDocument"]["Statement"]} == {"Deny"}


def test_no_role_deletes_an_object_or_may_do_everything() -> None:
    everything = stack(**EVERYTHING)
    for role in roles(**EVERYTHING):
        for policy in everything.properties(role).get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                assert not [one for one in listed(statement["Action"]) if "*" in one or one.startswith("s3:Delete")]


UNBOUNDED = {  # what IAM can bind to no resource, or what has no name before it is made
    "xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
    "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
    "cloudwatch:DescribeAlarms", "batch:DescribeJobs", "batch:TerminateJob", "ecr:GetAuthorizationToken",
}  # fmt: skip


def test_every_action_names_its_resources_where_it_can() -> None:
    everything = stack(**EVERYTHING)
    unbounded = set()
    for role in roles(**EVERYTHING):
        for policy in everything.properties(role).get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                unbounded |= set(listed(statement["Action"])) if "*" in listed(statement["Resource"]) else set()
    assert unbounded == UNBOUNDED


def test_every_function_has_a_role_of_its_own() -> None:
    owned = {name: deployed()[name]["Properties"]["Role"]["Fn::GetAtt"][0] for name in FUNCTIONS}
    assert owned == {name: name.replace("Function", "Role") for name in FUNCTIONS}


def test_each_function_writes_only_its_own_log_which_is_not_kept_for_ever() -> None:
    made = deployed()
    for name in NAMES:
        own = made[f"{name}Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        [write] = [one for one in own if "logs:PutLogEvents" in one["Action"]]
        assert write["Resource"] == {"Fn::GetAtt": [f"{name}Logs", "Arn"]}
        assert made[f"{name}Function"]["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}
    for group in of_type(made, "AWS::Logs::LogGroup"):
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}
