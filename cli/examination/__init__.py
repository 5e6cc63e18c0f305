"""What `firesteel doctor` looks at. Each part is examined if what it stands on was found sound, and changes nothing."""

from collections.abc import Iterator
from pathlib import Path

from cli import environment
from cli.examination import machine, store
from cli.examination.finding import Finding
from cli.train import file_of
from firesteel import definition_file
from firesteel.definition import Definition
from firesteel.errors import DefinitionError, SettingsError
from firesteel.settings import PREFIX, Settings

_EXTRAS = {"catboost", "lightgbm"}  # estimators whose library of the same name is not needed by others


def examine(definition: str | None) -> Iterator[Finding]:
    """Everything, in the order in which one thing stands on another."""
    yield machine.python()
    yield from machine.packages()
    settings, finding = _settings()
    yield finding
    if settings:
        yield from store.registry(settings)
        yield machine.port(settings)
    yield _definition(definition or (settings or Settings()).model.partition("/")[0])
    yield from machine.tools()


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
    targets = ", ".join(f"{name} ({target.task})" for name, target in definition.targets.items())
    segments = f", segments {', '.join(definition.segments)}" if definition.segments else ""
    found = f"{path}: model {definition.model}, targets {targets}{segments}"
    if missing := sorted(package for package in _extras(definition) if machine.failure(package)):
        remedy = f"`.venv/bin/pip install {' '.join(missing)}`, or choose gradient_boosting"
        return Finding("definition", "warn", f"{found}; training needs {', '.join(missing)}, which is not here", remedy)
    return Finding("definition", "ok", found)


def _extras(definition: Definition) -> set[str]:
    """The libraries beyond the usual ones that training this definition needs."""
    own: list[str] = [one.estimator.kind for one in definition.segments.values() if one.estimator]
    return {*own, *(definition.estimator_of(name).kind for name in definition.targets)} & _EXTRAS
