"""Runs a built function in the real Lambda runtime emulator, with no container.

The emulator is the program that `sam local` puts into its containers; SAM's own environment `.venv-sam` brings it. It
starts Lambda's Python runtime client (`awslambdaric`) on the artifact, so imports, events, answers and errors take the
way they take on Lambda. What a container would add is left out: limits of memory and CPU, and read-only folders.
"""

import importlib.metadata
import json
import os
import platform
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from firesteel.errors import FiresteelError

_INVOKE = "/2015-03-31/functions/function/invocations"
_RUNTIME_CLIENT = ("awslambdaric", "simplejson", "snapshot-restore-py")
_STARTS_WITHIN = 10.0  # seconds until the emulator must listen; it takes a few milliseconds
_ENDS_WITHIN = 5.0  # seconds to wait for a killed process


class EmulatorError(FiresteelError):
    """The emulator is missing, did not start, or did not answer with JSON. The message says which, and what to do."""


class Emulator:
    """One execution environment of a built function, from `with` until its end.

    `layers` are folders as Lambda unpacks them below /opt, each with a `python` folder inside. `environment` comes on
    top of what Lambda itself sets; nothing else of this process's environment or packages is seen by the function.

    Raises EmulatorError when the artifact or the emulator is missing.
    """

    def __init__(
        self,
        artifact: Path,
        handler: str,
        environment: Mapping[str, str] | None = None,
        layers: Sequence[Path] = (),
        *,
        memory: int = 1769,
        timeout: int = 60,
    ) -> None:
        missing = [str(folder) for folder in (artifact, *layers) if not folder.is_dir()]
        if missing:
            raise EmulatorError(f"{', '.join(missing)}: no such folder; run `make build` first")
        self._program = emulator_program()
        self._artifact = artifact.resolve()
        self._handler = handler
        self._layers = [layer.resolve() / "python" for layer in layers]
        self._limits = (memory, timeout)
        self._extra = dict(environment or {})

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="firesteel-emulator-")
        folder = Path(self._folder.name)
        environment = self._environment(_runtime_client(folder / "runtime"))
        # -S: the function sees its artifact, its layers and the standard library, as on Lambda, and no site-packages
        runtime = [str(Path(sys.executable).resolve()), "-S", "-m", "awslambdaric", self._handler]
        port, api = _free_ports(2)
        ports = [f"--runtime-interface-emulator-address=127.0.0.1:{port}", f"--runtime-api-address=127.0.0.1:{api}"]
        self._log = folder / "log"
        self._connection = HTTPConnection("127.0.0.1", port, timeout=self._limits[1] + 5)
        self._started: float | None = time.perf_counter()
        with self._log.open("wb") as log:  # a file: the emulator stops when a pipe is full
            self._process = subprocess.Popen(  # noqa: S603 - SAM's emulator, this Python, and a folder that was built here
                [str(self._program), *ports, *runtime],
                cwd=self._artifact,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._connect()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def invoke(self, event: object) -> tuple[Any, float]:
        """The function's answer and the seconds it took; the first count from the start of the process: a cold start.

        An uncaught exception is an answer too: a dict with `errorType` and `errorMessage`. Raises EmulatorError when
        the runtime died or did not answer JSON.
        """
        body = json.dumps(event).encode()
        started, self._started = self._started or time.perf_counter(), None
        try:
            self._connection.request("POST", _INVOKE, body)
            answer = self._connection.getresponse().read()
        except (OSError, HTTPException) as error:
            raise EmulatorError(f"{self._handler} did not answer: {error!r}; its log:\n{self.log()}") from error
        seconds = time.perf_counter() - started
        try:
            return json.loads(answer), seconds
        except ValueError:
            raise EmulatorError(f"{self._handler} answered {answer[:500]!r}; its log:\n{self.log()}") from None

    def log(self) -> str:
        """What the function and the emulator have written so far: the function's part is what CloudWatch would get."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _environment(self, runtime_client: Path) -> dict[str, str]:
        memory, timeout = self._limits
        name = self._artifact.name
        region = self._extra.get("AWS_REGION", "us-east-1")
        return {
            "PATH": os.defpath,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(self._artifact),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_REGION": region,
            "AWS_DEFAULT_REGION": region,
            "PYTHONPATH": os.pathsep.join(map(str, (self._artifact, *self._layers, runtime_client))),
            "PYTHONDONTWRITEBYTECODE": "1",  # /var/task is read-only: what ships without bytecode stays without
            **self._extra,
        }

    def _connect(self) -> None:
        deadline = time.monotonic() + _STARTS_WITHIN
        while True:
            try:
                self._connection.connect()
            except ConnectionRefusedError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise EmulatorError(f"the emulator did not start:\n{self.log()}") from None
                time.sleep(0.001)
            else:
                return

    def _stop(self) -> None:
        """Ends what was started: the emulator, and the runtime that it keeps in a process group of its own."""
        self._connection.close()
        for pid in (*_children(self._process.pid), self._process.pid):
            _kill_group(pid)
        self._process.wait()
        self._folder.cleanup()


def _kill_group(leader: int) -> None:
    """Kills the process and its group, and returns when the process has ended, whoever its parent is."""
    try:
        process = os.pidfd_open(leader)
    except ProcessLookupError:
        return  # it had ended by itself
    try:
        os.killpg(leader, signal.SIGKILL)
        select.select([process], [], [], _ENDS_WITHIN)
    except ProcessLookupError:
        return  # and so had its group
    finally:
        os.close(process)


def _children(pid: int) -> list[int]:
    """Child processes, as Linux lists them by thread."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]


def emulator_program() -> Path:
    """The emulator in SAM's environment. Raises EmulatorError when it is not there or this machine cannot run it."""
    machine = {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        raise EmulatorError(
            f"the emulator needs Linux on x86-64 or ARM, here is {platform.platform()}: use `sam local`"
        )
    root = Path(__file__).resolve().parent.parent
    found = sorted(root.glob(f".venv-sam/lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{machine}"))
    if not found:
        raise EmulatorError(f"no runtime emulator in {root / '.venv-sam'}: `make .venv-sam/ready` installs SAM there")
    return found[-1]


def _runtime_client(folder: Path) -> Path:
    """A folder of links to Lambda's Python runtime client and nothing else, as /var/runtime has it."""
    folder.mkdir()
    for package in _RUNTIME_CLIENT:
        distribution = importlib.metadata.distribution(package)
        for name in {file.parts[0] for file in distribution.files or []}:
            if not name.endswith((".dist-info", "..")):
                (folder / name).symlink_to(str(distribution.locate_file(name)))
    return folder


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
