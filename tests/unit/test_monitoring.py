"""Monitoring of a model: what tells Prometheus of it, by which way, and what MonitoringActive says of that."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import yaml

from canary_world import MEASURED
from fairlead.api.gatewaymetrics import TRAEFIK
from fairlead.api.kinds import CONFIG_MAP, DEPLOYMENT, OPTIONAL, POD_MONITOR, PROMETHEUS_RULE, SERVICE
from fairlead.api.reasons import Reason
from fairlead.site import Site
from fairlead.situation import Exposed, Refusal
from fairlead.slo.events import PodLabels
from generation.dashboards import dashboards
from world import World, a_model

AVAILABILITY = {"name": "availability", "metric": "Errors", "target": "99.9"}
LATENCY = {"name": "latency", "metric": "Latency", "target": "95", "threshold": "300ms"}
EDGES = (0.1, 0.25, 0.5, 1.0)
PLAIN = frozenset({CONFIG_MAP})


def a_world(*objectives: Mapping[str, Any], seen: bool = True, **more: Any) -> World:
    """A model that serves, whose pods have been seen to count errors and times."""
    world = World(a_model(slo={"objectives": list(objectives)}, **more.pop("spec", {})), MEASURED, **more)
    world.settle()
    if seen:
        show(world)
    world.settle()
    return world


def show(world: World, edges: tuple[float, ...] = EDGES, **more: Any) -> None:
    world.exposed = Exposed(
        revision=world.serving() or "",
        counted=frozenset({"Errors", "Latency"}),
        edges={"Latency": edges},
        **more,
    )


def told(world: World) -> tuple[str, str, str]:
    found = world.condition("MonitoringActive")
    assert found is not None
    return found["status"], found["reason"], found["message"]


def all_rules(world: World) -> list[dict[str, Any]]:
    rules = world.children.get((PROMETHEUS_RULE, "fraud"), {"spec": {"groups": []}})
    return [rule for group in rules["spec"]["groups"] for rule in group["rules"]]


def recorded(world: World) -> set[str]:
    """The objectives that have rules."""
    return {rule["labels"]["objective"] for rule in all_rules(world) if "record" in rule}


def annotations(world: World) -> Mapping[str, str]:
    service: Mapping[str, Any] = world.children[(SERVICE, world.serving() or "")]
    return dict(service["metadata"].get("annotations") or {})


def test_everything_is_told_where_the_prometheus_operator_is():
    world = a_world(AVAILABILITY, LATENCY)
    assert (POD_MONITOR, "fraud") in world.children
    assert recorded(world) == {"availability", "latency"}
    assert told(world) == (
        "True",
        Reason.MONITORED,
        "PodMonitor fraud has the pods scraped; PrometheusRule fraud has the rules for availability, latency; "
        "objective latency is held to 500ms, the next edge of its histogram above 300ms",
    )


def test_a_threshold_on_an_edge_is_no_news():
    world = a_world({**LATENCY, "threshold": "250ms"})
    assert "is held to" not in told(world)[2]


def test_nothing_of_it_restarts_a_pod():
    world = a_world()
    before = world.children[(DEPLOYMENT, world.serving() or "")]["spec"]["template"]
    world.change(slo={"objectives": [AVAILABILITY]}, monitoring={"owner": "team-risk", "labels": {"release": "a"}})
    world.settle()
    world.served = PLAIN
    world.settle()
    assert world.children[(DEPLOYMENT, world.serving() or "")]["spec"]["template"] == before
    assert len(world.deployments()) == 1


def test_without_the_kinds_it_is_said_what_that_costs_and_pods_are_annotated_at_their_service():
    world = a_world(AVAILABILITY, served=PLAIN)
    status, reason, message = told(world)
    assert (status, reason) == ("False", Reason.PROMETHEUS_OPERATOR_MISSING)
    assert message.startswith("nothing is recorded, and no alert guards the objectives: the cluster does not serve")
    assert world.condition("Ready") is not None
    assert (world.condition("Ready") or {})["status"] == "True"
    assert annotations(world) == {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": "8080",
        "prometheus.io/path": "/metrics",
    }


def test_pods_are_not_scraped_in_two_ways_once_the_operator_comes():
    world = a_world(AVAILABILITY, served=PLAIN)
    world.served = frozenset(OPTIONAL)
    world.settle()
    assert annotations(world) == {}
    assert (POD_MONITOR, "fraud") in world.children


def test_rules_for_a_plain_prometheus_are_a_file_in_a_config_map():
    world = a_world(AVAILABILITY, served=PLAIN, spec={"monitoring": {"rules": "ConfigMap"}})
    (name, text), *others = world.children[(CONFIG_MAP, "fraud-rules")]["data"].items()
    assert (name, others) == ("fairlead-risk-fraud.yaml", [])
    assert {group["name"] for group in yaml.safe_load(text)["groups"]} == {
        "fairlead/risk/fraud/objectives/availability",
        "fairlead/risk/fraud/error-budget",
        "fairlead/risk/fraud/metrics",
    }
    assert told(world)[:2] == ("True", Reason.MONITORED)


def test_config_maps_need_a_right():
    world = a_world(AVAILABILITY, served=frozenset(), spec={"monitoring": {"rules": "ConfigMap"}})
    assert told(world)[:2] == ("False", Reason.CONFIG_MAPS_FORBIDDEN)
    assert (CONFIG_MAP, "fraud-rules") not in world.children


def test_who_wants_nothing_gets_nothing():
    world = a_world(AVAILABILITY, spec={"monitoring": {"scrape": False, "rules": "None"}})
    assert {kind for kind, _ in world.children}.isdisjoint({POD_MONITOR, PROMETHEUS_RULE, CONFIG_MAP})
    assert world.condition("MonitoringActive") is None
    assert annotations(world) == {}


def test_what_is_switched_off_goes():
    world = a_world(AVAILABILITY)
    world.change(monitoring={"scrape": False, "rules": "None"})
    world.settle()
    assert {kind for kind, _ in world.children}.isdisjoint({POD_MONITOR, PROMETHEUS_RULE})


def test_a_histogram_that_nobody_has_seen_has_no_rules_yet():
    world = a_world(AVAILABILITY, LATENCY, seen=False)
    assert recorded(world) == {"availability"}
    status, reason, message = told(world)
    assert (status, reason) == ("Unknown", Reason.SERIES_MISSING)
    assert "objective availability needs requests_total" in message
    assert "objective latency needs request_seconds_bucket, and has no rules without it" in message


def test_a_page_that_cannot_be_read_is_told():
    world = a_world(AVAILABILITY, seen=False)
    world.exposed = Exposed(revision=world.serving() or "", silent="GET /metrics on port 8080 answered 404")
    world.reconcile()
    assert told(world)[:2] == ("Unknown", Reason.NO_METRICS)
    assert told(world)[2].endswith("cannot be read: GET /metrics on port 8080 answered 404")


@pytest.mark.parametrize(
    ("objective", "why"),
    [
        ({**LATENCY, "threshold": "2s"}, "2s is beyond the last edge of its histogram, 1s"),
        ({"name": "aborts", "metric": "Aborts", "target": "99"}, "the metrics profile has no series for Aborts"),
    ],
)
def test_an_objective_that_nothing_measures_is_told_and_takes_no_other_along(objective: dict[str, Any], why: str):
    world = a_world(AVAILABILITY, objective)
    assert recorded(world) == {"availability"}
    assert told(world) == ("False", Reason.OBJECTIVE_UNMEASURED, f"objective {objective['name']} has no rules: {why}")


def test_a_typo_in_a_query_keeps_nothing_else_from_being_carried_out():
    counted = {"bad": "sum(blocked_total", "total": "sum by (namespace, pod) (answers_total)"}
    objectives = [AVAILABILITY, {"name": "guardrail", "target": "99", "queries": counted}]
    world = World(
        a_model(slo={"objectives": objectives}, rollout={"evidence": {"source": "Prometheus"}}, replicas=3), MEASURED
    )
    world.settle()
    assert recorded(world) == {"availability"}
    status, reason, message = told(world)
    assert (status, reason) == ("False", Reason.OBJECTIVE_UNMEASURED)
    assert message.startswith("objective guardrail has no rules: queries.bad must be PromQL: ")
    assert world.condition("Ready")["status"] == "True"


def test_alerts_lead_to_where_the_administrator_has_the_runbooks():
    world = a_world(AVAILABILITY)
    world.site = Site(runbooks="https://wiki.example/fairlead")
    world.settle()
    assert {told["runbook_url"].rpartition("/")[0] for told in told_by_alerts(world)} == {world.site.runbooks}


def test_alerts_lead_to_the_dashboard_of_their_model_where_there_is_one():
    world = a_world(AVAILABILITY)
    assert all("dashboard_url" not in told for told in told_by_alerts(world))
    world.site = Site(dashboards="https://grafana.example/team")
    world.settle()
    (address,) = {told["dashboard_url"] for told in told_by_alerts(world)}
    (dashboard,) = (json.loads(content) for name, content in dashboards() if name == "model")
    asked = urlsplit(address)
    assert f"{asked.scheme}://{asked.netloc}{asked.path}" == f"{world.site.dashboards}/d/{dashboard['uid']}"
    chosen = {f"var-{each['name']}" for each in dashboard["templating"]["list"] if each["type"] == "query"}
    assert dict(parse_qsl(asked.query)) == {"var-namespace": "risk", "var-modeldeployment": "fraud"}
    assert chosen == dict(parse_qsl(asked.query)).keys()


def test_pods_are_called_as_the_administrator_says_in_the_rules_of_queries_alone():
    counted = {"bad": "sum by (ns, k8s_pod) (blocked_total)", "total": "sum by (ns, k8s_pod) (answers_total)"}
    world = a_world(
        AVAILABILITY,
        {"name": "guardrail", "target": "99", "queries": counted},
        spec={"rollout": {"evidence": {"source": "Prometheus"}}},
    )
    before = events_of(world)
    world.site = Site(pod_labels=PodLabels(namespace="ns", pod="k8s_pod"))
    world.settle()
    after = events_of(world)
    assert before["availability"] == after["availability"]
    assert all('"pod", "$1", "k8s_pod"' in expr for expr in after["guardrail"])


def test_what_may_not_be_asked_of_prometheus_is_no_rule_either():
    """A rule is a query that Prometheus asks itself."""
    counted = {"bad": "sum by (namespace, pod) (blocked_total)", "total": "sum by (namespace, pod) (answers_total)"}
    world = World(
        a_model(
            slo={"objectives": [AVAILABILITY, {"name": "guardrail", "target": "99", "queries": counted}]},
            rollout={"evidence": {"source": "Prometheus"}},
        ),
        MEASURED,
    )
    world.settle()
    assert recorded(world) == {"availability", "guardrail"}
    world.site = Site(queries=False)
    world.settle()
    assert recorded(world) == {"availability"}
    assert told(world)[:2] == ("False", Reason.OBJECTIVE_UNMEASURED)


def test_a_server_without_a_profile_is_told():
    world = a_world(AVAILABILITY)
    bare = World(a_model(slo={"objectives": [AVAILABILITY]}))
    bare.settle()
    assert told(bare)[:2] == ("False", Reason.NO_METRICS)
    assert (POD_MONITOR, "fraud") not in bare.children
    assert told(world)[:2] == ("True", Reason.MONITORED)


def test_a_server_without_a_profile_is_measured_where_a_gateway_counts_for_it():
    spec = {
        "slo": {"objectives": [AVAILABILITY]},
        "traffic": {"gateway": {"name": "public"}},
        "rollout": {"strategy": "Canary", "evidence": {"source": "Gateway"}},
    }
    world = World(a_model(**spec), site=Site(gateway=TRAEFIK))
    world.settle()
    assert recorded(world) == {"availability"}
    assert told(world) == (
        "True",
        Reason.MONITORED,
        "the pods have no page of metrics; PrometheusRule fraud has the rules for availability",
    )
    world.change(slo={"objectives": [AVAILABILITY, LATENCY]})
    world.settle()
    assert "objective latency has no rules: canaries are judged by what the Gateway counts for it" in told(world)[2]
    alerts = {rule.get("alert") for rule in all_rules(world)}
    assert ("FairleadMetricsAbsent" in alerts, "FairleadObjectiveUnmeasured" in alerts) == (False, True)


@pytest.mark.parametrize("kind", [POD_MONITOR, PROMETHEUS_RULE])
def test_a_refusal_is_about_monitoring_and_not_about_serving(kind: Any):
    world = a_world(AVAILABILITY)
    refusal = Refusal(kind=kind.kind, name="fraud", reason=Reason.WRITE_REFUSED, message="it is too long")
    world.refusals = (refusal,)
    world.reconcile()
    assert told(world) == ("False", Reason.WRITE_REFUSED, f"{kind.kind} fraud cannot be written: it is too long")
    assert (world.condition("Ready") or {})["status"] == "True"


def test_what_pods_have_shown_is_remembered_by_the_model_alone():
    """A new process of the operator writes nothing."""
    world = a_world(AVAILABILITY, LATENCY)
    world.exposed = None
    assert not any(world.step(step) for step in world.reconcile().steps)
    assert recorded(world) == {"availability", "latency"}


def test_the_first_start_is_not_missed():
    """A big model may take half an hour to load: nobody is woken for that."""
    world = World(a_model(slo={"objectives": [AVAILABILITY]}), MEASURED)
    world.reconcile()
    assert alerts(world) == {"FairleadErrorBudgetBurn"}
    world.settle()
    assert alerts(world) == {"FairleadErrorBudgetBurn", "FairleadMetricsAbsent", "FairleadObjectiveUnmeasured"}


def test_a_model_without_pods_is_not_missed():
    world = a_world(AVAILABILITY)
    world.change(replicas=0)
    world.settle()
    assert alerts(world) == {"FairleadErrorBudgetBurn"}


def test_labels_that_are_not_wanted_any_more_are_seen_to_be():
    """Applying takes away what was ours, once something differs."""
    world = a_world(AVAILABILITY, spec={"monitoring": {"labels": {"release": "a", "team": "b"}}})
    before = world.children[(POD_MONITOR, "fraud")]["metadata"]["labels"]
    world.change(monitoring={"labels": {"release": "a"}})
    world.settle()
    after = world.children[(POD_MONITOR, "fraud")]["metadata"]["labels"]
    assert before["fairlead.dev/monitored-by"] != after["fairlead.dev/monitored-by"]
    assert "team" not in after


def events_of(world: World) -> dict[str, list[str]]:
    """The expressions of events per second, by objective."""
    groups = world.children[(PROMETHEUS_RULE, "fraud")]["spec"]["groups"]
    found: dict[str, list[str]] = {}
    for rule in (rule for group in groups for rule in group["rules"]):
        if rule.get("record", "").startswith(("fairlead:sli_errors:", "fairlead:sli_total:")):
            found.setdefault(rule["labels"]["objective"], []).append(rule["expr"])
    return found


def told_by_alerts(world: World) -> list[dict[str, str]]:
    """The annotations of all alerts."""
    groups = world.children[(PROMETHEUS_RULE, "fraud")]["spec"]["groups"]
    return [rule["annotations"] for group in groups for rule in group["rules"] if "alert" in rule]


def alerts(world: World) -> set[str]:
    groups = world.children[(PROMETHEUS_RULE, "fraud")]["spec"]["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
