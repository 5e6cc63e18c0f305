"""Builds one part of the stack as Lambda should get it: hashed packages, trimmed, with bytecode.

    python3.13 infra/build.py layer|classify|registry|train FOLDER

`sam build` calls this through the part's Makefile. SAM's own pip builder ships every test suite and not one .pyc, and
/var/task is read-only: each cold start would compile the world again. `docs/size.md` says what each step is worth.

Finished packages are kept in `.aws-sam/packages` until their lock or this file changes: building again is a copy.
"""

import argparse
import fnmatch
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / ".aws-sam" / "packages"
PYTHON = (3, 13)  # the runtime in template.yaml: bytecode of another minor version is never loaded


@dataclass(frozen=True)
class Part:
    """One artifact: a lock of packages and our own sources, as they appear under Lambda's folder `mount`."""

    lock: str
    mount: str
    sources: dict[str, str]  # glob in the repository -> folder in the artifact
    inside: str = "."  # folder of the artifact that is on Lambda's import path


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
        sources={"functions/classify/**/*.py": "functions/classify"},
    ),
    "registry": Part(
        lock="requirements/registry.txt",
        mount="/var/task",
        sources={"functions/registry/**/*.py": "functions/registry"},
    ),
    "train": Part(
        lock="requirements/train.txt",
        mount="/var/task",
        sources={"functions/train/**/*.py": "functions/train", "models/*.yaml": "models"},
    ),
}

# What no import at run time reads. Patterns are matched against the path below the import root, `*` crosses folders.
UNREAD = (
    # test suites, type stubs, and what only a compiler reads
    *("*/tests/*", "joblib/test/*", "*/conftest.py", "*.pyi", "*/py.typed"),
    *("*.c", "*.cpp", "*.h", "*.hpp", "*.a", "*.pc", "*.pyx", "*.pxd", "*.pxi", "*.tp", "*/meson.build"),
    # console scripts, manual pages, and pip's own notes (METADATA, entry points and licences stay)
    *("bin/*", "share/*", "*.dist-info/RECORD", "*.dist-info/WHEEL", "*.dist-info/INSTALLER", "*.dist-info/REQUESTED"),
    *("*.dist-info/sboms/*",),
    # NumPy: examples, and extension modules that only its tests load (f2py stays: `from numpy import *` imports it)
    *("numpy/_pyinstaller/*", "numpy/random/_examples/*", "numpy/_core/_simd.*", "numpy/_core/_*_tests.*"),
    # Powertools: the browser's half of its own API pages; ours are FastAPI's
    *("*/swagger_ui/*.js", "*/swagger_ui/*.css"),
    # Matplotlib's companions: fontTools' faster twins of modules it also has in Python, Pillow's AVIF codec
    *("fontTools/*.so", "PIL/_avif.*", "pillow.libs/libavif-*"),
)


def build(name: str, folder: Path) -> None:
    """Fills the empty folder with the part of that name. Same lock and sources in, same bytes out."""
    part = PARTS[name]
    if any(folder.glob("*")):
        raise SystemExit(f"{folder} is not empty: a build never mixes with what is already there")
    shutil.copytree(packages(name, part), folder, dirs_exist_ok=True)
    copy_sources(part, folder / part.inside)
    compile_sources(folder, part.mount)


def packages(name: str, part: Part) -> Path:
    """The folder with the part's packages, ready to be copied; made when its lock or this file has changed."""
    lock = ROOT / part.lock
    key = hashlib.sha256(lock.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:16]
    finished = KEPT / f"{name}-{key}"
    if not finished.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        for outdated in KEPT.glob(f"{name}-*"):
            shutil.rmtree(outdated, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=KEPT) as scratch:
            work = Path(scratch, name)
            install(lock, work / part.inside)
            trim(work / part.inside)
            compile_packages(work, part.mount)
            work.rename(finished)
    return finished


def install(lock: Path, folder: Path) -> None:
    """Installs what the lock says for Lambda's platform, whatever this machine is; wrong hashes stop the build."""
    if importlib.util.find_spec("pip") is None:
        raise SystemExit(f"{sys.executable} has no pip: use a Python 3.13 that has it (`python3.13 -m ensurepip`)")
    platforms = [f"--platform={tag}_x86_64" for tag in ("manylinux_2_28", "manylinux_2_17", "manylinux2014")]
    flags = ["--require-hashes", "--no-deps", "--only-binary=:all:", "--no-compile"]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-warn-conflicts"]
    pip = [sys.executable, "-m", "pip", "install", *quiet, *flags, *platforms]
    python = [f"--python-version={PYTHON[0]}.{PYTHON[1]}", "--implementation=cp"]
    subprocess.run([*pip, *python, f"--requirement={lock}", f"--target={folder}"], check=True)


def trim(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
        elif path.is_file() and is_unread(path.relative_to(folder).as_posix()):
            path.unlink()


def is_unread(path: str) -> bool:
    return any(fnmatch.fnmatchcase(path, pattern) for pattern in UNREAD)


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
    arguments = parser.parse_args()
    if sys.version_info[:2] != PYTHON:
        raise SystemExit(f"Python {PYTHON[0]}.{PYTHON[1]} must build, as it runs; this is {sys.version.split()[0]}")
    build(arguments.part, arguments.folder.resolve())


if __name__ == "__main__":
    main()
