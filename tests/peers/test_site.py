"""The documentation's site builds without a complaint, its reference is that of the code, and its tutorial works."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from infra import reference
from tests.peers.conftest import LIMIT, ROOT, Sessions, environment

TUTORIAL = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", reference.pages())
def test_the_reference_is_that_of_the_code(name: str) -> None:
    written = (reference.REFERENCE / name).read_text(encoding="utf-8")
    assert written == reference.pages()[name], "run `python -m infra.reference`"


def test_every_command_and_option_stands_in_the_reference() -> None:
    page = reference.pages()["cli.md"]
    assert "## train\n" in page
    assert "| `--test-data` | path |  | Evaluate on this CSV instead of held-out rows. |" in page
    assert "| `--bump` | major\\|minor\\|patch | `minor` |" in page


class Fetched(HTMLParser):
    """What a page makes a browser fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        target = (
            named.get("src") or (named.get("href") if tag == "link" and named.get("rel") != "canonical" else "") or ""
        )
        if target.startswith(("http:", "https:", "//")):
            self.found.append(f"{tag} {target}")


@pytest.mark.slow
def test_the_site_builds_strictly_and_fetches_nothing_from_elsewhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)],
        env=environment("memory://", NO_MKDOCS_2_WARNING="1"),
        cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        fetched = Fetched()
        fetched.feed(page.read_text(encoding="utf-8"))
        assert fetched.found == [], page
    assert "predict_batch" in (tmp_path / "reference/python.html").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    every = re.findall(r"^```(\w*)\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
    return [text for own, text in every if own == kind]


def commands() -> Iterator[list[object]]:
    """The tutorial's commands but those that serve."""
    for block in blocks(""):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line)
            if words[:1] == ["firesteel"]:
                yield list(words[1:])


def test_the_tutorial_works_as_it_stands(session: Sessions, tmp_path: Path) -> None:
    [script], [described] = blocks("python"), blocks("yaml")
    (tmp_path / "churn.yaml").write_text(described)
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, timeout=LIMIT, check=True)
    done = session(f"file://{tmp_path}/store", *commands(), ["predict", "churn", "--set", "plan=gold"], folder=tmp_path)
    train, predict, again, versions, rollback, wrong = done
    assert [one["code"] for one in (train, predict, again, versions, rollback)] == [0] * 5, done
    assert "latest is now 1.0.0" in train["out"]
    assert "leaves" in predict["out"]
    assert "yes" in predict["out"]
    assert {"1.0.0", "1.1.0"} <= set(versions["out"].split())
    assert "1.0.0" in rollback["out"]
    assert wrong["code"] == 3
    [request] = re.findall(r"-d '(.*?)'", TUTORIAL)
    assert json.loads(request)["message"] == "we found another tool"
