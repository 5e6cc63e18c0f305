"""A look at a model from its registry and its monitoring store to the report, the page and the metrics."""

import gzip
import json
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from benchmarks.drift import NOW, World, deliver, publish
from firesteel.errors import DataError, IntegrityError, NotFoundError
from firesteel.monitor import feedback, reports
from firesteel.registry import alias, bundle
from firesteel.registry.store import MemoryStore
from firesteel.settings import Settings
from functions.train import tasks
from functions.train.deployment import Deployment
from functions.train.drift import daily, html
from functions.train.drift.look import _distinct, look, resolve, watched
from tests.unit.train.world import World as Retraining

WHEN = "2026-11-21T06:00:00Z"


class Place:
    """A registry and a monitoring store with a week of inferences, of which the last day may have drifted."""

    def __init__(self, shift=0.0, rows=200):
        self.world, self.registry, self.monitor = World(1), MemoryStore(), MemoryStore()
        self.digest = publish(self.world, self.registry)
        for day in range(1, 8):
            deliver(self.world, self.monitor, self.digest, day, rows, shift if day == 1 else 0.0)

    def look(self, **parts):
        return look(self.registry, self.monitor, "drifting", until=NOW, days=7, **parts)


@pytest.fixture(scope="module")
def quiet():
    return Place()


@pytest.fixture(scope="module")
def drifted():
    return Place(shift=1.0)


def field(report, name):
    return next(one for one in report["fields"] if one["name"] == name)


def test_without_drift_all_is_well(quiet):
    report = quiet.look(run="a-run")
    assert (report["state"], report["drifted"], report["rows"]) == ("OK", [], 1400)
    assert report["sentence"] == "None of 20 series drifted (1,400 rows in the last 7 days)."
    assert {one["state"] for one in report["fields"]} == {"OK"}
    assert [(one["days"], one["rows"]) for one in report["windows"]] == [(1, 200), (7, 1400)]
    assert (report["when"], report["windows"][1]["begins"]) == (WHEN, "2026-11-14T06:00:00Z")
    assert (report["model"], report["version"], report["digest"], report["run"]) == (
        "drifting",
        "1.0.0",
        quiet.digest,
        "a-run",
    )


def test_a_field_that_moved_is_named_with_its_numbers(drifted):
    report = drifted.look()
    assert report["state"] == "DRIFT"
    assert "n0" in report["drifted"]
    assert not {"n1", "c2", "text.words"} & set(report["drifted"])
    moved = field(report, "n0")
    assert moved["telling"] == 1
    [day, _] = moved["windows"]
    assert day["statistic"] > 0.3
    assert day["p"] <= day["p_corrected"] < 1e-6
    assert day["distance"] > 0.1
    assert "The median is" in moved["sentence"]
    assert sum(moved["bins"]["baseline"]) == pytest.approx(1)
    assert sum(moved["bins"]["current"]) == pytest.approx(1)
    assert len(moved["bins"]["labels"]) == 10


def test_nothing_in_the_log_is_no_verdict(quiet):
    report = look(quiet.registry, MemoryStore(), "drifting", until=NOW, days=7)
    assert (report["state"], report["rows"], report["drifted"]) == ("INSUFFICIENT_DATA", 0, [])
    assert report["sentence"] == "Nothing could be judged: 0 rows in the last 7 days, and 100 are needed."
    assert "`log: plain` in the definition would show it" in field(report, "n0")["sentence"]


def test_one_day_alone_is_one_window(quiet):
    report = look(quiet.registry, quiet.monitor, "drifting", until=NOW, days=1)
    assert [window["days"] for window in report["windows"]] == [1]
    assert report["rows"] == 200


def test_progress_tells_the_rows(quiet):
    seen = []
    quiet.look(progress=seen.append)
    assert seen == [1400]


def test_damage_is_counted_and_the_rest_is_read(quiet):
    place = Place(rows=20)
    place.monitor.create(
        "inferences/model=drifting/day=2026-11-20/broken.jsonl.gz", gzip.compress(b'{"message": "request"')[:-4]
    )
    report = place.look()
    assert report["rows"] == 140
    assert sum(report["damage"].values()) >= 1


