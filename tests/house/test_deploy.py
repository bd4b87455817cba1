"""deploy/: every metric that alerts and dashboard name is told by the service, and every alert has its runbook."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

import gamification.asgi
import gamification.celery
import gamification.clock
import gamification.intake.worker
import gamification.monitoring.pool  # noqa: F401
from gamification.monitoring.deployment import DEPLOYMENT
from gamification.serving import counting

DEPLOY = settings.BASE_DIR / "deploy"
RULES: list[dict[str, Any]] = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())["groups"][0]["rules"]
DASHBOARD: dict[str, Any] = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [each["expr"] for panel in PANELS for each in panel["targets"]]
SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_count", "_sum"]}


@pytest.fixture
def scraped(db: None) -> dict[str, set[str]]:
    """Sample → its labels, as far as there are any samples of it yet."""
    DEPLOYMENT._read_at = float("-inf")
    text = counting.shown(DEPLOYMENT).decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for suffix in SUFFIXES.get(family.type, []):
            found[family.name + suffix] = set()
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_every_metric_that_is_named_is_told(scraped: dict[str, set[str]]) -> None:
    named = {name for text in EXPRESSIONS for name in re.findall(r"\bgamification_[a-z_]+", text)}
    assert len(named) > 20
    assert named <= set(scraped)


def test_every_metric_of_the_service_has_its_line_in_the_docs(scraped: dict[str, set[str]]) -> None:
    page = (settings.BASE_DIR / "docs/operators.md").read_text()
    ours = {name for name in scraped if name.startswith("gamification_") and not name.endswith("_created")}
    base = {re.sub(r"_(bucket|count|sum)$", "", name) for name in ours}
    assert {name for name in base if f"`{name}`" not in page} == set()


def test_labels_are_those_of_the_metric(scraped: dict[str, set[str]]) -> None:
    for text in EXPRESSIONS:
        for name, labels in re.findall(r"\b(gamification_[a-z_]+)\{([^}]*)\}", text):
            if scraped[name]:
                used = set(re.findall(r"(\w+)=", labels)) - {"job", "le"}
                assert used <= scraped[name] | {"instance"}, (name, used)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule["alert"]))
def test_an_alert_says_how_urgent_it_is_and_the_docs_what_to_do(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^#### (\w+)$", (settings.BASE_DIR / page).read_text(), re.MULTILINE)
    assert rule["alert"] in headings
    assert anchor == rule["alert"].lower()


def test_each_runbook_is_of_an_alert() -> None:
    page = (settings.BASE_DIR / "docs/operators.md").read_text()
    assert re.findall(r"^#### (Gamification\w+)$", page, re.MULTILINE) == [rule["alert"] for rule in RULES]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_brackets_of_an_expression_close(text: str) -> None:
    """Whether it is PromQL promtool says, in .ci/run; this is what can be told without."""
    pairs = {")": "(", "]": "[", "}": "{"}
    still_open: list[str] = []
    for sign in re.sub(r'"[^"]*"', "", text):
        if sign in pairs.values():
            still_open.append(sign)
        elif sign in pairs:
            assert still_open.pop() == pairs[sign]
    assert not still_open


def test_the_dashboard_has_one_picture_of_each_kind_and_no_fixed_source() -> None:
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert {panel["datasource"]["uid"] for panel in PANELS} == {"${datasource}"}
    assert all(panel["title"] and panel["description"] for panel in PANELS)


def promtool(*arguments: str | Path) -> None:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.promtool
def test_promtool_finds_nothing_wrong(tmp_path: Path) -> None:
    """Rules, what is scraped, and the dashboard's expressions made into rules."""
    checked = tmp_path / "dashboard.yml"
    texts = [re.sub(r"\$__rate_interval", "5m", text).replace("$job", ".+") for text in EXPRESSIONS]
    rules = [{"record": f"panel:{number}", "expr": text} for number, text in enumerate(texts)]
    checked.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    for path in (DEPLOY / "prometheus-rules.yml", checked):
        promtool("check", "rules", path)
    promtool("check", "config", DEPLOY / "prometheus.yml")


UP = 'up{{job="gamification", instance="{0}", role="{1}"}}'


@pytest.mark.promtool
@pytest.mark.parametrize(
    ("worker", "is_told"),
    [("1x30", False), ("1x9 _x20", True), ("1x9 0x20", True), ("0x9 1x20", False), ("_x30", False)],
    ids=["there", "gone", "does not answer", "came late", "never was"],
)
def test_a_role_that_is_wholly_gone_is_told_and_one_that_nobody_has_is_not(
    tmp_path: Path, worker: str, is_told: bool
) -> None:
    series = [
        {"series": UP.format("a", "web"), "values": "1x30"},
        {"series": UP.format("b", "web"), "values": "1x9 0x20"},  # one of two: another alert's
        {"series": UP.format("c", "worker"), "values": worker},
    ]
    told = [{"exp_labels": {"severity": "page", "role": "worker"}, "exp_annotations": GONE}] if is_told else []
    case = {"eval_time": "25m", "alertname": "GamificationRoleGone", "exp_alerts": told}
    test = {"interval": "1m", "input_series": series, "alert_rule_test": [case]}
    (tmp_path / "test.yml").write_text(
        yaml.safe_dump({"rule_files": [str(DEPLOY / "prometheus-rules.yml")], "tests": [test]})
    )
    promtool("test", "rules", tmp_path / "test.yml")


GONE = {"summary": "no worker is left", "runbook": "docs/operators.md#gamificationrolegone"}
