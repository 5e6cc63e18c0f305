"""A load test for people: a document for the writers of reports, a table for a terminal."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from cli.load.bounds import TIMES, Verdict
from cli.load.payloads import Workload
from cli.load.plan import Outcome, Plan, Second
from cli.reporting import charts
from cli.reporting.document import Part, Plot, Section, Table, Text

RATE_LIMITED = (
    "answers were 429: the server limits each client's rate, which is no error of the model's. To measure what it can do, "
    "serve with FIRESTEEL_RATE_LIMIT=0"
)


class Run(NamedTuple):
    """A load test that is over. `cold` is the number of cold starts, if logs were asked."""

    plan: Plan
    workload: Workload
    outcome: Outcome
    verdicts: Sequence[Verdict]
    cold: int | None
    interrupted: bool

    def to_json(self) -> dict[str, Any]:
        """Everything but what was sent: bodies may be a customer's, and headers hold secrets."""
        plan, outcome = self.plan, self.outcome
        return {
            "base_url": plan.base_url,
            "path": plan.path,
            "model": self.workload.model,
            "version": self.workload.version,
            "users": plan.users,
            "interrupted": self.interrupted,
            "requests": outcome.requests,
            "rate": outcome.rate,
            "error_share": outcome.error_share,
            "cold_starts": self.cold,
            **outcome.to_json(),
            "bounds": [{"bound": one.sentence(), "passed": one.passed} for one in self.verdicts],
        }


def document(run: Run) -> Section:
    """The report."""
    outcome = run.outcome
    parts: list[Part] = [Table(("what", "of this run"), _facts(run.plan, run.workload, outcome))]
    parts += [Text(said, "warning") for said in warnings(run)]
    if run.verdicts:
        rows = tuple((one.sentence(), "kept" if one.passed else "broken") for one in run.verdicts)
        marked = frozenset(place for place, one in enumerate(run.verdicts) if not one.passed)
        parts.append(Section("Bounds", (Table(("bound", "verdict"), rows, marked=marked),)))
    parts.append(Section("Latency", tuple(_latency(outcome))))
    parts.append(Section("Answers", tuple(_answers(outcome, run.cold))))
    return Section(f"Load test of {run.workload.model} {run.workload.version}", tuple(parts))


def warnings(run: Run) -> Iterator[str]:
    """What a reader must know before the figures mean anything."""
    outcome = run.outcome
    if run.interrupted:
        yield f"The run was interrupted after {outcome.seconds:.1f} s: this is what there was by then."
    if outcome.limited:
        yield f"{outcome.limited:,} of {outcome.requests:,} {RATE_LIMITED}."
    if outcome.busy:
        yield "The process that made the load was short of CPU: the latencies are partly its own."


def summary(run: Run) -> list[tuple[str, str]]:
    """The figures, in a few words each."""
    outcome = run.outcome
    rows = [
        ("requests", f"{outcome.requests:,} in {outcome.seconds:.1f} s"),
        ("succeeded", f"{outcome.succeeded:,} ({outcome.rate:,.1f} a second)"),
        ("errors", f"{outcome.failed:,} ({outcome.error_share:.2%})"),
    ]
    rows += [("rate limited", f"{outcome.limited:,}")] if outcome.limited else []
    rows += [(f"  {what}", f"{count:,}") for what, count in outcome.errors.items()]
    rows += [(name, f"{outcome.latencies[name]:.2f} ms") for name in TIMES if name in outcome.latencies]
    return rows + ([("cold starts", f"{run.cold:,}")] if run.cold is not None else [])


def _facts(plan: Plan, workload: Workload, outcome: Outcome) -> tuple[tuple[str, str], ...]:
    wait = f", {plan.wait:g} s between an answer and the next request" if plan.wait else ""
    ramp = min(outcome.seconds, plan.users / plan.spawn_rate)
    facts = {
        "address": f"POST {plan.base_url}{plan.path}",
        "model": f"{workload.model} {workload.version}",
        "rows": f"{len(workload.bodies):,} different, from {workload.source}",
        "users": f"{plan.users:,}, {plan.spawn_rate:g} more a second{wait}",
        "duration": f"{outcome.seconds:.1f} s, of which {ramp:.1f} s until all users were there",
    }
    return tuple(facts.items())


def _latency(outcome: Outcome) -> Iterator[Part]:
    if not outcome.latencies:
        yield Text("No request succeeded.")
        return
    rows = tuple((name, f"{outcome.latencies[name]:.2f}") for name in TIMES if name in outcome.latencies)
    yield Table(("quantile", "ms"), rows, "Of the answers with status 200, as a client sees them")
    whole = [one for one in _whole(outcome) if one.p50 is not None]
    if len(whole) > 1:
        seconds = [float(one.second) for one in whole]
        lines = [("p95", [one.p95 or 0.0 for one in whole]), ("p50", [one.p50 or 0.0 for one in whole])]
        yield Plot("latency", "Latency by second", charts.course(seconds, lines[::-1], "latency", "ms"))


def _answers(outcome: Outcome, cold: int | None) -> Iterator[Part]:
    rows = [("200", f"{outcome.succeeded:,}"), *((what, f"{count:,}") for what, count in outcome.errors.items())]
    rows += [("429, rate limited", f"{outcome.limited:,}")] if outcome.limited else []
    yield Table(
        ("answer", "how many"), tuple(rows), f"{outcome.rate:,.1f} succeeded a second; errors {outcome.error_share:.2%}"
    )
    whole = _whole(outcome)
    if len(whole) > 1:
        lines = [
            ("succeeded", [float(one.succeeded) for one in whole]),
            ("failed", [float(one.failed) for one in whole]),
        ]
        seconds = [float(one.second) for one in whole]
        yield Plot("answers", "Answers by second", charts.course(seconds, lines, "answers a second", "answers"))
    if cold is not None:
        yield Text(f"{cold:,} of the answers waited for a cold start, by the log's word.")
    else:
        yield Text("Cold starts are known from logs alone: see --logs.", "note")


def _whole(outcome: Outcome) -> list[Second]:
    """The seconds that were not cut short by the run's end."""
    return [one for one in outcome.course if one.second + 1 <= outcome.seconds]
