"""The two APIs: who comes in, what is checked before the function is paid for, and what is logged."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.aws.stacks import (
    EVERYTHING,
    TEMPLATE,
    deployed,
    of_type,
    stack,
)


def body(**parameters: str) -> dict[str, Any]:
    """The public API's OpenAPI document as API Gateway gets it."""
    document: dict[str, Any] = stack(**parameters).properties("Api")["Body"]
    return document


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, method and description of everything that is not a browser's own question."""
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if method != "options":
                yield path, method, described


@pytest.mark.parametrize("api", ["Api", "RegistryApi"])
def test_the_import_has_nothing_to_warn_of(api: str) -> None:
    """A warning refuses it (FailOnWarnings). API Gateway knows answers by their numbers only, and warns of `default`."""
    properties = stack(**EVERYTHING).properties(api)
    assert properties["FailOnWarnings"] is True
    for path, methods in properties["Body"]["paths"].items():
        wanted = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\+?\}", path)
        ]
        for method, described in methods.items():
            assert described.get("parameters", []) == wanted, (path, method)
            assert all(re.fullmatch(r"[1-5]\d\d", status) for status in described["responses"]), (path, method)
            assert all(answer["description"] for answer in described["responses"].values()), (path, method)
            assert described["responses"], (path, method)


AUTH: dict[
    str, tuple[dict[str, str] | None, list[Any]]
] = {  # what each operation says: is it signed, and which scheme it asks for
    "iam": ({"type": "AWS_IAM"}, [{"signature": []}]),
    "api-key": (None, [{"key": []}]),
    "cognito": (None, [{"token": []}]),
    "none": (None, []),
}


POOL = "arn:aws:cognito-idp:us-east-1:123456789012:userpool/us-east-1_abc"


def test_the_api_is_closed_unless_it_is_opened() -> None:
    parameter = yaml_parse(TEMPLATE.read_text())["Parameters"]["Auth"]
    assert (parameter["Default"], parameter["AllowedValues"]) == ("iam", list(AUTH))


@pytest.mark.parametrize("auth", AUTH)
def test_every_operation_asks_for_what_auth_says(auth: str) -> None:
    document = body(Auth=auth, UserPoolArn=POOL, **{key: EVERYTHING[key] for key in ("CorsOrigins",)})
    answering = {(path, method): called_by(described) for path, method, described in operations(document)}
    assert answering == {
        ("/", "x-amazon-apigateway-any-method"): "ClassifyFunction:live",
        ("/{proxy+}", "x-amazon-apigateway-any-method"): "ClassifyFunction:live",
        ("/{proxy+}", "post"): "ClassifyFunction:live",
        ("/feedback", "post"): "MonitorFunction",
    }
    for _, _, described in operations(document):
        assert (described.get("x-amazon-apigateway-auth"), described.get("security")) == AUTH[auth]


def called_by(described: dict[str, Any]) -> str:
    """The function behind an operation, with its alias."""
    uri: str = described["x-amazon-apigateway-integration"]["uri"]
    return uri.removesuffix("/invocations").partition(":function:")[2]


@pytest.mark.parametrize("auth", AUTH)
def test_the_page_alone_is_open_and_only_when_asked_for(auth: str) -> None:
    """A browser cannot sign the request for a page; what the page asks for then is as closed as ever."""
    closed, opened = (body(Auth=auth, UserPoolArn=POOL, Page=page) for page in ("off", "on"))
    page = opened["paths"]["/"].pop("get")
    assert (page.get("x-amazon-apigateway-auth"), page["security"]) == (None, [])
    assert called_by(page) == "ClassifyFunction:live"
    assert opened == closed


@pytest.mark.parametrize("auth", AUTH)
def test_looking_back_is_signed_whoever_may_ask_and_off_by_default(auth: str) -> None:
    assert "/admin/{proxy+}" not in body(Auth=auth, UserPoolArn=POOL)["paths"]
    [(method, described)] = body(Auth=auth, UserPoolArn=POOL, Admin="on")["paths"]["/admin/{proxy+}"].items()
    assert (method, called_by(described)) == ("get", "MonitorFunction")
    assert (described["x-amazon-apigateway-auth"], described["security"]) == AUTH["iam"]
    defaults = yaml_parse(TEMPLATE.read_text())["Parameters"]
    assert {defaults[name]["Default"] for name in ("Page", "Admin", "InferenceLog", "RetrainOnDrift")} == {"off"}


def test_tokens_are_those_of_the_pool_that_was_named() -> None:
    schemes = body(Auth="cognito", UserPoolArn=POOL)["components"]["securitySchemes"]
    assert schemes["token"]["x-amazon-apigateway-authorizer"] == {"type": "cognito_user_pools", "providerARNs": [POOL]}
    assert set(body()["components"]["securitySchemes"]) == {"signature", "key"}


