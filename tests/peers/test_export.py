"""`firesteel export`: what is written, and what is refused, for ONNX and Evidently."""

import json
import re
from collections.abc import Callable
from pathlib import Path

from cli.peers.onnx import proof
from models import g2g
from tests.peers.conftest import Model, Sessions


def test_onnx_is_proven_on_the_golden_rows_and_on_those_of_a_file(
    store: str, session: Sessions, model_of: Callable[[str], Model], tmp_path: Path
) -> None:
    data = model_of("g2g").data
    done, none, alone = session(
        store,
        ["export", "g2g", "--format", "onnx", "--out", "g2g.onnx", "--data", data, "--json"],
        ["export", "nothing", "--format", "onnx", "--out", "none.onnx"],
        ["export", "g2g", "--format", "onnx", "--out", "none.onnx", "--reference", data],
        folder=tmp_path,
    )
    assert done["code"] == 0, done
    told = json.loads(done["out"])
    assert told["rows_compared"] > 1000
    assert told["largest_difference"] < 1e-5
    about = proof.session((tmp_path / "g2g.onnx").read_bytes()).get_modelmeta().custom_metadata_map
    assert (about["model"], about["version"], len(about["digest"])) == ("g2g", "1.0.0", 64)
    assert (none["code"], alone["code"]) == (1, 2)
    assert not (tmp_path / "none.onnx").exists()


def test_evidentlys_report_finds_the_column_that_moved(store: str, session: Sessions, tmp_path: Path) -> None:
    g2g.write(tmp_path / "march.csv", 300, seed=3)
    lines = (tmp_path / "march.csv").read_text().splitlines()
    place = lines[0].split(",").index("credit_score")
    moved = [line.split(",") for line in lines[1:] if '"' not in line]
    for cells in moved:
        cells[place] = "300"
    (tmp_path / "april.csv").write_text("\n".join([lines[0], *map(",".join, moved)]) + "\n")
    options = ["export", "g2g", "--format", "evidently", "--reference", "march.csv", "--out"]
    same, other, alone = session(
        store,
        [*options, "same.html", "--data", "march.csv", "--json"],
        [*options, "other.html", "--data", "april.csv", "--json"],
        [*options, "none.html"],
        folder=tmp_path,
    )
    assert (same["code"], other["code"], alone["code"]) == (0, 0, 2), (same, other)
    assert json.loads(same["out"])["drifted"] == 0
    assert json.loads(other["out"])["drifted"] >= 1
    page = (tmp_path / "other.html").read_text()
    assert "credit_score" in page
    assert "g2g_score" in page
    assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?:', page) == []


def test_a_missing_extra_is_named_with_what_installs_it(store: str, session: Sessions, tmp_path: Path) -> None:
    (tmp_path / "hidden").mkdir()
    for name in ("mlflow", "onnx", "evidently"):
        (tmp_path / "hidden" / f"{name}.py").write_text(f"raise ModuleNotFoundError(name={name!r})\n")
    (tmp_path / "rows.csv").write_text("title,description\na,b\n")
    commands = [["export", "tickets", "--format", name, "--out", "out"] for name in ("mlflow", "onnx")]
    commands += [
        ["export", "tickets", "--format", "evidently", "--out", "out", "--data", "rows.csv", "--reference", "rows.csv"]
    ]
    commands += [["import", "mlflow:models:/some/1", "--as", "some"]]
    done = session(store, *commands, folder=tmp_path, hidden=str(tmp_path / "hidden"))
    assert [one["code"] for one in done] == [3, 3, 3, 3], done
    for one, extra in zip(done, ("mlflow", "onnx", "evidently", "mlflow"), strict=True):
        assert f"pip install 'firesteel[{extra}]'" in " ".join(one["err"].split())
