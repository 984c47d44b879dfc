"""The dashboard, the alert rules and docs/metrics.md name only metrics and labels that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from enterprise.reports.metrics import PARTS
from enterprise.reports.metrics_described import METRICS

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "metrics" / "grafana-dashboard.json").read_text())
RULES = yaml.safe_load((DOCS / "metrics" / "alert-rules.yml").read_text())
TEXT = (DOCS / "metrics.md").read_text()

METRIC = re.compile(r"\blicsync_(\w+)(?:\{([^}]*)\})?")


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
    elif isinstance(value, str):
        yield value


def expressions() -> dict[str, str]:
    """Every query of the dashboard and of the rules, by where it stands."""
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        for panel in DASHBOARD["panels"]
        for target in panel["targets"]
    }
    found |= {rule["alert"]: rule["expr"] for group in RULES["groups"] for rule in group["rules"]}
    return found


@pytest.mark.parametrize(("place", "expression"), expressions().items())
def test_a_query_names_metrics_and_labels_that_there_are(place: str, expression: str) -> None:
    named = METRIC.findall(expression)
    assert named, place
    for name, selector in named:
        assert name in METRICS
        labels = set(re.findall(r"(\w+)\s*=~?", selector))
        assert labels <= {"enterprise", *METRICS[name].labels}


def test_no_other_text_of_dashboard_or_rules_names_a_metric_that_there_is_not() -> None:
    for text in [*strings(DASHBOARD), *strings(RULES), TEXT]:
        for name, _selector in METRIC.findall(text):
            assert name in METRICS, text


def test_the_legends_and_sentences_use_labels_of_their_metrics() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            names = [name for name, _ in METRIC.findall(target["expr"])]
            allowed = {"enterprise", *(label for name in names for label in METRICS[name].labels)}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= allowed
    for group in RULES["groups"]:
        for rule in group["rules"]:
            names = [name for name, _ in METRIC.findall(rule["expr"])]
            allowed = {"enterprise", *(label for name in names for label in METRICS[name].labels)}
            for text in rule["annotations"].values():
                assert set(re.findall(r"\$labels\.(\w+)", text)) <= allowed


def test_the_dashboard_has_what_grafana_takes_it_by() -> None:
    """By the fields of Grafana's dashboard model that an import and a panel cannot do without."""
    assert re.fullmatch(r"[\w-]{1,40}", DASHBOARD["uid"])
    assert DASHBOARD["title"]
    assert DASHBOARD["schemaVersion"] >= 36
    assert "id" not in DASHBOARD  # Grafana gives it; with one, the import looks for that dashboard
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert {each["type"] for each in variables.values()} <= {"datasource", "query"}
    assert variables["datasource"]["query"] == "prometheus"
    for text in strings(DASHBOARD["panels"]):
        assert set(re.findall(r"\$\{?(\w+)", text)) <= set(variables), text
    for panel in DASHBOARD["panels"]:
        assert panel["type"] in {"bargauge", "stat", "table", "timeseries"}
        assert set(panel["gridPos"]) == {"x", "y", "w", "h"}
        assert isinstance(panel["id"], int)
        assert panel["title"]
        assert set(panel["fieldConfig"]) == {"defaults", "overrides"}
        refs = [target["refId"] for target in panel["targets"]]
        assert refs
        assert len(set(refs)) == len(refs)
        for source in [panel, *panel["targets"]]:
            assert source["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_rules_have_what_prometheus_takes_them_by() -> None:
    names = [rule["alert"] for group in RULES["groups"] for rule in group["rules"]]
    assert len(set(names)) == len(names)
    assert len({group["name"] for group in RULES["groups"]}) == len(RULES["groups"])
    for group in RULES["groups"]:
        assert set(group) <= {"name", "interval", "rules"}
        for rule in group["rules"]:
            assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
            assert rule["labels"]["severity"] in {"warning", "critical"}
            assert rule["annotations"]["summary"]
            assert re.fullmatch(r"(\d+[smhd])+", rule.get("for", "1m"))
            assert rule["expr"].count("(") == rule["expr"].count(")")


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {name for text in strings(DASHBOARD) for name, _ in METRIC.findall(text)}
    assert set(METRICS) - shown == set()


def test_panels_neither_overlap_nor_share_a_number() -> None:
    places: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        own = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not own & places
        places |= own
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_the_page_lists_each_metric_with_labels_and_meaning_as_the_code_has_them() -> None:
    rows = re.findall(r"^\| `licsync_(\w+)` \| (.*) \| (.*) \|$", TEXT, flags=re.MULTILINE)
    listed = {name: (tuple(re.findall(r"`(\w+)`", labels)), text) for name, labels, text in rows}
    assert listed == {name: (each.labels, each.help) for name, each in METRICS.items()}


def test_the_page_names_every_part_of_a_scrape() -> None:
    assert ", ".join(f"`{name}`" for name in PARTS) in TEXT.replace("\n", " ")
