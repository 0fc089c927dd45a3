"""The text of the rules: valid PromQL for every kind of objective and every shipped runtime, and complete alerts."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from fairlead.api.metrics import MetricsProfile
from fairlead.slo.events import Events, Unknown, Unmeasured, events
from fairlead.slo.promql import duration, spellings
from fairlead.slo.recording import REMAINING, TARGET
from fairlead.slo.rules import BUDGET_EVERY, Measured, Terms, groups, measured
from unit.slo.profiles import EDGES, PROFILE, SUBJECT, TERMS, availability, compiled, latency, objective
from unit.slo.promtool import check

RUNTIMES = Path(__file__).parents[3] / "operator/fairlead/runtimes"
THRESHOLDS = {"Latency": "1s", "TimeToFirstToken": "250ms", "InterTokenLatency": "100ms"}
PROMETHEUS_LOOK_BACK = timedelta(minutes=5)
"""query.lookback-delta, where nobody has set another."""
ALL_EDGES = dict.fromkeys(THRESHOLDS, (0.1, 0.25, 1.0))


def every_rule(of: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (rule for group in of for rule in group["rules"])


@pytest.mark.parametrize("file", sorted(RUNTIMES.glob("*.yaml")), ids=lambda file: file.stem)
def test_all_that_a_shipped_runtime_counts_can_be_an_objective(file: Path, tmp_path: Path):
    profile = MetricsProfile.model_validate(yaml.safe_load(file.read_text())["spec"]["metrics"])
    asked = [
        objective(name=metric.lower(), target="99", metric=metric, threshold=THRESHOLDS.get(metric))
        for metric in (*profile.counters, *profile.histograms)
    ]
    found = [measured(each, ((profile, ()),), ALL_EDGES, SUBJECT) for each in asked]
    made = groups(SUBJECT, [each for each in found if isinstance(each, Measured)], TERMS)
    assert len(made) == (len(asked) + 2 if asked else 0), "a server that counts nothing has no rules"
    for rule in every_rule(made):
        promql_parser.parse(rule["expr"])
    (tmp_path / "rules.json").write_text(json.dumps({"groups": made}))
    check(tmp_path / "rules.json")


def test_every_alert_says_what_it_is_about_and_who_looks_after_it():
    alerts = [
        rule
        for rule in every_rule(compiled(availability(), terms=Terms(period=TERMS.period, owner="team-risk")))
        if "alert" in rule
    ]
    assert len(alerts) == 6
    for alert in alerts:
        assert {"severity", "owner"} <= set(alert["labels"])
        assert alert["labels"]["owner"] == "team-risk"
        assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
        assert "risk/fraud" in alert["annotations"]["summary"]


def test_records_and_objectives_have_one_rule_each():
    rules = compiled(availability(), latency())
    found = [(rule["record"], rule["labels"]["objective"]) for rule in every_rule(rules) if "record" in rule]
    assert len(set(found)) == len(found) == 2 * 13


def test_a_budget_is_there_before_its_target_and_does_not_fall_silent_between_two_evaluations():
    """Whoever sees a target without a budget takes it for a whole one."""
    (group,) = (each for each in compiled(availability(), latency()) if each["name"].endswith("/error-budget"))
    records = [(rule["record"], rule["labels"]["objective"]) for rule in group["rules"]]
    for name in ("availability", "latency"):
        assert records.index((REMAINING, name)) < records.index((TARGET, name))
    assert BUDGET_EVERY < PROMETHEUS_LOOK_BACK
    assert group["interval"] == duration(BUDGET_EVERY)


def test_without_objectives_there_is_nothing_to_evaluate():
    assert groups(SUBJECT, [], TERMS) == []


def test_revisions_with_different_servers_are_counted_by_their_own_series():
    other = MetricsProfile.model_validate({"errors": {"bad": [{"series": "e"}], "total": [{"series": "t"}]}})
    found = measured(availability(), ((PROFILE, ("fraud-1",)), (other, ("fraud-2", "fraud-3"))), EDGES, SUBJECT)
    assert isinstance(found, Measured)
    by = {subject.revisions: counted.total for subject, counted in found.events}
    assert set(by) == {("fraud-1",), ("fraud-2", "fraud-3")}
    assert 'requests_total{namespace="risk",modeldeployment="fraud",revision=~"fraud-1"}' in by["fraud-1",]
    assert 't{namespace="risk",modeldeployment="fraud",revision=~"fraud-2|fraud-3"}' in by["fraud-2", "fraud-3"]


def test_a_candidate_that_does_not_count_an_objective_does_not_take_it_away():
    other = MetricsProfile.model_validate({"latency": {"series": "seconds"}})
    found = measured(availability(), ((PROFILE, ("fraud-1",)), (other, ("fraud-2",))), EDGES, SUBJECT)
    assert isinstance(found, Measured)
    assert [subject.revisions for subject, _ in found.events] == [("fraud-1",)]


@pytest.mark.parametrize(
    ("threshold", "edges", "told"),
    [
        ("300ms", {}, Unknown(why="no bucket of seconds has been seen so far")),
        ("2s", EDGES, Unmeasured(why="2s is beyond the last edge of its histogram, 1s")),
    ],
)
def test_what_cannot_be_measured_is_told(threshold: str, edges: Any, told: Unmeasured):
    assert events(latency(threshold), PROFILE, edges, SUBJECT) == told


def test_a_profile_without_the_metric_is_told():
    aborts = objective(name="aborts", target="99", metric="Aborts")
    assert events(aborts, PROFILE, EDGES, SUBJECT) == Unmeasured(why="the metrics profile has no series for Aborts")


def test_edges_are_those_of_the_servers_own_unit():
    profile = MetricsProfile.model_validate({"latency": {"series": "us", "unit": "Microseconds"}})
    found = events(latency("300ms"), profile, {"Latency": (0.3,)}, SUBJECT)
    assert isinstance(found, Events)
    written = re.search(r'le=~"(.*?)"', found.bad)
    assert written is not None
    assert all(re.fullmatch(json.loads(f'"{written[1]}"'), le) for le in ("300000", "300000.0"))


@pytest.mark.parametrize(
    ("edge", "written"),
    [
        (1.0, {"1", "1.0"}),
        (0.005, {"0.005"}),
        (2.5, {"2.5"}),
        (10.0, {"10", "10.0"}),
        (1e6, {"1000000", "1000000.0", "1e+06"}),
        (1.5e6, {"1500000", "1.5e+06"}),
        (5e-05, {"0.00005", "5e-05"}),
    ],
)
def test_every_spelling_of_an_edge_is_matched(edge: float, written: set[str]):
    assert all(re.fullmatch(spellings(edge), each) for each in written)
    assert not re.fullmatch(spellings(edge), f"{edge * 10:g}")


def test_patterns_with_quotes_do_not_break_out():
    profile = MetricsProfile.model_validate(
        {"errors": {"bad": [{"series": "e", "labels": {"path": 'say "hi"|b'}}], "total": [{"series": "t"}]}}
    )
    found = events(availability(), profile, EDGES, SUBJECT)
    assert isinstance(found, Events)
    assert _selectors(promql_parser.parse(found.bad)) == ["e"]


def _selectors(found: promql_parser.Expr) -> list[str | None]:
    names: list[str | None] = []

    def seen(expr: promql_parser.Expr) -> bool:
        if isinstance(expr, promql_parser.VectorSelector):
            names.append(expr.name)
        return True

    promql_parser.walk(found, seen)
    return names


def test_the_windows_of_thirty_days_are_the_workbooks():
    made = compiled(availability())
    alerts = [rule for rule in every_rule(made) if rule.get("alert") == "FairleadErrorBudgetBurn"]
    found = [(a["labels"]["long_window"], a["labels"]["short_window"], a["labels"]["severity"]) for a in alerts]
    assert found == [
        ("1h", "5m", "critical"),
        ("6h", "30m", "critical"),
        ("1d", "2h", "warning"),
        ("3d", "6h", "warning"),
    ]
    for alert, threshold in zip(alerts, ("0.0144", "0.006", "0.003", "0.001"), strict=True):
        assert f">= {threshold} and" in alert["expr"]


def test_terms_of_another_period_change_the_rules():
    assert compiled(availability()) != compiled(availability(), terms=Terms(period=timedelta(days=90)))
