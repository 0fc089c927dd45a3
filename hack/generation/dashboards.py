"""Dashboards for Grafana, of the series that the rules of models record (operator/fairlead/slo/recording.py).

`models` has all models, those in trouble first; `model` has one. Grafana's format:
grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fairlead.slo.recording import ERRORS, OF_REVISIONS, RATIO, REMAINING, TARGET, TOTAL

SCHEMA = 39  # Grafana 10 and later
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HALF, HEIGHT = 12, 8

OF_NAMESPACE = 'namespace=~"$namespace"'
OF_MODEL = 'namespace="$namespace",modeldeployment="$modeldeployment"'
FIRING = 'ALERTS{alertname=~"Fairlead.*",alertstate="firing"'


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A graph, or a table of what is now."""

    title: str
    about: str
    query: str
    legend: str = ""
    unit: str = "percentunit"
    table: bool = False


MODELS = (
    Panel(
        title="Alerts that fire",
        about="One row for each alert of a model.",
        query=f"{FIRING},{OF_NAMESPACE}}}",
        unit="short",
        table=True,
    ),
    Panel(
        title="Error budgets, the emptiest first",
        about="1 is the whole budget of the period, 0 nothing; below 0 more was spent than there is.",
        query=f"sort({REMAINING}{{{OF_NAMESPACE}}})",
        table=True,
    ),
    Panel(
        title="Requests",
        about="Events per second of the objective that has most of them, by model.",
        query=f"max by (namespace, modeldeployment) (sum without (revision) ({TOTAL}{{{OF_NAMESPACE}}}))",
        legend="{{namespace}}/{{modeldeployment}}",
        unit="reqps",
    ),
    Panel(
        title="Bad share of the last hour",
        about="By model and objective.",
        query=f"{RATIO}1h{{{OF_NAMESPACE}}}",
        legend="{{namespace}}/{{modeldeployment}} {{objective}}",
    ),
)
MODEL = (
    Panel(
        title="Error budget that is left",
        about="1 is the whole budget of the period, 0 nothing; below 0 more was spent than there is.",
        query=f"{REMAINING}{{{OF_MODEL}}}",
        legend="{{objective}}",
    ),
    Panel(
        title="Alerts that fire",
        about="One row for each.",
        query=f"{FIRING},{OF_MODEL}}}",
        unit="short",
        table=True,
    ),
    Panel(
        title="Traffic by revision",
        about="Events per second of each objective: how the share of a canary grows.",
        query=f"{TOTAL}{{{OF_MODEL}}}",
        legend="{{objective}} {{revision}}",
        unit="reqps",
    ),
    Panel(
        title="Share of the traffic by revision",
        about="What part of the events each revision has.",
        query=f"{TOTAL}{{{OF_MODEL}}} / on (objective) group_left () (sum by (objective) ({TOTAL}{{{OF_MODEL}}}) > 0)",
        legend="{{objective}} {{revision}}",
    ),
    Panel(
        title="Bad share by revision, 5 minutes",
        about="Whether a new revision is worse than the old one.",
        query=f"{OF_REVISIONS}5m{{{OF_MODEL}}}",
        legend="{{objective}} {{revision}}",
    ),
    Panel(
        title="Bad events by revision",
        about="Per second.",
        query=f"{ERRORS}{{{OF_MODEL}}}",
        legend="{{objective}} {{revision}}",
        unit="reqps",
    ),
    Panel(
        title="Burn rate, 1 hour",
        about="1 is as fast as the budget lasts; over 30 days it alerts from 14.4.",
        query=f"{RATIO}1h{{{OF_MODEL}}} / (1 - {TARGET}{{{OF_MODEL}}})",
        legend="{{objective}}",
        unit="short",
    ),
)


def dashboards() -> Iterator[tuple[str, str]]:
    """(name, JSON)."""
    namespaces, models = (
        f"label_values({TARGET}, namespace)",
        f'label_values({TARGET}{{namespace="$namespace"}}, modeldeployment)',
    )
    several = {"includeAll": True, "multi": True, "current": {"text": "All", "value": "$__all"}}
    yield "models", _dashboard("Fairlead: all models", MODELS, [_variable("namespace", namespaces, **several)])
    chosen = [_variable("namespace", namespaces), _variable("modeldeployment", models)]
    yield "model", _dashboard("Fairlead: one model", MODEL, chosen)


def _dashboard(title: str, panels: tuple[Panel, ...], variables: list[dict[str, Any]]) -> str:
    source = {"name": "datasource", "type": "datasource", "query": "prometheus"}
    made = {
        "uid": title.lower().replace(": ", "-").replace(" ", "-"),
        "title": title,
        "tags": ["fairlead"],
        "schemaVersion": SCHEMA,
        "editable": True,
        "refresh": "1m",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [source, *variables]},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _variable(name: str, query: str, **more: Any) -> dict[str, Any]:
    asked = {"query": query, "refId": name}
    return {"name": name, "type": "query", "datasource": SOURCE, "query": asked, "refresh": 2, "sort": 1, **more}


def _panel(number: int, panel: Panel) -> dict[str, Any]:
    shown = {"format": "table", "instant": True} if panel.table else {"legendFormat": panel.legend, "range": True}
    return {
        "id": number + 1,
        "type": "table" if panel.table else "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": {"x": HALF * (number % 2), "y": HEIGHT * (number // 2), "w": HALF, "h": HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "targets": [{"refId": "A", "datasource": SOURCE, "expr": panel.query, **shown}],
    }
