"""Secrets in requests, in training files and in what crashes: not one comes out where others read."""

import json

from tests.proofs import privacy_bundles
from tests.proofs.privacy_requests import SECRET, Witness, event
from tests.proofs.proof import Run

REQUESTS, QUICKLY = 100_000, 1_000
EVERY = 1_000
"""Requests between two looks at traces, metrics and the inference log."""


def prove(run: Run) -> None:
    requests(run, REQUESTS if run.full else QUICKLY)
    privacy_bundles.prove(run)


def requests(run: Run, count: int) -> None:
    """Hostile requests, each with a secret of its own: one line each, and the secret in none; in no other's answer either."""
    witness, statuses = Witness(run), dict[int, int]()
    try:
        for number in range(count):
            place = run.random("request", number)
            secret = f"zq{place.randrange(10**5):05}q{number:06}"
            asked, fault = event(place, secret)
            answer, written = witness.ask(asked, fault)
            statuses[answer["statusCode"]] = statuses.get(answer["statusCode"], 0) + 1
            wrong = _wrong(written, secret, answer)
            run.check(not wrong, f"request {number}: {wrong}")
            if number % EVERY == EVERY - 1:
                found = SECRET.findall(witness.traced())
                run.check(not found, f"traces, metrics or the inference log up to request {number}: {found[:3]}")
        run.note(
            requests=count, statuses=", ".join(f"{status} {times:,}" for status, times in sorted(statuses.items()))
        )
    finally:
        witness.close()


def _wrong(written: str, secret: str, answer: dict[str, object]) -> str:
    """What is wrong with what one request left behind."""
    if secret in written:
        return f"it is in the log: {written[:500]!r}"
    if others := set(SECRET.findall(json.dumps(answer))) - {secret}:
        return f"the answer holds another's: {others}"
    if answer["statusCode"] == 500 and secret in str(answer["body"]):
        return f"a fault of ours quotes it: {answer['body']!r}"
    try:
        lines = [json.loads(line) for line in written.split("\n")[:-1]]
    except ValueError:
        return f"a line is no JSON: {written[:500]!r}"
    if not written.endswith("\n") or sum(line["message"] == "request" for line in lines) != 1:
        return f"{len(lines)} lines: {written[:500]!r}"
    strange = {str(line["message"]) for line in lines} - {"request", "metrics", "shadow", "refresh failed"}
    return f"lines of {strange}" if strange else ""