def test_signatures_are_those_of_aws() -> None:
    assert body()["components"]["securitySchemes"]["signature"]["x-amazon-apigateway-authtype"] == "awsSigv4"


def test_keys_come_with_a_plan_that_bounds_them() -> None:
    keyed = stack(Auth="api-key")
    [plan] = keyed.of_type("AWS::ApiGateway::UsagePlan").values()
    assert (plan["Throttle"], plan["Quota"]) == (
        {"RateLimit": "50", "BurstLimit": "100"},
        {"Limit": "100000", "Period": "DAY"},
    )
    [linked] = keyed.of_type("AWS::ApiGateway::UsagePlanKey").values()
    assert linked["KeyId"] == keyed.ref("CallersKey")
    assert not stack().of_type("AWS::ApiGateway::ApiKey")


@pytest.mark.parametrize(
    ("bodies", "validator", "binary"),
    [("json", "body", ["application/octet-stream"]), ("any", "nothing", ["*/*"])],
)
def test_what_is_no_json_object_is_refused_before_the_function_is_paid_for(
    bodies: str, validator: str, binary: list[str]
) -> None:
    document = body(Bodies=bodies)
    for path in ("/{proxy+}", "/feedback"):
        post = document["paths"][path]["post"]
        assert post["x-amazon-apigateway-request-validator"] == validator
    assert document["x-amazon-apigateway-binary-media-types"] == binary
    assert document["x-amazon-apigateway-request-validators"]["body"]["validateRequestBody"] is True
    [media] = post["requestBody"]["content"].values()
    assert media["schema"] == {"$ref": "#/components/schemas/Row"}
    assert document["components"]["schemas"]["Row"]["type"] == "object"


def test_no_page_may_call_the_api_unless_its_origin_is_listed() -> None:
    for api in ("Api", "RegistryApi"):
        document = stack(Admin="on").properties(api)["Body"]
        assert not [path for path, methods in document["paths"].items() if "options" in methods]
        assert "Access-Control" not in json.dumps(document)


def test_listed_origins_are_answered_one_by_one_and_never_with_a_star() -> None:
    origins = EVERYTHING["CorsOrigins"]
    made = stack(CorsOrigins=origins, Admin="on")
    for api in ("Api", "RegistryApi"):
        document = made.properties(api)["Body"]
        asked = {path: one["options"] for path, one in document["paths"].items() if "options" in one}
        assert set(asked) == set(document["paths"]) - {"/"}
        for path, described in asked.items():
            mock = described["x-amazon-apigateway-integration"]
            assert mock["type"] == "mock", path
            assert "security" not in described
            template = mock["responses"]["default"]["responseTemplates"]["application/json"]
            listed, _, rest = template.partition("#set($origin")
            assert listed == '#set($allowed = ["https://example.com","https://www.example.com"])'
            assert "#if($allowed.contains($origin))" in rest
            sent = mock["responses"]["default"]["responseParameters"]
            headers = sent["method.response.header.Access-Control-Allow-Headers"].strip("'").split(",")
            assert {"authorization", "content-type", "x-amz-date", "x-amz-security-token", "x-request-id"} <= set(
                headers
            )
        text = json.dumps([document["x-amazon-apigateway-gateway-responses"], asked])
        assert "Allow-Credentials" not in text
        assert "'*'" not in text
    for function in ("ClassifyFunction", "MonitorFunction", "RegistryFunction"):
        assert made.function(function).environment["FIRESTEEL_CORS_ORIGINS"] == origins
    allowed = yaml_parse(TEMPLATE.read_text())["Parameters"]["CorsOrigins"]["AllowedPattern"]
    assert not re.match(allowed, "*")


@pytest.mark.parametrize("origins", ["", "https://example.com"])
@pytest.mark.parametrize("domain", ["", "api.example.com"])
def test_the_page_that_the_api_serves_may_move_aliases(origins: str, domain: str) -> None:
    made = stack(Page="on", CorsOrigins=origins, DomainName=domain, CertificateArn=EVERYTHING["CertificateArn"])
    own = f"https://{domain}" if domain else "https://firesteel-Api.execute-api.us-east-1.amazonaws.com"
    expected = [own, *filter(None, [origins])]
    environment = made.function("RegistryFunction").environment
    assert environment["FIRESTEEL_CORS_ORIGINS"] == ",".join(expected)
    asked = made.properties("RegistryApi")["Body"]["paths"]["/models/{proxy+}"]["options"]
    template = asked["x-amazon-apigateway-integration"]["responses"]["default"]["responseTemplates"]["application/json"]
    assert f"#set($allowed = {json.dumps(expected, separators=(',', ':'))})" in template


