"""Canaries that are judged by what the Gateway in front of them counts, whatever their server does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import floor, inf
from typing import Any

import pytest

from canary_world import EDGES, CanaryWorld, a_canary, version_of
from fairlead.api.gatewaymetrics import TRAEFIK
from fairlead.evidence.sweep import PodMetrics, Sweep
from fairlead.observe.gateways import UNKNOWN
from fairlead.observe.instances import LONG_AGO
from fairlead.site import Site
from fairlead.situation import revision_of
from world import RUNTIME

TRAFFIC = {"gateway": {"name": "public", "hostnames": ["fraud.example.com"]}}
AT_GATEWAY = {"evidence": {"source": "Gateway"}, "maxDuration": "20m"}
INSTANCES = ("gateway a", "gateway b")


@dataclass
class GatewayWorld(CanaryWorld):
    """A world with two instances of a Gateway, which share the requests and count them by revision."""

    runtime: Any = field(default_factory=lambda: RUNTIME)
    site: Site = field(default_factory=lambda: Site(gateway=TRAEFIK))
    passed: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    """Instances that Prometheus does not scrape."""
    untold_of: str = ""
    """Why nothing is known of the Gateway."""

    def answer_requests(self, pods: list[dict[str, Any]], requests_of_all: float) -> None:
        super().answer_requests(pods, requests_of_all)
        if not pods:
            return
        version, revision = version_of(pods[0]), revision_of(pods[0]) or ""
        bad = self.bad.get(version, 0.002)
        for instance in INSTANCES:
            counts = self.passed.setdefault((revision, instance), [0.0] * 3)
            for n, share in enumerate((1.0, bad, self.slow.get(version, 0.01))):
                counts[n] += share * requests_of_all / len(INSTANCES)

    def sweep(self) -> Sweep | None:
        pods: dict[str, dict[str, PodMetrics]] = {}
        for pod in self.available():
            name = pod["metadata"]["name"]
            pods.setdefault(revision_of(pod) or "", {})[name] = PodMetrics(process=name, since=self.now)
        if self.untold_of:
            silent_of = {pod: revision for revision, found in pods.items() for pod in found}
            silent = dict.fromkeys(silent_of, self.untold_of)
            return Sweep(at=self.now, pods={}, silent=silent, silent_of=silent_of, source="the Gateway")
        gateways = {
            revision: {each: self.said(revision, each) for each in INSTANCES if each not in self.away}
            for revision in pods
        }
        return Sweep(at=self.now, pods=pods, gateways=gateways, source="the Gateway")

    def said(self, revision: str, instance: str) -> PodMetrics:
        found = self.passed.get((revision, instance))
        if found is None:
            return PodMetrics(process=f"{instance}/{revision}", since=LONG_AGO)
        requests, bad, slow = map(floor, found)
        histogram = {edge: requests if edge >= 0.5 else requests - slow for edge in EDGES}
        return PodMetrics(
            process=f"{instance}/{revision}",
            since=LONG_AGO,
            errors=(requests, bad),
            histograms={"Latency": {**histogram, inf: requests}},
        )


def a_served(**spec: Any) -> GatewayWorld:
    """Version 1 of a model whose server counts nothing, behind the Gateway."""
    rollout = {**AT_GATEWAY, **spec.pop("rollout", {})}
    world = GatewayWorld(model=a_canary(traffic=TRAFFIC, rollout=rollout, **spec))
    world.settle()
    world.tick(30)
    return world


def ask(world: GatewayWorld) -> None:
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})


def on_trial(**spec: Any) -> GatewayWorld:
    """Version 2 has just been asked for."""
    world = a_served(**spec)
    ask(world)
    return world


def record(world: GatewayWorld, ticks: int = 400) -> Mapping[str, Any]:
    """The decision about version 2."""
    for _ in range(ticks):
        history = (world.status or {}).get("history") or ()
        if history and history[0]["modelVersion"] == "2":
            return dict(history[0])
        world.tick()
    raise AssertionError(f"nothing was decided: {world.rollout}")


def until_weight(world: GatewayWorld, weight: float, ticks: int = 200) -> None:
    for _ in range(ticks):
        if world.weight >= weight:
            return
        world.tick()
    raise AssertionError(f"not {weight} %: {world.rollout}")


def cells(found: Mapping[str, Any]) -> dict[str, Any]:
    return {cell["name"]: cell for cell in found["evidence"]["cells"]}


def test_a_good_version_of_a_server_that_counts_nothing_is_promoted():
    found = record(on_trial())
    assert (found["outcome"], found["evidence"]["source"]) == ("Promoted", "the Gateway")
    assert set(cells(found)) >= {"errors", "Latency>250ms"}
    assert cells(found)["errors"]["canary"]["requests"] > 100


def test_one_that_fails_is_rolled_back():
    world = on_trial()
    world.bad["2"] = 0.2
    found = record(world)
    assert (found["outcome"], found["reason"]) == ("RolledBack", "EvidenceAgainst")
    assert world.sent["2"] * 0.2 < 100


def test_one_that_is_slow_is_rolled_back():
    world = on_trial()
    world.slow["2"] = 0.5
    assert record(world)["outcome"] == "RolledBack"
    assert "Latency>" in world.condition("Ready")["message"]


def test_both_instances_are_counted_from_the_first_request_of_the_canary_on():
    """The Gateway says nothing of a Service that has had no request: what comes then is all that there was."""
    world = on_trial(rollout={"minDuration": "15m"})
    until_weight(world, 25)
    world.tick()
    trial = world.look().trial
    assert trial is not None
    assert trial.memory.canary[0, 0] == pytest.approx(world.sent["2"], abs=2)


def test_an_instance_that_is_not_scraped_for_a_while_is_not_counted_twice():
    world = on_trial(rollout={"minDuration": "15m"})
    until_weight(world, 25)
    world.away = {INSTANCES[0]}
    world.tick(5)
    world.away = set()
    world.tick(20)
    assert cells(world.rollout)["errors"]["canary"]["requests"] <= world.sent["2"]
    assert record(world)["outcome"] == "Promoted"


def test_while_nothing_is_known_of_the_gateway_the_canary_stays_as_it_is():
    world = on_trial()
    until_weight(world, 9)
    before = world.weight
    world.untold_of = "Prometheus cannot be reached at http://prometheus: the connection is refused"
    world.tick(40)
    ready = world.condition("Ready")
    assert (ready["reason"], world.weight) == ("EvidenceMissing", before)
    assert "the connection is refused" in ready["message"]
    world.untold_of = ""
    assert record(world)["outcome"] == "Promoted"


def test_who_was_not_told_what_the_gateway_counts_says_what_to_set():
    world = a_served()
    world.site, world.untold_of = Site(), UNKNOWN
    ask(world)
    world.tick(20)
    assert world.condition("EvidenceAvailable")["message"] == UNKNOWN
    assert world.weight == 0


def test_an_objective_that_the_gateway_does_not_count_is_named():
    ttft = {"name": "first", "target": "95", "metric": "TimeToFirstToken", "threshold": "250ms"}
    world = on_trial(slo={"objectives": [ttft]})
    world.tick(20)
    assert "TimeToFirstToken, as objective first needs it" in world.condition("EvidenceAvailable")["message"]


def test_another_source_begins_the_trial_anew():
    """Pods and the Gateway count other things: an edge of one histogram may be missing in the other."""
    world = on_trial(rollout={"minDuration": "15m"})
    until_weight(world, 25)
    trial = world.look().trial
    world.change(rollout={**world.model["spec"]["rollout"], "evidence": {"source": "Pods"}})
    world.tick(2)
    evidence = world.condition("EvidenceAvailable")
    assert trial is not None
    assert trial.terms.gateway
    assert (evidence["status"], world.weight) == ("False", 0)
    assert "no metrics profile" in evidence["message"]
