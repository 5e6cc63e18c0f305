"""Cold start: from starting the runtime emulator to the first answer: of `/classify`, and of g2g's `/predict` and `/explain`.

Firesteel's built artifact and layer, its registry on S3 over HTTP, against FastAPI and Mangum's hello-world with its
bytecode shipped, and against the usual stack (FastAPI, Mangum, boto3, joblib, scikit-learn) as plain `sam build` leaves
it, its pipelines on the same S3. The bare handler is the floor that none can pass.
"""

import time

from benchmarks import report, s3
from benchmarks.lambdas import NAMES, Contest, contest
from benchmarks.report import Target
from benchmarks.workload import arguments, subject

TARGETS = (
    Target("cold ms", "firesteel", "hello_world", 0.60, 0.45),
    Target("cold ms", "firesteel", "usual_stack", 1 / 20, 1 / 30),
    Target("cold ms", "g2g_predict", "hello_world", 0.7, 0.5),
    Target("cold ms", "g2g_explain", "hello_world", 0.7, 0.5),
)


def cold(entrants: Contest, name: str) -> dict[str, float]:
    """Milliseconds from the emulator's start to the checked answer of its first request."""
    function = entrants.functions[name]
    started = time.perf_counter()
    with function.emulator() as emulator:
        answer, _ = emulator.invoke(function.event or entrants.event)
        elapsed = time.perf_counter() - started
    function.check(answer)
    return {"cold ms": elapsed * 1e3}


def main() -> None:
    parser = arguments(__doc__, rounds=9)
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES, help="leave the others out")
    options = parser.parse_args()
    with s3.serve() as store:
        entrants = contest(store, subject(options), tuple(options.only))
        samples = report.alternate(options.only, options.rounds, lambda name: cold(entrants, name), warmups=1)
    report.finish("cold_start", samples, TARGETS, notes={"rounds": options.rounds})


if __name__ == "__main__":
    main()
