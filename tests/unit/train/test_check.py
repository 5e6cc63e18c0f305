"""The check: which events are to be trained, which are not and why, where, and in which parts."""

import gzip
import json
from pathlib import Path

import pytest

from firesteel import definition_file
from firesteel.definition import Promotion, Search
from firesteel.errors import DataError, DefinitionError, IntegrityError, NotFoundError, RegistryError
from functions.train import tasks, train
from functions.train.upload import Upload
from models import recruits
from tests.unit.train.world import FOLDER, World, check, define_anew, pretend, put

RECRUITS = definition_file.load(Path(__file__).parents[3] / "models" / "recruits.yaml")


@pytest.fixture
def world():
    return World()


@pytest.fixture
def pretended(monkeypatch):
    monkeypatch.setattr(train, "train", pretend)


class TestKeys:
    def test_who_cannot_sign_what_must_be_signed_claims_no_upload(self, world):
        key = "A" * 43 + "="
        event = put(world, 0)
        with pytest.raises(RegistryError, match="FIRESTEEL_SIGNING_KEY"):
            check(world, event, "first", public_keys=(key,))
        assert world.work.keys("claims/") == []
        assert check(world, event)["outcome"] == "train"


class TestUploads:
    def test_an_upload_is_to_be_trained(self, world):
        answer = check(world, put(world, 0))
        assert answer == {
            "model": "small",
            "upload": {
                "data": f"{FOLDER}/a.csv",
                "version_id": "a.csv-0",
                "etag": answer["upload"]["etag"],
                "uploaded": "2026-11-21T15:00:01Z",
            },
            "by": "upload",
            "bytes": answer["bytes"],
            "outcome": "train",
            "reason": "no version was trained on these data by this definition",
            "data_sha256": answer["data_sha256"],
            "rows": 11,
            "where": "function",
            "segments": [{"segment": "", "address": "small", "candidates": [], "corrections": None}],
            "segmented": False,
            "promote": {"how": "direct", "weight": 0.05},
        }

    @pytest.mark.parametrize(
        "key",
        ["small/a.txt", "small/a.CSV", "a.csv", "small/deep/a.csv", "small/.a.csv", "small/a#b.csv", "other"],
    )
    def test_a_key_of_another_shape_is_no_upload(self, world, key):
        event = {"detail": {"bucket": {"name": "incoming"}, "object": {"key": key}}}
        with pytest.raises(DataError, match=r"is no upload: those are incoming/<model>/<file>\.csv"):
            check(world, event)

    def test_the_empty_object_that_the_console_makes_for_a_folder_is_nobodys_mistake(self, world):
        event = {"detail": {"bucket": {"name": "incoming"}, "object": {"key": "incoming/small/"}}}
        assert check(world, event) == {
            "outcome": "elsewhere",
            "by": "upload",
            "reason": "somebody made a folder, which is no upload",
        }

    def test_an_object_of_another_bucket_is_no_upload(self, world):
        event = put(world, 0)
        event["detail"]["bucket"]["name"] = "elsewhere"
        with pytest.raises(DataError, match="is no upload"):
            check(world, event)

    @pytest.mark.parametrize(
        "event", [None, {}, [], {"detail": {}}, {"model": 7}, {"detail": {"bucket": {"name": "b"}}}]
    )
    def test_an_event_that_tells_of_no_upload_is_refused(self, world, event):
        with pytest.raises(DataError, match="the event is neither"):
            check(world, event)

    @pytest.mark.parametrize(
        ("wanted", "message"),
        [
            ({"data": 7}, "data must be a URL"),
            ({"by": "magic"}, "one of hand, schedule, drift"),
            ({"again": "yes"}, "again true or false"),
            ({"date": "x"}, "mean nothing: date"),
            ({"data": "memory://incoming/small/a.txt"}, "no CSV file"),
            ({}, "there is no CSV file in memory://incoming/small/"),
        ],
    )
    def test_an_order_by_hand_says_what_it_means(self, world, wanted, message):
        with pytest.raises(DataError, match=message):
            check(world, {"model": "small", **wanted})

    def test_by_hand_the_newest_upload_is_trained(self, world):
        for number in (0, 1, 2):
            put(world, number)
        answer = check(world, {"model": "small", "by": "schedule"})
        assert (answer["upload"]["version_id"], answer["by"]) == ("a.csv-1", "schedule")
        with pytest.raises(NotFoundError):
            check(world, {"model": "small", "data": f"{FOLDER}/z.csv"})

    def test_an_older_upload_is_superseded_and_the_reason_names_the_newer(self, world):
        first, second = put(world, 0), put(world, 1)
        answer = check(world, first)
        assert answer["outcome"] == "superseded"
        assert answer["reason"] == f"{FOLDER}/b.csv is newer: 2026-11-21T15:00:02Z"
        put(world, 4)
        assert check(world, second)["reason"] == f"{FOLDER}/b.csv was replaced at 2026-11-21T15:00:05Z"
        event = world.uploads.put("d.csv", b"a,y\n", 59)
        del world.uploads.versions[f"{FOLDER}/b.csv"]
        world.uploads.current = lambda _: []
        assert check(world, event)["reason"] == f"{FOLDER}/d.csv was removed"

    def test_what_is_no_csv_file_supersedes_nothing(self, world):
        event = put(world, 0)
        world.uploads.put("README.txt", b"about these files", 50)
        assert check(world, event)["outcome"] == "train"

    def test_an_upload_belongs_to_the_execution_that_was_first(self, world):
        event = put(world, 0)
        assert check(world, event, run="one")["outcome"] == "train"
        assert check(world, event, run="one")["outcome"] == "train"
        again = check(world, event, run="two")
        assert again["outcome"] == "elsewhere"
        assert again["reason"].startswith("the execution one has had this upload since 20")
        assert "`firesteel retrain small --again` trains it" in again["reason"]

    @pytest.mark.parametrize("damage", [b"no json", b"{}", b'{"format": 1, "run": "one"}'])
    def test_a_claim_that_cannot_be_read_is_named(self, world, damage):
        event = put(world, 0)
        upload = check(world.copy(), event)["upload"]
        key = f"claims/small/{Upload.parse(upload).sha256}.json"
        world.work.create(key, damage)
        with pytest.raises(IntegrityError, match=f"^{key} "):
            check(world, event)

    def test_the_same_data_and_definition_are_not_trained_twice(self, world, pretended):
        world.execute("one", put(world, 0))
        same = world.uploads.put("copy.csv", world.uploads.versions[f"{FOLDER}/a.csv"][0].content, 9)
        answer = check(world, same, run="two")
        assert (answer["outcome"], answer["version"]) == ("same", "1.0.0")
        assert "small 1.0.0" in answer["reason"]
        assert check(world, {"model": "small"}, run="three")["outcome"] == "same"
        assert check(world, {"model": "small", "again": True}, run="four")["outcome"] == "train"
        define_anew(world, description="another definition")
        assert check(world, {"model": "small", "again": False}, run="two")["outcome"] == "train"

    def test_bad_data_are_refused_and_their_rows_kept_in_the_work_bucket(self, world):
        event = world.uploads.put("bad.csv", b"a,y\n1,0.5\n2,0.5\nx,0.5\n3,much\n", 1)
        with pytest.raises(DataError, match=f"^{FOLDER}/bad.csv: 2 of 4 rows are bad") as refused:
            check(world, event)
        etag = event["detail"]["object"]["etag"][:8]
        key = f"quarantine/small/bad.csv.{etag}/rows-{world.definition.sha256[:8]}.csv"
        assert f"stand in {key}" in str(refused.value)
        lines = world.work.get(key, limit=1000).decode().splitlines()
        assert lines[0] == "line,column,reason,a,y"
        assert len(lines) == 3
        define_anew(world, description="another definition")
        with pytest.raises(DataError) as refused:
            check(world, event)
        assert key not in str(refused.value)
        assert len(world.work.keys("quarantine/")) == 2, "each definition has its own"

    def test_a_few_bad_rows_are_kept_too(self, world):
        define_anew(world, data=world.definition.data.model_copy(update={"max_bad_share": 0.5}))
        assert check(world, world.uploads.put("a.csv", b"a,y\n1,0.5\n2,0.5\nx,0.5\n", 1))["rows"] == 3
        assert len(world.work.keys("quarantine/small/")) == 1

    @pytest.mark.parametrize(
        ("settings", "content"),
        [({"large_rows": 10}, None), ({"large_mib": 1}, b"a,y\n" + b"1,0.5\n" * 200_000)],
        ids=["rows", "bytes"],
    )
    def test_large_data_go_to_the_container_if_there_is_one(self, world, settings, content):
        event = world.uploads.put("large.csv", content, 1) if content else put(world, 0)
        define_anew(world, search=Search(space={"alpha": [1.0, 2.0]}))
        answer = check(world, event, container=True, **settings)
        assert (answer["outcome"], answer["where"]) == ("train", "container")
        assert answer["segments"] == [{"segment": "", "address": "small", "candidates": [], "corrections": None}]
        (name,) = settings
        with pytest.raises(DataError, match=f"FIRESTEEL_{name.upper()} is {settings[name]}.*parameter Container"):
            check(world, event, **settings)

    def test_of_packed_data_the_unpacked_bytes_count(self, world):
        content = b"a,y\n" + b"1,0.5\n" * 400_000
        event = world.uploads.put("large.csv.gz", gzip.compress(content), 1)
        answer = check(world, event, container=True, large_mib=2)
        assert (answer["where"], answer["rows"]) == ("container", None)
        assert answer["bytes"] < 1 << 20 < 2 << 20 < len(content)
        with pytest.raises(DataError, match="the data have more than 2 MiB unpacked.*FIRESTEEL_LARGE_MIB is 2"):
            check(world, event, large_mib=2)
        assert check(world, event, large_mib=3)["where"] == "function"

    def test_what_even_a_container_cannot_read_is_refused_at_once(self, world, monkeypatch):
        event = put(world, 0)
        monkeypatch.setattr("functions.train.check.DATA_LIMIT", 10)
        with pytest.raises(DataError, match=r"a\.csv has \d+ bytes, and nothing trains on more than 10"):
            check(world, event, container=True)

    def test_each_candidate_of_a_search_is_a_job_of_its_own(self, world):
        define_anew(world, search=Search(space={"alpha": [1.0, 2.0]}))
        (segment,) = check(world, put(world, 0))["segments"]
        assert segment["candidates"] == [{"target": "y", "settings": {"alpha": alpha}} for alpha in (1.0, 2.0)]

    def test_a_sequential_search_cannot_be_distributed(self, world):
        space = {"alpha": {"low": 1, "high": 2}}
        define_anew(world, search=Search.model_validate({"method": "optuna", "space": space}))
        with pytest.raises(DefinitionError, match="optuna chooses each trial by those before it"):
            check(world, put(world, 0))

    def test_candidates_and_their_scores_fit_into_an_execution(self, world):
        event = put(world, 0)
        for trials, folds in ((300, 5), (500, 2)):
            self.search(world, trials=trials, folds=folds)
            (segment,) = check(world, event)["segments"]
            judged = [one | {"scores": [-1 / 3 * 1e-300] * folds} for one in segment["candidates"]]
            assert 50_000 < len(json.dumps(judged)) < 100_000
        for trials, folds in ((500, 10), (2000, 2)):
            self.search(world, trials=trials, folds=folds)
            with pytest.raises(
                DefinitionError, match=r"about \d{6} bytes, more than the 100000 that fit.*fewer trials"
            ):
                check(world, event)

    def search(self, world, **parts):
        space = {"alpha": {"low": 1, "high": 2}}
        define_anew(world, search=Search.model_validate({"method": "random", "space": space, **parts}))


