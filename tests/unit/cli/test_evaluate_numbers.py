"""`firesteel evaluate` with numbers, counts and segments."""

import csv
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from functions.classify import answers
from functions.classify.answers import Answer
from functions.classify.asgi import App, Receive, Scope, Send, read_body, send_answer
from tests.unit.cli.conftest import Run, listening

DEFINITION: dict[str, Any] = {
    "model": "rent",
    "inputs": {
        "id": {"kind": "identifier", "required": True, "example": "a"},
        "size": {"kind": "number", "example": 40},
        "days": {"kind": "number", "minimum": 1, "example": 30},
    },
    "targets": {"price": {"task": "regression"}},
    "features": {"size": {"step": "number", "inputs": ["size"]}},
}
ROWS = [(10.0, 10.0), (20.0, 20.0), (30.0, 30.0), (40.0, 40.0)]


def write(rows: list[tuple[float, float]], **changes: Any) -> None:
    """rent.yaml and rows.csv: the size, the truth, and 1, 2, 3, ... days."""
    Path("rent.yaml").write_text(yaml.safe_dump(DEFINITION | changes))
    with Path("rows.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("size", "days", "price"))
        table.writerows((size, number, truth) for number, (size, truth) in enumerate(rows, start=1))


def answering(answer: Callable[[dict[str, Any]], dict[str, Any] | None]) -> App:
    """An API that answers each row as it is told, and refuses what it is told nothing of."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["path"] == "/models/rent/batch"
        refused = {"error": {"code": "invalid_input", "detail": "It does not fit.", "fields": []}}
        cases = json.loads(await read_body(receive, 1 << 20))["cases"]
        body = {"predictions": [answer(case) or refused for case in cases]}
        await send_answer(send, Answer(200, {"content-type": answers.JSON}, answers.encode(body), {}))

    return app


def told(value: float, width: float = 1.0) -> dict[str, Any]:
    return {"price": value, "price_lower": value - width, "price_upper": value + width, "model_version": "3.0.0"}


def evaluated(firesteel: Run, app: App, *words: str) -> Any:
    with listening(app) as base_url:
        shared = ("--base-url", base_url, "--definition", "rent.yaml", "--data", "rows.csv")
        return firesteel("evaluate", *shared, *words)


def test_numbers_are_measured_right(firesteel: Run) -> None:
    write(ROWS)
    off = {10: 2.0, 20: -1.0, 30: 0.5, 40: 0.0}
    done = evaluated(firesteel, answering(lambda case: told(case["size"] + off[case["size"]])), "--json")
    assert done.code == 0
    report = json.loads(done.out)
    assert report["metrics"] == {
        "price.r2": pytest.approx(1 - (4 + 1 + 0.25) / 500),
        "price.rmse": pytest.approx(math.sqrt(5.25 / 4)),
        "price.mae": pytest.approx(3.5 / 4),
        "price.interval_coverage": 0.75,
    }
    assert (report["model_versions"], report["unmeasured"]) == (["3.0.0"], [])


def test_counts_are_measured_by_their_rates_weighted_by_exposure(firesteel: Run) -> None:
    count = {"targets": {"price": {"task": "count", "exposure": "days"}}}
    write([(1, 2.0), (2, 0.0), (3, 7.0)], **count)
    done = evaluated(firesteel, answering(lambda case: told(2 * case["days"], 3)), "--json")
    metrics = json.loads(done.out)["metrics"]
    truth, days = [2.0, 0.0, 7.0], [1, 2, 3]
    deviances = [2 * ((y * math.log(y / (2 * e)) if y else 0) - y + 2 * e) for y, e in zip(truth, days, strict=True)]
    assert metrics["price.poisson_deviance"] == pytest.approx(sum(deviances) / 6)
    assert metrics["price.mape"] == pytest.approx((1 * 0 + 3 * 1 / 7) / 4)  # over rows that count something
    assert metrics["price.mae"] == pytest.approx((0 + 4 + 1) / 3)
    assert metrics["price.interval_coverage"] == pytest.approx(2 / 3)


def test_an_expectation_that_was_rounded_to_nothing_can_be_measured(firesteel: Run) -> None:
    write([(1, 0.0), (2, 1.0)], targets={"price": {"task": "count"}})
    done = evaluated(firesteel, answering(lambda case: told(case["size"] - 1)), "--json")
    assert done.code == 0
    assert math.isfinite(json.loads(done.out)["metrics"]["price.poisson_deviance"])


def test_an_error_over_its_bound_ends_with_4_and_is_named(firesteel: Run) -> None:
    write(ROWS)
    app = answering(lambda case: told(case["size"] + 2))
    passed = evaluated(firesteel, app, "--fail-over", "price.mae=2", "--fail-under", "price.r2=0.9")
    assert passed.code == 0
    failed = evaluated(firesteel, app, "--fail-over", "price.mae=1.5", "--fail-under", "price.r2=0.9")
    assert failed.code == 4
    assert "price.mae is 2.0000, wanted at most 1.5" in failed.err
    assert "r2" not in failed.err


def test_a_bound_on_numbers_fails_while_rows_are_refused(firesteel: Run) -> None:
    write(ROWS)
    app = answering(lambda case: told(case["size"]) if case["size"] > 10 else None)
    done = evaluated(firesteel, app, "--fail-over", "price.mae=1")
    assert done.code == 4
    assert "price.mae is 0.0000 without 1 refused rows, wanted at most 1" in done.err
    assert "line 2: It does not fit." in done.words


def test_where_nothing_was_answered_nothing_is_measured(firesteel: Run) -> None:
    write(ROWS)
    done = evaluated(firesteel, answering(lambda _: None), "--fail-under", "price.r2=0")
    assert done.code == 4
    assert "price.r2 cannot be measured" in done.err


def test_what_the_answers_leave_out_is_not_measured_and_said(firesteel: Run) -> None:
    write(ROWS, answer={"monthly": "price.value"})
    app = answering(lambda case: {"monthly": case["size"]})
    done = evaluated(firesteel, app)
    assert done.code == 0
    assert "price.interval_coverage is not measured: the answers leave out price.lower and price.upper" in done.words
    bound = evaluated(firesteel, app, "--fail-under", "price.interval_coverage=0.9")
    assert bound.code == 2
    assert "leave out" in bound.err


def test_a_definition_whose_answers_say_nothing_to_compare_is_refused(firesteel: Run) -> None:
    write(ROWS, answer={"id": "input.id"})
    done = firesteel("evaluate", "--base-url", "http://127.0.0.1:1", "--definition", "rent.yaml", "--data", "rows.csv")
    assert done.code == 3
    assert "nothing to compare" in done.err


def test_the_largest_errors_come_first_for_people_and_in_the_report(firesteel: Run) -> None:
    write(ROWS)
    off = {10: 0.5, 20: -9.0, 30: 4.0, 40: 0.0}
    app = answering(lambda case: told(case["size"] + off[case["size"]]))
    done = evaluated(firesteel, app, "--show", "2", "--report", "out.md", "--jsonl", "out.jsonl")
    shown = [line.split() for line in done.out.splitlines()[1:3]]
    assert [(line, off_by) for line, *_, off_by in shown] == [("3", "-9"), ("4", "+4")]
    table = Path("out.md").read_text().partition("## Rows")[2].strip().splitlines()[2:]
    assert [row.split(" | ")[0] for row in table] == ["| 3", "| 4", "| 2", "| 5"]
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [line["line"] for line in lines] == [2, 3, 4, 5]
    assert lines[1]["difference"] == {"price": -9.0}
    assert lines[1]["interval"] == {"price": [10.0, 12.0]}
    assert lines[0]["input"] == {"size": 10.0, "days": 1.0, "id": "line-2"}


def test_missing_numbers_are_sent_as_null(firesteel: Run) -> None:
    optional = DEFINITION["inputs"] | {"size": {"kind": "number", "required": False, "example": 40}}
    features = {"size": {"step": "number", "inputs": ["size"], "fill": "mean"}}
    write(ROWS, inputs=optional, features=features)
    Path("rows.csv").write_text("size,days,price\n,1,10\n20,1,20\n")
    sent: list[Any] = []

    def answer(case: dict[str, Any]) -> dict[str, Any]:
        sent.append(case["size"])
        return told(1)

    assert evaluated(firesteel, answering(answer)).code == 0
    assert sent == [None, 20.0]


def test_the_real_api_is_measured(firesteel: Run, measuring: str, small: Path) -> None:
    for model, metric, least in (("g2g", "g2g_score.r2", 0.5), ("gifts", "selection_count.r2", 0.3)):
        words = ("--definition", small / f"{model}.yaml", "--data", small / f"{model}.csv", "--json")
        done = firesteel("evaluate", "--base-url", measuring, *words)
        assert done.code == 0, done.err
        report = json.loads(done.out)
        assert report["refused"] == []
        assert report["metrics"][metric] > least


def test_the_rows_of_segments_are_measured_together_or_one_segment_alone(
    firesteel: Run, measuring: str, small: Path
) -> None:
    lines = (small / "recruits.csv").read_text(encoding="utf-8").splitlines()
    Path("some.csv").write_text("\n".join([*lines, lines[1].replace(",WR,", ",TE,").replace(",QB,", ",TE,")]))
    words = ("evaluate", "--base-url", measuring, "--definition", small / "recruits.yaml", "--data", "some.csv")
    together = firesteel(*words, "--jsonl", "all.jsonl", "--show", 2)
    assert together.code == 0
    rows = [json.loads(line) for line in Path("all.jsonl").read_text().splitlines()]
    assert [row["line"] for row in rows] == list(range(2, 902))
    assert "completion_pct" not in next(row["input"] for row in rows if row["input"]["position"] == "WR")
    assert "1 rows are of no segment" in together.words
    alone = json.loads(firesteel(*words, "--segment", "QB", "--json").out)
    assert alone["unmeasured"] == []  # no review policy, hence nothing automatic to miss
    assert alone["rows"] == sum(row["input"]["position"] == "QB" for row in rows)
    assert set(alone["metrics"]) == {
        *("tier.accuracy", "tier.macro_f1"),
        *("rating.r2", "rating.rmse", "rating.mae", "rating.interval_coverage"),
    }


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--segment", "QB"], 2, "no segment"),
        (["--fail-over", "price.mae=much"], 2, "needs a number"),
        (["--fail-over", "price.mae=inf"], 2, "needs a number"),
        (["--fail-over", "price.luck=1"], 2, "price.rmse"),
        (["--fail-under", "price.interval_coverage=90"], 2, "from 0 to 1"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(words: list[str], code: int, said: str, firesteel: Run) -> None:
    write(ROWS)
    shared = ("--base-url", "http://127.0.0.1:1", "--definition", "rent.yaml", "--data", "rows.csv")
    done = firesteel("evaluate", *shared, *words)
    assert done.code == code
    assert said in " ".join(done.err.replace("│", " ").split())


def test_an_unknown_model_is_told_apart(firesteel: Run, measuring: str) -> None:
    write(ROWS)
    done = firesteel("evaluate", "--base-url", measuring, "--definition", "rent.yaml", "--data", "rows.csv")
    assert done.code == 1
    assert "unknown_model" in done.err
