"""What happens in a deployed stack, step by step: each step is done, proved from outside, and timed."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from cli.insights.evaluate import Result
from cli.logs import ask, filled, saved
from infra.cloud.cloud import Cloud, template
from infra.cloud.steps import Measured, Step, StepError, expect
from infra.cloud.watching import TICKET, Watching
from models import tickets

ROWS = 1000
REFRESH = 1.0  # seconds: RefreshSeconds of this stack
PARAMETERS = {"RefreshSeconds": f"{REFRESH:.0f}", "Shadow": "true", "InferenceLog": "on", "Admin": "on", "Page": "on"}
"""Of this stack: what is off by default is on."""
_UPLOAD_WITHIN = 15.0  # seconds from an upload to the first answer, beyond the training itself
_WARM = 3  # execution environments that an alias move must reach
_CANARY = 0.3


def definitions(folder: Path) -> Path:
    """The definition of tickets without its search, and `careful`, the same but promoted only when approved.

    Both let the inference log keep what is asked: the story's tickets are made up.
    """
    models = folder / "models"
    models.mkdir()
    definition = yaml.safe_load((template().parent / "models" / "tickets.yaml").read_text(encoding="utf-8"))
    del definition["search"]
    for field in definition["inputs"].values():
        field.update({} if field["kind"] == "identifier" else {"log": "plain"})
    for name, changes in {"tickets": {}, "careful": {"promote": {"how": "approval"}}}.items():
        text = yaml.safe_dump(definition | {"model": name} | changes, sort_keys=False)
        (models / f"{name}.yaml").write_text(text, encoding="utf-8")
    return models


class Story:
    """The steps over one cloud, in order: each builds on those before it."""

    def __init__(self, cloud: Cloud, folder: Path) -> None:
        self._cloud, self._folder = cloud, folder
        self.measured: list[Measured] = []
        self.batch = f"s3://{cloud.bucket('IncomingBucket')}/scoring/batch.csv"
        """Where the rows of the batch are."""
        self.newest = ""
        """The newest good upload of tickets."""

    def steps(self) -> Iterator[Step]:
        yield Step(f"upload {ROWS:,} tickets: a version answers", self._first_upload)
        yield Step("upload newer tickets: the next version answers", self._second_upload)
        yield Step("the same event again: nothing is trained twice", self._duplicate)
        yield Step("roll back: every warm environment follows", self._roll_back)
        yield Step(f"a canary gets {_CANARY:.0%} of the requests, by key", self._canary)
        yield Step("its alarm rings: the guard ends it", self._guard)
        yield Step("a shadow is scored after the answers", self._shadow)
        yield Step("upload bad data: a report, and the last good version", self._bad_data)
        yield Step("a version waits for approval, and gets it", self._approval)
        yield Step("score a file of rows as a batch", self._batch)
        yield from Watching(self._cloud, self._until).steps()
        for query in ("latency", "predictions", "training"):
            yield Step(f"ask the logs: {query}", partial(self._ask, query))

    def _first_upload(self) -> str:
        return self._train("1.0.0", seed=1)

    def _second_upload(self) -> str:
        return self._train("1.1.0", seed=2)

    def _train(self, version: str, *, seed: int) -> str:
        """From the upload to the answer, and how much of that was not training."""
        data = self._rows(seed)
        began = time.perf_counter()
        self.newest = self._cloud.upload(data, "tickets", f"{seed}.csv")
        self._until(lambda: self._version() == version, self.newest)
        total = time.perf_counter() - began
        key = f"models/tickets/v{version}/model_metadata.json"
        metadata = json.loads(self._cloud.objects("ModelBucket", key)[key])
        training = sum(metadata["durations_seconds"].values())
        beyond, wanted = total - training, f"<= {_UPLOAD_WITHIN:.0f} s beyond training"
        self.measured.append(Measured(f"upload to {version} answering", beyond, wanted, beyond <= _UPLOAD_WITHIN))
        return f"{version} after {total:.1f} s, of which {training:.1f} s are training"

    def _duplicate(self) -> str:
        states, before = self._cloud.client("stepfunctions"), self._cloud.executions("RetrainMachine")
        given = [json.loads(states.describe_execution(executionArn=one)["input"]) for one in before]
        again = [self._cloud.ended(self._cloud.start("RetrainMachine", event)) for event in given]
        outcomes = {json.loads(one["output"])["check"]["answer"]["outcome"] for one in again}
        expect(outcomes == {"elsewhere"}, f"the duplicates ended as {outcomes}")
        return f"{len(again)} duplicates, no effect"

    def _roll_back(self) -> str:
        with ThreadPoolExecutor(_WARM) as pool:
            list(pool.map(lambda _: self._version(), range(4 * _WARM)))
        self._move("rollback")
        began = time.perf_counter()
        event = json.loads((template().parent / "events" / "classify.json").read_text(encoding="utf-8"))
        time.sleep(REFRESH)
        environments = self._cloud.server.functions["ClassifyFunction"]
        environments.each(event)  # the one request after the TTL
        seconds = time.perf_counter() - began
        served = Counter(json.loads(answer["body"])["model_version"] for answer in environments.each(event))
        expect(set(served) == {"1.0.0"}, f"warm environments serve {dict(served)}")
        wanted = f"<= the TTL of {REFRESH:.0f} s and one request to each of {served.total()}"
        self.measured.append(Measured("alias move to all warm environments", seconds, wanted, met=True))
        return f"{served.total()} warm environments serve 1.0.0 after the TTL of {REFRESH:.0f} s and one request"

    def _canary(self) -> str:
        self._move(f"promote?version=1.1.0&canary={_CANARY}&why=a+closer+look")
        self._until(lambda: len(self._sides(40)) == 2)
        first, again = self._sides(100), self._sides(100)
        expect(set(first) == {"1.0.0", "1.1.0"} and first == again, f"sides {dict(first)}, then {dict(again)}")
        return f"{first['1.1.0']} of {first.total()} keys, the same ones when asked again"

    def _guard(self) -> str:
        alarm = self._cloud.stack.attribute("CanaryFails", "Arn")
        detail = {"alarmName": alarm.rpartition(":")[2], "state": {"value": "ALARM", "reason": "3 errors in a minute"}}
        event = {"Source": "aws.cloudwatch", "DetailType": "CloudWatch Alarm State Change", "Resources": [alarm]}
        self._cloud.client("events").put_events(Entries=[event | {"Detail": json.dumps(detail)}])
        self._until(lambda: set(self._sides(40)) == {"1.0.0"})
        who = self._newest_entry()["who"]
        expect(who.startswith("alarm:"), f"the alias was moved by {who}")
        return f"rolled back by {who}"

    def _shadow(self) -> str:
        self._move("shadow?version=1.1.0")

        def shadowed() -> bool:
            self._version()
            return '"message":"shadow"' in self._cloud.log("ClassifyFunction")

        self._until(shadowed)
        self._move("rollback")
        return "1.1.0 was scored beside 1.0.0, and answered nobody"

    def _bad_data(self) -> str:
        bad = self._rows(3).replace(b"Urgent", b"Whenever")
        upload = self._cloud.upload(bad, "tickets", "bad.csv")
        report = self._until(lambda: self._report("tickets/bad.csv."), upload)
        expect("<8 characters> is not a label" in report, f"the report says {report[:300]}")
        expect(self._version() == "1.0.0", "the last good version does not answer")
        return f"{next(line for line in report.splitlines() if 'Error' in line).strip()[:100]}..."

    def _approval(self) -> str:
        upload = self._cloud.upload(self._rows(4), "careful", "careful.csv")
        self._until(lambda: bool(self._cloud.objects("WorkBucket", "approvals/careful/1.0.0.json")), upload)
        expect(self._version("careful") == "404", "it answers before it is approved")
        self._move("approve?version=1.0.0&why=looked+at+the+metrics", "careful")
        self._until(lambda: self._version("careful") == "1.0.0", upload)
        return "careful 1.0.0 answers after `approve`, not before"

    def _batch(self) -> str:
        count, path = 500, self._folder / "batch.csv"
        tickets.write(path, count, seed=5)
        bucket, _, key = self.batch.removeprefix("s3://").partition("/")
        self._cloud.client("s3").put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        asked = {"model": "tickets", "data": self.batch, "format": "CSV", "explain": False}
        told = self._cloud.ended(self._cloud.start("BatchMachine", asked))
        expect(told["status"] == "SUCCEEDED", f"{told['status']}: {told.get('cause')}")
        manifests = {key: one for key, one in self._cloud.objects("WorkBucket", "batch/").items() if "manifest" in key}
        [manifest] = map(json.loads, manifests.values())
        expect(manifest["rows"] == count, f"{manifest['rows']} rows")
        return f"{manifest['rows']} rows by {manifest['version']}, {manifest['failed']} failed"

    def _ask(self, query: str) -> Result:
        result = ask(filled(saved(query), {}), [str(self.logs())], None, 60, quiet=True)
        expect(bool(result.rows), "no rows")
        return result

    def logs(self) -> Path:
        """A file of all that has been logged so far."""
        path = self._folder / "logs.jsonl"
        written = path.with_suffix(".new")
        written.write_text(self._cloud.logs(), encoding="utf-8")
        return written.replace(path)  # at once: somebody may be reading it

    # ---- looks from outside ----

    def _rows(self, seed: int) -> bytes:
        path = self._folder / f"{seed}.csv"
        tickets.write(path, ROWS, seed)
        return path.read_bytes()

    def _version(self, model: str = "tickets", headers: Mapping[str, str] | None = None) -> str:
        """The version that answers a ticket, or the status of the refusal."""
        answer = self._cloud.request("Api", "POST", f"/models/{model}/predict", TICKET, headers)
        return str(answer.json()["model_version"]) if answer.status_code == 200 else str(answer.status_code)

    def _sides(self, keys: int) -> Counter[str]:
        """How many of the keys each version answers."""
        return Counter(self._version(headers={"x-canary-key": f"caller-{key}"}) for key in range(keys))

    def _move(self, what: str, model: str = "tickets") -> None:
        answer = self._cloud.request("RegistryApi", "POST", f"/models/{model}/{what}")
        expect(answer.status_code == 200, f"{what}: {answer.status_code} {answer.text}")

    def _newest_entry(self) -> dict[str, Any]:
        entries = self._cloud.objects("ModelBucket", "models/tickets/aliases/latest/")
        newest: dict[str, Any] = json.loads(entries[max(entries)])
        return newest

    def _report(self, upload: str) -> str:
        found = self._cloud.objects("WorkBucket", f"quarantine/{upload}")
        return next((text.decode() for key, text in found.items() if "/report-" in key and key.endswith(".txt")), "")

    def _until[T](self, look: Callable[[], T], upload: str = "", within: float = 60) -> T:
        """What `look` finds. Raises StepError when that takes too long, or the execution for the upload has failed."""
        states, machine = self._cloud.client("stepfunctions"), self._cloud.stack.ref("RetrainMachine")
        give_up = time.monotonic() + within
        while True:
            failed = failure(states, machine, upload) if upload else ""
            if found := look():  # after that: what an execution leaves is there when it has failed
                return found
            if failed:
                raise StepError(failed)
            if time.monotonic() > give_up:
                raise StepError(
                    f"it did not come within {within:.0f} s; the train function's log ends:\n{self._tail()}"
                )
            time.sleep(0.2)

    def _tail(self) -> str:
        return "\n".join(self._cloud.log().splitlines()[-5:])


def failure(states: Any, machine: str, upload: str) -> str:
    """Why an execution of the machine for an upload failed, by the last part of its URL; "" when none did."""
    for one in states.list_executions(stateMachineArn=machine, statusFilter="FAILED")["executions"]:
        told = states.describe_execution(executionArn=one["executionArn"])
        if upload.partition("://")[2].partition("/")[2] in told["input"]:
            return f"{told.get('error')}: {told.get('cause')}"
    return ""
