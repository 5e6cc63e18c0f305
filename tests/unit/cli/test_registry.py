"""`firesteel versions`, `show`, `promote`, `shadow`, `rollback`, `switch` and `verify`."""

import json
from pathlib import Path

import pytest

from firesteel.registry import bundle
from firesteel.registry.seal import open_registry
from tests.unit.cli.conftest import Run


def latest(firesteel: Run) -> str:
    listed = json.loads(firesteel("versions", "tickets", "--json").out)
    [version] = [row["version"] for row in listed if "latest" in row["aliases"]]
    return str(version)


def test_versions_are_listed_with_metrics_and_aliases(firesteel: Run, store: Path) -> None:
    first, second = json.loads(firesteel("versions", "tickets", "--json").out)
    assert (first["version"], first["state"], first["aliases"]) == ("1.0.0", "complete", [])
    assert (second["version"], second["aliases"]) == ("1.1.0", ["latest"])
    assert second["metrics"]["department.macro_f1"] > 0.9
    table = firesteel("versions", "tickets").words
    assert "1.0.0" in table
    assert "latest" in table


def test_show_has_files_metadata_and_history(firesteel: Run, store: Path) -> None:
    shown = json.loads(firesteel("show", "tickets", "1.0.0", "--json").out)
    assert shown["manifest"]["version"] == "1.0.0"
    assert "program.safetensors" in shown["manifest"]["files"]
    assert shown["metadata"]["changelog"] == "the first"
    assert [entry["version"] for entry in shown["history"]] == ["1.0.0", "1.1.0"]
    people = firesteel("show", "tickets")
    assert people.code == 0
    assert "the second" in people.out


def test_rollback_goes_back_and_says_why(firesteel: Run, store: Path) -> None:
    done = firesteel("rollback", "tickets", "--why", "[too] many Urgent")
    assert done.code == 0
    assert "1.0.0" in done.out
    assert latest(firesteel) == "1.0.0"
    newest = json.loads(firesteel("show", "tickets", "--json").out)["history"][-1]
    assert (newest["kind"], newest["why"], newest["previous"]) == ("rollback", "[too] many Urgent", "1.1.0")
    assert "[too] many Urgent" in firesteel("show", "tickets").words


def test_rollback_can_name_the_version(firesteel: Run, store: Path) -> None:
    assert firesteel("rollback", "tickets", "--to", "1.0.0", "--json").code == 0
    assert latest(firesteel) == "1.0.0"


def test_promote_makes_another_alias_and_leaves_latest_alone(firesteel: Run, store: Path) -> None:
    entry = json.loads(firesteel("promote", "tickets", "1.0.0", "--alias", "champion", "--json").out)
    assert (entry["alias"], entry["generation"], entry["version"]) == ("champion", 1, "1.0.0")
    assert latest(firesteel) == "1.1.0"


def test_switch_moves_an_alias_to_an_older_version(firesteel: Run, store: Path) -> None:
    entry = json.loads(firesteel("switch", "tickets", "1.0.0", "--json").out)
    assert (entry["kind"], entry["previous"], entry["generation"]) == ("switch", "1.1.0", 3)
    assert latest(firesteel) == "1.0.0"


def test_verify_says_that_everything_is_whole(firesteel: Run, store: Path) -> None:
    done = firesteel("verify", "tickets", "--json")
    assert done.code == 0
    whole = {"model": "tickets", "state": "whole", "problems": []}
    assert json.loads(done.out) == [whole | {"version": "1.0.0"}, whole | {"version": "1.1.0"}]


def test_verify_names_the_file_that_changed(firesteel: Run, store: Path) -> None:
    program = store / "models/tickets/v1.0.0/program.safetensors"
    program.write_bytes(program.read_bytes()[:-1] + b"\x01")
    done = firesteel("verify", "tickets")
    assert done.code == 1
    assert "program.safetensors" in done.out
    assert firesteel("verify", "tickets", "1.1.0").code == 0


def test_verify_tells_an_unfinished_version_from_a_broken_one(firesteel: Run, store: Path) -> None:
    (store / "models/tickets/v1.0.0/manifest.json").unlink()
    done = firesteel("verify", "tickets", "--json")
    assert done.code == 0
    assert [one["state"] for one in json.loads(done.out)] == ["unfinished", "whole"]


def test_a_broken_version_is_never_promoted(firesteel: Run, store: Path) -> None:
    (store / "models/tickets/v1.0.0/program.safetensors").write_bytes(b"{}")
    for words in ("promote tickets 1.0.0", "promote tickets 1.0.0 --canary 5%", "shadow tickets 1.0.0",
                  "switch tickets 1.0.0", "rollback tickets --to 1.0.0"):  # fmt: skip
        assert firesteel(*words.split()).code == 1
    assert latest(firesteel) == "1.1.0"


