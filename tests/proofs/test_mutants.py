"""The tests can fail; and so can the proof of it."""

import ast

import pytest

from tests.proofs import mutants
from tests.proofs.mutants import Target
from tests.proofs.mutants_operators import mutants as mutants_of
from tests.proofs.proof import Run, holds

SOURCE = '''"""A module."""

LIMIT = 10


def fits(size: int, limit: int = LIMIT) -> bool:
    """Whether it does."""
    if size < 0:
        raise ValueError("sizes are not below nothing")
    return size <= limit


class Box:
    full = False

    @property
    def open(self) -> bool:
        return not self.full
'''
STRONG = """
import pytest
import boxes

def test_bounds():
    assert boxes.fits(0) and boxes.fits(10) and not boxes.fits(11) and not boxes.fits(3, 2)
    assert boxes.LIMIT == 10
    with pytest.raises(ValueError):
        boxes.fits(-1)

def test_box():
    assert boxes.Box().open is True
"""
WEAK = """
import boxes

def test_something():
    boxes.fits(3)
"""


@pytest.fixture
def tree(tmp_path):
    """A tree of one module and its tests, and what tries its mutants."""
    (tmp_path / "boxes.py").write_text(SOURCE)
    (tmp_path / "test_strong.py").write_text(STRONG)
    (tmp_path / "test_weak.py").write_text(WEAK)
    (tmp_path / "tests").symlink_to(mutants.ROOT / "tests")
    return tmp_path


def names():
    return [one.name for one in mutants_of(SOURCE, "boxes.py")]


def test_the_tests_can_fail():
    holds("mutants")


def test_every_operator_changes_something_and_words_stay():
    assert names() == [
        "module: LIMIT = [10 -> 11]",
        "fits: if size [< -> <=] 0:",
        "fits: if size [< -> >=] 0:",
        "fits: if size < [0 -> 1]:",
        "fits: [raise ValueError('sizes are not below nothing') -> pass]",
        "fits: return [size <= limit -> None]",
        "fits: return size [<= -> <] limit",
        "fits: return size [<= -> >] limit",
        "Box: full = [False -> True]",
        "Box.open: return [not self.full -> None]",
        "Box.open: return [not  -> ]self.full",
    ]


@pytest.mark.parametrize(
    ("source", "changed"),
    [
        ("a and b", {"a or b"}),
        ("not a", {"a"}),
        ("-a", {"+a"}),
        ("a + b", {"a - b"}),
        ("a // b", {"a * b"}),
        ("f(a, b)", {"f(b, a)", "pass"}),
        ("a is None", {"a is not None"}),
        ("a not in b", {"a in b"}),
        ("x if a else y", {"x if not a else y"}),
        ("f(*a, b)", {"pass"}),
        ("a.b = c", {"pass"}),
        ("a += b", {"a -= b", "pass"}),
        ("del a", {"pass"}),
    ],
)
def test_an_operator_makes_its_mistakes(source, changed):
    made = set()
    for one in mutants_of(source, "x"):
        place = one.name.removeprefix("module: ")
        before, rest = place.split("[", 1)
        (was, now), after = rest.split("]", 1)[0].split(" -> "), rest.split("]", 1)[1]
        assert before + was + after == ast.unparse(ast.parse(source))
        made.add(ast.unparse(ast.parse(before + now + after)))
    assert made == changed


def test_a_strong_test_kills_every_mutant(tree):
    tried = list(mutants.tried(Target("boxes", "boxes.py", ("test_strong.py",)), None, tree))
    assert sorted(one.name for one in tried) == sorted(names())
    assert [one.name for one in tried if not one.killed] == []


def test_a_weak_test_lets_mutants_live_and_the_proof_says_which(tree, monkeypatch):
    target = Target("boxes", "boxes.py", ("test_weak.py",))
    monkeypatch.setattr(mutants, "copied", lambda _: tree)
    run = Run("mutants", 1, full=False)
    wanted = ["fits: return size [<= -> <] limit", "fits: if size [< -> >=] 0:"]
    killed = mutants.judge(run, [target], {"boxes": wanted}, {})
    assert (run.cases, run.failed, killed) == (2, 1, 1)
    assert run.wrong == ["survives in boxes, line 10: fits: return size [<= -> <] limit"]
    run = Run("mutants", 1, full=False)
    mutants.judge(run, [target], {"boxes": wanted}, {"boxes": dict.fromkeys(wanted, "nobody knows")})
    assert run.wrong == [
        "is killed, so survivors.yaml need not explain it, in boxes, line 8: fits: if size [< -> >=] 0:"
    ]


def test_tests_that_fail_without_a_mutant_prove_nothing(tree):
    (tree / "test_weak.py").write_text("def test_nothing():\n    assert False\n")
    with pytest.raises(RuntimeError, match="the tests of boxes fail without any mutant"):
        list(mutants.tried(Target("boxes", "boxes.py", ("test_weak.py",)), None, tree))


def test_an_endless_mutant_is_killed(tree):
    (tree / "boxes.py").write_text("def count(most):\n    n = 0\n    while n < most:\n        n += 1\n    return n\n")
    (tree / "test_weak.py").write_text("import boxes\n\n\ndef test_count():\n    assert boxes.count(2) >= 0\n")
    wanted = ["count: [n += 1 -> pass]"]
    assert [one.killed for one in mutants.tried(Target("boxes", "boxes.py", ("test_weak.py",)), wanted, tree)] == [True]


def test_every_explanation_is_of_a_module_that_is_tried_and_says_why():
    explained = mutants.explained()
    assert explained.keys() <= {target.module for target in mutants.TARGETS}
    assert all(len(why) > 20 for reasons in explained.values() for why in reasons.values())


def test_every_target_is_there_with_its_tests():
    for target in mutants.TARGETS:
        for path in (target.path, *target.tests):
            assert (mutants.ROOT / path).is_file(), path
