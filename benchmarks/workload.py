"""What is asked of every contender, and where it finds its model."""

import argparse
import csv
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import pipelines
from benchmarks.process import LOOPBACK

ROOT = Path(__file__).parent.parent
HOME = ROOT / ".benchmarks"
DATA = HOME / "tickets.csv"
REGISTRY = HOME / "registry"
ROWS = 1000


@dataclass(frozen=True)
class Subject:
    """What a benchmark is about: tickets, the registry that Firesteel serves from, the same pipelines for its peers."""

    data: Path
    registry: Path
    bundle: Path
    pipelines: Path

    def tickets(self) -> list[dict[str, str]]:
        """The CSV's tickets as requests: title, description, customer_email."""
        with self.data.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return [{name: row[name] for name in ("title", "description", "customer_email")} for row in rows]

    def expected(self, count: int) -> list[dict[str, str]]:
        """The labels that the pipelines give the first tickets, one `predicted_<target>` a target."""
        texts = [pipelines.text_of(ticket["title"], ticket["description"]) for ticket in self.tickets()[:count]]
        predicted = {name: fitted.predict(texts) for name, fitted in pipelines.load(self.pipelines).items()}
        return [
            {f"predicted_{name}": str(labels[number]) for name, labels in predicted.items()}
            for number in range(len(texts))
        ]


def arguments(about: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """A parser of what all benchmarks are told."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=DATA, help="CSV of tickets [default: synthetic ones]")
    parser.add_argument(
        "--registry", type=Path, default=REGISTRY, help="registry on disk with `tickets` [default: trained on the data]"
    )
    parser.add_argument("--rounds", type=int, default=rounds, help="turns of each contender [default: %(default)s]")
    return parser


def subject(options: argparse.Namespace) -> Subject:
    """Data, bundle and pipelines for the parsed arguments; what is missing is generated and trained."""
    data, registry = options.data.resolve(), options.registry.resolve()
    if not data.exists():
        _firesteel("generate", "tickets", "--rows", str(ROWS), "--out", str(data))
    bundle = published("tickets", data, registry)
    return Subject(data, registry, bundle, pipelines.prepare(HOME / "pipelines", bundle))


def generated(path: Path, rows: int, model: str = "tickets") -> Path:
    """A CSV of that many synthetic rows of a model, made if it is not there."""
    if not path.exists():
        _firesteel("generate", model, "--rows", str(rows), "--out", str(path))
    return path


def published(model: str, data: Path, registry: Path = REGISTRY) -> Path:
    """The folder of the newest version of a model, trained on `data` if there is none."""
    if latest_bundle(registry, model) is None:
        _firesteel("train", model, "--data", str(data), FIRESTEEL_STORE=registry.as_uri())
    bundle = latest_bundle(registry, model)
    if bundle is None:
        raise FileNotFoundError(f"training left no complete version of {model} in {registry}")
    return bundle


def latest_bundle(registry: Path, model: str = "tickets") -> Path | None:
    """The folder of the newest complete version of a model in a registry on disk, or None."""
    found = [manifest.parent for manifest in (registry / "models" / model).glob("v*/manifest.json")]
    return max(found, key=lambda folder: [int(part) for part in folder.name.removeprefix("v").split(".")], default=None)


def _firesteel(*command: str, **settings: str) -> None:
    HOME.mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-m", "cli.main", *command], env=os.environ | settings, cwd=ROOT, check=True)


def api_event(row: Mapping[str, object], path: str = "/classify") -> dict[str, object]:
    """The row as API Gateway's HTTP API (payload 2.0) hands it to a function."""
    return {
        "version": "2.0",
        "routeKey": f"POST {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "localhost", "x-forwarded-port": "443"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "benchmark",
            "domainName": "localhost",
            "http": {
                "method": "POST",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": LOOPBACK,
                "userAgent": "benchmark",
            },
            "requestId": "benchmark",
            "routeKey": f"POST {path}",
            "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000",
            "timeEpoch": 1767225600000,
        },
        "body": json.dumps(row),
        "isBase64Encoded": False,
    }
