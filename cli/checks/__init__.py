"""What `firesteel smoke` tries: every operation with good and bad requests, against what the API documents of itself.

Nothing of a model stands here: the rows to send and the fields to expect come from the API's own /openapi.json.
"""

from collections.abc import Iterator

from cli.checks import judges, requests, served
from cli.checks.check import Check, Outcome, attempt
from cli.client import Api


def try_all(api: Api) -> Iterator[Outcome]:
    """The documentation first: without it nothing is known of the rest, which is then not tried."""
    spec: served.Spec = {}
    documented = attempt(api, Check("OpenAPI", "GET", "/openapi.json", 200, lambda answer: served.take(answer, spec)))
    yield documented
    if documented.problems:
        return
    yield attempt(api, Check("docs", "GET", "/docs", 200, judges.page))
    if "/metrics" in spec["paths"]:
        yield attempt(api, Check("metrics", "GET", "/metrics", 200, judges.text))
    found = served.read(api, spec)
    for check in (*requests.good(found), *requests.bad(found)):
        yield attempt(api, check)
