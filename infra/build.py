"""Builds one part of the stack as Lambda should get it: hashed packages, trimmed, with bytecode.

    python3.13 infra/build.py layer|classify|registry|smoke|train FOLDER [x86_64|arm64]

`sam build` calls this through the part's Makefile. SAM's own pip builder ships every test suite and not one .pyc, and
/var/task is read-only: each cold start would compile the world again. `docs/size.md` says what each step is worth.

Either architecture is built on any machine: wheels are chosen by platform, and bytecode is the same on both.
Finished packages are kept in `.aws-sam/packages` until their lock or the rules of the build change: building again is a
copy.
"""

import argparse
import fcntl
import fnmatch
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".aws-sam" / "packages"
UNREAD = ROOT / "infra" / "unread.txt"
MACHINES = {"x86_64": 62, "arm64": 183}  # ELF's numbers for the architectures that Lambda has
PYTHON = (3, 13)  # the runtime in template.yaml: bytecode of another minor version is never loaded


@dataclass(frozen=True)
class Part:
    """One artifact: a lock of packages and our own sources, as they appear under Lambda's folder `mount`."""

    lock: str
    mount: str
    sources: dict[str, str]  # glob in the repository -> folder in the artifact
    inside: str = "."  # folder of the artifact that is on Lambda's import path
    services: tuple[str, ...] = ()  # AWS services that its boto3 calls: botocore describes 400 in 20 MiB


PARTS = {
    "layer": Part(
        lock="requirements/layer.txt",
        mount="/opt",
        sources={"layers/firesteel/firesteel/**/*.py": "firesteel"},
        inside="python",
    ),
    "classify": Part(
        lock="requirements/classify.txt",
        mount="/var/task",
        sources={
            "functions/classify/**/*.py": "functions/classify",
            "web/*.html": "web",
            "web/*.css": "web",
            "web/*.js": "web",
        },
    ),
    "registry": Part(
        lock="requirements/registry.txt",
        mount="/var/task",
        sources={"functions/registry/**/*.py": "functions/registry"},
        services=("kms", "stepfunctions"),
    ),
    "smoke": Part(
        lock="requirements/smoke.txt",
        mount="/var/task",
        sources={"functions/smoke/**/*.py": "functions/smoke"},
        services=("codedeploy", "lambda"),
    ),
    "train": Part(
        lock="requirements/train.txt",
        mount="/var/task",
        sources={"functions/train/**/*.py": "functions/train", "models/*.yaml": "models"},
        services=("kms",),
    ),
}


def build(name: str, folder: Path, architecture: str = "x86_64") -> None:
    """Fills the empty folder with the part of that name. Same lock and sources in, same bytes out."""
    part = PARTS[name]
    if any(folder.glob("*")):
        raise SystemExit(f"{folder} is not empty: a build never mixes with what is already there")
    with alone(f"{name}-{architecture}"):
        shutil.copytree(packages(name, part, architecture), folder, dirs_exist_ok=True)
    copy_sources(part, folder / part.inside)
    compile_sources(folder, part.mount)


