"""What EventBridge does behind its rules: matched events come over a queue and are given to machines and functions."""

import json
import time
import uuid
from collections.abc import Callable
from threading import Event, Thread
from typing import Any, Self

_EVERY = 0.05  # seconds between looks at a queue


class Listener:
    """Gives the body of each message in a queue to `heard`, in a thread, from `with` until its end.

    What `heard` raises ends nothing: the message is then delivered again, as SQS does, and the last error is kept.
    """

    def __init__(self, sqs: Any, queue_url: str, heard: Callable[[Any], None]) -> None:
        self._sqs, self._queue, self._heard = sqs, queue_url, heard
        self._ends = Event()
        self._thread = Thread(target=self._run, daemon=True)
        self.error: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ends.wait(_EVERY):
            for message in self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", []):
                try:
                    self._heard(json.loads(message["Body"]))
                except Exception as error:  # noqa: BLE001 - at-least-once: whatever went wrong, it is delivered again
                    self.error = error
                else:
                    self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])


def as_sent(event: dict[str, Any]) -> dict[str, Any]:
    """The event as EventBridge documents it: moto spells the ETag otherwise, and gives every event the same id."""
    found = event.get("detail", {}).get("object", {})
    if "eTag" in found:
        found["etag"] = found.pop("eTag")
        found["sequencer"] = f"{time.time_ns():016X}"
        event["id"] = str(uuid.uuid4())
    if isinstance(event.get("time"), int | float):
        event["time"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event["time"]))
    return event


def execution_name(event: dict[str, Any]) -> str:
    """A name as EventBridge gives it: of the event, and new for each delivery."""
    return f"{event.get('id', 'event')}_{uuid.uuid4()}"[:80]
