"""The table of docs/reliability.md is made of the results that are kept, and of nothing else."""

import json

from tests.proofs import report
from tests.proofs.promises import PROOFS


def test_the_page_has_the_figures_of_the_results():
    assert report.PAGE.read_text() == report.page()


def test_a_proof_that_was_not_run_in_full_is_said_not_to_be(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    seen = {"cases": 1234, "failed": 5, "figures": {"most_of_it": 0.5}, "seconds": 7.0, "code": "0123456789ab"}
    (tmp_path / f"{PROOFS[0].name}.json").write_text(json.dumps(seen))
    first, *others = report.table().splitlines()[2:]
    assert first.endswith("| 1,234 | 5 | most of it 0.5 | 7 s | `0123456789ab` |")
    assert len(others) == len(PROOFS) - 1
    assert all("not run in full" in other for other in others)


def test_every_kept_result_is_one_of_a_proof():
    assert {path.stem for path in report.RESULTS.glob("*.json")} <= {proof.name for proof in PROOFS}
