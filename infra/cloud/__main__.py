"""`python -m infra.cloud`: brings the stack up on this machine and tells its story, each step with its time.

make build && make cloud
"""

import argparse
import logging
import shlex
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while the rest is loaded ends it without a word

from rich.console import Console
from rich.markup import escape

from cli.emulator import EmulatorError
from cli.insights.evaluate import Result
from cli.insights.values import Value
from cli.logs import shown
from cli.output import print_table
from infra.cloud.cloud import Cloud, template
from infra.cloud.stack import REGION, Stack
from infra.cloud.steps import Step, StepError
from infra.cloud.story import PARAMETERS, Story, definitions

console = Console(highlight=False, soft_wrap=True)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_FIRST_ROWS = 5  # of a query's, that are shown
_WIDEST = 40  # characters of a cell
_BOUND_MISSED = 4  # the exit code, as of `firesteel`


def main() -> int:
    """0 when every step came to what it must, 1 when one did not (those after it are not tried), 4 when one was slow.

    Interrupted or terminated it takes everything down, and is 128 and the signal's number, as shells count.
    """
    parser = argparse.ArgumentParser(prog="python -m infra.cloud", description=(__doc__ or "").splitlines()[0])
    build = template().parent / ".aws-sam" / "build"
    parser.add_argument("--build", type=Path, default=build, help="what `sam build` wrote [default: .aws-sam/build]")
    parser.add_argument("--keep", action="store_true", help="let it run after the story, until Ctrl-C")
    arguments = parser.parse_args()
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    for number in _SIGNALS:
        signal.signal(number, _interrupted)
    try:
        with tempfile.TemporaryDirectory(prefix="firesteel-story-") as folder:
            return _tell(arguments.build, Path(folder), keep=arguments.keep)
    except EmulatorError as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return 1
    except SystemExit as ended:
        console.print("interrupted, torn down")
        return int(ended.code or 0)


def _interrupted(number: int, _: object) -> NoReturn:
    _undisturbed()
    raise SystemExit(128 + number)


def _undisturbed() -> None:
    """From now on nothing interrupts: what is left to do is to take everything down, in a second or two."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _tell(build: Path, folder: Path, *, keep: bool) -> int:
    began = time.perf_counter()
    stack = Stack(template(), "firesteel", PARAMETERS)
    with Cloud(stack, build, models=definitions(folder)) as cloud:
        try:
            _say(time.perf_counter() - began, "the stack is up", cloud.urls["Api"])
            story = Story(cloud, folder)
            done = all(_done(step) for step in story.steps())
            for name, seconds, wanted, met in story.measured:
                console.print(f"{seconds:8.1f} s  {name}, [{'green' if met else 'red'}]wanted {wanted}[/]")
            console.print(f"{time.perf_counter() - began:8.1f} s  in all")
            if keep:
                _keep(cloud, story)
        finally:
            _undisturbed()
    slow = not all(one.met for one in story.measured)
    return 1 if not done else _BOUND_MISSED if slow else 0


def _done(step: Step) -> bool:
    began = time.perf_counter()
    try:
        with console.status(step.name):
            told = step.do()
    except (StepError, TimeoutError) as error:
        console.print(f"[red]FAILED after {time.perf_counter() - began:.1f} s  {step.name}[/]\n{escape(str(error))}")
        return False
    seconds = time.perf_counter() - began
    if isinstance(told, Result):
        first = told.rows[:_FIRST_ROWS]
        _say(
            seconds,
            step.name,
            f"{len(told.rows)} rows" + (f", the first {len(first)}:" if len(told.rows) > len(first) else ":"),
        )
        print_table(told.columns, ([_cell(value) for value in row] for row in first))
    else:
        _say(seconds, step.name, told)
    return True


def _cell(value: Value) -> str:
    return shown(value.partition("\n")[0][:_WIDEST] if isinstance(value, str) else value)


def _say(seconds: float, name: str, told: str) -> None:
    console.print(f"{seconds:8.1f} s  [green]{escape(name)}[/]: {escape(told)}")


def _keep(cloud: Cloud, story: Story) -> None:
    """Says how to reach the cloud and waits for Ctrl-C; the file of its logs is written anew every second."""
    variables = {name: value for name, value in cloud.environment.items() if not name.startswith("AWS_ENDPOINT_URL_")}
    keys = '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY"'
    lines = [
        "",
        "It runs until Ctrl-C. In another terminal:",
        "",
        *(f"export {name}={shlex.quote(value)}" for name, value in (variables | cloud.settings).items()),
        "",
        f"curl --aws-sigv4 aws:amz:{REGION}:execute-api --user {keys} {cloud.urls['Api']}/model/status",
        f"firesteel logs latency --file {story.logs()}",
        f"firesteel retrain tickets --again --data {story.newest}",
        "firesteel retrain careful --again --no-wait",
        "firesteel approve careful 1.1.0",
        "firesteel inferences tickets --last 1h",
        "firesteel drift tickets --since 1d",
        f"firesteel score tickets {story.batch} --aws",
    ]
    console.print("\n".join(lines), markup=False)
    try:
        while True:
            time.sleep(1)
            story.logs()
    except SystemExit:
        console.print("tearing down")


if __name__ == "__main__":
    sys.exit(main())
