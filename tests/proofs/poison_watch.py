"""Watches a process for what data must never make it do: an audit hook, which nobody can take off again, and limits."""

import os
import re
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import process_time
from types import FrameType
from typing import Any

_ROOT = Path(__file__).parents[2]
_CODE = tuple(
    f"{place}/"
    for place in (
        sys.prefix,
        sys.base_prefix,
        *(_ROOT / part for part in ("layers", "functions", "cli", "tests", "models")),
    )
)
_OWN = ("/proc/self/", "/dev/null", "/sys/fs/cgroup/", "/usr/share/zoneinfo/", f"{_ROOT}/pyproject.toml")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LOADERS = ("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
_UNPICKLERS = {"joblib", "cloudpickle", "dill", "skops", "torch", "shelve", "marshal"}
_KNOWN = {*sys.stdlib_module_names, "firesteel", "functions", "cli", "tests"}
_FORBIDDEN = re.compile(
    r"pickle\.|ctypes\.|subprocess\.|pty\.|webbrowser\.|urllib\.|ftplib\.|smtplib\.|http\.client|builtins\.input|sys\.(settrace|setprofile|addaudithook|remote_exec)"
    r"|socket\.(?!__new__)|os\.(system|exec|spawn|posix_spawn|fork|kill|chmod|chown|symlink|setxattr|startfile)"
)
_PLACED = {"os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.truncate", "shutil.rmtree"}
_SET = ("FIRESTEEL_", "PYDANTIC_DISABLE_PLUGINS")  # by the entries, and by typer
LONGEST = 2.0  # seconds of processor time
MOST = 64 << 20  # bytes beyond what is read
_HANGS = 120  # seconds, whatever else the machine does
_SPINS = 60  # seconds of processor time, where not even a signal's handler comes to run: the process ends


class HangError(BaseException):
    """What was called did not return."""


@dataclass
class Watch:
    """What was seen while it was armed. Files may be read in `places` and where code is, written in `places` alone."""

    places: tuple[str, ...] = ()
    armed: bool = False
    seen: list[str] = field(default_factory=list)
    opened: set[str] = field(default_factory=set)
    """Names of the files that were."""

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if self.armed and (told := self._wrong(event, args)):
            self.seen.append(f"{event} {told}"[:300])

    def _wrong(self, event: str, args: tuple[Any, ...]) -> str:
        """What is wrong with an event; nothing for what may be."""
        if event == "open":
            path, mode, flags = args
            if not isinstance(path, int):
                self.opened.add(Path(os.fsdecode(path)).name)
            return "" if self._may_open(path, mode, flags) else f"{path!r} {mode} {flags}"
        if event == "import":
            top = str(args[0]).partition(".")[0]
            return "" if (top in _KNOWN or _installed(top)) and top not in _UNPICKLERS else str(args[0])
        if event in ("exec", "compile", "marshal.loads"):
            return "" if _is_loading() else repr(args)[:200]
        if event in ("os.putenv", "os.unsetenv"):
            return "" if os.fsdecode(args[0]).startswith(_SET) else repr(args)
        if event in _PLACED:
            paths = [str(part) for part in args if isinstance(part, str | os.PathLike)]
            return "" if all(path.startswith(self.places) for path in paths) else repr(args)
        return repr(args)[:200] if _FORBIDDEN.match(event) else ""

    def _may_open(self, path: object, mode: object, flags: int) -> bool:
        if isinstance(path, int):
            return True
        text = os.fsdecode(path)  # type: ignore[arg-type]
        if not text.startswith("/"):  # of a folder that was opened before, without following links
            return bool(flags & os.O_NOFOLLOW) and "/" not in text and text != ".."
        if text.startswith(self.places):
            return True
        return text.startswith((*_CODE, *_OWN)) and (not flags & _WRITES or text.startswith("/proc/self/"))


def _installed(top: str, found: dict[str, bool] = {}) -> bool:  # noqa: B006 - remembered on purpose
    if top not in found:
        found[top] = any(
            Path(place, f"{top}{end}").exists() for place in sys.path for end in ("", ".py") if place.startswith(_CODE)
        ) or any(next(Path(place).glob(f"{top}.*.so"), None) for place in sys.path if place.startswith(_CODE))
    return found[top]


def _is_loading() -> bool:
    """Whether Python's own import of a module is under way in this thread; what is opened for it was looked at before."""
    frame: FrameType | None = sys._getframe(3)
    while frame:
        if frame.f_code.co_filename in _LOADERS:
            return True
        frame = frame.f_back
    return False


class Cost:
    """What a call took: processor seconds and bytes at the most beyond what there was before."""

    seconds = 0.0
    memory = 0


@contextmanager
def measured() -> Iterator[Cost]:
    """Raises HangError for what does not return."""
    cost = Cost()
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before, begun = _memory("VmRSS"), process_time()
    spun = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(begun) + _SPINS, spun[1]))
    signal.signal(signal.SIGALRM, _hangs)
    signal.alarm(_HANGS)
    try:
        yield cost
    finally:
        signal.alarm(0)
        resource.setrlimit(resource.RLIMIT_CPU, spun)
        cost.seconds = process_time() - begun
        cost.memory = max(0, _memory("VmHWM") - before)


def _hangs(signum: int, frame: FrameType | None) -> None:
    raise HangError(f"it was still at it after {_HANGS} s")


def _memory(what: str) -> int:
    """Bytes of this process, as Linux tells them."""
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) << 10


def limit() -> None:
    """A GiB of addresses more than there are: a bomb ends this process, not the machine."""
    addresses = _memory("VmSize") + (1 << 30)
    resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