@pytest.mark.parametrize("file", ["program.safetensors", "golden.json"])
def test_a_version_that_no_server_would_load_is_never_promoted(file: str, firesteel: Run, store: Path) -> None:
    registry = open_registry(f"file://{store}")
    manifest = bundle.read_manifest(registry, "tickets", "1.1.0")
    files = {name: bundle.read_file(registry, manifest, name) for name in manifest.files}
    bundle.publish(registry, "tickets", "1.2.0", files | {file: b"{}"}, signature=manifest.signature, who="ada")
    for words in ("promote tickets 1.2.0", "promote tickets 1.2.0 --canary 5%", "shadow tickets 1.2.0",
                  "switch tickets 1.2.0"):  # fmt: skip
        done = firesteel(*words.split())
        assert done.code == 1
        assert "tickets 1.2.0 cannot be served: " in done.err
    assert latest(firesteel) == "1.1.0"


@pytest.mark.parametrize("file", ["program.safetensors", "manifest.json"])
def test_a_rollback_to_a_broken_version_is_told_at_once(file: str, firesteel: Run, store: Path) -> None:
    (store / "models/tickets/v1.0.0" / file).write_bytes(b"{}")
    done = firesteel("rollback", "tickets")
    assert done.code == 1
    assert "moved to 1.0.0, which is damaged" in done.err
    assert firesteel("switch", "tickets", "1.1.0").code == 0


@pytest.mark.parametrize(("share", "weight"), [("5%", 0.05), ("0.05", 0.05), ("12.5%", 0.125), (".5", 0.5)])
def test_a_canary_answers_a_share_beside_the_version_that_stays(
    share: str, weight: float, firesteel: Run, store: Path
) -> None:
    done = firesteel("promote", "tickets", "1.0.0", "--canary", share, "--why", "slowly")
    assert done.code == 0, done
    assert f"latest of tickets stays 1.1.0, with canary 1.0.0 {weight * 100:g}% beside it" in done.words
    newest = json.loads(firesteel("show", "tickets", "--json").out)["history"][-1]
    assert (newest["kind"], newest["version"], newest["why"]) == ("canary", "1.1.0", "slowly")
    assert (newest["canary"]["version"], newest["canary"]["weight"]) == ("1.0.0", weight)
    assert "shadow" not in newest
    assert latest(firesteel) == "1.1.0"


@pytest.mark.parametrize("share", ["0", "1", "100%", "5", "0%", "-5%", "five", "5%%", ""])
def test_what_is_no_share_is_wrong_usage(share: str, firesteel: Run, store: Path) -> None:
    done = firesteel("promote", "tickets", "1.0.0", f"--canary={share}")
    assert done.code == 2
    assert "is no share above 0 and below 1" in " ".join(done.err.replace("│", " ").split())
    assert latest(firesteel) == "1.1.0"


def test_a_shadow_is_scored_beside_the_version_that_stays(firesteel: Run, store: Path) -> None:
    assert "stays 1.1.0, with shadow 1.0.0 beside it" in firesteel("shadow", "tickets", "1.0.0").words
    entry = json.loads(firesteel("shadow", "tickets", "1.0.0", "--json").out)
    assert (entry["kind"], entry["version"], entry["shadow"]["version"]) == ("shadow", "1.1.0", "1.0.0")


def test_what_runs_beside_is_shown_and_ended_by_a_rollback(firesteel: Run, store: Path) -> None:
    firesteel("promote", "tickets", "1.0.0", "--canary", "5%")
    firesteel("shadow", "tickets", "1.0.0")
    first, second = json.loads(firesteel("versions", "tickets", "--json").out)
    assert (first["aliases"], first["beside"]) == ([], ["canary of latest 5%", "shadow of latest"])
    assert (second["aliases"], second["beside"]) == (["latest"], [])
    assert "canary of latest 5%, shadow of latest" in firesteel("versions", "tickets").words
    assert "canary 1.0.0 5%, shadow 1.0.0" in firesteel("show", "tickets").words
    assert "latest of tickets stays 1.1.0, with nothing beside it" in firesteel("rollback", "tickets").words
    assert "latest of tickets is now 1.0.0, was 1.1.0" in firesteel("rollback", "tickets").words


def test_a_rollback_of_what_runs_beside_alone_is_done_once(firesteel: Run, store: Path) -> None:
    firesteel("promote", "tickets", "1.0.0", "--canary", "5%")
    assert "stays 1.1.0, with nothing beside it (generation 4)" in firesteel("rollback", "tickets", "--beside").words
    assert "stays 1.1.0, with nothing beside it (generation 4)" in firesteel("rollback", "tickets", "--beside").words
    assert firesteel("rollback", "tickets", "--beside", "--to", "1.0.0").code == 2


def test_a_promotion_says_what_it_ends(firesteel: Run, store: Path) -> None:
    firesteel("promote", "tickets", "1.0.0", "--canary", "5%")
    firesteel("shadow", "tickets", "1.0.0")
    assert "canary 1.0.0 5% ended" in firesteel("promote", "tickets", "1.0.0", "--canary", "20%").words
    done = firesteel("promote", "tickets", "1.1.0")
    assert "stays 1.1.0, with nothing beside it" in done.words
    assert "canary 1.0.0 20% and shadow 1.0.0 ended" in done.words


