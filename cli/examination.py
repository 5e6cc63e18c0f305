"""What `firesteel doctor` looks at. Each part is examined if what it stands on was found sound, and changes nothing."""

import importlib
import importlib.metadata
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from cli import environment
from cli.environment import project_root
from cli.train import file_of
from firesteel import definition_file
from firesteel.errors import DefinitionError, FiresteelError, NotFoundError, SettingsError
from firesteel.registry import alias, bundle
from firesteel.registry.alias import Entry
from firesteel.registry.store import Store, open_store
from firesteel.settings import PREFIX, Settings
from functions.classify import fetch, refresh

PYTHON = (3, 13)  # the functions' runtime on Lambda: what is compiled and locked here runs there
_INSTALL = "`rm -f .venv/ready && make .venv/ready` installs what is locked in requirements/"
_REQUIREMENTS = {
    "serving": ("layers/firesteel/requirements.in", "functions/classify/requirements.in"),
    "training": ("functions/train/requirements.in",),
}
_MODULES = {"python-dotenv": "dotenv", "pyyaml": "yaml", "scikit-learn": "sklearn"}  # called otherwise than the package
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

type Verdict = Literal["ok", "warn", "FAIL"]


class Finding(NamedTuple):
    """One thing that was looked at; `remedy` says what to do unless it is well."""

    what: str
    verdict: Verdict
    found: str
    remedy: str = ""


def examine(definition: str | None) -> Iterator[Finding]:
    """Everything, in the order in which one thing stands on another."""
    yield _python()
    yield from _packages()
    settings, finding = _settings()
    yield finding
    if settings:
        yield from _registry(settings)
        yield _port(settings)
    yield _definition(definition or (settings or Settings()).model.partition("/")[0])
    yield from _tools()


def _python() -> Finding:
    running = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, PYTHON))
    if sys.version_info[:2] == PYTHON:
        return Finding("Python", "ok", f"{running} at {sys.executable}")
    return Finding("Python", "FAIL", f"{running}, not {wanted}", f"install Python {wanted}, then `make .venv/ready`")


def _packages() -> Iterator[Finding]:
    """One finding a group: every package imported, with its version."""
    groups = {name: _required(files) for name, files in _REQUIREMENTS.items()} | {"command line": _COMMAND_LINE}
    for group, packages in groups.items():
        failures = {package: reason for package in packages if (reason := _failure(package))}
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


def _failure(package: str) -> str | None:
    """Why a package cannot be used, if so."""
    try:
        importlib.metadata.version(package)
        importlib.import_module(_MODULES.get(package, package.replace("-", "_")))
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
    except Exception as error:  # noqa: BLE001 - a package may fail to import in any way, and that is what is asked
        return f"cannot be imported, {type(error).__name__}: {error}"
    return None


def _settings() -> tuple[Settings | None, Finding]:
    file = Path(".env")
    try:
        settings = environment.settings()
    except SettingsError as error:
        return None, Finding(
            "settings", "FAIL", str(error), "correct it in the environment or in .env; .env.example lists all"
        )
    except (OSError, UnicodeDecodeError) as error:
        return None, Finding("settings", "FAIL", f"{file.resolve()}: {error}", "make .env a readable file in UTF-8")
    changed = [name for name, value in vars(settings).items() if value != vars(Settings())[name]]
    where = f"{file.resolve()} read" if file.exists() else f"no .env in {Path.cwd()}"
    if not changed:
        return settings, Finding("settings", "ok", f"{where}; all are the defaults")
    return settings, Finding(
        "settings", "ok", f"{where}; not the defaults: {', '.join(PREFIX + name.upper() for name in changed)}"
    )


def _registry(settings: Settings) -> Iterator[Finding]:
    """The store, the alias, the bundle it names, and whether that bundle can be served."""
    try:
        store = open_store(settings.store)
        models = bundle.models(store)
    except FiresteelError as error:
        yield Finding("store", "FAIL", f"{settings.store}: {error}", _store_remedy(settings.store))
        return
    yield Finding("store", "ok", f"{settings.store}, models: {', '.join(models) or 'none yet'}")
    train = f"`firesteel train {settings.model} --data file.csv` publishes a version"
    if settings.model not in models:
        yield Finding("model", "warn", f"{settings.model} has no version in the store", train)
        return
    name = f"{settings.alias} of {settings.model}"
    try:
        entry = alias.current(store, settings.model, settings.alias)
    except NotFoundError:
        remedy = f"`firesteel versions {settings.model}` lists what `firesteel promote` can serve"
        yield Finding("alias", "warn", f"{name} names no version", remedy)
        return
    except FiresteelError as error:
        yield Finding("alias", "FAIL", f"{name}: {error}", f"`firesteel promote {settings.model} VERSION` moves it on")
        return
    yield Finding("alias", "ok", f"{name} is {entry.version}, generation {entry.generation}, since {entry.when}")
    yield from _served(settings, store, entry)


def _served(settings: Settings, store: Store, entry: Entry) -> Iterator[Finding]:
    served = f"{settings.model} {entry.version}"
    back = f"`firesteel rollback {settings.model} --alias {settings.alias}` serves the version before"
    yield _attempted("bundle", lambda: _verified(store, settings.model, entry.version), back)

    def replay() -> str:
        refresh.load(fetch.Source(settings.store, settings.model, settings.alias).newest(), settings.model)
        return f"{served} loads, and answers its golden rows as when it was published"

    yield _attempted("program", replay, back)


def _verified(store: Store, model: str, version: str) -> str:
    if problems := bundle.verify(store, model, version):
        raise FiresteelError("; ".join(problems))
    return f"every file of {model} {version} is what was published"


def _attempted(what: str, work: Callable[[], str], remedy: str) -> Finding:
    try:
        return Finding(what, "ok", work())
    except FiresteelError as error:
        return Finding(what, "FAIL", str(error), remedy)


def _store_remedy(url: str) -> str:
    if url.startswith("s3://"):
        return "check the bucket, AWS_REGION, the credentials in AWS_*, and AWS_ENDPOINT_URL if it is not Amazon's S3"
    return f"make the folder readable and writable, or set {PREFIX}STORE to another"


def _port(settings: Settings) -> Finding:
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


def _definition(name: str) -> Finding:
    path = file_of(name)
    try:
        definition = definition_file.load(path)
    except (DefinitionError, OSError) as error:
        if not path.exists():
            return Finding(
                "definition", "warn", f"no file {path}", "training needs one; --definition names another file"
            )
        return Finding("definition", "FAIL", str(error), "correct the line that the message names")
    targets = ", ".join(definition.targets)
    return Finding("definition", "ok", f"{path}: model {definition.model}, targets {targets}")


def _tools() -> Iterator[Finding]:
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
