"""What the stack is, as CloudFormation gets it: buckets, functions, new code, parameters and outputs."""

import json
import re
import tomllib
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from firesteel.settings import Settings
from tests.aws.stacks import (
    BUCKETS,
    EVERYTHING,
    FUNCTIONS,
    KMS_KEY,
    PUBLIC_KEY,
    ROOT,
    TEMPLATE,
    deployed,
    of_type,
    stack,
)


@pytest.mark.parametrize("name", BUCKETS)
def test_the_buckets_are_private_versioned_encrypted_and_survive_the_stack(name: str) -> None:
    bucket = deployed()[name]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in bucket["Properties"]
    assert bucket["Properties"]["LifecycleConfiguration"]["Rules"]
    deny = deployed()[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"][0]
    assert (deny["Effect"], deny["Action"], deny["Condition"]) == (
        "Deny",
        "s3:*",
        {"Bool": {"aws:SecureTransport": False}},
    )
    assert deny["Resource"] == [{"Fn::GetAtt": [name, "Arn"]}, {"Fn::Sub": f"${{{name}.Arn}}/*"}]


def test_what_is_a_model_or_an_upload_is_never_expired() -> None:
    for name in ("ModelBucket", "IncomingBucket"):
        rules = stack().properties(name)["LifecycleConfiguration"]["Rules"]
        assert all("ExpirationInDays" not in rule for rule in rules)
    expiring = {
        name: {
            rule["Prefix"] for rule in stack().properties(name)["LifecycleConfiguration"]["Rules"] if "Prefix" in rule
        }
        for name in ("WorkBucket", "MonitorBucket")
    }
    assert expiring == {
        "WorkBucket": {"quarantine/", "claims/", "approvals/", "corrections/"},
        "MonitorBucket": {"inferences/", "errors/"},  # corrections and drift reports stay
    }


def test_what_is_about_people_is_gone_a_day_after_its_time() -> None:
    """With all its versions, and so is what was deleted because somebody asked for it."""
    rules = stack(InferenceRetentionDays="30").properties("MonitorBucket")["LifecycleConfiguration"]["Rules"]
    for prefix in ("inferences/", "errors/"):
        [rule] = [one for one in rules if one.get("Prefix") == prefix]
        assert (rule["ExpirationInDays"], rule["NoncurrentVersionExpiration"]) == ("30", {"NoncurrentDays": 1})
    least = yaml_parse(TEMPLATE.read_text())["Parameters"]["InferenceRetentionDays"]["MinValue"]
    days = json.loads(stack(**EVERYTHING).properties("DriftByTheClock")["Target"]["Input"])["days"]
    assert least > days, "drift looks at whole days"


def test_corrections_and_reports_are_added_never_replaced() -> None:
    _, create = stack().properties("MonitorBucketPolicy")["PolicyDocument"]["Statement"]
    assert create["Action"] == "s3:PutObject"
    assert [one.rpartition(":")[2] for one in create["Resource"]] == [
        "firesteel-monitorbucket/feedback/*",
        "firesteel-monitorbucket/drift/*",
    ]
    assert create["Condition"] == {"Null": {"s3:if-none-match": True}, "Bool": {"s3:ObjectCreationOperation": True}}


def test_models_are_added_never_replaced_and_aliases_never_deleted() -> None:
    _, create, delete = stack().properties("ModelBucketPolicy")["PolicyDocument"]["Statement"]
    assert create["Action"] == "s3:PutObject"
    assert create["Resource"].endswith("/models/*")
    assert create["Condition"] == {"Null": {"s3:if-none-match": True}, "Bool": {"s3:ObjectCreationOperation": True}}
    assert delete["Action"] == ["s3:DeleteObject", "s3:DeleteObjectVersion"]
    assert delete["Resource"].endswith("/models/*/aliases/*")


@pytest.mark.parametrize("parameters", [{}, EVERYTHING], ids=["default", "everything"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_setting_that_the_stack_gives_is_one_that_the_code_knows(name: str, parameters: dict[str, str]) -> None:
    Settings.read(stack(**parameters).function(name).environment)


@pytest.mark.parametrize("level", ["INFO", "ERROR"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_lambda_passes_metrics_on_at_every_level_and_keeps_the_sdk_quiet(name: str, level: str) -> None:
    """A metric's document says no level, which is INFO to Lambda; at DEBUG the AWS SDK logs whole requests."""
    made = stack(LogLevel=level)
    assert made.properties(name)["LoggingConfig"]["ApplicationLogLevel"] == "INFO"
    assert made.function(name).environment["FIRESTEEL_LOG_LEVEL"] == level


def test_nothing_secret_is_in_an_environment() -> None:
    made = stack(**EVERYTHING)
    given = {key: value for name in FUNCTIONS for key, value in made.function(name).environment.items()}
    telling = {key: value for key, value in given.items() if re.search("SECRET|TOKEN|PASSWORD|KEY|CREDENTIAL", key)}
    named = {
        "FIRESTEEL_PUBLIC_KEYS": PUBLIC_KEY,
        "FIRESTEEL_SIGNING_KEY": f"awskms:///{KMS_KEY}",
    }  # which never leaves KMS
    assert telling == named


def test_who_publishes_and_moves_aliases_signs_and_what_serves_knows_the_public_keys_alone() -> None:
    made = stack(**EVERYTHING)
    policy = made.properties("SigningPolicy")
    assert policy["PolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Action": ["kms:Sign", "kms:GetPublicKey"], "Resource": KMS_KEY}
    ]
    signing = {name for name in FUNCTIONS if "FIRESTEEL_SIGNING_KEY" in made.function(name).environment}
    assert signing == {"TrainFunction", "RegistryFunction", "GuardFunction"}
    assert set(policy["Roles"]) == {made.ref(f"{one}Role") for one in ("Registry", "Guard", "Train", "Container")}
    knowing = {name for name in FUNCTIONS if "FIRESTEEL_PUBLIC_KEYS" in made.function(name).environment}
    assert knowing == set(FUNCTIONS) - {"SmokeFunction"}  # it asks the function that serves, and reads no registry
    for key in (
        "FIRESTEEL_OLDEST_GENERATION",
        "FIRESTEEL_MODEL",
        "FIRESTEEL_ALIAS",
    ):  # or what was deleted is moved from
        assert {name for name in FUNCTIONS if key in made.function(name).environment} >= knowing
    said = [one for name, one in deployed(**EVERYTHING).items() if name.endswith("Role")]
    assert "kms:" not in json.dumps(said)


def test_without_a_key_nothing_signs_and_everything_is_read() -> None:
    made = stack()
    assert "SigningPolicy" not in made.resources
    for name in FUNCTIONS:
        read = Settings.read(made.function(name).environment)
        assert (read.public_keys, read.signing_key, read.oldest_generation) == ((), "", 0)


def test_every_function_is_traced_and_built_for_one_architecture() -> None:
    for name in FUNCTIONS:
        properties = deployed()[name]["Properties"]
        assert properties["TracingConfig"] == {"Mode": "Active"}
        assert properties["Architectures"] == [{"Ref": "Architecture"}]
    [layer] = of_type(deployed(), "AWS::Lambda::LayerVersion")
    assert layer["CompatibleArchitectures"] == [{"Ref": "Architecture"}]


@pytest.mark.parametrize("kind", yaml_parse(TEMPLATE.read_text())["Parameters"]["Deployment"]["AllowedValues"])
def test_new_code_is_tried_and_watched_before_it_takes_over(kind: str) -> None:
    made = stack(Deployment=kind)
    update = made.resources["ClassifyFunctionAliaslive"]["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"]
    assert update["BeforeAllowTrafficHook"] == {"Ref": "SmokeFunction"}
    group = made.properties("ClassifyFunctionDeploymentGroup")
    assert group["DeploymentConfigName"] == f"CodeDeployDefault.Lambda{kind}"
    watched = [alarm["Name"] for alarm in group["AlarmConfiguration"]["Alarms"]]
    assert watched == [made.ref("ClassifyErrors"), made.ref("ServerErrors")]
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_the_hook_tries_the_very_version_that_is_to_answer() -> None:
    made = stack()
    [version] = [name for name, one in made.resources.items() if one["Type"] == "AWS::Lambda::Version"]
    assert made.function("SmokeFunction").environment["SMOKE_VERSION"] == made.ref(version)


def parameters_in(value: Any) -> set[str]:
    """The parameters that a value refers to, also by a condition."""
    declared = yaml_parse(TEMPLATE.read_text())
    text = json.dumps(value)
    for name, condition in declared["Conditions"].items():
        if f'"Fn::If": ["{name}"' in text:
            text += json.dumps(condition)
    return {name for name in declared["Parameters"] if re.search(rf'"Ref": "{name}"|\$\{{{name}\}}', text)}


def test_a_changed_parameter_of_the_function_is_a_new_version() -> None:
    """CloudFormation replaces a version with another description; nothing else tells it that a parameter changed."""
    made = deployed()
    [version] = of_type(made, "AWS::Lambda::Version")
    versioned = {
        key: value
        for key, value in made["ClassifyFunction"]["Properties"].items()
        if key not in ("ReservedConcurrentExecutions", "Layers", "Code")
    }
    assert parameters_in(versioned) == parameters_in(version["Description"])
    assert len(stack(**EVERYTHING).of_type("AWS::Lambda::Version").popitem()[1]["Description"]) < 256
    template = yaml_parse(TEMPLATE.read_text())["Resources"]
    assert template["FiresteelLayer"]["Properties"]["PublishLambdaVersion"] is True
    assert template["ClassifyFunction"]["Properties"]["AutoPublishAliasAllProperties"] is True


def test_snapshots_and_reserved_concurrency_are_there_when_asked_for() -> None:
    plain, asked = (made.properties("ClassifyFunction") for made in (stack(), stack(**EVERYTHING)))
    assert (plain["SnapStart"], asked["SnapStart"]) == ({"ApplyOn": "None"}, {"ApplyOn": "PublishedVersions"})
    assert "ReservedConcurrentExecutions" not in plain
    assert asked["ReservedConcurrentExecutions"] == "7"
    plain, asked = (made.properties("MonitorFunction") for made in (stack(), stack(**EVERYTHING)))
    assert "ReservedConcurrentExecutions" not in plain
    assert asked["ReservedConcurrentExecutions"] == "3"


def test_every_parameter_is_described_bounded_and_in_a_group() -> None:
    template = yaml_parse(TEMPLATE.read_text())
    groups = template["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(template["Parameters"])
    for name, parameter in template["Parameters"].items():
        assert parameter["Description"], name
        assert "Default" in parameter, name
        if name != "ContainerImage":
            assert {"AllowedValues", "AllowedPattern", "MinValue"} & parameter.keys(), name
        if pattern := parameter.get("AllowedPattern"):
            assert re.search(pattern, str(parameter["Default"])), name
            assert parameter["ConstraintDescription"], name


def test_what_does_not_go_together_is_refused_before_anything_is_made() -> None:
    rules = yaml_parse(TEMPLATE.read_text())["Rules"]
    assert all(one["AssertDescription"] for rule in rules.values() for one in rule["Assertions"])
    snapshot = rules["ASnapshotHasNoShadow"]
    assert snapshot["RuleCondition"] == {"Fn::Equals": [{"Ref": "SnapStart"}, "on"]}
    assert [one["Assert"] for one in snapshot["Assertions"]] == [{"Fn::Equals": [{"Ref": "Shadow"}, "false"]}]
    lines = rules["AnInferenceLogNeedsLines"]
    assert lines["RuleCondition"] == {"Fn::Equals": [{"Ref": "InferenceLog"}, "on"]}
    assert [one["Assert"] for one in lines["Assertions"]] == [{"Fn::Equals": [{"Ref": "LogLevel"}, "INFO"]}]


def test_what_serves_the_public_knows_nothing_of_what_is_monitored() -> None:
    made = stack(**EVERYTHING)
    knowing = {name for name in FUNCTIONS if "FIRESTEEL_MONITOR" in made.function(name).environment}
    assert knowing == {"MonitorFunction", "TrainFunction"}
    assert {name for name in FUNCTIONS if "FIRESTEEL_ADMIN" in made.function(name).environment} == {"MonitorFunction"}
    assert made.function("MonitorFunction").environment["FIRESTEEL_ADMIN"] == "true"
    assert stack().function("MonitorFunction").environment["FIRESTEEL_ADMIN"] == "false"


def test_the_train_function_has_room_for_every_upload_that_is_not_too_large() -> None:
    largest = yaml_parse(TEMPLATE.read_text())["Parameters"]["LargeMiB"]["MaxValue"]
    assert largest + 100 <= stack().properties("TrainFunction")["EphemeralStorage"]["Size"]


def test_the_outputs_name_the_urls_and_the_next_command() -> None:
    outputs = yaml_parse(TEMPLATE.read_text())["Outputs"]
    assert all(one["Description"] for one in outputs.values())
    said = {name: stack().resolve(one["Value"]) for name, one in outputs.items() if "Condition" not in one}
    assert said["ApiUrl"].startswith("https://")
    assert said["NextTrain"] == "aws s3 cp tickets.csv s3://firesteel-incomingbucket/incoming/tickets/"
    assert "firesteel retrain tickets --data s3://firesteel-incomingbucket/incoming/tickets/" in said["NextRetrain"]
    assert '-H "x-amz-security-token: $AWS_SESSION_TOKEN" ' in said["NextAsk"]  # credentials of a role are temporary
    environment = {
        "FIRESTEEL_" + match[1]: said[name]
        for name, one in outputs.items()
        if (match := re.search(r"FIRESTEEL_(\w+) of the command line", one["Description"]))
    }
    assert len(environment) == 8
    Settings.read({key: value for key, value in environment.items() if re.search("MACHINE|STORE|MONITOR", key)})


@pytest.mark.parametrize("stage", ["dev", "staging", "prod"])
def test_each_stage_of_samconfig_is_a_stack_of_its_own_with_values_that_are_allowed(stage: str) -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    deploy = config[stage]["deploy"]["parameters"]
    assert deploy["stack_name"] == f"firesteel-{stage}"
    assert deploy["capabilities"] == "CAPABILITY_IAM"
    declared = yaml_parse(TEMPLATE.read_text())["Parameters"]
    values = dict(one.split("=", 1) for one in deploy["parameter_overrides"].split())
    assert "Auth" not in values  # closed, as the template has it
    for name, value in values.items():
        allowed = declared[name].get("AllowedValues")
        assert allowed is None or value in [str(one) for one in allowed]
    stack(**values)


def test_one_stage_sets_the_role_that_a_region_has_one_of() -> None:
    config = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = {
        stage: config[stage]["deploy"]["parameters"]["parameter_overrides"] for stage in ("dev", "staging", "prod")
    }
    assert [stage for stage, given in overrides.items() if "GatewayLogging=leave" not in given.split()] == ["dev"]
