"""`firesteel loadtest`: Locust in a process of its own against real servers on loopback."""

import json
import math
import sys
from datetime import UTC, datetime

import httpx
import numpy as np
import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from cli import loadtest
from cli.client import Api
from cli.load import bounds, drive, payloads, record
from cli.load.plan import Outcome, Plan
from firesteel.errors import DataError
from tests.unit.cli.conftest import api_over, listening

QUICK = ("--users", 3, "--duration", "800ms", "--spawn-rate", 100)
GOLDEN = {"rows": [{"input": {"title": "Cannot log in"}}]}
ABOUT = {"name": "tickets", "version": "1.0.0", "segments": None, "request": None, "inputs": []}


class Stub:
    """An API that answers as it is told to, and remembers what it was sent."""

    def __init__(self, *answers):
        self.answers, self.asked = answers, []

    async def __call__(self, scope, receive, send):
        body = (await receive()).get("body", b"")
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, told = 200, {}
        match scope["path"]:
            case "/model/status":
                told = {"model": "tickets", "version": "1.0.0"}
            case "/models/tickets/versions/1.0.0":
                told = ABOUT
            case path if path.endswith("golden.json"):
                told = GOLDEN
            case _:
                status, told = self.answers[len(self.asked) % len(self.answers)]
                self.asked.append((headers, body))
        await send(
            {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
        )
        await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def test_a_run_against_a_real_server_counts_every_answer(firesteel, published, tmp_path):
    with listening(api_over(published)) as base_url:
        done = firesteel(
            "loadtest",
            *QUICK,
            "--base-url",
            base_url,
            "--report",
            "load.html",
            "--fail-under",
            "errors=0,p99=20s",
            "--json",
        )
        counted = httpx.get(f"{base_url}/metrics").text
    assert done.code == 0
    told = json.loads(done.out)
    assert (told["model"], told["version"], told["path"]) == ("tickets", "1.1.0", "/predict")
    assert told["requests"] == told["succeeded"] > 10
    assert f'route="/predict",status="200"}} {told["succeeded"]}.0' in counted
    latencies = told["latencies"]
    assert 0 < latencies["p50"] <= latencies["p90"] <= latencies["p95"] <= latencies["p99"] <= latencies["max"] < 20_000
    assert sum(second["succeeded"] for second in told["course"]) == told["succeeded"]
    page = (tmp_path / "here" / "load.html").read_text()
    assert "Load test of tickets 1.1.0" in page
    assert "kept" in page


def test_a_bound_that_is_not_kept_ends_with_4(firesteel, published):
    with listening(api_over(published)) as base_url:
        done = firesteel("loadtest", *QUICK, "--base-url", base_url, "--fail-under", "p95=1ms,rps=1000000")
    assert done.code == 4
    assert "p95 = " in done.err
    assert "wanted <= 1 ms" in done.err
    assert "wanted >= 1e+06" in done.err


def test_rate_limited_answers_are_no_errors_and_the_way_out_is_said(firesteel, published):
    with listening(api_over(published, rate_limit=10)) as base_url:
        done = firesteel("loadtest", *QUICK, "--base-url", base_url, "--fail-under", "errors=0", "--json")
    told = json.loads(done.out)
    assert done.code == 0
    assert told["succeeded"] <= 10 < told["limited"]
    assert told["errors"] == {}
    assert "FIRESTEEL_RATE_LIMIT=0" in done.err.replace("\n", " ")


def test_errors_are_counted_by_status_and_code(firesteel):
    stub = Stub((200, {}), (503, {"code": "no_model"}), (422, {"code": "invalid_input"}), (502, "not ours"))
    with listening(stub) as base_url:
        done = firesteel("loadtest", *QUICK, "--base-url", base_url, "--fail-under", "errors=0.5", "--json")
    told = json.loads(done.out)
    assert done.code == 4
    assert set(told["errors"]) == {"503 no_model", "422 invalid_input", "502"}
    assert told["error_share"] == pytest.approx(0.75, abs=0.1)
    assert len(stub.asked) >= told["requests"]


def test_secrets_are_sent_and_never_told(firesteel, tmp_path):
    stub = Stub((200, {}))
    with listening(stub) as base_url:
        words = (
            "loadtest",
            *QUICK,
            "--base-url",
            base_url,
            "--api-key",
            "s3cret",
            "--bearer",
            "t0ken",
            "--report",
            "a.json",
        )
        done = firesteel(*words)
    headers, body = stub.asked[0]
    assert (headers["x-api-key"], headers["authorization"]) == ("s3cret", "Bearer t0ken")
    assert json.loads(body) == GOLDEN["rows"][0]["input"]
    for told in (done.out, done.err, (tmp_path / "here" / "a.json").read_text()):
        assert "s3cret" not in told
        assert "t0ken" not in told


def test_an_api_that_is_not_there_is_said_at_once(firesteel):
    done = firesteel("loadtest", "--base-url", "http://127.0.0.1:9")
    assert done.code == 1
    assert "nothing answers at http://127.0.0.1:9" in done.err


def plan_for(base_url, **changes):
    return Plan(
        **{
            "base_url": base_url,
            "path": "/predict",
            "bodies": ["{}"],
            "headers": {},
            "users": 2,
            "spawn_rate": 10.0,
            "seconds": 30.0,
        }
        | changes
    )


def test_ctrl_c_ends_the_run_and_not_the_report():
    def interrupt(progress):
        if progress.succeeded:
            raise KeyboardInterrupt

    with listening(Stub((200, {}))) as base_url:
        outcome, interrupted = drive.drive(plan_for(base_url), interrupt)
    assert interrupted
    assert outcome.succeeded > 0
    assert outcome.seconds < 20


def test_a_server_that_goes_away_is_counted_by_what_failed():
    with listening(Stub((200, {}))) as base_url:
        pass
    outcome, _ = drive.drive(plan_for(base_url, seconds=0.5), lambda _: None)
    assert outcome.succeeded == 0
    assert list(outcome.errors) == ["ConnectionRefusedError"]


def test_a_process_that_fails_is_quoted(monkeypatch):
    monkeypatch.setattr(drive, "_COMMAND", (sys.executable, "-c", "input(); raise SystemExit('no luck today')"))
    with pytest.raises(drive.LoadError, match="ended with 1: no luck today"):
        drive.drive(plan_for("http://127.0.0.1:9"), lambda _: None)


def test_without_locust_it_says_what_to_install(firesteel, monkeypatch):
    monkeypatch.setattr(loadtest, "find_spec", lambda _: None)
    done = firesteel("loadtest")
    assert done.code == 3
    assert "pip install 'firesteel[loadtest]'" in done.err


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from(list(record.QUANTILES.values())))
def test_quantiles_are_those_of_the_nearest_rank(values, share):
    assert record.quantile(sorted(values), share) == np.quantile(values, share, method="inverted_cdf")


