"""What a million classifications cost on AWS, and a training: measured billed milliseconds times public list prices.

Classifications are those that `python -m benchmarks.memory` measured last; run it first. With `--trainings` the built
train function trains every shipped model in the runtime emulator, under the CPU quota of its memory, and is billed.
"""

import argparse
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks import billing, report
from benchmarks.billing import lambda_price, mean_billed
from benchmarks.lambdas import BUILD
from benchmarks.quota import quota
from benchmarks.report import RESULTS, Samples, Target
from benchmarks.workload import HOME, generated
from cli.emulator import Emulator
from cli.prices import GATEWAY_REQUEST, SAID

REQUESTS = 1_000_000
COLD_SHARES = (0.0, 0.001, 0.01, 0.05)  # AWS: "under 1 % of invocations" in production, typically
TRAINED = {"tickets": 1_000, "g2g": 5_000, "gifts": 20_000, "recruits": 3_000}  # rows
TRAIN_MEMORY = 3008  # MiB, as in template.yaml
PEERS = ("usual_stack", "usual_stack_bytecode")
EQUAL = 1769  # MiB: one vCPU for either
TARGETS = (
    Target("Lambda $", f"firesteel {EQUAL}", f"usual_stack {EQUAL}", 1 / 3, 1 / 5),
    Target("Lambda $", "firesteel at its best", "usual_stack at its best", 1 / 3, 1 / 5),
    Target("Lambda $", "firesteel at its best", "usual_stack_bytecode at its best", 1 / 3, 1 / 5),
    Target("duration $", f"firesteel {EQUAL}", f"usual_stack {EQUAL}", 1 / 3, 1 / 5),
    Target("duration $", "firesteel at its best", "usual_stack at its best", 1 / 3, 1 / 5),
    Target("duration $", "firesteel at its best", "usual_stack_bytecode at its best", 1 / 3, 1 / 5),
)


def dollars(measured: Mapping[str, list[float]], memory: int, cold_share: float) -> dict[str, list[float]]:
    """Dollars for a million requests, one value a round."""
    rounds = zip(measured["warm billed ms"], measured["cold billed ms"], strict=True)
    prices = [lambda_price(REQUESTS, mean_billed(warm, cold, cold_share), memory) for warm, cold in rounds]
    return {
        "duration $": [price.duration for price in prices],
        "Lambda $": [price.total for price in prices],
        "with HTTP API $": [price.total + REQUESTS * GATEWAY_REQUEST["HTTP API"] for price in prices],
        "with REST API $": [price.total + REQUESTS * GATEWAY_REQUEST["REST API"] for price in prices],
    }


def classifications(measured: Samples, cold_share: float) -> Samples:
    """Dollars of every contender and size, and of each contender at the size where it is cheapest."""
    costs = {name: dollars(own, int(name.rpartition(" ")[2]), cold_share) for name, own in measured.items()}
    for contender in dict.fromkeys(name.rpartition(" ")[0] for name in measured):
        sizes = [name for name in costs if name.rpartition(" ")[0] == contender]
        costs[f"{contender} at its best"] = costs[min(sizes, key=lambda size: middle(costs[size]["Lambda $"]))]
    return costs


def middle(values: list[float]) -> float:
    return report.spread(values).median


def by_cold_share(measured: Samples) -> dict[str, dict[str, float]]:
    """The part of the peers' Lambda bill that ours is, each at its best, by the share of cold starts."""
    table = {}
    for share in COLD_SHARES:
        costs = classifications(measured, share)
        ours = middle(costs["firesteel at its best"]["Lambda $"])
        theirs = {peer: costs.get(f"{peer} at its best") for peer in PEERS}
        table[f"{share:.1%}"] = {peer: round(ours / middle(own["Lambda $"]), 3) for peer, own in theirs.items() if own}
    return table


def training(model: str, rows: int) -> dict[str, float]:
    """One training in a new environment, its start included. Raises RuntimeError when nothing was published."""
    data = generated(HOME / f"{model}-{rows}-rows.csv", rows, model)
    with tempfile.TemporaryDirectory() as folder, quota(TRAIN_MEMORY) as limited:
        environment = {"FIRESTEEL_STORE": Path(folder, "store").as_uri(), "MPLCONFIGDIR": f"{folder}/matplotlib"}
        handler, layers = "functions.train.handler.handler", [BUILD / "FiresteelLayer"]
        emulator = Emulator(BUILD / "TrainFunction", handler, environment, layers, memory=TRAIN_MEMORY, timeout=900)
        with limited.applied():
            emulator.__enter__()
        try:
            answer, _ = emulator.invoke({"model": model, "data": data.as_uri()})
            (milliseconds,) = billing.billed(emulator.log())
        finally:
            emulator.__exit__(None, None, None)
    if not {"version", "segments"} & answer.keys():
        raise RuntimeError(f"{model} was not trained: {answer!r:.500}")
    price = lambda_price(1, milliseconds, TRAIN_MEMORY)
    return {"rows": rows, "billed s": milliseconds / 1e3, "$ a thousand trainings": price.total * 1000}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cold-share", type=float, default=0.01, help="part of the requests that are cold starts")
    parser.add_argument("--trainings", action="store_true", help="train every shipped model, and bill that")
    options = parser.parse_args()
    prices = {"prices": f"AWS's {SAID}, x86_64"}
    if options.trainings:
        taken = report.alternate(list(TRAINED), 1, lambda model: training(model, TRAINED[model]))
        report.finish("training_cost", taken, (), notes={**prices, "memory MiB": TRAIN_MEMORY})
        return
    measured: Samples = json.loads((RESULTS / "memory.json").read_text(encoding="utf-8"))["samples"]
    shares = by_cold_share(measured)
    notes = {**prices, "requests": REQUESTS, "cold share": options.cold_share, "ratio by cold share": shares}
    report.finish("cost", classifications(measured, options.cold_share), TARGETS, notes=notes)
    for share, ratios in shares.items():
        print(f"{share:>6} cold starts: {', '.join(f'{ratio:.3f} of {peer}' for peer, ratio in ratios.items())}")


if __name__ == "__main__":
    main()
