"""What the stack is, as CloudFormation gets it: the template after SAM's own transform."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from tests.aws.conftest import SAM, sam

TEMPLATE = Path(__file__).resolve().parents[2] / "template.yaml"
FUNCTIONS = ("ClassifyFunction", "RegistryFunction", "TrainFunction")
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
    values = {name: str(one["Default"]) for name, one in template["Parameters"].items()} | parameters
    resources: Resources = transform(template, values, NoManagedPolicies())["Resources"]
    return resources


@pytest.fixture
def resources(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Resources]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    return deployed


def of_type(resources: Resources, kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    assert "ManagedPolicyArns" not in role["Properties"]
    return [one for policy in role["Properties"]["Policies"] for one in policy["PolicyDocument"]["Statement"]]


def actions(role: dict[str, Any]) -> set[str]:
    named = [statement["Action"] for statement in statements(role)]
    return {action for one in named for action in (one if isinstance(one, list) else [one])}


@pytest.mark.slow
def test_sam_finds_nothing_to_complain_about() -> None:
    assert SAM.exists(), "`make .venv-sam/ready` installs SAM"
    outcome = sam("validate", "--lint")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_the_api_asks_for_signed_requests_unless_it_is_opened(resources: Callable[..., Resources]) -> None:
    parameter = yaml_parse(TEMPLATE.read_text())["Parameters"]["ApiAuth"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("AWS_IAM", ["AWS_IAM", "NONE"])
    paths = resources()["Api"]["Properties"]["Body"]["paths"]
    assert set(paths) == {"/", "/{proxy+}"}
    for methods in paths.values():
        [method] = methods.values()
        assert method["x-amazon-apigateway-auth"] == {"type": {"Ref": "ApiAuth"}}
        assert calls(method, "ClassifyFunction")


def calls(method: dict[str, Any], function: str) -> bool:
    uri: str = method["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    return f"/functions/${{{function}.Arn}}/invocations" in uri


@pytest.mark.parametrize("auth", ["AWS_IAM", "NONE"])
def test_no_parameter_opens_the_api_that_moves_aliases(resources: Callable[..., Resources], auth: str) -> None:
    stack = resources(ApiAuth=auth)
    paths = stack["RegistryApi"]["Properties"]["Body"]["paths"]
    assert {path: set(methods) for path, methods in paths.items()} == {"/models/{proxy+}": {"post"}}
    method = paths["/models/{proxy+}"]["post"]
    assert method["x-amazon-apigateway-auth"] == {"type": "AWS_IAM"}
    assert calls(method, "RegistryFunction")
    assert len(of_type(stack, "AWS::ApiGateway::RestApi")) == 2


def test_bodies_reach_the_public_function_as_they_were_sent(resources: Callable[..., Resources]) -> None:
    assert resources()["Api"]["Properties"]["Body"]["x-amazon-apigateway-binary-media-types"] == ["*/*"]


@pytest.mark.parametrize("api", ["Api", "RegistryApi"])
def test_opening_or_closing_the_api_reaches_the_stage(api: str) -> None:
    assert yaml_parse(TEMPLATE.read_text())["Resources"][api]["Properties"]["AlwaysDeploy"] is True


def test_only_its_own_api_may_call_a_function(resources: Callable[..., Resources]) -> None:
    allowed = {
        permission["FunctionName"]["Ref"]: (
            permission["Principal"],
            permission["SourceArn"]["Fn::Sub"].rpartition(":")[2],
        )
        for permission in of_type(resources(), "AWS::Lambda::Permission")
    }
    assert allowed == {
        "ClassifyFunction": ("apigateway.amazonaws.com", "${Api}/${StageName}/*"),
        "RegistryFunction": ("apigateway.amazonaws.com", "${RegistryApi}/${StageName}/POST/models/*"),
    }


def test_the_apis_are_throttled_and_never_log_bodies(resources: Callable[..., Resources]) -> None:
    stages = of_type(resources(), "AWS::ApiGateway::Stage")
    assert {stage["RestApiId"]["Ref"] for stage in stages} == {"Api", "RegistryApi"}
    for stage in stages:
        [settings] = stage["MethodSettings"]
        assert (settings["ResourcePath"], settings["HttpMethod"]) == ("/*", "*")
        assert settings["DataTraceEnabled"] is False
        limits = settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]
        if stage["RestApiId"]["Ref"] == "Api":
            assert limits == ({"Ref": "RequestsPerSecond"}, {"Ref": "RequestsAtOnce"})
        else:
            assert limits == (2, 5)


def test_classify_can_read_models_and_nothing_else(resources: Callable[..., Resources]) -> None:
    role = resources()["ClassifyRole"]
    assert actions(role) == {"logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "s3:ListBucket"}
    [read] = [one for one in statements(role) if one["Action"] == "s3:GetObject"]
    assert read["Resource"] == {"Fn::Sub": "${ModelBucket.Arn}/models/*"}
    [browse] = [one for one in statements(role) if one["Action"] == "s3:ListBucket"]
    assert browse["Condition"] == {"StringLikeIfExists": {"s3:prefix": "models/*"}}


def test_registry_adds_to_aliases_and_to_nothing_else(resources: Callable[..., Resources]) -> None:
    role = resources()["RegistryRole"]
    reading = {"logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "s3:ListBucket"}
    assert actions(role) == reading | {"s3:PutObject"}
    [write] = [one for one in statements(role) if one["Action"] == "s3:PutObject"]
    assert write["Resource"] == {"Fn::Sub": "${ModelBucket.Arn}/models/*/aliases/*"}
    [read] = [one for one in statements(role) if one["Action"] == "s3:GetObject"]
    assert read["Resource"] == {"Fn::Sub": "${ModelBucket.Arn}/models/*"}


def test_every_function_has_a_role_of_its_own(resources: Callable[..., Resources]) -> None:
    roles = {name: resources()[name]["Properties"]["Role"]["Fn::GetAtt"][0] for name in FUNCTIONS}
    assert roles == {name: name.replace("Function", "Role") for name in FUNCTIONS}


def test_train_adds_to_models_and_can_delete_nothing(resources: Callable[..., Resources]) -> None:
    role = resources()["TrainRole"]
    assert not any("Delete" in action or "*" in action for action in actions(role))
    [write] = [one for one in statements(role) if one["Action"] == "s3:PutObject"]
    assert write["Resource"] == {"Fn::Sub": "${ModelBucket.Arn}/models/*"}


def test_each_function_writes_only_its_own_log_which_is_not_kept_for_ever(resources: Callable[..., Resources]) -> None:
    stack = resources()
    for name in ("Classify", "Registry", "Train"):
        [write] = [one for one in statements(stack[f"{name}Role"]) if "logs:PutLogEvents" in one["Action"]]
        assert write["Resource"] == {"Fn::GetAtt": [f"{name}Logs", "Arn"]}
        assert stack[f"{name}Function"]["Properties"]["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}Logs"}
        assert "RetentionInDays" in stack[f"{name}Logs"]["Properties"]


def test_the_bucket_is_private_versioned_encrypted_and_survives_the_stack(resources: Callable[..., Resources]) -> None:
    bucket = resources()["ModelBucket"]
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert bucket["Properties"]["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert "BucketEncryption" in bucket["Properties"]
    assert all("ExpirationInDays" not in rule for rule in bucket["Properties"]["LifecycleConfiguration"]["Rules"])
    [deny] = resources()["ModelBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": False}})


def test_every_setting_that_the_stack_gives_is_one_that_the_code_knows(resources: Callable[..., Resources]) -> None:
    from firesteel.settings import Settings

    placeholder = {  # the template has references here
        "FIRESTEEL_STORE": "s3://bucket",
        "FIRESTEEL_LOG_LEVEL": "INFO",
        "FIRESTEEL_REFRESH_SECONDS": "30",
        "FIRESTEEL_MODELS_MIB": "256",
    }
    for name in FUNCTIONS:
        variables = resources()[name]["Properties"]["Environment"]["Variables"]
        Settings.read({key: placeholder.get(key, "name") for key in variables})


def test_the_saved_query_asks_for_facts_that_a_log_line_has(resources: Callable[..., Resources]) -> None:
    [query] = of_type(resources(), "AWS::Logs::QueryDefinition")
    assert query["LogGroupNames"] == [{"Ref": "ClassifyLogs"}]
    telemetry = (TEMPLATE.parent / "functions/classify/telemetry.py").read_text()
    for fact in ("model", "model_version", "latency_ms", "review"):
        assert fact in query["QueryString"]
        assert f'"{fact}"' in telemetry
