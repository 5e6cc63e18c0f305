"""`firesteel rollout status`: both sides of a canary from real lines, and what may be concluded."""

import io
import json
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from cli import cloudwatch, comparison, environment
from cli.insights.evaluate import Plan, Result
from cli.insights.lines import Lines
from cli.insights.parser import parse
from cli.rollout_status import _milliseconds
from firesteel.registry import alias
from firesteel.registry.seal import open_registry
from firesteel.registry.store import MemoryStore, Store
from tests.unit.classify.bundles import released
from tests.unit.cli.conftest import Run
from tests.unit.insights import recorded

REQUESTS = 400


@pytest.fixture(scope="module")
def rolled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folder of a store where a canary and a shadow run, and the lines of the time since they began."""
    folder = tmp_path_factory.mktemp("rollout")
    memory = recorded.rollout()
    copy(memory, open_registry(f"file://{folder}/store"))
    log = folder / "classify.log"
    log.write_text("\n".join(recorded.rolling(memory, requests=REQUESTS, service="recorded-rollout")), encoding="utf-8")
    return folder / "store", log


def copy(memory: MemoryStore, store: Store) -> None:
    for key in sorted(memory._objects):
        store.create(key, memory._objects[key])


@pytest.fixture
def files(rolled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{rolled[0]}")
    return rolled[1]


def of_side(log: Path, side: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["message"] == "request" and line.get("side") == side]


def test_both_sides_are_counted_with_intervals(firesteel: Run, files: Path) -> None:
    found = json.loads(firesteel("rollout", "status", "tickets", "--file", files, "--json").out)
    assert (found["version"], found["canary"], found["weight"]) == ("1.0.0", "1.1.0", 0.4)
    assert [side["side"] for side in found["sides"]] == ["stable", "canary"]
    for side in found["sides"]:
        lines = of_side(files, side["side"])
        errors = [line for line in lines if int(str(line["status"])) >= 500]
        assert side["requests"] == side["errors"]["total"] == len(lines) > 100
        assert side["errors"]["cases"] == len(errors)
        review = side["review"]
        reviewed = sum(int(line.get("review", line.get("rows_to_review", 0))) for line in lines)  # type: ignore[call-overload]
        assert review["cases"] == reviewed
        assert review["low"] <= review["share"] <= review["high"]
        taken = sorted(float(str(line["latency_ms"])) for line in lines)
        for name, quantile in {"p50_ms": 0.5, "p95_ms": 0.95}.items():
            low, high = comparison.ranks(quantile, len(taken))
            assert low is not None
            assert high is not None
            ends = {"low": taken[low - 1], "high": taken[high - 1]}
            assert side["latency"][name] == ends | {"value": side["latency"][name]["value"]}
            assert ends["low"] <= side["latency"][name]["value"] <= ends["high"]


def test_a_difference_that_is_sure_is_said_with_its_method(firesteel: Run, files: Path) -> None:
    done = firesteel("rollout", "status", "tickets", "--file", files)
    assert done.code == 0
    assert "latest of tickets is 1.0.0" in done.words
    assert "canary 1.1.0 answers 40 % since" in done.words
    assert "errors: the canary's share is higher" in done.words
    assert "Fisher's exact test p =" in done.words
    assert "p95 latency:" in done.words


def test_the_shadow_agrees_as_often_as_its_lines_say(firesteel: Run, files: Path) -> None:
    shadow = json.loads(firesteel("rollout", "status", "tickets", "--file", files, "--json").out)["shadow"]
    lines = [json.loads(line) for line in files.read_text(encoding="utf-8").splitlines()]
    scored = [line for line in lines if line["message"] == "shadow"]
    assert (shadow["version"], shadow["requests"]) == ("1.2.0", len(scored))
    assert set(shadow["agreement"]) == {"priority", "department"}
    for target, agreed in shadow["agreement"].items():
        assert agreed["cases"] == sum(line["agree"][target] for line in scored)
    assert shadow["agreement"]["department"]["share"] == 1
    assert shadow["agreement"]["priority"]["share"] < 1


def test_standard_input_is_read_for_every_question(
    firesteel: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(files.read_bytes())))
    found = json.loads(firesteel("rollout", "status", "tickets", "--file", "-", "--json").out)
    assert found["sides"][1]["latency"]


def test_on_aws_the_same_questions_are_asked_of_the_time_since_the_canary_began(
    firesteel: Run, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudWatch is played by the same evaluation; that it is asked as it should be stands in test_logs.py."""
    asked = []

    def ask(text: str, groups: Sequence[str], *, seconds: int, timeout: float) -> Result:
        asked.append((tuple(groups), seconds, timeout))
        return Plan(parse(text)).run(Lines([str(files)]))

    monkeypatch.setenv("FIRESTEEL_LOG_GROUPS", "/firesteel/classify")
    monkeypatch.setattr(cloudwatch, "ask", ask)
    there = firesteel("rollout", "status", "tickets", "--timeout", "9", "--json")
    assert there.out == firesteel("rollout", "status", "tickets", "--file", files, "--json").out
    assert {(groups, timeout) for groups, _, timeout in asked} == {(("/firesteel/classify",), 9.0)}
    began = alias.history(open_registry(environment.settings().store), "tickets", "latest")[1].when
    age = (datetime.now(UTC) - datetime.fromisoformat(began)).total_seconds()
    assert all(age - 60 < seconds < age + 3 for _, seconds, _ in asked)


