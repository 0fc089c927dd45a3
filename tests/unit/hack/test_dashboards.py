"""Dashboards ask for series that the rules of a model record, in PromQL."""

import json
import re
from typing import Any

import promql_parser
import pytest

from generation.dashboards import dashboards
from unit.slo.profiles import availability, compiled, latency

MADE = {name: json.loads(content) for name, content in dashboards()}
ALERTS = "ALERTS"


def queries(dashboard: dict[str, Any]) -> list[str]:
    """With the variables filled in."""
    found = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return [query.replace("$namespace", "risk").replace("$modeldeployment", "fraud") for query in found]


@pytest.mark.parametrize("name", MADE)
def test_every_query_is_of_recorded_series(name: str):
    recorded = {
        rule["record"] for group in compiled(availability(), latency()) for rule in group["rules"] if "record" in rule
    }
    for query in queries(MADE[name]):
        promql_parser.parse(query)
        assert set(re.findall(r"fairlead:[a-z0-9_:]+|ALERTS", query)) <= recorded | {ALERTS}


@pytest.mark.parametrize("name", MADE)
def test_panels_do_not_lie_on_each_other(name: str):
    panels = MADE[name]["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    assert len({(each["gridPos"]["x"], each["gridPos"]["y"]) for each in panels}) == len(panels)
    assert len({each["title"] for each in panels}) == len(panels)


def test_dashboards_have_names_of_their_own():
    assert len({each["uid"] for each in MADE.values()}) == len(MADE) == 2
