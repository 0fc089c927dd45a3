"""Dashboards for Grafana.

`models` has all models, those in trouble first; `model` has one; `operator` has Fairlead itself. Grafana's format:
grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model
"""

import json
from collections.abc import Iterator
from typing import Any

from fairlead.slo.recording import TARGET
from generation.operator_panels import LEADER, OPERATOR
from generation.panels import DECISIONS, MODEL, MODELS, Panel

SCHEMA = 39  # Grafana 10 and later
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
HALF, HEIGHT = 12, 8


def dashboards() -> Iterator[tuple[str, str]]:
    """(name, JSON)."""
    namespaces, models = (
        f"label_values({TARGET}, namespace)",
        f'label_values({TARGET}{{namespace="$namespace"}}, modeldeployment)',
    )
    several = {"includeAll": True, "multi": True, "current": {"text": "All", "value": "$__all"}}
    yield "models", _dashboard("Fairlead: all models", MODELS, [_variable("namespace", namespaces, **several)])
    chosen = [_variable("namespace", namespaces), _variable("modeldeployment", models)]
    yield "model", _dashboard("Fairlead: one model", MODEL, chosen, DECISIONS)
    where, which = f"label_values({LEADER}, namespace)", f'label_values({LEADER}{{namespace="$namespace"}}, job)'
    yield (
        "operator",
        _dashboard("Fairlead: operator", OPERATOR, [_variable("namespace", where), _variable("job", which)]),
    )


def _dashboard(title: str, panels: tuple[Panel, ...], variables: list[dict[str, Any]], *marked: dict[str, Any]) -> str:
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
        "annotations": {"list": [_mark(each) for each in marked]},
        "panels": [_panel(number, panel) for number, panel in enumerate(panels)],
    }
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def _variable(name: str, query: str, **more: Any) -> dict[str, Any]:
    asked = {"query": query, "refId": name}
    return {"name": name, "type": "query", "datasource": SOURCE, "query": asked, "refresh": 2, "sort": 1, **more}


def _mark(what: dict[str, Any]) -> dict[str, Any]:
    """Newer versions of Grafana ask `target`, and older ones `expr`."""
    return {"datasource": SOURCE, **what, "target": {"refId": "Anno", "expr": what["expr"]}}


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
