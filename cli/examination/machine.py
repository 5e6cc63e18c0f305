"""This machine: Python, the packages, the port, and the tools that building needs."""

import importlib
import importlib.metadata
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator

from cli.environment import project_root
from cli.examination.finding import Finding
from firesteel.settings import PREFIX, Settings

PYTHON = (3, 13)  # the functions' runtime on Lambda: what is compiled and locked here runs there
_INSTALL = "`rm -f .venv/ready && make .venv/ready` installs what is locked in requirements/"
_REQUIREMENTS = {
    "serving": ("layers/firesteel/requirements.in", "functions/classify/requirements.in"),
    "training": ("functions/train/requirements.in",),
}
MODULES = {
    "pynacl": "nacl",
    "python-dotenv": "dotenv",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
}  # called otherwise than the package
_COMMAND_LINE = (
    "httpx",
    "jsonschema",
    "limits",
    "prometheus-client",
    "python-dotenv",
    "rich",
    "tenacity",
    "typer",
    "uvicorn",
)


def python() -> Finding:
    running = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, PYTHON))
    if sys.version_info[:2] == PYTHON:
        return Finding("Python", "ok", f"{running} at {sys.executable}")
    return Finding("Python", "FAIL", f"{running}, not {wanted}", f"install Python {wanted}, then `make .venv/ready`")


def packages() -> Iterator[Finding]:
    """One finding a group: every package imported, with its version."""
    groups = {name: _required(files) for name, files in _REQUIREMENTS.items()} | {"command line": _COMMAND_LINE}
    for group, packages in groups.items():
        failures = {package: reason for package in packages if (reason := failure(package))}
        if failures:
            sentences = "; ".join(f"{package}: {reason}" for package, reason in failures.items())
            yield Finding(f"{group} packages", "FAIL", sentences, _INSTALL)
        else:
            versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
            yield Finding(f"{group} packages", "ok", versions)


def _required(files: tuple[str, ...]) -> tuple[str, ...]:
    """The packages that requirement files name, in their order and once."""
    lines = [line for file in files for line in (project_root() / file).read_text().splitlines()]
    return tuple(dict.fromkeys(match[0].lower() for line in lines if (match := re.match(r"[A-Za-z0-9][\w.-]*", line))))


def failure(package: str) -> str | None:
    """Why a package cannot be used, if so."""
    try:
        importlib.metadata.version(package)
        importlib.import_module(MODULES.get(package, package.replace("-", "_")))
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
    except Exception as error:  # noqa: BLE001 - a package may fail to import in any way, and that is what is asked
        return f"cannot be imported, {type(error).__name__}: {error}"
    return None


def port(settings: Settings) -> Finding:
    address = f"{settings.host}:{settings.port}"
    try:
        family, kind, _, _, place = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(place)
    except OSError as error:
        remedy = f"if `firesteel serve` runs already, all is well; if not, set {PREFIX}HOST or {PREFIX}PORT"
        return Finding("port", "warn", f"{address}: {error.strerror}", remedy)
    return Finding("port", "ok", f"{address} is free")


def tools() -> Iterator[Finding]:
    """What building and invoking the functions needs; serving and training here do without."""
    own = project_root() / ".venv-sam/bin/sam"
    sam = str(own) if own.exists() else shutil.which("sam")
    yield _tool("SAM", [sam, "--version"] if sam else None, "`make .venv-sam/ready` installs it, for `make build`")
    yield _emulator()
    docker = shutil.which("docker")
    yield _tool(
        "Docker",
        [docker, "version", "--format", "{{.Server.Version}}"] if docker else None,
        "only `sam local` needs it; `make invoke` does without",
    )


def _tool(what: str, command: list[str] | None, remedy: str) -> Finding:
    if command is None:
        return Finding(what, "warn", "not installed", remedy)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)  # noqa: S603 - our own words
    except subprocess.CalledProcessError as error:
        said = (error.stderr.strip() or error.stdout.strip() or f"exit code {error.returncode}").splitlines()
        return Finding(what, "warn", f"{command[0]}: {said[-1]}", remedy)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(what, "warn", str(error), remedy)
    return Finding(what, "ok", f"{done.stdout.strip()} at {command[0]}")


def _emulator() -> Finding:
    from cli.emulator import EmulatorError, emulator_program

    try:
        return Finding("emulator", "ok", str(emulator_program()))
    except EmulatorError as error:
        return Finding("emulator", "warn", str(error), "only `make invoke` needs it")