def test_lines_of_before_the_canary_do_not_count(firesteel: Run, files: Path, tmp_path: Path) -> None:
    earlier = (datetime.now(UTC) - timedelta(days=1)).isoformat()
    lines = [json.loads(line) for line in files.read_text(encoding="utf-8").splitlines()]
    old = tmp_path / "old.log"
    old.write_text("\n".join(json.dumps({**line, "timestamp": earlier}) for line in lines))
    both = firesteel("rollout", "status", "tickets", "--file", old, "--file", files, "--json")
    alone = firesteel("rollout", "status", "tickets", "--file", files, "--json")
    assert both.out == alone.out
    none = json.loads(firesteel("rollout", "status", "tickets", "--file", old, "--json").out)
    assert [side["requests"] for side in none["sides"]] == [0, 0]


def test_too_few_requests_are_called_too_few(firesteel: Run, files: Path, tmp_path: Path) -> None:
    few = tmp_path / "few.log"
    few.write_text("\n".join(files.read_text(encoding="utf-8").splitlines()[:20]))
    done = firesteel("rollout", "status", "tickets", "--file", few)
    assert done.code == 0
    assert "errors: too few requests to tell (stable" in done.words
    assert "p95 latency: too few requests to tell" in done.words
    assert "too few requests to tell (30 are needed)" in done.words
    assert "significant" not in done.out


def test_a_wider_canary_is_still_the_same_and_its_lines_count_from_its_beginning(
    firesteel: Run, rolled: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(rolled[0], tmp_path / "store")
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{tmp_path}/store")
    store = open_registry(f"file://{tmp_path}/store")
    began = alias.history(store, "tickets", "latest")[1].when
    alias.canary(store, "tickets", "latest", "1.1.0", weight=0.8, who="tests")
    found = json.loads(firesteel("rollout", "status", "tickets", "--file", rolled[1], "--json").out)
    assert (found["weight"], found["since"]) == (0.8, began)
    assert sum(side["requests"] for side in found["sides"]) > 300


@pytest.mark.parametrize(("damaged", "said"), [(3, ""), (5, "what ran before generation 6 is not counted")])
def test_an_old_entry_that_cannot_be_read_does_not_hide_the_canary_that_runs(
    damaged: int, said: str, firesteel: Run, rolled: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(rolled[0], tmp_path / "store")
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{tmp_path}/store")
    store = open_registry(f"file://{tmp_path}/store")
    alias.promote(store, "tickets", "latest", "1.0.0", who="tests")
    alias.canary(store, "tickets", "latest", "1.1.0", weight=0.4, who="tests")
    assert alias.canary(store, "tickets", "latest", "1.1.0", weight=0.8, who="tests").generation == 6
    (tmp_path / f"store/models/tickets/aliases/latest/{damaged:08d}.json").write_bytes(b"damaged")
    done = firesteel("rollout", "status", "tickets", "--file", rolled[1], "--json")
    assert done.code == 0
    assert json.loads(done.out)["weight"] == 0.8
    assert said in " ".join(done.err.split())
    assert bool(done.err) is bool(said)


def test_without_a_canary_that_is_said(firesteel: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy(released("1.0.0"), open_registry(f"file://{tmp_path}/plain"))
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{tmp_path}/plain")
    done = firesteel("rollout", "status", "tickets")
    assert done.code == 0
    assert done.words == "latest of tickets is 1.0.0 no canary runs"
    assert firesteel("rollout", "status", "nothing").code == 1


@given(st.integers(0, 60), st.integers(1, 60))
def test_wilsons_interval_is_its_formula(cases: int, total: int) -> None:
    found = comparison.share(min(cases, total), total)
    assert found is not None
    z, share = 1.959963984540054, found.share
    middle = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z / (1 + z * z / total) * (share * (1 - share) / total + z * z / (4 * total * total)) ** 0.5
    assert (found.low, found.high) == (pytest.approx(middle - half, abs=1e-9), pytest.approx(middle + half, abs=1e-9))
    assert comparison.share(0, 0) is None


def test_a_difference_has_newcombes_interval() -> None:
    """Newcombe 1998, table II (a): 56/70 against 48/80, score method without continuity correction."""
    first, second = comparison.share(48, 80), comparison.share(56, 70)
    assert first is not None
    assert second is not None
    apart = comparison.difference(first, second)
    assert (apart.difference, apart.low, apart.high) == tuple(pytest.approx(x, abs=5e-5) for x in (0.2, 0.0524, 0.3339))
    assert apart.is_significant


@given(st.integers(1, 500), st.sampled_from([0.5, 0.95]))
def test_order_statistics_cover_the_quantile(count: int, quantile: float) -> None:
    low, high = comparison.ranks(quantile, count)
    under = binom.cdf((low or 0) - 1, count, quantile)
    over = binom.sf((high or count + 1) - 1, count, quantile)
    assert under <= 0.025
    assert over <= 0.025


def test_times_are_read_to_the_millisecond() -> None:
    assert _milliseconds("2026-11-21T15:00:00.250+00:00") == 1795273200250
