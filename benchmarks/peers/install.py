"""Installs the peers from their hashed locks, each in a place of its own under `.benchmarks/`, once per lock."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

PEERS = Path(__file__).parent
LOCKS = PEERS.parent / "requirements"
HOME = PEERS.parent.parent / ".benchmarks"
OURS = f"{sys.version_info.major}.{sys.version_info.minor}"


def environment(peer: str, *, python: str = OURS) -> Path:
    """The folder of the programs (`python`, `uvicorn`, ...) of the peer's own virtual environment."""
    lock = LOCKS / f"{peer}.txt"
    place = HOME / "environments" / peer
    content = python.encode() + lock.read_bytes()
    if _is_stale(place, content):
        _say(f"installing {peer} for Python {python}")
        # Where python3.x is one of pyenv's shims, the shim works for the chosen version alone.
        _uv("venv", "--no-python-downloads", "--python", python, str(place), PYENV_VERSION=python)
        _install(lock, "--python", str(place / "bin" / "python"))
        _remember(place, content)
    return place / "bin"


def artifact(peer: str, *, bytecode: bool = False) -> Path:
    """The peer as a Lambda package: its packages and its `app.py` in one folder.

    Without `bytecode` it is what plain `sam build` leaves: no .pyc anywhere. With it, every module is compiled and
    never checked against its source again, as a careful packer would do.
    """
    source = PEERS / peer / "app.py"
    lock = LOCKS / f"{peer}.txt"
    content = OURS.encode() + (lock.read_bytes() if lock.exists() else b"") + source.read_bytes()
    place = HOME / "artifacts" / (f"{peer}-bytecode" if bytecode else peer)
    if _is_stale(place, content):
        _say(f"packing {peer}")
        place.mkdir(parents=True)
        if lock.exists():
            _install(lock, "--python", sys.executable, "--target", str(place))
        shutil.copy(source, place)
        if bytecode:
            command = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(place)]
            subprocess.run(command, check=True)
        _remember(place, content)
    return place


def _install(lock: Path, *options: str) -> None:
    _uv("pip", "install", "--require-hashes", "--link-mode", "copy", "--requirement", str(lock), *options)


def _uv(*arguments: str, **variables: str) -> None:
    subprocess.run([sys.executable, "-m", "uv", "--quiet", *arguments], env=os.environ | variables, check=True)


def _is_stale(place: Path, content: bytes) -> bool:
    """Whether the place must be filled; what an older lock or a broken run left in it is removed."""
    stamp = _stamp(place)
    if stamp.exists() and stamp.read_text() == hashlib.sha256(content).hexdigest():
        return False
    stamp.unlink(missing_ok=True)
    shutil.rmtree(place, ignore_errors=True)
    return True


def _remember(place: Path, content: bytes) -> None:
    _stamp(place).write_text(hashlib.sha256(content).hexdigest())


def _stamp(place: Path) -> Path:
    return place.with_name(f"{place.name}.sha256")


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)
