"""docs/monitoring.md, the dashboard and the alerts say what the program measures.

LOOKALIKE_WRITE_DOCS=1 writes down the table of metrics.
"""

import json
import os
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from app.serving.log_lines import request_fields
from app.serving.metrics import METRICS, Kind
from tests.serving.test_logs import an_answer

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs/monitoring.md"
DOCKER = ROOT / "docker"

EXPOSED = {
    name
    for metric in METRICS
    for name in (
        [f"{metric.name}_{part}" for part in ("bucket", "sum", "count")]
        if metric.kind is Kind.HISTOGRAM
        else [metric.name]
    )
}

LABELS = {label for metric in METRICS for label in metric.labels} | {"le", "pid", "instance", "job"}


def dashboard() -> dict[str, Any]:
    board: dict[str, Any] = json.loads((DOCKER / "grafana/lookalike.json").read_text(encoding="utf-8"))
    return board


def alerts() -> dict[str, str]:
    """The alerts' expressions by their names."""
    told = yaml.safe_load((DOCKER / "prometheus/alerts.yaml").read_text(encoding="utf-8"))
    return {rule["alert"]: rule["expr"] for group in told["groups"] for rule in group["rules"]}


def expressions() -> list[str]:
    shown = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", [])]
    return [*shown, *alerts().values()]


def section(heading: str) -> str:
    return DOCUMENT.read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def test_the_table_of_metrics_is_the_program_s() -> None:
    rows = [
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{label}`' for label in one.labels)} | {one.meaning} |\n"
        for one in METRICS
    ]
    head = "| metric | kind | labels | what it is |\n|---|---|---|---|\n"
    text = DOCUMENT.read_text(encoding="utf-8")
    written = re.search(re.escape(head) + r"(?:\|.*\n)*", text)
    assert written is not None
    if os.environ.get("LOOKALIKE_WRITE_DOCS"):
        DOCUMENT.write_text(text.replace(written[0], head + "".join(rows)), encoding="utf-8")
    else:
        assert written[0] == head + "".join(rows)


def test_every_metric_is_named_once_and_properly() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    for metric in METRICS:
        assert re.fullmatch(r"lookalike_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind is Kind.COUNTER)
        assert bool(metric.buckets) == (metric.kind is Kind.HISTOGRAM)


@pytest.mark.parametrize("expression", expressions())
def test_expressions_parse_and_name_what_there_is(expression: str) -> None:
    # Grafana's own variables stand where durations and values do.
    promql_parser.parse(expression.replace("$__rate_interval", "1m").replace("$instance", ".*"))
    names = set(re.findall(r"\blookalike_[a-z_]+", expression))
    assert names or expression.startswith("up{")
    assert names <= EXPOSED
    matched = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"", expression))
    grouped = {label.strip() for group in re.findall(r"by \(([^)]*)\)", expression) for label in group.split(",")}
    assert matched | grouped <= LABELS


def test_the_dashboard_shows_every_metric() -> None:
    shown = " ".join(target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", []))
    assert [metric.name for metric in METRICS if metric.name not in shown] == []
    idents = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(idents)) == len(idents)


def test_every_alert_is_explained() -> None:
    explained = re.findall(r"^\| `(\w+)` \|", section("Alerts"), re.MULTILINE)
    assert explained == list(alerts())


def test_every_field_of_a_request_s_line_is_explained() -> None:
    explained = set(
        re.findall(r"`(\w+)`", " ".join(row.split(" | ")[0] for row in section("The log").splitlines()))
    )
    assert set(request_fields(an_answer())) <= explained


def test_prometheus_reads_the_port_that_compose_opens() -> None:
    services = yaml.safe_load((DOCKER / "compose.yaml").read_text(encoding="utf-8"))["services"]
    read = yaml.safe_load((DOCKER / "prometheus/prometheus.yaml").read_text(encoding="utf-8"))
    (found,) = read["scrape_configs"][0]["dns_sd_configs"]
    assert services["serve"]["environment"]["LOOKALIKE_METRICS"] == f"0.0.0.0:{found['port']}"
    assert found["names"] == ["serve"]
    for name, service in services.items():
        assert (service.get("profiles") == ["monitoring"]) == (name in ("prometheus", "grafana"))
        for volume in service.get("volumes", []):
            if volume.startswith("."):
                assert (DOCKER / volume.split(":")[0]).exists()
    assert "/readyz" in (DOCKER / "Dockerfile").read_text(encoding="utf-8")