def test_feedback_tells_the_truth(quiet):
    place = Place(rows=20)
    for number in range(20):
        feedback.send(
            place.monitor, "drifting", {"y": "Low"}, request_id=f"1-0-{number}", when=NOW - timedelta(hours=1)
        )
    for number in range(20):
        feedback.send(
            place.monitor, "drifting", {"y": "High"}, request_id=f"2-0-{number}", when=NOW - timedelta(hours=1)
        )
    report = place.look()
    assert report["truth"]["y"]["rows"] == 40
    assert "y.accuracy" in report["truth_fell"]
    assert report["state"] == "INSUFFICIENT_DATA" or report["drifted"] == []
    assert b"Where feedback tells the truth" in html.page(report)


class TestVersions:
    def test_an_alias_and_a_number_name_one(self, quiet):
        assert resolve(quiet.registry, "drifting", "latest") == resolve(quiet.registry, "drifting", "1.0.0")

    def test_a_version_without_a_baseline_is_named(self):
        registry = MemoryStore()
        bundle.publish(registry, "drifting", "1.0.0", {"golden.json": b"{}"}, who="test")
        with pytest.raises(NotFoundError, match=r"drifting 1\.0\.0 has no reference\.json"):
            look(registry, MemoryStore(), "drifting", until=NOW, days=7, version="1.0.0")

    def test_a_damaged_baseline_is_named(self):
        registry = MemoryStore()
        bundle.publish(registry, "drifting", "1.0.0", {"reference.json": b"[]"}, who="test")
        with pytest.raises(IntegrityError, match=r"reference\.json of drifting 1\.0\.0"):
            look(registry, MemoryStore(), "drifting", until=NOW, days=7, version="1.0.0")

    def test_segments_that_have_a_baseline_are_watched_each(self, quiet):
        registry = MemoryStore()
        for segment in ("qb", "rb"):
            publish(quiet.world, registry, f"recruits/{segment}")
        router = bundle.publish(registry, "recruits", "1.0.0", {"golden.json": b"{}"}, who="test")
        alias.promote(registry, "recruits", "latest", "1.0.0", who="test", why="", digest=router.digest)
        publish(quiet.world, registry, "recruitsother")
        assert watched(registry, "recruits") == ["recruits/qb", "recruits/rb"]
        with pytest.raises(NotFoundError, match="no version with a drift baseline"):
            watched(registry, "tickets")


class TestPage:
    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.seen = []

        def handle_starttag(self, tag, attrs):
            self.seen.append((tag, dict(attrs)))

    def test_it_needs_nothing_else(self, drifted):
        page = html.page(drifted.look()).decode()
        reader = self.Reader()
        reader.feed(page)
        tags = {tag for tag, _ in reader.seen}
        assert not tags & {"script", "link", "img", "iframe", "object", "form"}
        for tag, attributes in reader.seen:
            assert not [name for name in attributes if name.startswith("on") or name in ("src", "href", "style")], tag
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert "url(" not in page
        assert "prefers-color-scheme:dark" in page

    def test_each_plot_is_whole_and_has_words(self, drifted):
        report = drifted.look()
        page = html.page(report).decode()
        figures = page.count("<figure>")
        assert figures == len([one for one in report["fields"] if one["bins"]])
        begin = page.index("<svg viewBox='0 0 460")
        plot = page[begin : page.index("</svg>", begin) + 6].replace("role=img", "role='img'")
        plot = plot.replace("class=had", "class='had'").replace("class=has", "class='has'")
        assert ElementTree.fromstring(plot).get("aria-label").startswith(report["fields"][0]["name"])

    def test_whatever_stands_in_the_log_stays_text(self, quiet):
        report = json.loads(json.dumps(quiet.look()))
        evil = "<img src=x onerror=alert(1)>\"'&"
        report |= {"model": evil, "sentence": evil}
        report["fields"][0] |= {"name": evil, "sentence": evil, "state": "DRIFT"}
        report["fields"][0]["bins"]["labels"][0] = evil
        report["truth"] = {
            evil: {"rows": 1, "sentence": evil, "days": [], "measures": [
                {"name": evil, "value": 1, "low": 0, "high": 1, "trained": None, "fell": False}]}
        }  # fmt: skip
        reader = self.Reader()
        page = html.page(report).decode()
        reader.feed(page)
        assert "<img" not in page
        assert not {"img"} & {tag for tag, _ in reader.seen}
        assert not any("onerror" in attributes for _, attributes in reader.seen)


