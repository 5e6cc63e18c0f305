"""`firesteel predict` with models of numbers, counts and segments, and `--explain`."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.environment import project_root
from firesteel.registry import bundle
from firesteel.registry.seal import open_registry
from tests.unit.cli.conftest import Run


def golden(model: str, number: int = 0) -> dict[str, Any]:
    described = yaml.safe_load((project_root() / "models" / f"{model}.yaml").read_text(encoding="utf-8"))
    row: dict[str, Any] = described["golden"][number]
    return row


def fields(row: dict[str, Any]) -> list[str]:
    return [word for name, value in row.items() for word in ("--set", f"{name}={value}")]


def test_a_number_has_a_value_and_an_interval(firesteel: Run, numbers: Path) -> None:
    answer = json.loads(firesteel("predict", "g2g", *fields(golden("g2g")), "--json").out)
    one = answer["estimates"]["g2g_score"]
    assert 0 <= one["lower"] <= one["value"] <= one["upper"] <= 1
    assert one["level"] in ("High", "Medium", "Low")
    assert (answer["labels"], answer["model"], answer["model_version"]) == ({}, "g2g", "1.0.0")
    assert answer["identifiers"] == {"gid": "G2G-00042"}


def test_people_read_the_value_its_interval_and_who_says_so(firesteel: Run, numbers: Path) -> None:
    words = firesteel("predict", "g2g", *fields(golden("g2g"))).words
    value = json.loads(firesteel("predict", "g2g", *fields(golden("g2g")), "--json").out)["estimates"]["g2g_score"]
    assert f"g2g_score {value['value']:.6g} {value['lower']:.6g} to {value['upper']:.6g} in 90% of cases" in words
    assert f"confidence {value['level']} {value['score']:.2f}" in words
    assert "answered by g2g 1.0.0" in words


def test_a_count_grows_with_its_exposure(firesteel: Run, numbers: Path) -> None:
    row = golden("gifts")
    once, tenfold = (
        json.loads(firesteel("predict", "gifts", *fields(row | {"total_employees_in_group": size}), "--json").out)
        for size in (11, 110)
    )
    few, many = (answer["estimates"]["selection_count"]["value"] for answer in (once, tenfold))
    assert many == pytest.approx(10 * few, abs=1e-5)


def test_a_file_and_set_are_read_by_one_rule_and_empty_is_missing(firesteel: Run, numbers: Path) -> None:
    row = golden("g2g") | {"market_share": "", "revenue": "4.2e6"}
    with Path("one.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, row)
        table.writeheader()
        table.writerow(row)
    of_file = json.loads(firesteel("predict", "g2g", "--data", "one.csv").out)
    del row["market_share"]
    of_set = json.loads(firesteel("predict", "g2g", *fields(row | {"revenue": "4200000"}), "--json").out)
    assert of_file == {"line": 2} | of_set


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"revenue": "lots"}, "revenue 'lots' is not a number"),
        ({"credit_score": "900"}, "credit_score must be between 300 and 850"),
        ({"employee_count": "1.5"}, "employee_count must be a whole number"),
        ({"risk_category": "Lowish"}, "risk_category must be one of Low, Medium, High, Critical"),
        ({"revenue": ""}, "revenue is required"),
        ({"colour": "red"}, "has a field that is none of"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, str], said: str, firesteel: Run, numbers: Path) -> None:
    done = firesteel("predict", "g2g", *fields(golden("g2g") | changes))
    assert done.code == 3
    assert said in done.err


def test_every_row_goes_to_its_segment(firesteel: Run, numbers: Path, small: Path) -> None:
    lines = (small / "recruits.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("some.csv").write_text("".join(lines[:60]) + lines[1].replace(",WR,", ",TE,").replace(",QB,", ",TE,"))
    done = firesteel("predict", "recruits", "--data", "some.csv")
    assert done.code == 0
    answers = [json.loads(line) for line in done.out.splitlines()]
    positions = [row["position"] for row in csv.DictReader(Path("some.csv").read_text().splitlines())]
    assert [answer["line"] for answer in answers] == list(range(2, 62))
    assert [answer.get("model") for answer in answers[:-1]] == [f"recruits/{one.lower()}" for one in positions[:-1]]
    assert {answer["model"] for answer in answers[:-1]} == {"recruits/qb", "recruits/rb", "recruits/wr"}
    assert "position must be one of QB, RB, WR" in answers[-1]["error"]
    assert set(answers[0]["labels"]) == {"tier"}
    assert set(answers[0]["estimates"]) == {"rating"}


def test_a_segment_can_be_asked_itself(firesteel: Run, numbers: Path) -> None:
    row = golden("recruits")
    by_row, itself = (
        json.loads(firesteel("predict", name, *fields(row), "--json").out) for name in ("recruits", "recruits/qb")
    )
    assert by_row == itself
    assert itself["model"] == "recruits/qb"


def test_contributions_add_up_to_the_score(firesteel: Run, numbers: Path) -> None:
    for model, number in (("g2g", 0), ("gifts", 1), ("recruits", 2)):
        answer = json.loads(firesteel("predict", model, *fields(golden(model, number)), "--explain", "--json").out)
        for name, told in answer["explanations"].items():
            parts = [one["contribution"] for one in told["contributions"]]
            assert told["base"] + sum(parts) == pytest.approx(told["score"], abs=1e-6 * (2 + len(parts)))
            assert [abs(part) for part in parts] == sorted((abs(part) for part in parts), reverse=True)
            assert told["summary"].startswith(name)
            assert told["label"] == answer["labels"].get(name)


def test_an_explanation_is_a_table_of_fields_with_bars_and_a_sentence(firesteel: Run, numbers: Path) -> None:
    row = fields(golden("g2g", 1))
    told = json.loads(firesteel("predict", "g2g", *row, "--explain", "--json").out)["explanations"]["g2g_score"]
    shown = firesteel("predict", "g2g", *row, "--explain")
    first, *_, last = told["contributions"]
    [line] = [line for line in shown.out.splitlines() if line.startswith(f"{first['feature']} ")]
    assert f"{first['contribution']:+.4f}" in line
    assert line.count("█") == 24
    assert f"{last['feature']} " in shown.out
    assert "missing" in shown.out
    assert told["summary"] in shown.words


def test_the_terms_of_a_text_stand_below_it(firesteel: Run, store: Path) -> None:
    row = ["--set", "title=Cannot log in", "--set", "description=My account is locked"]
    told = json.loads(firesteel("predict", "tickets", *row, "--explain", "--json").out)["explanations"]["department"]
    terms = [term["term"] for part in told["contributions"] for term in part["terms"]]
    shown = firesteel("predict", "tickets", *row, "--explain").out
    assert len(terms) > 3
    assert all(repr(term) in shown for term in terms)


def test_a_file_can_be_explained_too(firesteel: Run, numbers: Path, small: Path) -> None:
    done = firesteel("predict", "g2g", "--data", small / "g2g.csv", "--explain")
    answers = [json.loads(line) for line in done.out.splitlines()]
    assert len(answers) == 500
    assert all(set(answer["explanations"]) == {"g2g_score"} for answer in answers)


def republished(store: Path, changes: dict[str, bytes], signature: str | None = None) -> None:
    """g2g 2.0.0: the files of 1.0.0 but for the changes."""
    registry = open_registry(f"file://{store}")
    manifest = bundle.read_manifest(registry, "g2g", "1.0.0")
    files = {name: bundle.read_file(registry, manifest, name) for name in manifest.files} | changes
    bundle.publish(registry, "g2g", "2.0.0", files, who="tests", signature=signature or manifest.signature)


def test_a_program_that_answers_otherwise_than_when_it_was_published_answers_nothing(
    firesteel: Run, numbers: Path
) -> None:
    rows = json.loads((numbers / "models/g2g/v1.0.0/golden.json").read_text())
    rows["rows"][0]["values"]["g2g_score"] += 0.001
    republished(numbers, {"golden.json": json.dumps(rows).encode()})
    for words in (["predict", "g2g", "--version", "2.0.0", *fields(golden("g2g"))], ["verify", "g2g", "2.0.0"]):
        done = firesteel(*words)
        assert done.code == 1
        assert "golden row 0" in done.out + done.err


def test_a_program_with_other_features_than_its_manifest_signs_answers_nothing(firesteel: Run, numbers: Path) -> None:
    republished(numbers, {}, signature="0" * 64)
    for words in (["predict", "g2g", "--version", "2.0.0", *fields(golden("g2g"))], ["verify", "g2g", "2.0.0"]):
        done = firesteel(*words)
        assert done.code == 1
        assert "signature is not that of the manifest" in done.out + done.err


def test_verify_compares_the_signature_of_the_metadata(firesteel: Run, numbers: Path) -> None:
    metadata = json.loads((numbers / "models/g2g/v1.0.0/model_metadata.json").read_text()) | {"signature": "0" * 64}
    republished(numbers, {"model_metadata.json": json.dumps(metadata).encode()})
    done = firesteel("verify", "g2g", "--json")
    assert done.code == 1
    first, second = json.loads(done.out)
    assert (first["state"], second["state"]) == ("whole", "broken")
    assert "model_metadata.json" in second["problems"][0]
