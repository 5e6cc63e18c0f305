"""What the linters say of the template: nothing, but for what docs/deploy.md lists with a reason."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.aws.conftest import SAM, sam

ROOT = Path(__file__).resolve().parents[2]
CHECKOV = ROOT / ".venv-checkov/bin/checkov"
RULE = re.compile(r"\b(?:CKV2?_AWS_\d+|[EWI]S?\d{4})\b")


def config(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((ROOT / "infra" / name).read_text())
    return read


def suppressed() -> set[str]:
    """Every rule that is not asked, wherever that is said."""
    in_template = re.findall(r"ignore_checks: \[([^\]]*)\]", (ROOT / "template.yaml").read_text())
    inline = {rule for listed in in_template for rule in RULE.findall(listed)}
    return inline | set(config("checkov.yaml")["skip-check"]) | set(config("cfnlint.yaml")["ignore_checks"])


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.slow
def test_sam_finds_nothing() -> None:
    assert SAM.exists(), "`make .venv-sam/ready` installs SAM"
    outcome = sam("validate", "--lint")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.slow
def test_the_rules_of_serverless_find_nothing() -> None:
    pytest.importorskip("cfn_lint_serverless", reason="the rules of serverless are in requirements/dev.in")
    linter = Path(sys.executable).with_name("cfn-lint")
    outcome = run(str(linter), "--config-file", "infra/cfnlint.yaml", "--", "template.yaml")
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


@pytest.mark.slow
def test_checkov_finds_what_it_is_not_asked_and_nothing_else() -> None:
    assert CHECKOV.exists(), "`make .venv-checkov/ready` installs checkov"
    configured = config("checkov.yaml")
    options = [part for file in configured["file"] for part in ("--file", file)]
    options += ["--framework", *configured["framework"], "--skip-download", "--compact", "--output", "json"]
    report = json.loads(run(str(CHECKOV), *options).stdout)
    assert {one["check_id"] for one in report["results"]["failed_checks"]} == set(configured["skip-check"])
    assert report["summary"]["parsing_errors"] == 0
    assert report["summary"]["passed"] > 100


def test_what_is_suppressed_is_in_the_table_with_its_reason() -> None:
    text = (ROOT / "docs/deploy.md").read_text()
    section = text.partition("## What the linters are not asked")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    reasons = {RULE.search(row[0])[0]: row[-1].strip() for row in rows}  # type: ignore[index]
    assert set(reasons) == suppressed()
    assert len(reasons) == len(rows)
    assert all(len(reason) > 20 for reason in reasons.values())
