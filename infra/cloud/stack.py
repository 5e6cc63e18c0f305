"""The template as CloudFormation would create it: after SAM's transform, with every reference resolved.

So that what runs here is what deploys: names, environments, event patterns and definitions come from nowhere else.
"""

import copy
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from boto3.session import Session
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

ACCOUNT = "123456789012"
REGION = "us-east-1"
_PACKAGED = {  # what `sam package` replaces by an address in S3
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
    "AWS::Serverless::StateMachine": "DefinitionUri",
}

_ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "AWS::StepFunctions::StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}:*",
    "AWS::CloudWatch::Alarm": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::KinesisFirehose::DeliveryStream": f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{{}}",
}


class Machine(NamedTuple):
    """A state machine: its ARN, and its definition with the template's substitutions made."""

    arn: str
    definition: str


class Function(NamedTuple):
    """What Lambda would be told of a function. `memory` is in MiB, `timeout` in seconds."""

    name: str
    handler: str
    environment: dict[str, str]
    memory: int
    timeout: int


class Stack:
    """A template with its parameters. Raises KeyError for a reference to what the template does not have."""

    def __init__(self, template: Path, name: str, parameters: Mapping[str, str] | None = None) -> None:
        self.name = name
        self._folder = template.parent
        source = yaml_parse(template.read_text(encoding="utf-8"))
        self._definitions: dict[str, Path] = {}
        for logical, resource in source["Resources"].items():
            if (uri := _PACKAGED.get(resource["Type"])) and uri in resource["Properties"]:
                if uri == "DefinitionUri":
                    self._definitions[logical] = self._folder / resource["Properties"][uri]
                resource["Properties"][uri] = "s3://artifacts/archive.zip"
        declared = source.get("Parameters", {})
        if unknown := set(parameters or {}) - set(declared):
            raise KeyError(f"{template} has no parameter {', '.join(sorted(unknown))}")
        defaults = {key: str(one["Default"]) for key, one in declared.items() if "Default" in one}
        self.parameters = defaults | dict(parameters or {})
        self._lists = {key for key, one in declared.items() if "List" in str(one["Type"])}
        translator = Translator({}, Parser(), boto_session=Session(region_name=REGION))
        self._template = translator.translate(source, parameter_values=dict(self.parameters))

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """The resources whose conditions hold, properties unresolved."""
        found = self._template["Resources"]
        return {key: one for key, one in found.items() if "Condition" not in one or self._holds(one["Condition"])}

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Properties by logical name, resolved, of every resource of a type."""
        return {name: self.properties(name) for name, one in self.resources.items() if one["Type"] == kind}

    def properties(self, logical: str) -> dict[str, Any]:
        resolved: dict[str, Any] = self.resolve(self.resources[logical].get("Properties", {}))
        return resolved

    def function(self, logical: str) -> Function:
        """A function by its logical name."""
        told = self.properties(logical)
        variables = {key: _text(value) for key, value in told.get("Environment", {}).get("Variables", {}).items()}
        return Function(logical, told["Handler"], variables, int(told["MemorySize"]), int(told["Timeout"]))

    def machine(self, logical: str) -> Machine:
        """A state machine by its logical name."""
        text = self._definitions[logical].read_text(encoding="utf-8")
        for key, value in self.properties(logical).get("DefinitionSubstitutions", {}).items():
            text = text.replace(f"${{{key}}}", _text(value))
        if left := re.search(r"\$\{\w+\}", text):
            raise KeyError(f"{self._definitions[logical]}: {left[0]} is in no DefinitionSubstitutions of {logical}")
        return Machine(self.ref(logical), text)

    def physical(self, logical: str) -> str:
        """The name that a resource would get, made of the stack's name and its own."""
        named = self.resources[logical].get("Properties", {})
        for key in ("BucketName", "QueueName", "TopicName", "LogGroupName", "StateMachineName", "AlarmName"):
            if key in named:
                return _text(self.resolve(named[key]))
        kind = self.resources[logical]["Type"]
        if kind == "AWS::S3::Bucket":
            return f"{self.name}-{logical}".lower()
        return logical if kind == "AWS::Lambda::Function" else f"{self.name}-{logical}"

    def ref(self, logical: str) -> Any:
        """What `Ref` gives."""
        if logical.startswith("AWS::"):
            return self._pseudo[logical]
        if logical in self.parameters:
            value = self.parameters[logical]
            return [part for part in value.split(",") if part] if logical in self._lists else value
        kind = self.resources[logical]["Type"]
        if kind in (
            "AWS::StepFunctions::StateMachine",
            "AWS::SNS::Topic",
            "AWS::Lambda::Alias",
            "AWS::Lambda::Version",
        ):
            return self.attribute(logical, "Arn")
        return self.physical(logical)

    def attribute(self, logical: str, attribute: str) -> str:
        """What `Fn::GetAtt` gives: an ARN as AWS would make it, else a name that tells what it is of."""
        if not attribute.endswith("Arn"):
            return f"{self.physical(logical)}.{attribute}"
        name = self.physical(logical)
        match kind := self.resources[logical]["Type"]:
            case "AWS::Lambda::Version":
                return f"{self.resolve(self.resources[logical]['Properties']['FunctionName'])}:1"
            case "AWS::Lambda::Alias":
                told = self.properties(logical)
                return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{told['FunctionName']}:{told['Name']}"
            case _:
                usual = f"arn:aws:{kind.split('::')[1].lower()}:{REGION}:{ACCOUNT}:{{}}"
                return _ARNS.get(kind, usual).format(name)

    def resolve(self, value: Any) -> Any:
        """The value without intrinsic functions; what `AWS::NoValue` stands for is left out."""
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(name, argument)] = value.items()
            if name == "Ref" or name.startswith("Fn::"):
                return self._intrinsic(name.removeprefix("Fn::"), argument)
        resolved = {key: self.resolve(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not None}

    def _intrinsic(self, name: str, argument: Any) -> Any:
        match name:
            case "Ref":
                return self.ref(argument)
            case "GetAtt":
                logical, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
                return self.attribute(logical, attribute)
            case "Sub":
                return self._sub(*argument) if isinstance(argument, list) else self._sub(argument, {})
            case "If":
                return self.resolve(argument[1] if self._holds(argument[0]) else argument[2])
            case "FindInMap":
                first, *keys = map(self.resolve, argument)
                return copy.deepcopy(self._template["Mappings"][first][keys[0]][keys[1]])
            case "Join":
                return argument[0].join(_text(one) for one in self.resolve(argument[1]))
            case "Split":
                return self.resolve(argument[1]).split(argument[0])
            case "Select":
                return self.resolve(argument[1])[int(argument[0])]
        raise KeyError(f"Fn::{name} is not known here")

    def _sub(self, text: str, given: Mapping[str, Any]) -> str:
        def value(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in given:
                return _text(self.resolve(given[name]))
            logical, dot, attribute = name.partition(".")
            return _text(self.attribute(logical, attribute) if dot else self.ref(name))

        return re.sub(r"\$\{([^}]+)\}", value, text)

    def _holds(self, condition: Any) -> bool:
        if isinstance(condition, str):
            return self._holds(self._template["Conditions"][condition])
        [(name, argument)] = condition.items()
        match name:
            case "Condition":
                return self._holds(argument)
            case "Fn::Equals":
                return _text(self.resolve(argument[0])) == _text(self.resolve(argument[1]))
            case "Fn::Not":
                return not self._holds(argument[0])
            case "Fn::And":
                return all(map(self._holds, argument))
            case "Fn::Or":
                return any(map(self._holds, argument))
        raise KeyError(f"{name} is no condition that is known here")

    @property
    def _pseudo(self) -> dict[str, Any]:
        return {
            "AWS::StackName": self.name,
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{self.name}/1",
            "AWS::NoValue": None,
        }


def _text(value: Any) -> str:
    """As CloudFormation writes a value into text."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)
