"""The dashboard and the alerts ask for what the server has: every metric and label by name, with queries that parse."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from firesteel.settings import Settings
from functions.classify import server
from functions.classify.meters import Meters

INFRA = Path(__file__).resolve().parents[2] / "infra"
DASHBOARD = json.loads((INFRA / "grafana" / "firesteel.json").read_text())
ALERTS = yaml.safe_load((INFRA / "prometheus-alerts.yml").read_text())
RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in RULES]
VARIABLES = [one for one in DASHBOARD["templating"]["list"] if one["type"] == "query"]
_SELECTOR = re.compile(r"\b(firesteel_\w+|up)\b(\{[^}]*\})?")
_MATCHER = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*')
_BY = re.compile(r"\bby\s*\(([^)]*)\)")

SCHEMA = {
    "type": "object",
    "required": ["uid", "title", "schemaVersion", "panels", "templating", "time"],
    "properties": {
        "uid": {"type": "string", "maxLength": 40},
        "schemaVersion": {"type": "integer", "minimum": 36},
        "panels": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "title", "type", "gridPos"],
                "properties": {
                    "type": {"enum": ["row", "timeseries", "stat", "table", "heatmap"]},
                    "gridPos": {
                        "type": "object",
                        "required": ["x", "y", "w", "h"],
                        "properties": {"x": {"minimum": 0, "maximum": 23}, "w": {"minimum": 1, "maximum": 24}},
                    },
                    "targets": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["refId", "expr", "datasource"],
                            "properties": {"datasource": {"$ref": "#/$defs/source"}},
                        },
                    },
                },
            },
        },
    },
    "$defs": {"source": {"const": {"type": "prometheus", "uid": "${datasource}"}}},
}


@pytest.fixture(scope="module")
def known():
    """Every sample's name that the server can expose, with its labels."""
    meters = Meters()
    labels = {"method": "m", "route": "r", "status": 1, "model": "m", "version": "v", "digest": "d", "target": "t"}
    for collector in list(meters._registry._collector_to_names):
        if collector._labelnames:
            collector.labels(**{name: labels[name] for name in collector._labelnames})
    found = {"up": {"job", "instance"}}
    for family in text_string_to_metric_families(generate_latest(meters._registry).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def selectors(query):
    """The metrics that a query asks for, and the labels that it asks of each."""
    for name, matchers in _SELECTOR.findall(query):
        inside = matchers[1:-1]
        found = _MATCHER.findall(inside)
        assert ",".join("".join((label, sign, f'"{value}"')) for label, sign, value in found) == inside.replace(
            ", ", ","
        )
        yield name, {label for label, _, _ in found}


@pytest.mark.parametrize("query", QUERIES)
def test_every_metric_and_label_of_a_query_exists(known, query):
    asked = list(selectors(query))
    assert asked, "the query asks for nothing of ours"
    for name, labels in asked:
        assert name in known
        assert labels <= known[name] | {"job"}
    for labels in _BY.findall(query):
        wanted = {label.strip() for label in labels.split(",")}
        assert all(wanted <= known[name] for name, _ in asked)


@pytest.mark.parametrize("query", QUERIES)
def test_brackets_of_a_query_match_and_counters_are_rated(query):
    for opening, closing in ("()", "[]", "{}"):
        assert query.count(opening) == query.count(closing)
    for found in re.finditer(r"firesteel_\w+_(total|bucket|sum|count)(\{[^}]*\})?", query):
        assert query[found.end()] == "[", "a counter is asked for without its rate"
        assert query[: found.start()].endswith("rate(")


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda one: one["name"])
def test_variables_ask_for_labels_that_exist(known, variable):
    metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["definition"]).groups()
    assert label in known[metric]
    assert variable["query"]["query"] == variable["definition"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda one: one["title"])
def test_legends_name_labels_that_the_query_keeps(panel):
    for target in panel["targets"]:
        kept = {label.strip() for labels in _BY.findall(target["expr"]) for label in labels.split(",")}
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= kept


def test_every_metric_of_the_server_is_on_the_dashboard(known):
    shown = {name for query in QUERIES for name, _ in selectors(query)}
    families = {re.sub(r"_(total|bucket|sum|count|created)$", "", name) for name in known}
    assert families - {re.sub(r"_(total|bucket|sum|count)$", "", name) for name in shown} == set()


def test_the_dashboard_is_what_grafana_takes():
    Draft202012Validator(SCHEMA).validate(DASHBOARD)
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    variables = {one["name"] for one in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?([a-z]\w*)\}?", json.dumps(DASHBOARD["panels"])))
    assert used == variables


def test_panels_do_not_lie_on_each_other():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken
        taken |= cells


@pytest.mark.parametrize("rule", RULES, ids=lambda one: one["alert"])
def test_an_alert_says_when_how_urgent_and_what(rule):
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert re.fullmatch(r"\d+[mh]", rule["for"])
    kept = {label.strip() for labels in _BY.findall(rule["expr"]) for label in labels.split(",")} | {"instance"}
    assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= kept


def test_the_example_of_prometheus_asks_this_server_and_has_these_alerts():
    example = yaml.safe_load((INFRA / "prometheus.yml").read_text())
    [job] = example["scrape_configs"]
    assert job["metrics_path"] == server.METRICS
    assert job["static_configs"][0]["targets"] == [f"{Settings().host}:{Settings().port}"]
    assert example["rule_files"] == ["prometheus-alerts.yml"]
    assert all(f'job="{job["job_name"]}"' in rule["expr"] for rule in RULES if "up{" in rule["expr"])
