"""The stack brought up: buckets, rules, queues, topic and machines of the template, and its functions as they are built."""

import json
import re
import tempfile
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self

import boto3
import httpx
from botocore.config import Config

from cli.emulator import EmulatorError, emulator_program
from infra.cloud.bridge import Listener, as_sent, execution_name
from infra.cloud.delivery import Delivery
from infra.cloud.gateway import KEY, SECRET, Gateway, routes, signed_headers
from infra.cloud.lambdas import Answer, Environments
from infra.cloud.mended import executable
from infra.cloud.server import LOOPBACK, Server, serve, stop
from infra.cloud.stack import ACCOUNT, REGION, Stack

ARTIFACTS = {
    "GuardFunction": "RegistryFunction",
    "MonitorFunction": "ClassifyFunction",
    "ScoreFunction": "ClassifyFunction",
}
"""Functions that share another's artifact."""
_APIS = ("Api", "RegistryApi")
_ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class Cloud:
    """A running stack, from `with` until its end.

    `build` is the folder that `sam build` wrote. `models`, if given, has definitions in place of those that the train
    function was built with. Raises EmulatorError when the emulator or a built function is missing.
    """

    def __init__(
        self, stack: Stack, build: Path, *, models: Path | None = None, extra: Mapping[str, str] | None = None
    ) -> None:
        self.stack, self._build, self._models, self._extra = stack, build, models, dict(extra or {})
        self.server = Server()
        self.notices: list[dict[str, str]] = []
        """What the notices topic has sent: Subject and Message."""
        self.gateways: dict[str, Gateway] = {}
        self.urls: dict[str, str] = {}
        """Where the APIs answer, by logical name, with the stage."""

    def __enter__(self) -> Self:
        self._check()
        self._open = ExitStack()
        try:
            self._http = self._open.enter_context(httpx.Client(timeout=60))
            self._open.enter_context(self.server)
            self._make_functions()
            self._make_buckets()
            self._make_topics()
            self._make_machines()
            self._make_rules()
            self._make_apis()
            self._make_deliveries()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def client(self, service: str) -> Any:
        """A boto3 client of this cloud."""
        return boto3.client(
            service,
            endpoint_url=self.server.url,
            region_name=REGION,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            config=Config(retries={"max_attempts": 1}),
        )

    def bucket(self, logical: str) -> str:
        return self.stack.physical(logical)

    @property
    def environment(self) -> dict[str, str]:
        """What a client needs to find this cloud: the usual AWS variables."""
        return {
            "AWS_ENDPOINT_URL": self.server.url,
            **{f"AWS_ENDPOINT_URL_{name}": self.server.url for name in ("S3", "SFN", "LOGS")},
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }

    @property
    def settings(self) -> dict[str, str]:
        """The settings of `firesteel` that the template's outputs tell of, for this cloud."""
        return {
            "FIRESTEEL_STORE": f"s3://{self.bucket('ModelBucket')}",
            "FIRESTEEL_INCOMING": f"s3://{self.bucket('IncomingBucket')}/incoming",
            "FIRESTEEL_WORK": f"s3://{self.bucket('WorkBucket')}",
            "FIRESTEEL_MONITOR": f"s3://{self.bucket('MonitorBucket')}",
            "FIRESTEEL_MACHINE": str(self.stack.ref("RetrainMachine")),
            "FIRESTEEL_BATCH_MACHINE": str(self.stack.ref("BatchMachine")),
            "FIRESTEEL_REGISTRY_URL": self.urls["RegistryApi"],
        }

    def objects(self, logical: str, prefix: str) -> dict[str, bytes]:
        """A bucket's objects below a prefix, by key."""
        s3, bucket = self.client("s3"), self.bucket(logical)
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}

    def request(
        self, api: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """What an API answers to a signed request with a JSON body."""
        content = b"" if body is None else json.dumps(body).encode()
        url, given = self.urls[api] + path, {"content-type": "application/json", **(headers or {})}
        return self._http.request(method, url, content=content, headers=signed_headers(method, url, content, given))

    def upload(self, data: bytes, model: str, name: str) -> str:
        """Put rows where people put them, and answer with their URL."""
        bucket, key = self.bucket("IncomingBucket"), f"incoming/{model}/{name}"
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=data)
        return f"s3://{bucket}/{key}"

    def start(self, machine: str, given: Mapping[str, Any], name: str | None = None) -> str:
        """Start a machine by its logical name; answers with the execution's ARN."""
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=self.stack.ref(machine), name=name or str(uuid.uuid4()), input=json.dumps(given)
        )
        return str(started["executionArn"])

    def tick(self, schedule: str) -> Answer:
        """What a schedule does when its time has come: its function is called with its input. Time is not played here."""
        target = self.stack.properties(schedule)["Target"]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        known = {"execution-id": uuid.uuid4().hex[:16], "scheduled-time": now, "attempt-number": "1"}
        text = re.sub(r"<aws\.scheduler\.([a-z-]+)>", lambda match: known[match[1]], target["Input"])
        return self.server.functions[target["Arn"].rpartition(":")[2]].invoke(json.loads(text))

    def executions(self, machine: str) -> list[str]:
        """ARNs of a machine's executions."""
        found = self.client("stepfunctions").list_executions(stateMachineArn=self.stack.ref(machine))["executions"]
        return [one["executionArn"] for one in found]

    def ended(self, execution: str, within: float = 120) -> dict[str, Any]:
        """How an execution ended, as DescribeExecution tells it. Raises TimeoutError after `within` seconds."""
        states, give_up = self.client("stepfunctions"), time.monotonic() + within
        while time.monotonic() < give_up:
            told: dict[str, Any] = states.describe_execution(executionArn=execution)
            if told["status"] in _ENDED:
                return told
            time.sleep(0.05)
        raise TimeoutError(
            f"{execution} has not ended within {within} s; the train function's log:\n{self.log()[-4000:]}"
        )

    def log(self, function: str = "TrainFunction") -> str:
        """What a function has logged so far."""
        return self.server.functions[function].log()

    def logs(self) -> str:
        """All log groups as one: every function's lines, and the access logs of the APIs."""
        access = [line for gateway in self.gateways.values() for line in gateway.log]
        return "\n".join((*(self.log(function) for function in self.server.functions), *access, ""))

    def _check(self) -> None:
        """At the start, so that nothing waits for a function that cannot answer."""
        emulator_program()
        needed = ["FiresteelLayer", *map(_artifact, self.stack.of_type("AWS::Lambda::Function"))]
        if missing := [name for name in dict.fromkeys(needed) if not (self._build / name).is_dir()]:
            raise EmulatorError(f"{self._build} has no {', '.join(missing)}: run `make build`")

    def _make_functions(self) -> None:
        scratch = Path(self._open.enter_context(tempfile.TemporaryDirectory(prefix="firesteel-cloud-")))
        layers = [self._build / "FiresteelLayer"]
        for logical in self.stack.of_type("AWS::Lambda::Function"):
            artifact = self._build / _artifact(logical)
            told = self.stack.function(logical)
            environment = (
                told.environment | self.environment | {"MPLCONFIGDIR": str(scratch / "matplotlib")} | self._extra
            )
            if logical == "TrainFunction" and self._models:
                environment["LAMBDA_TASK_ROOT"] = str(self._models.parent)
            self.server.functions[logical] = self._open.enter_context(
                Environments(artifact, told.handler, environment, layers, memory=told.memory, timeout=told.timeout)
            )

    def _make_buckets(self) -> None:
        s3 = self.client("s3")
        for logical, told in self.stack.of_type("AWS::S3::Bucket").items():
            name = self.bucket(logical)
            s3.create_bucket(Bucket=name)
            status = told.get("VersioningConfiguration", {}).get("Status", "Suspended")
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": status})
            notices = told.get("NotificationConfiguration", {}).get("EventBridgeConfiguration")
            if notices and str(notices.get("EventBridgeEnabled")).lower() == "true":
                s3.put_bucket_notification_configuration(
                    Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
                )

    def _make_topics(self) -> None:
        sns = self.client("sns")
        for logical in self.stack.of_type("AWS::SNS::Topic"):
            sns.create_topic(Name=self.stack.physical(logical))
            queue = self._listen(f"{logical}-sent", self._told)
            sns.subscribe(TopicArn=self.stack.ref(logical), Protocol="sqs", Endpoint=queue)

    def _told(self, message: dict[str, Any]) -> None:
        self.notices.append({"Subject": message.get("Subject", ""), "Message": message["Message"]})

    def _make_machines(self) -> None:
        states = self.client("stepfunctions")
        for logical in self.stack.of_type("AWS::StepFunctions::StateMachine"):
            states.create_state_machine(
                name=self.stack.physical(logical),
                definition=executable(self.stack.machine(logical).definition),
                roleArn=f"arn:aws:iam::{ACCOUNT}:role/{logical}",
            )

    def _make_rules(self) -> None:
        events = self.client("events")
        for logical, told in self.stack.of_type("AWS::Events::Rule").items():
            if "EventPattern" not in told:
                continue  # a schedule: time is not played here
            name = self.stack.physical(logical)
            events.put_rule(Name=name, EventPattern=json.dumps(told["EventPattern"]), State="ENABLED")
            for number, target in enumerate(told["Targets"]):
                queue = self._listen(f"{logical}-{number}", lambda event, target=target: self._deliver(target, event))
                events.put_targets(Rule=name, Targets=[{"Id": str(number), "Arn": queue}])

    def _deliver(self, target: Mapping[str, Any], event: dict[str, Any]) -> None:
        """What EventBridge does with a matched event."""
        arn, event = target["Arn"], as_sent(event)
        if ":stateMachine:" in arn:
            self.client("stepfunctions").start_execution(
                stateMachineArn=arn, name=execution_name(event), input=target.get("Input") or json.dumps(event)
            )
        elif ":function:" in arn:
            self.server.functions[arn.partition(":function:")[2].partition(":")[0]].invoke(event)

    def _listen(self, name: str, heard: Any) -> str:
        """A queue whose messages are heard; answers with its ARN."""
        sqs = self.client("sqs")
        url = sqs.create_queue(QueueName=name)["QueueUrl"]
        self._open.enter_context(Listener(sqs, url, heard))
        return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def _make_apis(self) -> None:
        formats = {
            told["RestApiId"]: told.get("AccessLogSetting", {}).get("Format", "")
            for told in self.stack.of_type("AWS::ApiGateway::Stage").values()
        }
        for logical in _APIS:
            body, stage = self.stack.properties(logical)["Body"], str(self.stack.ref("StageName"))
            self.gateways[logical] = Gateway(
                routes(body, self.server.functions),
                stage,
                binary=body.get("x-amazon-apigateway-binary-media-types", []),
                log_format=formats[self.stack.ref(logical)],
            )
            server = serve(self.gateways[logical])
            self._open.callback(stop, server)
            self.urls[logical] = f"http://{LOOPBACK}:{server.port}/{stage}"

    def _make_deliveries(self) -> None:
        """What subscribes to a function's log group gets its lines; others' are written by nobody here."""
        groups = {
            told["LoggingConfig"]["LogGroup"]: function
            for function, told in self.stack.of_type("AWS::Lambda::Function").items()
        }
        for logical, told in self.stack.of_type("AWS::Logs::SubscriptionFilter").items():
            log = partial(self.log, groups[told["LogGroupName"]])
            self._open.enter_context(Delivery(self.stack, logical, log, self.client("s3")))


def _artifact(logical: str) -> str:
    return ARTIFACTS.get(logical, logical)


def template() -> Path:
    """The template of this checkout."""
    return Path(__file__).resolve().parents[2] / "template.yaml"
