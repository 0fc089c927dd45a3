"""Dashboards ask for series that there are: those that the rules of a model record, or that the operator exposes."""

import json
from typing import Any

import pytest

from fairlead.slo.promql import OF_REVISION
from generation.dashboards import dashboards
from unit.hack.exposed import PROMETHEUS_OWN, asked, exposed
from unit.slo.profiles import availability, compiled, latency

MADE = {name: json.loads(content) for name, content in dashboards()}


def queries(dashboard: dict[str, Any]) -> list[str]:
    return [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]


def there(name: str) -> dict[str, frozenset[str]]:
    """Series that the queries of a dashboard may name, with the labels that those have."""
    if name == "operator":
        return {**exposed(), **PROMETHEUS_OWN}
    rules = [rule for group in compiled(availability(), latency()) for rule in group["rules"]]
    labels = frozenset({*OF_REVISION, "objective", "alertname", "alertstate"})
    return dict.fromkeys(("ALERTS", "up", *(rule["record"] for rule in rules if "record" in rule)), labels)


@pytest.mark.parametrize("name", MADE)
def test_every_query_is_of_series_that_there_are(name: str):
    for query in queries(MADE[name]):
        for series, labels in asked(query):
            assert labels <= there(name)[series], query


@pytest.mark.parametrize("name", MADE)
def test_panels_do_not_lie_on_each_other(name: str):
    panels = MADE[name]["panels"]
    assert len({each["id"] for each in panels}) == len(panels)
    assert len({(each["gridPos"]["x"], each["gridPos"]["y"]) for each in panels}) == len(panels)
    assert len({each["title"] for each in panels}) == len(panels)


def test_dashboards_have_names_of_their_own():
    assert len({each["uid"] for each in MADE.values()}) == len(MADE) == 3