def test_who_serves_a_version_that_failed_its_gates_is_told_so(
    firesteel: Run, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failed(*_: object) -> dict[str, object]:
        verdict = {"metric": "priority.macro_f1", "value": 0.2544, "bound": ">= 0.6", "passed": False}
        return {"gates": [verdict, verdict | {"metric": "department.macro_f1", "passed": True}]}

    monkeypatch.setattr("cli.programs.document", failed)
    done = firesteel("promote", "tickets", "1.0.0")
    assert done.code == 0
    assert "tickets 1.0.0 failed a gate: priority.macro_f1 = 0.2544, wanted >= 0.6" in done.err
    assert "department" not in done.err
    assert "complete, gates failed" in firesteel("versions", "tickets").words


def test_what_is_served_is_no_canary_of_itself(firesteel: Run, store: Path) -> None:
    done = firesteel("promote", "tickets", "1.1.0", "--canary", "5%")
    assert done.code == 5
    assert "cannot run beside itself" in done.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["versions", "nope"], "tickets"),
        (["versions", "../nope"], "../nope"),
        (["show", "nope"], "nope"),
        (["show", "tickets", "7.0.0"], "7.0.0"),
        (["show", "tickets", "seven"], "seven"),
        (["promote", "tickets", "7.0.0"], "7.0.0"),
        (["promote", "tickets", "1.0.0", "--alias", "No Name"], "No Name"),
        (["rollback", "tickets", "--to", "7.0.0"], "7.0.0"),
        (["rollback", "tickets", "--alias", "champion"], "champion"),
        (["verify", "nope"], "nope"),
    ],
)
def test_what_is_not_there_is_named(words: list[str], said: str, firesteel: Run, store: Path) -> None:
    done = firesteel(*words)
    assert done.code == 1
    assert said in done.err


def test_segments_are_listed_with_their_model_and_the_metrics_of_all_tasks(firesteel: Run, numbers: Path) -> None:
    rows = json.loads(firesteel("versions", "recruits", "--json").out)
    assert [row["model"] for row in rows] == ["recruits", "recruits/qb", "recruits/rb", "recruits/wr"]
    assert set(rows[1]["metrics"]) == {"tier.macro_f1", "rating.r2"}
    assert rows[0]["metrics"] == {}
    [one] = json.loads(firesteel("versions", "recruits/qb", "--json").out)
    assert one == rows[1]
    [count] = json.loads(firesteel("versions", "gifts", "--json").out)
    assert set(count["metrics"]) == {"selection_count.poisson_deviance"}


def test_a_model_of_segments_shows_which_are_served(firesteel: Run, numbers: Path) -> None:
    shown = json.loads(firesteel("show", "recruits", "--json").out)
    assert shown["segments"] == {"recruits/qb": "1.0.0", "recruits/rb": "1.0.0", "recruits/wr": "1.0.0"}
    assert "recruits/wr 1.0.0" in firesteel("show", "recruits").words
    assert "rating.r2" in firesteel("show", "recruits/qb").words


def test_verify_reads_the_segments_too(firesteel: Run, numbers: Path) -> None:
    (numbers / "models/recruits/rb/v1.0.0/metrics.json").write_text("{}")
    done = firesteel("verify", "recruits", "--json")
    assert done.code == 1
    broken = [one for one in json.loads(done.out) if one["state"] == "broken"]
    assert [one["model"] for one in broken] == ["recruits/rb"]
    assert firesteel("verify", "recruits/qb").code == 0


def test_a_segment_is_promoted_switched_and_rolled_back_alone(firesteel: Run, numbers: Path, small: Path) -> None:
    words = ("train", small / "recruits.yaml", "--data", small / "recruits.csv", "--position", "QB")
    assert firesteel(*words).code == 0
    for command, version in (
        (["rollback", "recruits/qb"], "1.0.0"),
        (["switch", "recruits/qb", "1.1.0"], "1.1.0"),
        (["promote", "recruits/qb", "1.0.0"], "1.0.0"),
    ):
        done = firesteel(*command)
        assert done.code == 0
        assert f"latest of recruits/qb is now {version}" in done.words
    served = json.loads(firesteel("show", "recruits", "--json").out)["segments"]
    assert served == {"recruits/qb": "1.0.0", "recruits/rb": "1.0.0", "recruits/wr": "1.0.0"}


def test_a_bundle_of_the_first_format_is_whole(firesteel: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Path(__file__).parents[2] / "golden/v1"
    monkeypatch.setenv("FIRESTEEL_STORE", f"file://{golden}")
    done = firesteel("verify", "tickets")
    assert done.code == 0, done
    assert firesteel("predict", "tickets", "--set", "title=Cannot log in", "--set", "description=Locked").code == 0
