"""The dashboard and the alert rules speak of metrics that there are, and of instructions that there are."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from bot.metrics import Metrics
from domain.people import Platform
from domain.words import Urgency
from tests.conftest import new_database
from tests.fakes.clock import FakeClock
from tests.story.console_stage import console_stage
from tests.story.test_metrics import page

DOCS = Path(__file__).parents[2] / "docs"
DASHBOARD: dict[str, Any] = json.loads((DOCS / "grafana/esafety.json").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = yaml.safe_load((DOCS / "grafana/alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
PANELS = [p for p in DASHBOARD["panels"] if p["type"] != "row"]
METRIC = re.compile(r"\b((?:esafety|process)_[a-z_]+)\b(?!=)")
LABELS = re.compile(r"by \(([^)]*)\)|\{\{\s*(?:\$labels\.)?(\w+)\s*\}\}|\{(?!\{)(\w+)=")


def count_one_of_each(metrics: Metrics, clock: FakeClock) -> None:
    """So that every metric has a sample, labels and all."""
    metrics.report_received("demo", Urgency.HIGH, Platform.SLACK)
    metrics.first_alert(timedelta(seconds=1))
    metrics.acknowledged(1.0, Urgency.HIGH)
    metrics.answered("no")
    metrics.error("esafety.trial")
    metrics.astray("demo", "no_duty")
    metrics.unreachable("demo", 1)
    metrics.sent(Platform.SLACK, "ok", 0.1)


async def shown(tmp_path: Path, clock: FakeClock) -> dict[str, set[str]]:
    """Every metric of /metrics with its labels."""
    async with new_database("sqlite", tmp_path) as url, console_stage(url, tmp_path, clock) as stage:
        count_one_of_each(stage.bot.metrics, clock)
        await page(stage)
        families = text_string_to_metric_families(await page(stage))
        found: dict[str, set[str]] = {}
        for family in families:
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
        return found


async def test_every_metric_that_is_asked_for_is_there(tmp_path: Path, clock: FakeClock) -> None:
    """In panels and rules alike, with the labels that they group by; and every metric of ours is on the dashboard."""
    there = await shown(tmp_path, clock)
    of_the_scrape = {"instance", "job"}
    asked = [(p["title"], t["expr"], t["legendFormat"]) for p in PANELS for t in p["targets"]]
    asked += [(r["alert"], r["expr"], r["annotations"]["summary"]) for r in RULES]
    for where, expression, words in asked:
        names = METRIC.findall(expression)
        assert names, where
        for name in names:
            assert name in there, f"{where}: {name}"
        used = {
            label.strip() for match in LABELS.findall(f"{expression} {words}") for part in match for label in part.split(",")
        }
        known = set.union(*(there[name] for name in names)) | of_the_scrape
        assert used - {""} <= known, where
    drawn = {name for p in PANELS for t in p["targets"] for name in METRIC.findall(t["expr"])}
    ours = {
        name for name in there if name.startswith("esafety_") and not name.endswith(("_created", "_sum", "_count", "_bucket"))
    }
    assert ours <= drawn, ours - drawn


def test_the_dashboard_is_tied_to_no_data_source_of_ours() -> None:
    """Whoever imports it chooses the Prometheus it reads."""
    assert DASHBOARD["schemaVersion"] >= 39
    (chosen,) = [v for v in DASHBOARD["templating"]["list"] if v["type"] == "datasource"]
    sources = [p["datasource"] for p in PANELS] + [t["datasource"] for p in PANELS for t in p["targets"]]
    assert {source["uid"] for source in sources} == {f"${{{chosen['name']}}}"}
    assert len({p["id"] for p in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_no_two_panels_lie_on_one_another() -> None:
    """Each has its own place."""
    taken: set[tuple[int, int]] = set()
    for p in DASHBOARD["panels"]:
        g = p["gridPos"]
        cells = {(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])}
        assert not cells & taken, p["title"]
        assert g["x"] + g["w"] <= 24
        taken |= cells


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """Its instructions are a heading of docs/operations.md."""
    file, _, heading = rule["annotations"]["action"].partition("#")
    titles = re.findall(r"^#+ (.*)$", (DOCS.parent / file).read_text(encoding="utf-8"), re.MULTILINE)
    assert heading in {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}


async def test_every_metric_is_explained(tmp_path: Path, clock: FakeClock) -> None:
    """docs/operations.md says of each what it means."""
    explained = (DOCS / "operations.md").read_text(encoding="utf-8")
    for name in await shown(tmp_path, clock):
        if name.startswith("esafety_"):
            plain = re.sub(r"_(bucket|count|sum|created)$", "", name)
            assert f"`{plain}" in explained, plain
