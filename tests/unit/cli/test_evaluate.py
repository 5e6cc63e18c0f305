"""`firesteel evaluate`: its numbers, its bounds, its report, and what it does with what goes wrong."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from functions.classify import answers
from functions.classify.answers import Answer
from functions.classify.asgi import App, Receive, Scope, Send, read_body, send_answer
from tests.unit.cli.conftest import Run, api_over, listening


@pytest.fixture
def data(firesteel: Run) -> Path:
    """Twelve tickets that are easy to tell."""
    path = Path("labelled.csv")
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("title", "description", "priority", "department"))
        for number in range(12):
            title = ("Cannot log in", "Charged twice", "Price for fifty seats")[number % 3]
            department = ("Tech Support", "Billing", "Sales")[number % 3]
            table.writerow((title, f"Case {number} | of\nmany", "Low", department))
    return path


def always(confidence: float, **labels: str) -> App:
    """An API that answers every row alike, but refuses what has `Case 0` or `Case 1 ` in it."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        items = []
        for item in json.loads(await read_body(receive, 1 << 20))["cases"]:
            if item["description"].startswith(("Case 0 ", "Case 1 ")):
                problem = {"field": "description", "code": "blank", "message": "must not be blank"}
                items.append({"error": {"code": "invalid_input", "detail": "It does not fit.", "fields": [problem]}})
                continue
            predicted = {f"predicted_{name}": label for name, label in labels.items()}
            confidences = {f"{name}_confidence": confidence for name in labels}
            items.append({**predicted, **confidences, "review": confidence < 0.5, "model_version": "3.0.0"})
        await send_answer(send, Answer(200, {"content-type": answers.JSON}, answers.encode({"predictions": items}), {}))

    return app


def test_the_real_api_is_measured(firesteel: Run, api: str, rows: Path) -> None:
    done = firesteel("evaluate", "--base-url", api, "--data", rows, "--fail-under", "department.accuracy=0.9", "--json")
    assert done.code == 0
    report = json.loads(done.out)
    assert report["rows"] == 600
    assert report["refused"] == []
    assert report["model_versions"] == ["1.1.0"]
    assert report["metrics"]["department.accuracy"] > 0.95
    assert report["bounds"][0]["passed"] is True


def test_accuracy_macro_f1_and_review_are_counted_right(firesteel: Run, data: Path) -> None:
    with listening(always(0.9, priority="Low", department="Sales")) as base_url:
        done = firesteel("evaluate", "--base-url", base_url, "--data", data, "--json")
    report: dict[str, Any] = json.loads(done.out)
    metrics = report["metrics"]
    assert metrics["priority.accuracy"] == pytest.approx(10 / 12)  # two rows were refused: they are wrong
    assert metrics["priority.macro_f1"] == pytest.approx(2 * 1 * (10 / 12) / (1 + 10 / 12))
    assert metrics["department.accuracy"] == pytest.approx(4 / 12)
    assert metrics["department.macro_f1"] == pytest.approx((2 * 0.4 * 1 / 1.4) / 3)
    assert metrics["priority.automatic_accuracy"] == 1
    assert metrics["department.automatic_accuracy"] == pytest.approx(4 / 10)
    assert metrics["review.automatic_share"] == pytest.approx(10 / 12)
    assert metrics["review.automatic_accuracy"] == pytest.approx(4 / 10)
    assert [refused["line"] for refused in report["refused"]] == [2, 4]
    assert "description" in report["refused"][0]["error"]


def test_a_metric_below_its_bound_ends_with_4_and_is_named(firesteel: Run, data: Path) -> None:
    bounds = ("--fail-under", "priority.accuracy=0.8", "--fail-under", "department.accuracy=0.95")
    with listening(always(0.9, priority="Low", department="Sales")) as base_url:
        done = firesteel("evaluate", "--base-url", base_url, "--data", data, *bounds)
    assert done.code == 4
    assert "department.accuracy is 0.3333, wanted at least 0.95" in done.err
    assert "priority" not in done.err


def test_a_metric_that_cannot_be_measured_passes_no_bound(firesteel: Run, data: Path) -> None:
    with listening(always(0.1, priority="Low", department="Sales")) as base_url:
        done = firesteel(
            "evaluate", "--base-url", base_url, "--data", data, "--fail-under", "review.automatic_accuracy=0"
        )
    assert done.code == 4
    assert "review.automatic_accuracy cannot be measured" in done.err
    assert "every answer asks for review" in done.words


def test_rows_are_shown_up_to_a_number_and_refusals_are_listed(firesteel: Run, data: Path) -> None:
    with listening(always(0.9, priority="Low", department="Sales")) as base_url:
        done = firesteel("evaluate", "--base-url", base_url, "--data", data, "--show", 3)
    assert done.code == 0
    assert done.out.count("priority ") == 3 + 1  # and once with its metrics
    assert "right or off by" in done.out
    assert "refused" in done.out
    assert "and 9 more rows" in done.out
    assert "2 rows were refused" in done.words
    assert "line 2: description: must not be blank" in done.words


