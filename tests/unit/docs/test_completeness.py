"""What people look up is there: every reason, every metric, every phase; and nothing that does not exist."""

import re

import pytest

from fairlead.api.reasons import ConditionType, Phase, Reason
from fairlead.cluster.metrics import Metrics
from fairlead.slo.alerts import ALERTS
from generation.alerts import ALERTS as OF_OPERATOR
from unit.docs.pages import DOCS, PAGES

METRIC = re.compile(r"\bfairlead_[a-z_]+\b")
PARTS_OF_A_METRIC = re.compile(r"_(bucket|sum|count)$")


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_row_in_troubleshooting(reason: Reason):
    assert f"\n| `{reason}` | " in (DOCS / "troubleshooting.md").read_text()


@pytest.mark.parametrize("condition", ConditionType)
def test_every_condition_is_explained_in_troubleshooting(condition: ConditionType):
    assert f"\n| `{condition}` | " in (DOCS / "troubleshooting.md").read_text()


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_is_explained_in_rollouts(phase: Phase):
    assert str(phase) in (DOCS / "rollouts.md").read_text()


TABLES = {**dict.fromkeys(ALERTS, "slos.md"), **dict.fromkeys((each.name for each in OF_OPERATOR), "monitoring.md")}


@pytest.mark.parametrize("alert", TABLES)
def test_every_alert_has_a_runbook_and_a_row(alert: str):
    assert (DOCS / f"runbooks/{alert}.md").read_text().startswith(f"# {alert}\n")
    assert f"\n| `{alert}` | " in (DOCS / TABLES[alert]).read_text()


def test_no_runbook_is_of_an_alert_that_does_not_exist():
    assert {page.stem for page in (DOCS / "runbooks").glob("*.md")} == set(TABLES)


def test_every_metric_has_a_row_in_troubleshooting():
    page = (DOCS / "troubleshooting.md").read_text()
    assert [metric for metric in _exported() if f"\n| `{metric}` | " not in page] == []


def test_no_page_names_a_metric_that_does_not_exist():
    named = {PARTS_OF_A_METRIC.sub("", found) for page in PAGES for found in METRIC.findall(page.read_text())}
    assert named <= _exported()


def _exported() -> set[str]:
    """The names of Fairlead's own metrics, as Prometheus sees them; of a histogram, the part that its series share."""
    families = [family for family in Metrics().registry.collect() if family.name.startswith("fairlead_")]
    return {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