@contextmanager
def alone(what: str) -> Iterator[None]:
    """`sam build --parallel` builds two functions of one part at the same time: the second waits for the packages."""
    KEPT.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def packages(name: str, part: Part, architecture: str) -> Path:
    """The folder with the part's packages, ready to be copied; made when its lock or a rule of the build has changed."""
    rules = (ROOT / part.lock, Path(__file__), UNREAD, platforms(architecture))
    key = hashlib.sha256(b"".join(rule.read_bytes() for rule in rules)).hexdigest()[:16]
    finished = KEPT / f"{name}-{architecture}-{key}"
    if not finished.exists():
        for outdated in KEPT.glob(f"{name}-{architecture}-*"):
            shutil.rmtree(outdated, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as scratch:
            work = Path(scratch, name)
            install(ROOT / part.lock, work / part.inside, architecture)
            trim(work / part.inside, part.services)
            check_machine(work, architecture)
            compile_packages(work, part.mount)
            work.rename(finished)
    return finished


def platforms(architecture: str) -> Path:
    return ROOT / "infra" / architecture / "platforms.txt"


def install(lock: Path, folder: Path, architecture: str) -> None:
    """Installs what the lock says for Lambda's platform, whatever this machine is; wrong hashes stop the build."""
    if importlib.util.find_spec("pip") is None:
        raise SystemExit(f"{sys.executable} has no pip: use a Python 3.13 that has it (`python3.13 -m ensurepip`)")
    allowed = [f"--platform={tag}" for tag in lines(platforms(architecture))]
    flags = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-conflicts"]
    pip = [sys.executable, "-m", "pip", "install", *quiet, *flags, *allowed]
    python = [f"--python-version={PYTHON[0]}.{PYTHON[1]}", "--implementation=cp"]
    subprocess.run([*pip, *python, f"--requirement={lock}", f"--target={folder}"], check=True)


def lines(file: Path) -> list[str]:
    """The file's lines without comments and empty ones."""
    read = (line.strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in read if line and not line.startswith("#")]


def trim(folder: Path, services: tuple[str, ...] = ()) -> None:
    """Removes what no import at run time reads, and the folders that this leaves empty."""
    unread = lines(UNREAD)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and is_unread(path.relative_to(folder).as_posix(), unread, services):
            path.unlink()


def is_unread(path: str, unread: list[str], services: tuple[str, ...] = ()) -> bool:
    """Whether a pattern of `unread` matches, or the path describes to botocore a service that nobody calls."""
    if fnmatch.fnmatchcase(path, "botocore/data/*/*"):
        return path.split("/")[2] not in services
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in unread)


def check_machine(folder: Path, architecture: str) -> None:
    """Raises SystemExit when a shared object is not for the architecture: it would fail at its import on Lambda."""
    for path in (path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            head = file.read(20)
        if head.startswith(b"\x7fELF") and int.from_bytes(head[18:20], "little") != MACHINES[architecture]:
            raise SystemExit(
                f"{path.relative_to(folder)} is not made for {architecture}: check {platforms(architecture)}"
            )


def compile_packages(folder: Path, mount: str) -> None:
    """Leaves packages as `module.pyc` alone: half the files, and the fewest looks at the disk for an import."""
    _compile(folder, mount, "-b")
    for source in folder.rglob("*.py"):
        if not source.with_suffix(".pyc").exists():
            raise SystemExit(f"{source} did not compile: fix the lock or drop the file in {Path(__file__).name}")
        source.unlink()


def copy_sources(part: Part, folder: Path) -> None:
    for pattern, place in part.sources.items():
        top = ROOT / pattern.partition("*")[0]
        found = sorted(ROOT.glob(pattern))
        if not found:
            raise SystemExit(f"nothing matches {pattern} in {ROOT}")
        for source in found:
            target = folder / place / source.relative_to(top)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


def compile_sources(folder: Path, mount: str) -> None:
    """Our own modules keep their source beside the bytecode: a traceback in the log shows the line."""
    _compile(folder, mount)


def _compile(folder: Path, mount: str, *options: str) -> None:
    """Bytecode that Lambda loads without a look at the source, and that names files as Lambda does.

    One process with a fixed hash seed goes through the files in order: the same bytes on every machine.
    """
    paths = ["-s", str(folder), "-p", mount]
    command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode=unchecked-hash", *paths, *options]
    subprocess.run([*command, str(folder)], check=True, env=os.environ | {"PYTHONHASHSEED": "0"})


def main() -> None:
    parser = argparse.ArgumentParser(description="Build one part of the stack into an empty folder.")
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("architecture", choices=MACHINES, nargs="?", default="x86_64")
    arguments = parser.parse_args()
    if sys.version_info[:2] != PYTHON:
        raise SystemExit(f"Python {PYTHON[0]}.{PYTHON[1]} must build, as it runs; this is {sys.version.split()[0]}")
    build(arguments.part, arguments.folder.resolve(), arguments.architecture)


if __name__ == "__main__":
    main()
