"""The bills of materials say what is deployed: every package of every lock, with its hashes."""

import json
import re
from functools import cache

import pytest

from infra import sbom

LOCKS = sbom.ROOT / "requirements"


@cache
def bill(function):
    return json.loads(sbom.told(function))


def pins(lock):
    text = (LOCKS / f"{lock}.txt").read_text()
    return set(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE)), set(re.findall(r"[0-9a-f]{64}", text))


@pytest.mark.parametrize("function", sbom.FUNCTIONS)
def test_each_package_of_a_function_and_of_its_layer_is_listed_with_its_hashes(function):
    packages, hashes = (ours | layers for ours, layers in zip(pins(function), pins("layer"), strict=True))
    listed = bill(function)["components"]
    assert {(one["name"], one["version"]) for one in listed} == packages
    assert {hashed["content"] for one in listed for hashed in one["hashes"]} == hashes
    assert all(one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}" for one in listed)


@pytest.mark.parametrize("function", sbom.FUNCTIONS)
def test_each_package_has_a_licence_and_somebody_who_needs_it(function):
    said = bill(function)
    assert [one["name"] for one in said["components"] if not one.get("licenses")] == []
    needed = {ref for one in said["dependencies"] for ref in one.get("dependsOn", ())}
    assert needed == {one["bom-ref"] for one in said["components"]}
    assert said["metadata"]["component"]["name"] == f"firesteel-{function}"


def test_the_same_locks_give_the_same_bytes():
    first = sbom.told("smoke")
    assert sbom.told("smoke") == first
    assert "timestamp" not in first


@pytest.mark.parametrize("function", sbom.FUNCTIONS)
def test_no_address_stands_in_it(function):
    text = sbom.told(function).replace("http://cyclonedx.org/schema/bom-1.6.schema.json", "")
    assert "://" not in text


def test_a_lock_with_a_line_that_is_not_pinned_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "requirements"
    folder.mkdir()
    for lock in ("layer", "smoke"):
        (folder / f"{lock}.txt").write_text((LOCKS / f"{lock}.txt").read_text())
    (folder / "smoke.txt").write_text("six==1.17.0\n")
    monkeypatch.setattr(sbom, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="the locks of smoke have lines without a version and hashes"):
        sbom.locked("smoke")


FLOORS = {"starlette": (1, 0, 1), "scikit-learn": (1, 5), "skops": (0, 13), "moto": (5, 1, 22)}


def test_nothing_is_older_than_the_mend_of_what_is_known_of_it():
    """CVE-2026-48710; CVE-2024-5206; CVE-2025-54886; conditional writes in the tests' S3."""
    text = (LOCKS / "dev.txt").read_text()
    versions = dict(re.findall(r"^([a-z0-9._-]+)==([0-9.]+)", text, re.MULTILINE))
    old = {name for name, floor in FLOORS.items() if tuple(map(int, versions[name].split("."))) < floor}
    assert old == set()