def test_what_is_large_is_packed_for_callers_that_take_it() -> None:
    assert 1024 <= stack().properties("Api")["MinimumCompressionSize"] <= 16384


def test_what_the_gateway_refuses_looks_like_what_the_function_refuses() -> None:
    answers = body()["x-amazon-apigateway-gateway-responses"]
    for kind in ("DEFAULT_4XX", "DEFAULT_5XX"):
        text = answers[kind]["responseTemplates"]["application/json"]
        filled = text.replace("$context.error.messageString", '"Forbidden"')
        assert set(json.loads(filled)) == {"detail", "code", "request_id"}


def test_a_firewall_of_its_own_bounds_addresses_and_sizes() -> None:
    assert not stack().of_type("AWS::WAFv2::WebACLAssociation")
    theirs = "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/ours/0a1b"
    [link] = stack(WebAcl=theirs).of_type("AWS::WAFv2::WebACLAssociation").values()
    assert link["WebACLArn"] == theirs
    rate, size = stack(WebAcl="own").properties("Firewall")["Rules"]
    assert rate["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    too_large = re.compile(size["Statement"]["RegexMatchStatement"]["RegexString"])
    for length in (1050000, 1100000, 2000000, 9999999, 10**7, 10**9):
        assert too_large.match(str(length)), length
    for length in (0, 99, 65536, 1048576, 1049999):  # the function takes 1 MiB
        assert not too_large.match(str(length)), length


def calls(method: dict[str, Any], function: str) -> bool:
    uri: str = method["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]
    return f"/functions/${{{function}.Arn}}/invocations" in uri


@pytest.mark.parametrize("auth", AUTH)
def test_no_parameter_opens_the_api_that_moves_aliases(auth: str) -> None:
    opened = deployed(Auth=auth)
    paths = opened["RegistryApi"]["Properties"]["Body"]["paths"]
    assert {path: set(methods) for path, methods in paths.items()} == {"/models/{proxy+}": {"post", "options"}}
    assert paths["/models/{proxy+}"]["options"]["Fn::If"][1]["x-amazon-apigateway-integration"]["type"] == "mock"
    method = paths["/models/{proxy+}"]["post"]
    assert method["x-amazon-apigateway-auth"] == {"type": "AWS_IAM"}
    assert calls(method, "RegistryFunction")
    assert len(of_type(opened, "AWS::ApiGateway::RestApi")) == 2


@pytest.mark.parametrize("api", ["Api", "RegistryApi"])
def test_opening_or_closing_the_api_reaches_the_stage(api: str) -> None:
    assert yaml_parse(TEMPLATE.read_text())["Resources"][api]["Properties"]["AlwaysDeploy"] is True


def test_only_who_must_may_call_a_function() -> None:
    def allowed(**parameters: str) -> set[tuple[str, str, str]]:
        permissions = stack(**parameters).of_type("AWS::Lambda::Permission").values()
        return {(one["FunctionName"], one["Principal"], one["SourceArn"].rpartition(":")[2]) for one in permissions}

    closed = {
        (stack().ref("ClassifyFunctionAliaslive"), "apigateway.amazonaws.com", "firesteel-Api/live/*"),
        ("MonitorFunction", "apigateway.amazonaws.com", "firesteel-Api/live/POST/feedback"),
        ("RegistryFunction", "apigateway.amazonaws.com", "firesteel-RegistryApi/live/POST/models/*"),
        ("GuardFunction", "events.amazonaws.com", stack().attribute("CanaryAlarmRings", "Arn").rpartition(":")[2]),
    }
    assert allowed() == closed
    assert allowed(Admin="on") - closed == {
        ("MonitorFunction", "apigateway.amazonaws.com", "firesteel-Api/live/GET/admin/*")
    }


def test_the_apis_are_throttled_and_never_log_bodies() -> None:
    stages = of_type(deployed(), "AWS::ApiGateway::Stage")
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


LOGGED = {"message", "request_id", "timestamp", "method", "path", "status", "latency_ms", "error"}


@pytest.mark.parametrize(
    ("stage", "more"),
    [
        ("ApiStage", {"integration_ms", "integration_status", "waf", "xray_trace_id", "bytes"}),
        ("RegistryApiStage", {"who", "address"}),
    ],
)
def test_access_logs_are_json_without_bodies_or_queries(stage: str, more: set[str]) -> None:
    properties = stack().properties(stage)
    line = json.loads(properties["AccessLogSetting"]["Format"])
    assert set(line) == LOGGED | more
    assert not [value for value in line.values() if re.search(r"body|query|requestOverride|authorizer", value)]
    assert line["request_id"] == "$context.requestId"  # what the function's own lines have
    assert properties["TracingEnabled"] is True
