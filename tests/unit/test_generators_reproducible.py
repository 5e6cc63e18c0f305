import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from models import g2g, gifts, recruits

ALL = pytest.mark.parametrize("generator", [g2g, gifts, recruits], ids=lambda module: module.__name__)


@ALL
def test_a_seed_gives_the_same_rows_and_another_seed_others(generator: ModuleType) -> None:
    assert list(generator.rows(20, 1)) == list(generator.rows(20, 1)) != list(generator.rows(20, 2))


@ALL
@pytest.mark.parametrize("count", [30, 31])
def test_a_larger_count_begins_with_the_rows_of_a_smaller_one(generator: ModuleType, count: int) -> None:
    assert list(itertools.islice(generator.rows(10**9, 5), count)) == list(generator.rows(count, 5))


@ALL
def test_every_row_has_every_field_in_order(generator: ModuleType) -> None:
    assert {tuple(row) for row in generator.rows(200, 0)} == {generator.FIELDS}


@ALL
def test_the_file_does_not_depend_on_the_hash_seed_of_python(generator: ModuleType, tmp_path: Path) -> None:
    script = (
        f"import sys; from pathlib import Path; import {generator.__name__} as generator; "
        "generator.write(Path(sys.argv[1]), 300, 0)"
    )
    files = [tmp_path / f"{seed}.csv" for seed in (1, 2)]
    for seed, path in enumerate(files, 1):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(Path(g2g.__file__).parent.parent)}
        subprocess.run([sys.executable, "-c", script, str(path)], check=True, env=environment)
    assert files[0].read_bytes() == files[1].read_bytes()