@given(st.lists(st.tuples(st.floats(0, 9.99), st.sampled_from([0, 200, 401, 429, 500])), max_size=50))
def test_every_answer_is_counted_once(answers):
    kept = record.Record()
    for when, status in answers:
        kept.add(when, 5.0, status, "{}", TimeoutError() if not status else None)
    outcome = kept.outcome(10.0)
    assert outcome.requests == len(answers)
    assert sum(one.succeeded + one.failed + one.limited for one in outcome.course) == len(answers)
    assert [one.second for one in outcome.course] == list(range(len(outcome.course)))
    assert Outcome.of(json.loads(json.dumps(outcome.to_json()))) == outcome


@pytest.mark.parametrize(("text", "wanted"), [("60s", 60), ("1.5m", 90), ("200ms", 0.2), ("1h", 3600)])
def test_durations(text, wanted):
    assert bounds.seconds(text) == pytest.approx(wanted)


@pytest.mark.parametrize("text", ["60", "-1s", "1d", "s", ""])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(typer.BadParameter, match="no duration"):
        bounds.seconds(text)


@pytest.mark.parametrize("text", ["0s", "0.0ms", "169h", "9" * 400 + "h"])
def test_what_is_out_of_range_is_told_the_range(text):
    with pytest.raises(typer.BadParameter, match="is out of range: more than 0s, at most 168h"):
        bounds.seconds(text)


def test_a_duration_that_is_wrong_names_its_option(firesteel):
    done = firesteel("loadtest", "--duration", "0s")
    assert done.code == 2
    assert "--duration: '0s' is out of range" in " ".join(done.err.split())


@pytest.mark.parametrize("text", ["p42=1s", "errors=2", "errors=", "rps=nan", "p95", "rps=-1"])
def test_what_is_no_bound_is_refused(text):
    with pytest.raises(typer.BadParameter):
        bounds.parse(text)


def test_a_bound_on_what_was_not_measured_is_not_kept():
    nothing = record.Record().outcome(1.0)
    for bound in bounds.parse("p95=1s,errors=1,rps=1"):
        assert not bounds.judge(bound, nothing).passed
    assert math.isclose(bounds.judge(bounds.parse("rps=0")[0], nothing).found or 0, 0)


@pytest.mark.parametrize("name", ["g2g", "gifts", "recruits", "recruits/qb"])
@pytest.mark.parametrize("from_file", [False, True])
def test_what_is_sent_is_answered(measuring, small, name, from_file):
    data = small / f"{name.partition('/')[0]}.csv" if from_file else None
    with Api(measuring, 30) as api:
        workload = payloads.of(api, name, data, {})
        sent = workload.bodies[:: max(1, len(workload.bodies) // 20)]
        answered = [
            api.request("POST", workload.path, body.encode(), {"content-type": "application/json"}) for body in sent
        ]
    assert {answer.status_code for answer in answered} == {200}


def test_a_file_that_does_not_fit_is_named(measuring, tmp_path, small):
    data = tmp_path / "rows.csv"
    header, row, *_ = (small / "g2g.csv").read_text().splitlines()
    data.write_text(header + "\n")
    with Api(measuring, 30) as api:
        with pytest.raises(DataError, match="the file has no rows"):
            payloads.of(api, None, data, {})
        data.write_text(f"{header}\n{row.replace(row.split(',')[6], 'lots', 1)}\n")
        with pytest.raises(DataError, match="line 2"):
            payloads.of(api, None, data, {})


def test_cold_starts_are_counted_in_log_lines(tmp_path, capsys):
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    lines = [{"timestamp": now, "message": "request", "cold_start": cold} for cold in (True, False, True, False)]
    old = {"timestamp": "2020-01-01T00:00:00.000+00:00", "message": "request", "cold_start": True}
    file = tmp_path / "lines.log"
    file.write_text("".join(f"{json.dumps(line)}\n" for line in [*lines, old]))
    assert loadtest._cold_starts([str(file)], 60, 5) == 2
    file.write_text(json.dumps({"timestamp": now, "message": "request"}) + "\n")
    assert loadtest._cold_starts([str(file)], 60, 5) is None
    assert "a local server has none" in capsys.readouterr().err