TASK = {"task": "drift", "model": "drifting", "run": "run-1", "days": 7, "now": WHEN}


class TestTask:
    @pytest.fixture
    def deployed(self, drifted, tmp_path, monkeypatch):
        """The drift task of a deployment whose monitoring store is in memory."""
        monitor = MemoryStore()
        monitor._objects |= drifted.monitor._objects
        monkeypatch.setattr(daily, "open_store", {"memory://": monitor}.__getitem__)
        theirs = Retraining().deployment
        settings = Settings(monitor="memory://", service="shop", metrics_namespace="Ours")
        return monitor, Deployment(settings, drifted.registry, theirs.work, theirs.uploads, theirs.definition_of)

    def test_the_report_is_kept_and_counted(self, deployed):
        monitor, deployment = deployed
        answer = tasks.run(deployment, TASK)
        [told] = answer["looked"]
        assert told["key"] == "drift/drifting/20261121T060000Z/"
        kept = reports.latest(monitor, "drifting")
        assert (kept["run"], kept["state"], kept["drifted"]) == ("run-1", "DRIFT", told["drifted"])
        assert reports.html(monitor, "drifting").startswith(b"<!doctype html>")
        [line] = answer["metrics"]
        [directive] = line["_aws"]["CloudWatchMetrics"]
        assert (directive["Namespace"], directive["Dimensions"]) == ("Ours", [["service", "model"]])
        assert {one["Name"] for one in directive["Metrics"]} == {"DriftRows", "DriftedFields", "Drift"}
        assert (line["service"], line["model"], line["Drift"], line["DriftRows"]) == ("shop", "drifting", 1, 1400)
        assert line["DriftedFields"] == len(kept["drifted"])
        message, facts = tasks.summary(TASK, answer)
        assert (message, facts["looked"]) == ("looked for drift", [told])

    def test_a_run_that_comes_again_leaves_nothing_new(self, deployed):
        monitor, deployment = deployed
        first = tasks.run(deployment, TASK)
        keys = monitor.keys("drift/")
        assert tasks.run(deployment, TASK | {"now": "2026-11-21T06:00:09Z"})["looked"] == first["looked"]
        assert monitor.keys("drift/") == keys
        other = tasks.run(deployment, TASK | {"run": "run-2"})
        assert other["looked"][0]["key"] == "drift/drifting/20261121T060001Z/"

    def test_without_enough_data_nothing_is_said_of_drift(self, deployed):
        _, deployment = deployed
        answer = tasks.run(deployment, TASK | {"now": "2020-01-01T00:00:00Z"})
        [line] = answer["metrics"]
        assert line["DriftRows"] == 0
        assert not {"Drift", "DriftedFields"} & line.keys()

    @pytest.mark.parametrize(
        "wrong", [{"days": 0}, {"days": 91}, {"days": "7"}, {"days": True}, {"now": "noon"}, {"run": None}]
    )
    def test_what_is_no_task_is_refused(self, deployed, wrong):
        with pytest.raises(DataError):
            tasks.run(deployed[1], TASK | wrong)

    def test_a_model_without_a_baseline_is_named(self, deployed):
        with pytest.raises(NotFoundError, match="tickets"):
            tasks.run(deployed[1], TASK | {"model": "tickets"})


def test_the_ends_of_bins_have_the_digits_that_tell_them_apart():
    assert _distinct([0.99991, 0.99996, 0.999983]) == ["0.99991", "0.99996", "0.99998"]
    assert _distinct([1.0, 2.5]) == ["1", "2.5"]
