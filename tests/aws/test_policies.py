"""Each role has the rights that its code uses, and none besides: the handlers run against a cloud that enforces them.

Every scenario must go well with the whole role. Then each permission is taken away, and a scenario that used it must fail.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import IO, Any

import pytest

from infra.cloud.stack import ACCOUNT, REGION
from tests.aws import iam
from tests.aws.iam import Door, Permission
from tests.aws.scenarios import SCENARIOS, Scenario
from tests.aws.world import INCOMING, MODELS, STACK, Failed, Workers, World

DEPLOYMENTS = "ServerlessDeploymentApplication"  # made by SAM's transform
BY_THE_PLATFORM = re.compile(r"logs:|xray:|sqs:")  # Lambda itself writes logs, traces and what a function cannot take


def statements(logical: str) -> list[dict[str, Any]]:
    policies = STACK.properties(logical)["Policies"]
    return [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]


ROLES = {
    role: [one for one in iam.permissions(statements(role)) if not BY_THE_PLATFORM.match(one.action)]
    for role in SCENARIOS
}
DENIED = [
    permission
    for name in ("ModelBucketPolicy", "IncomingBucketPolicy", "WorkBucketPolicy", "MonitorBucketPolicy")
    for permission in iam.permissions(STACK.properties(name)["PolicyDocument"]["Statement"])
    if permission.action != "s3:*"  # TLS, which is not spoken here
]


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    started: Workers = {}
    yield started
    for worker in started.values():
        for stream in (worker.stdin, worker.stdout):
            _close(stream)
        worker.wait(timeout=20)


def _close(stream: IO[str] | None) -> None:
    if stream:
        stream.close()


def attempt(scenario: Scenario, workers: Workers, taken: Permission | None = None) -> Door:
    """Plays a scenario in a fresh cloud, all roles whole but for what is taken away."""
    group = STACK.resolve(
        {"Fn::Sub": f"arn:aws:codedeploy:{REGION}:{ACCOUNT}:deploymentgroup:${{{DEPLOYMENTS}}}/group"}
    )
    door = Door(ROLES, DENIED, STACK.ref("RetrainMachine"), group, lambda _, __: {}, taken)
    with iam.guarded(door) as url:
        world = World(url, door, workers)
        door.invoke = lambda _, event: world.invoke("ClassifyFunction", event)
        scenario(world)
    return door


EACH = [(role, permission) for role, owned in ROLES.items() for permission in owned]


Played = dict[Scenario, Door]


@pytest.fixture(scope="module")
def whole(workers: Workers) -> Callable[[str], Played]:
    """The scenarios of a role, played with whole roles, and what was asked for in each."""

    @cache
    def play(role: str) -> Played:
        return {scenario: attempt(scenario, workers) for scenario in SCENARIOS[role]}

    return play


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_every_role_is_enough_for_what_its_function_does(role: str, whole: Callable[[str], Played]) -> None:
    assert [one for door in whole(role).values() for one in door.refused] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("role", "permission"), EACH, ids=[f"{role}-{one.action}-{one.resource}" for role, one in EACH]
)
def test_nothing_can_be_taken_away(
    role: str, permission: Permission, whole: Callable[[str], Played], workers: Workers
) -> None:
    using = [scenario for scenario, door in whole(role).items() if (role, permission) in door.used]
    assert using, "no scenario uses it: the role has a right too many, or a scenario is missing"
    assert any(_fails(scenario, workers, permission) for scenario in using), "it can be taken away unnoticed"


def _fails(scenario: Scenario, workers: Workers, taken: Permission) -> bool:
    try:
        attempt(scenario, workers, taken)
    except (Failed, AssertionError, pytest.fail.Exception):
        return True
    return False


@pytest.mark.slow
def test_a_model_can_only_be_added_even_by_an_administrator(workers: Workers) -> None:
    def overwrite(world: World) -> None:
        with pytest.raises(world.client.exceptions.ClientError, match="AccessDenied"):
            world.put(MODELS, "models/tickets/v1.0.0/program.safetensors", b"other")
        world.put(INCOMING, "incoming/tickets/again.csv", b"a")
        with pytest.raises(world.client.exceptions.ClientError, match="AccessDenied"):
            world.client.delete_object(Bucket=MODELS, Key="models/tickets/aliases/latest/0000000001.json")

    attempt(overwrite, workers)


# ---- the machines' roles: each right is for a state, each state has its rights ----------------------------------------
CALLS = {
    "arn:aws:states:::lambda:invoke": lambda told: ("lambda:InvokeFunction", told["FunctionName"]),
    "arn:aws:states:::lambda:invoke.waitForTaskToken": lambda told: ("lambda:InvokeFunction", told["FunctionName"]),
    "arn:aws:states:::sns:publish": lambda told: ("sns:Publish", told["TopicArn"]),
    "arn:aws:states:::batch:submitJob.sync": lambda told: ("batch:SubmitJob", told["JobQueue"]),
    "arn:aws:states:::s3:getObject": lambda told: ("s3:GetObject", f"arn:aws:s3:::{told['Bucket']}/batch/*"),
}
WITH_THEM = {  # what Step Functions does for a state besides calling it
    "RetrainMachine": {"events:PutTargets", "events:PutRule", "events:DescribeRule", "batch:DescribeJobs", "batch:TerminateJob"},
    "BatchMachine": {"states:StartExecution", "states:DescribeExecution", "states:StopExecution"},
}  # fmt: skip


def called(value: Any) -> Iterator[tuple[str, str]]:
    """(action, resource) of every state of a definition."""
    if isinstance(value, dict):
        resource = value.get("Resource")
        if isinstance(resource, str) and resource.startswith("arn:aws:states:::"):
            yield CALLS[resource](value["Parameters"])
        for part in value.values():
            yield from called(part)
    elif isinstance(value, list):
        for part in value:
            yield from called(part)


@pytest.mark.parametrize(("machine", "role"), [("RetrainMachine", "RetrainRole"), ("BatchMachine", "BatchRole")])
def test_a_machine_may_do_what_its_states_do_and_nothing_else(machine: str, role: str) -> None:
    needed = set(called(json.loads(STACK.machine(machine).definition)))
    policies = STACK.properties(role)["Policies"]
    granted = {
        (one.action, one.resource)
        for policy in policies
        for one in iam.permissions(policy["PolicyDocument"]["Statement"])
        if not BY_THE_PLATFORM.match(one.action) and one.action not in WITH_THEM[machine]
    }
    jobs = {one for one in granted if ":job-definition/" in one[1]}
    assert granted - jobs == needed
    assert bool(jobs) == (machine == "RetrainMachine")
    assert all(action == "batch:SubmitJob" for action, _ in jobs)
    assert WITH_THEM[machine] <= {
        one.action for policy in policies for one in iam.permissions(policy["PolicyDocument"]["Statement"])
    }
