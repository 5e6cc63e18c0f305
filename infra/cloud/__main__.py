"""`python -m infra.cloud`: brings the stack up on this machine and tells its story, each step with its time.

make build && make cloud
"""

import argparse
import logging
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from cli.emulator import EmulatorError
from infra.cloud.cloud import Cloud, template
from infra.cloud.stack import Stack
from infra.cloud.story import REFRESH, Step, StepError, Story, definitions

console = Console(highlight=False, soft_wrap=True)


def main() -> int:
    """0 when every step came to what it must, 1 when one did not: the steps after it are not tried."""
    parser = argparse.ArgumentParser(prog="python -m infra.cloud", description=(__doc__ or "").splitlines()[0])
    build = template().parent / ".aws-sam" / "build"
    parser.add_argument("--build", type=Path, default=build, help="what `sam build` wrote [default: .aws-sam/build]")
    arguments = parser.parse_args()
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="firesteel-story-") as folder:
        stack = Stack(template(), "firesteel", {"RefreshSeconds": f"{REFRESH:.0f}", "Shadow": "true"})
        try:
            with Cloud(stack, arguments.build, models=definitions(Path(folder))) as cloud:
                _say(time.perf_counter() - began, "the stack is up", cloud.urls["Api"])
                story = Story(cloud, Path(folder))
                done = all(_done(step) for step in story.steps())
        except EmulatorError as error:
            console.print(f"[red]{escape(str(error))}[/]")
            return 1
    for name, seconds in story.measured.items():
        console.print(f"{seconds:8.1f} s  {name}")
    console.print(f"{time.perf_counter() - began:8.1f} s  in all")
    return 0 if done else 1


def _done(step: Step) -> bool:
    began = time.perf_counter()
    try:
        with console.status(step.name):
            told = step.do()
    except (StepError, TimeoutError) as error:
        console.print(f"[red]FAILED after {time.perf_counter() - began:.1f} s  {step.name}[/]\n{escape(str(error))}")
        return False
    _say(time.perf_counter() - began, step.name, told)
    return True


def _say(seconds: float, name: str, told: str) -> None:
    console.print(f"{seconds:8.1f} s  [green]{escape(name)}[/]: {escape(told)}")


if __name__ == "__main__":
    sys.exit(main())
