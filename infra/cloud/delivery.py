"""How lines of a log group come to a bucket: CloudWatch's subscription and Firehose's stream, as the template has them.

moto knows neither filter patterns nor partitions. Here the template's own pattern, processors and prefixes are at work;
the JQ query is run by jq itself.
"""

import base64
import functools
import gzip
import json
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from threading import Event, Thread
from typing import Any, NamedTuple, Self

import jq

from infra.cloud.stack import ACCOUNT, Stack

_EVERY = 0.3  # seconds between looks at the log; Firehose's own buffer waits minutes
_TERM = re.compile(r'\$\.(\w+)\s*=\s*"([^"]*)"')
_KEY = re.compile(r"!\{partitionKeyFromQuery:(\w+)\}")
_AT_ONCE = 100  # lines of a record
_SPLIT_LIMIT = 500  # JSON objects that Firehose makes of one record
_DELIMITERS = {"\\n": "\n"}


class RefusedLineError(ValueError):
    """A line that cannot be sorted into a partition; Firehose leaves it below the error prefix."""


class Delivered(NamedTuple):
    """An object as Firehose writes it."""

    key: str
    data: bytes


def matches(pattern: str, line: str) -> bool:
    """Whether a line fits a pattern of JSON terms joined by &&, with * for any text: what the template needs of the language.

    Raises ValueError for more than that.
    """
    inside = re.fullmatch(r"\{(.*)\}", pattern.strip())
    terms = [_TERM.fullmatch(term.strip()) for term in inside[1].split("&&")] if inside else []
    if not terms or None in terms:
        raise ValueError(f"{pattern} is more than is known here of CloudWatch's patterns")
    try:
        said = json.loads(line)
    except ValueError:
        return False
    return isinstance(said, dict) and all(_holds(said.get(term[1]), term[2]) for term in terms if term)


def _holds(value: object, wanted: str) -> bool:
    glob = ".*".join(map(re.escape, wanted.split("*")))
    return isinstance(value, str) and re.fullmatch(glob, value, re.DOTALL) is not None


def records(lines: Iterable[str], subscription: Mapping[str, Any]) -> Iterator[bytes]:
    """What CloudWatch hands on of new lines: several at a time, in its envelope, packed."""
    fitting = [line for line in lines if matches(subscription["FilterPattern"], line)]
    for start in range(0, len(fitting), _AT_ONCE):
        now = int(time.time() * 1000)
        envelope = {
            "messageType": "DATA_MESSAGE",
            "owner": ACCOUNT,
            "logGroup": subscription["LogGroupName"],
            "logStream": "2026/11/21/[$LATEST]0",
            "subscriptionFilters": ["inferences"],
            "logEvents": [
                {"id": f"{now:056}", "timestamp": now, "message": line} for line in fitting[start : start + _AT_ONCE]
            ],
        }
        yield gzip.compress(json.dumps(envelope).encode())


class Stream:
    """A delivery stream of the template, from records to objects."""

    def __init__(self, name: str, told: Mapping[str, Any]) -> None:
        self._name, self._told = name, told["ExtendedS3DestinationConfiguration"]
        self._processors = {
            one["Type"]: {each["ParameterName"]: each["ParameterValue"] for each in one.get("Parameters", ())}
            for one in self._told["ProcessingConfiguration"]["Processors"]
        }

    def objects(self, given: Iterable[bytes]) -> list[Delivered]:
        """The objects that the records become: one of each partition, and what could not be sorted below the error prefix."""
        partitions: dict[str, list[str]] = {}
        failed: list[str] = []
        for record in given:
            for message in self._messages(record):
                try:
                    prefix = self.prefix(message)
                except RefusedLineError as error:
                    raw = base64.b64encode(message.encode()).decode()
                    told = {"errorCode": "DynamicPartitioning.MetadataExtractionFailed", "errorMessage": str(error)}
                    failed.append(json.dumps(told | {"rawData": raw}) + "\n")
                else:
                    partitions.setdefault(prefix, []).append(message + self._delimiter)
        done = [self._object(prefix, lines) for prefix, lines in partitions.items()]
        return [*done, self._object(self._error_prefix, failed)] if failed else done

    def prefix(self, message: str) -> str:
        """Where a line belongs. Raises RefusedLineError when the query finds no text for a key of the prefix."""
        try:
            [keys] = _compiled(self._processors["MetadataExtraction"]["MetadataExtractionQuery"]).input_text(message)
        except (ValueError, TypeError) as error:
            raise RefusedLineError(str(error)) from error

        def value(match: re.Match[str]) -> str:
            found = keys.get(match[1])
            if not isinstance(found, str) or not found:
                raise RefusedLineError(f"the query finds no {match[1]}")
            return found

        return _KEY.sub(value, self._told["Prefix"])

    def _messages(self, record: bytes) -> Iterator[str]:
        """The lines in a record: unpacked, out of the envelope, one by one."""
        if not {"Decompression", "CloudWatchLogProcessing", "RecordDeAggregation"} <= self._processors.keys():
            raise ValueError(f"{self._name} does not take CloudWatch's records apart")
        envelope = json.loads(gzip.decompress(record))
        if len(envelope["logEvents"]) > _SPLIT_LIMIT:
            raise ValueError(f"a record has more than {_SPLIT_LIMIT} lines")
        for event in envelope["logEvents"]:
            yield event["message"].rstrip("\n")

    @property
    def _delimiter(self) -> str:
        """After each line; none unless the template asks for it."""
        asked = self._processors.get("AppendDelimiterToRecord")
        return "" if asked is None else _DELIMITERS[asked.get("Delimiter", "\\n")]

    @property
    def _error_prefix(self) -> str:
        prefix = self._told["ErrorOutputPrefix"].replace("!{firehose:error-output-type}", "processing-failed")
        return str(prefix.replace("!{timestamp:yyyy-MM-dd}", time.strftime("%Y-%m-%d", time.gmtime())))

    def _object(self, prefix: str, lines: list[str]) -> Delivered:
        stamp = time.strftime("%Y-%m-%d-%H-%M-%S", time.gmtime())
        key = f"{prefix}{self._name}-1-{stamp}-{uuid.uuid4()}{self._told['FileExtension']}"
        return Delivered(key, gzip.compress("".join(lines).encode()))


@functools.cache
def _compiled(query: str) -> Any:
    return jq.compile(query)


class Delivery:
    """Delivers the new lines of a function's log again and again, in a thread, from `with` until its end."""

    def __init__(self, stack: Stack, subscription: str, log: Any, s3: Any) -> None:
        self._subscription = stack.properties(subscription)
        arn = self._subscription["DestinationArn"]
        [logical] = [
            one for one in stack.of_type("AWS::KinesisFirehose::DeliveryStream") if stack.attribute(one, "Arn") == arn
        ]
        told = stack.properties(logical)
        self._stream = Stream(stack.physical(logical), told)
        self._bucket = told["ExtendedS3DestinationConfiguration"]["BucketARN"].rpartition(":")[2]
        self._log, self._s3 = log, s3
        self._seen: set[str] = set()
        self._ends = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def deliver(self) -> int:
        """Deliver what is new, and say how many objects that were."""
        new = dict.fromkeys(
            line for line in self._log().splitlines() if line.startswith("{") and line not in self._seen
        )
        objects = self._stream.objects(records(new, self._subscription))
        for one in objects:
            self._s3.put_object(Bucket=self._bucket, Key=one.key, Body=one.data)
        self._seen |= new.keys()
        return len(objects)

    def _run(self) -> None:
        while not self._ends.wait(_EVERY):
            self.deliver()
