"""The part of the story that looks back: what was answered, what a person says was right, and whether the world moved."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx

from infra.cloud.cloud import Cloud
from infra.cloud.steps import Step, expect

TICKET = {"title": "Cannot log in since this morning", "description": "The login page says my account is locked."}


class Watching:
    """The steps over one cloud; `until` gives what a look finds as soon as it finds something."""

    def __init__(
        self, cloud: Cloud, until: Callable[[Callable[[], list[dict[str, Any]]]], list[dict[str, Any]]]
    ) -> None:
        self._cloud, self._until = cloud, until

    def steps(self) -> Iterator[Step]:
        yield Step("a browser gets the page, unsigned", self._page)
        yield Step("what was answered is in the inference log", self._inferences)
        yield Step("a person corrects an answer", self._feedback)
        yield Step("the clock looks for drift", self._drift)

    def _page(self) -> str:
        url = f"{self._cloud.urls['Api']}/"
        page = httpx.get(url, headers={"accept": "text/html"}, timeout=30)
        expect(page.status_code == 200 and "<html" in page.text, f"{page.status_code} {page.text[:100]}")
        closed = httpx.get(f"{url}models", timeout=30).status_code
        expect(closed == 403, f"without a signature /models answers {closed}")
        return f"{len(page.content) / 1024:.0f} KiB; what it asks for is signed"

    def _inferences(self) -> str:
        """Until the log has an answer that was given just now."""
        asked = self._cloud.request("Api", "POST", "/predict", TICKET).headers["x-request-id"]

        def delivered() -> list[dict[str, Any]]:
            return [one for one in self._recent() if one["request_id"] == asked]

        [found] = self._until(delivered)
        expect(found["inputs"].get("title", {}).get("text") == TICKET["title"], f"the log has {found['inputs']}")
        return f"{len(self._recent())} of the last hour, the newest by {found['version']}"

    def _recent(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._told("/admin/recent_inferences?last=1h&limit=1000")["inferences"]
        return found

    def _told(self, path: str) -> dict[str, Any]:
        answer = self._cloud.request("Api", "GET", path)
        expect(answer.status_code == 200, f"{path}: {answer.status_code} {answer.text}")
        told: dict[str, Any] = answer.json()
        return told

    def _feedback(self) -> str:
        wrong = next(one for one in self._recent() if one["labels"])
        said = {"request_id": wrong["request_id"], "answer": {"priority": "Low"}, "why": "looked at it"}
        answer = self._cloud.request("Api", "POST", "/feedback", said)
        expect(answer.status_code == 201, f"{answer.status_code} {answer.text}")
        [kept] = self._told("/admin/feedback")["corrections"]
        expect(kept["request_id"] == wrong["request_id"], f"the store has {kept}")
        return f"{wrong['labels']['priority']} is Low, by {kept['who'] or 'nobody that is named'}"

    def _drift(self) -> str:
        told = self._cloud.tick("DriftByTheClock")
        expect(not told.failed, str(told.value))
        again = self._told("/admin/drift")
        expect(bool(again["latest"]), "there is no report")
        reports = [key for key in self._cloud.objects("MonitorBucket", "drift/tickets/") if key.endswith(".html")]
        expect(len(reports) == 1, f"there are {len(reports)} reports")
        return f"{again['latest']['state']}: {again['latest']['sentence']}"