def test_the_report_and_the_lines_have_every_row(firesteel: Run, data: Path) -> None:
    with listening(always(0.75, priority="Low", department="Sales")) as base_url:
        out = ("--report", "out.md", "--jsonl", "out.jsonl", "--fail-under", "department.accuracy=0.5")
        assert firesteel("evaluate", "--base-url", base_url, "--data", data, *out).code == 4
    lines = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [line["line"] for line in lines] == list(range(2, 26, 2))
    assert lines[0]["error"]
    assert lines[0]["match"] == {"priority": False, "department": False}
    assert lines[2]["true"] == lines[2]["predicted"] == {"priority": "Low", "department": "Sales"}
    assert lines[2]["confidence"] == {"priority": 0.75, "department": 0.75}
    assert lines[2]["input"] == {"title": "Price for fifty seats", "description": "Case 2 | of\nmany"}
    report = Path("out.md").read_text()
    assert "| department.accuracy | 0.3333 | at least 0.5 | **no** |" in report
    table = report.partition("## Rows")[2].strip().splitlines()
    assert len(table) == 2 + 12
    assert {line.count("|") for line in table} == {table[0].count("|")}


def test_rows_go_in_batches_of_at_most_a_thousand_rows_and_one_mebibyte(firesteel: Run) -> None:
    rows = [("a", f"Case {number}", "Low", "Sales") for number in range(2, 1500)] + [
        ("b", "ü" * 9_999, "Low", "Sales")
    ] * 120
    with Path("many.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("title", "description", "priority", "department"), *rows])
    sizes: list[tuple[int, int]] = []
    inner = always(0.9, priority="Low", department="Sales")

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive, 1 << 30)
        sizes.append((len(json.loads(body)["cases"]), len(body)))

        async def again() -> dict[str, Any]:
            return {"type": "http.request", "body": body}

        await inner(scope, again, send)

    with listening(app) as base_url:
        done = firesteel("evaluate", "--base-url", base_url, "--data", "many.csv", "--json")
    assert json.loads(done.out)["rows"] == len(rows)
    assert sum(count for count, _ in sizes) == len(rows)
    assert max(count for count, _ in sizes) == 1000
    assert 900 * 1024 < max(size for _, size in sizes) <= 1024 * 1024


def test_a_rate_limit_is_waited_out(firesteel: Run, published: Path, rows: Path) -> None:
    with listening(api_over(published, rate_limit=1, rate_window_seconds=1)) as base_url:
        assert firesteel("evaluate", "--base-url", base_url, "--data", rows, "--show", 0).code == 0
        done = firesteel("evaluate", "--base-url", base_url, "--data", rows, "--show", 0)
    assert done.code == 0


def test_bad_rows_of_the_file_are_reported_and_not_sent(firesteel: Run, api: str, rows: Path) -> None:
    Path("some.csv").write_text(rows.read_text(encoding="utf-8") + "A,b,,Soon,Sales\n", encoding="utf-8")
    done = firesteel("evaluate", "--base-url", api, "--data", "some.csv", "--show", 0)
    assert done.code == 0
    assert "'Soon' is not a label" in done.err
    assert "1 bad rows" in done.words


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--data", "missing.csv"], 3, "missing.csv"),
        (["--data", "labelled.csv", "--definition", "nope"], 3, "nope.yaml"),
        (["--data", "labelled.csv", "--fail-under", "priority.luck=0.5"], 2, "priority.luck"),
        (["--data", "labelled.csv", "--fail-under", "priority.accuracy"], 2, "priority.accuracy=0.9"),
        (["--data", "labelled.csv", "--fail-under", "priority.accuracy=90"], 2, "from 0 to 1"),
        (["--data", "labelled.csv", "--report", "labelled.csv"], 2, "would be lost"),
        (["--data", "labelled.csv", "--jsonl", "no/such/folder.jsonl"], 2, "cannot be written"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_sent(
    words: list[str], code: int, said: str, firesteel: Run, data: Path
) -> None:
    before = data.read_bytes()
    done = firesteel("evaluate", "--base-url", "http://127.0.0.1:1", *words)
    assert done.code == code
    assert said in " ".join(done.err.replace("│", " ").split())
    assert data.read_bytes() == before


@pytest.mark.parametrize(
    ("labels", "said"), [({"topic": "x"}, "predicted_priority"), ({"priority": "Low"}, "predicted_department")]
)
def test_an_api_that_serves_another_model_is_told_apart(
    labels: dict[str, str], said: str, firesteel: Run, data: Path
) -> None:
    with listening(always(0.9, **labels)) as base_url:
        done = firesteel("evaluate", "--base-url", base_url, "--data", data)
    assert done.code == 1
    assert said in done.err
    assert "GET /models/tickets" in done.err


def test_an_api_that_answers_no_batches_is_named(firesteel: Run, api: str, data: Path) -> None:
    done = firesteel("evaluate", "--base-url", f"{api}/nowhere", "--data", data)
    assert done.code == 1
    assert "answers 404" in done.err
