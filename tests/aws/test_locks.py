"""The locks of what is deployed: hashed, of one mind about versions, and silent about where packages come from."""

import re
from pathlib import Path

import pytest

LOCKS = Path(__file__).resolve().parents[2] / "requirements"
DEPLOYED = ("layer", "classify", "registry", "smoke", "train")


def pins(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", (LOCKS / f"{lock}.txt").read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", [*DEPLOYED, "checkov", "sam"])
def test_every_package_is_hashed(lock: str) -> None:
    text = (LOCKS / f"{lock}.txt").read_text()
    assert pins(lock)
    entries = re.split(r"\n(?=\S)", text.strip())
    assert all("--hash=sha256:" in entry for entry in entries)


@pytest.mark.parametrize("lock", [*DEPLOYED, "checkov", "sam"])
def test_no_lock_names_a_registry(lock: str) -> None:
    text = (LOCKS / f"{lock}.txt").read_text()
    assert "://" not in text
    assert "index" not in re.sub(r"^[a-z0-9._-]+==", "", text, flags=re.MULTILINE)


def test_a_package_that_two_parts_use_has_one_version() -> None:
    versions: dict[str, set[str]] = {}
    for lock in DEPLOYED:
        for name, version in pins(lock).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


@pytest.mark.parametrize("function", ["classify", "registry", "smoke", "train"])
def test_what_the_layer_brings_is_not_installed_twice(function: str) -> None:
    assert not pins("layer").keys() & pins(function).keys()


def test_serving_brings_nothing_that_trains() -> None:
    assert not {"scikit-learn", "scipy", "joblib", "boto3", "matplotlib"} & (pins("layer") | pins("classify")).keys()


BOTO3 = {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"}


def test_what_moves_aliases_brings_its_logger_and_what_answers_a_state_machine() -> None:
    assert set(pins("registry")) == {"aws-lambda-powertools", "typing-extensions", *BOTO3}


def test_the_smoke_test_brings_what_calls_aws_and_nothing_else() -> None:
    assert set(pins("smoke")) == BOTO3


@pytest.mark.parametrize("lock", DEPLOYED)
def test_one_lock_serves_both_architectures(lock: str) -> None:
    text = (LOCKS / f"{lock}.txt").read_text()
    assert re.findall(r"^\S+==\S+ ;.*", text, re.MULTILINE) == [], "a pin for one machine alone"
