"""Writes what each function is made of, as CycloneDX: `python -m infra.sbom [FOLDER]`, a file for each function.

Packages, versions and hashes are those of the locks, the function's own and the layer's, which is everything that is
deployed beside our code and the Python of the runtime. Licences and who needs whom are what the packages themselves say,
read from the developers' environment, where every locked version is installed. The same locks give the same bytes.
"""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import License
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = ("classify", "train", "registry", "smoke")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?:\s*\\?\s*--hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)
_HASH = re.compile(r"sha256:([0-9a-f]{64})")


def locked(function: str) -> dict[str, Component]:
    """What a function and the layer beside it install, by name. Raises ValueError where a lock has what is not pinned."""
    texts = [(ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8") for name in (function, "layer")]
    components = {}
    for text in texts:
        found = _PINNED.findall(text)
        if len(found) != len(re.findall(r"^\w", text, re.MULTILINE)):
            raise ValueError(f"the locks of {function} have lines without a version and hashes: make lock")
        for name, version, hashes in found:
            components[name] = _component(name, version, _HASH.findall(hashes))
    return components


def _component(name: str, version: str, hashes: list[str]) -> Component:
    """A package; each of its hashes is that of one of its files for one platform."""
    url = PackageURL("pypi", None, name, version)
    return Component(
        type=ComponentType.LIBRARY,
        name=name,
        version=version,
        purl=url,
        bom_ref=url.to_string(),
        licenses=_licences(name),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=content) for content in hashes],
    )


def _licences(name: str) -> list[License]:
    """What a package says of its licence: an SPDX expression, else a line of text, else its classifiers."""
    said = metadata.metadata(name)
    factory = LicenseFactory()
    if expression := said.get("License-Expression"):
        return [factory.make_from_string(expression)]
    if (line := (said.get("License") or "").strip()) and "\n" not in line:
        return [factory.make_from_string(line)]
    classifiers = [entry for entry in said.get_all("Classifier") or [] if entry.startswith("License :: ")]
    return [factory.make_with_name(entry.rpartition(" :: ")[2]) for entry in classifiers]


def _needed(lines: list[str], components: dict[str, Component]) -> list[Component]:
    """Those of the components that requirements name, where their markers hold."""
    wanted = [Requirement(line) for line in lines]
    names = [canonicalize_name(one.name) for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    return [components[name] for name in names if name in components]


def _direct(function: str) -> list[str]:
    """What we ask for ourselves."""
    files = (f"functions/{function}/requirements.in", "layers/firesteel/requirements.in")
    lines = [line.partition("#")[0].strip() for file in files for line in (ROOT / file).read_text().splitlines()]
    return [line for line in lines if line]


def bill(function: str) -> Bom:
    """A function's bill of materials."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    components = locked(function)
    ours = Component(
        type=ComponentType.APPLICATION,
        name=f"{project['name']}-{function}",
        version=project["version"],
        description=project["description"],
        bom_ref=f"{project['name']}-{function}",
        licenses=[LicenseFactory().make_from_string(project["license"])],
    )
    bom = Bom(components=components.values())
    bom.metadata.component = ours
    bom.register_dependency(ours, _needed(_direct(function), components))
    for name, component in components.items():
        bom.register_dependency(component, _needed(metadata.requires(name) or [], components))
    parts = sorted(hashed.content for component in components.values() for hashed in component.hashes)
    bom.serial_number = uuid5(NAMESPACE_URL, f"{ours.name} {ours.version} {parts}")
    return bom


def told(function: str) -> str:
    """A function's bill as CycloneDX 1.6 JSON, without a time. Raises ValueError where it is not valid."""
    bom = bill(function)
    bom.metadata.timestamp = None  # type: ignore[assignment] # as cyclonedx-py does for what is to be reproducible
    text = JsonV1Dot6(bom).output_as_string(indent=1) + "\n"
    if problem := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the bill of {function} is not valid CycloneDX: {problem}")
    return text


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".sbom")
    folder.mkdir(parents=True, exist_ok=True)
    for function in FUNCTIONS:
        (folder / f"{function}.json").write_text(told(function), encoding="utf-8")
        print(folder / f"{function}.json")


if __name__ == "__main__":
    main()
