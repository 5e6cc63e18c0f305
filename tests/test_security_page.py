"""docs/security.md and SECURITY.md name tests and proofs that exist."""

import re
from pathlib import Path

import pytest

from tests.proofs.promises import PROOFS

ROOT = Path(__file__).parents[1]
PAGES = [(ROOT / name).read_text(encoding="utf-8") for name in ("docs/security.md", "SECURITY.md")]
NAMED = sorted({found for page in PAGES for found in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)})


def missing(path: str, test: str) -> bool:
    file = ROOT / path
    return not file.is_file() or (test != "" and f"def {test}(" not in file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("path", "test"), NAMED)
def test_a_test_that_is_named_exists(path, test):
    assert not missing(path, test)


def test_one_that_does_not_is_found():
    assert missing("tests/test_security_page.py", "test_that_nobody_wrote")
    assert missing("tests/test_that_nobody_wrote.py", "")


def test_each_of_the_thirty_kinds_of_bugs_has_a_test_or_a_proof():
    rows = re.findall(r"^\| (\d+)\. .*\| ([^|]*) \|$", PAGES[0], re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 31))
    known = {proof.name for proof in PROOFS}
    for number, shown in rows:
        proofs = set(re.findall(r"`(\w+)`", shown))
        assert proofs <= known, f"{number} names a proof that there is not"
        assert proofs or "::" in shown, f"{number} is shown by nothing"


def test_security_is_a_page():
    assert len(PAGES[1].splitlines()) <= 60