class TestSegments:
    def test_each_segment_is_a_part(self, world, tmp_path):
        world.definition = RECRUITS.model_copy(update={"model": "small"})
        recruits.write(tmp_path / "recruits.csv", 1500, 3)
        event = world.uploads.put("r.csv", (tmp_path / "recruits.csv").read_bytes(), 1)
        answer = check(world, event)
        assert answer["segmented"]
        assert [(one["segment"], one["address"]) for one in answer["segments"]] == [
            ("QB", "small/qb"), ("RB", "small/rb"), ("WR", "small/wr")
        ]  # fmt: skip

    def test_no_more_segments_wait_for_approval_than_wait_at_once(self, world, tmp_path, monkeypatch):
        monkeypatch.setattr("functions.train.check.APPROVALS", 2)
        recruits.write(tmp_path / "recruits.csv", 1500, 3)
        event = world.uploads.put("r.csv", (tmp_path / "recruits.csv").read_bytes(), 1)
        world.definition = RECRUITS.model_copy(update={"model": "small"})
        assert check(world, event)["outcome"] == "train"
        world.definition = world.definition.model_copy(update={"promote": Promotion(how="approval")})
        with pytest.raises(DefinitionError, match="at most 2 segments that wait for it; small has 3"):
            check(world, event)

    def test_the_router_is_released_once(self, world):
        world.definition = RECRUITS
        route = {"task": "route", "run": "r", "model": "recruits"}
        assert tasks.run(world.deployment, route) == {"version": "1.0.0"}
        assert tasks.run(world.deployment, route) == {"version": None}

    @pytest.mark.parametrize("segment", ["TE", "", None, 7])
    def test_what_is_no_segment_is_refused(self, world, segment):
        world.definition = RECRUITS
        with pytest.raises(DataError, match="it has: QB, RB, WR"):
            world.deployment.part("recruits", segment)
