"""Which autoscaler each target gets, with KEDA, without it and without a Prometheus, and what the user reads."""

from collections.abc import Mapping
from typing import Any

import pytest

from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER as HPA
from fairlead.api.kinds import SCALED_OBJECT as KEDA
from fairlead.api.kinds import Kind
from fairlead.site import Site
from unit.scaling.scaled_world import (
    CACHING,
    COUNTING,
    PROMETHEUS,
    QUERY,
    a_world,
    autoscalers,
    bounds,
    forbidding,
    said,
)

NO_KEDA = (
    "the cluster does not serve ScaledObject (keda.sh/v1alpha1), or Fairlead may not read it; install KEDA, or choose "
    "cpuUtilization or memoryUtilization"
)
NO_PROMETHEUS = "Fairlead knows no Prometheus that KEDA could ask; its administrator sets prometheus.url of its chart"
STAYS = "the number of pods stays, but for floors"
TO = "with 2 to 10 pods"

CPU: Mapping[str, Any] = {"cpuUtilization": 70}
MEMORY: Mapping[str, Any] = {"memoryUtilization": 80}
CONCURRENCY: Mapping[str, Any] = {"concurrency": 16}
QUEUE: Mapping[str, Any] = {"queueDepth": 8}
CACHE: Mapping[str, Any] = {"kvCacheUtilization": 70}
RATE: Mapping[str, Any] = {"requestsPerSecond": "12.5"}
ASKED: Mapping[str, Any] = {"query": QUERY}
BY_PROMETHEUS = (CONCURRENCY, QUEUE, CACHE, RATE, ASKED)
HELD = {
    "cpuUtilization": "cpuUtilization at 70 %",
    "memoryUtilization": "memoryUtilization at 80 %",
    "concurrency": "concurrency at 16 per pod",
    "queueDepth": "queueDepth at 8 per pod",
    "kvCacheUtilization": "kvCacheUtilization at 70 %",
    "requestsPerSecond": "requestsPerSecond at 12.5 per pod",
    "query": "query at 20 per pod",
}


def held(target: Mapping[str, Any]) -> str:
    return ", ".join(HELD[name] for name in target)


def names(target: Mapping[str, Any]) -> str:
    return "+".join(target)


@pytest.mark.parametrize("keda", [True, False])
@pytest.mark.parametrize("prometheus", [True, False])
@pytest.mark.parametrize("target", [CPU, MEMORY, CPU | MEMORY], ids=names)
def test_cpu_and_memory_take_what_every_cluster_has(target: Mapping[str, Any], prometheus: bool, keda: bool):
    world = a_world(bounds(target), keda=keda, site=PROMETHEUS if prometheus else Site())
    assert set(autoscalers(world)) == {HPA}
    told = f"HorizontalPodAutoscaler R holds {held(target)}, {TO}"
    assert said(world) == ("True", "Autoscaled", told)


@pytest.mark.parametrize("also", [{}, CPU, MEMORY, CPU | MEMORY], ids=lambda also: names(also) or "alone")
@pytest.mark.parametrize("target", BY_PROMETHEUS, ids=names)
def test_keda_takes_what_prometheus_knows_and_the_rest_as_well(target: Mapping[str, Any], also: Mapping[str, Any]):
    world = a_world(bounds(also | target), server=CACHING)
    assert set(autoscalers(world)) == {KEDA}
    assert said(world) == ("True", "Autoscaled", f"ScaledObject R holds {held(also | target)}, {TO}")


@pytest.mark.parametrize("server", [CACHING, COUNTING], ids=["counts all", "knows no cache"])
@pytest.mark.parametrize("target", BY_PROMETHEUS, ids=names)
@pytest.mark.parametrize(("keda", "site", "lacks"), [(False, PROMETHEUS, NO_KEDA), (True, Site(), NO_PROMETHEUS)])
def test_without_keda_or_prometheus_the_number_stays(
    target: Mapping[str, Any], server: Mapping[str, Any], keda: bool, site: Site, lacks: str
):
    world = a_world(bounds(target), keda=keda, site=site, server=server)
    assert autoscalers(world) == {}
    assert said(world) == ("False", "AutoscalerMissing", f"{lacks}; {STAYS}")
    assert world.ready(world.serving()) == 2, "minReplicas"
    assert (world.condition("Ready") or {})["status"] == "True"


@pytest.mark.parametrize("also", [CPU, MEMORY, CPU | MEMORY], ids=names)
@pytest.mark.parametrize("target", BY_PROMETHEUS, ids=names)
@pytest.mark.parametrize(("keda", "site", "lacks"), [(False, PROMETHEUS, NO_KEDA), (True, Site(), NO_PROMETHEUS)])
def test_cpu_and_memory_beside_it_are_held_all_the_same(
    target: Mapping[str, Any], also: Mapping[str, Any], keda: bool, site: Site, lacks: str
):
    world = a_world(bounds(also | target), keda=keda, site=site, server=CACHING)
    assert set(autoscalers(world)) == {HPA}
    told = f"{lacks}; HorizontalPodAutoscaler R holds {held(also)}, {TO}"
    assert said(world) == ("False", "AutoscalerMissing", told)


UNMEASURED = "target kvCacheUtilization: the metrics profile of the server has no series for it"


@pytest.mark.parametrize(
    ("target", "kind", "goes_on"),
    [
        (CACHE, None, STAYS),
        (CACHE | CPU, HPA, f"HorizontalPodAutoscaler R holds cpuUtilization at 70 %, {TO}"),
        (CACHE | QUEUE, KEDA, f"ScaledObject R holds queueDepth at 8 per pod, {TO}"),
    ],
    ids=["alone", "cpu", "queue"],
)
def test_what_the_server_does_not_count_is_told(target: Mapping[str, Any], kind: Kind | None, goes_on: str):
    world = a_world(bounds(target))
    assert set(autoscalers(world)) == ({kind} if kind else set())
    assert said(world) == ("False", "TargetUnmeasured", f"{UNMEASURED}; {goes_on}")


def test_a_server_without_any_metrics_counts_no_requests():
    container = {"image": "registry.example/server:1"}
    world = a_world(bounds(RATE), runtime={"container": container})
    told = "target requestsPerSecond: the metrics profile of the server counts no requests"
    assert said(world) == ("False", "TargetUnmeasured", f"{told}; {STAYS}")


@pytest.mark.parametrize("promql", ["sum(", "5", '"text"', "requests_total[5m]", "\n"])
def test_a_query_that_is_none_is_told_and_harms_nothing(promql: str):
    world = a_world(bounds(QUEUE))
    name, pods = world.serving(), world.ready(world.serving())
    world.change(autoscaling=bounds({"query": {**QUERY, "promql": promql}}))
    world.settle()
    status, reason, message = said(world)
    assert (status, reason) == ("False", "TargetUnmeasured")
    assert message.startswith("target query: query.promql must be PromQL")
    assert (world.serving(), world.ready(name)) == (name, pods)


def test_a_query_that_the_administrator_forbids_is_told():
    world = a_world(bounds(ASKED), site=forbidding(PROMETHEUS))
    told = "target query: query.promql is forbidden by the administrator of Fairlead (prometheus.queries of its chart)"
    assert said(world) == ("False", "TargetUnmeasured", f"{told}; {STAYS}")
    assert autoscalers(world) == {}


def test_external_has_none_of_ours_and_is_told():
    world = a_world({"mode": "External", "minReplicas": 2, "maxReplicas": 10})
    assert autoscalers(world) == {}
    told = "autoscaling.mode is External: Fairlead leaves the number of pods alone"
    assert said(world) == ("True", "ScaledElsewhere", told)


def test_without_autoscaling_nothing_is_told():
    world = a_world(bounds(CPU))
    del world.model["spec"]["autoscaling"]
    world.change(replicas=2)
    world.settle()
    assert world.condition("ScalingActive") is None
    assert "scaling" not in (world.status or {})


# To zero.

ASLEEP = "; minReplicas 0 counts as 1, for nothing would wake the model"


def test_keda_may_take_the_last_pod_where_a_query_wakes_the_model():
    world = a_world(bounds(ASKED, minReplicas=0))
    assert autoscalers(world)[KEDA]["minReplicaCount"] == 0
    assert autoscalers(world)[KEDA]["fallback"]["replicas"] == 1, "silence wakes it"
    assert said(world) == ("True", "Autoscaled", "ScaledObject R holds query at 20 per pod, with 0 to 10 pods")


@pytest.mark.parametrize(
    ("target", "keda", "site", "kind", "reason"),
    [
        (ASKED, False, PROMETHEUS, None, "AutoscalerMissing"),
        (ASKED | CPU, False, PROMETHEUS, HPA, "AutoscalerMissing"),
        (ASKED, True, Site(), None, "AutoscalerMissing"),
        (ASKED, True, forbidding(PROMETHEUS), None, "TargetUnmeasured"),
        ({"query": {**QUERY, "promql": "sum("}}, True, PROMETHEUS, None, "TargetUnmeasured"),
        (CPU | {"query": {**QUERY, "promql": "sum("}}, True, PROMETHEUS, HPA, "TargetUnmeasured"),
    ],
)
def test_where_nothing_would_wake_it_the_last_pod_stays(
    target: Mapping[str, Any], keda: bool, site: Site, kind: Kind | None, reason: str
):
    world = a_world(bounds(target, minReplicas=0), keda=keda, site=site)
    assert set(autoscalers(world)) == ({kind} if kind else set())
    for spec in autoscalers(world).values():
        assert (spec.get("minReplicas") or spec.get("minReplicaCount")) == 1
    status, found, message = said(world)
    assert (status, found) == ("False", reason)
    assert message.endswith(ASLEEP)
    assert world.ready(world.serving()) == 1


# What KEDA is told.


def test_keda_asks_the_prometheus_of_the_administrator_and_takes_silence_for_no_reason_to_scale_in():
    site = Site(keda_prometheus="https://thanos", keda_authentication="thanos", keda_auth_modes="tls,basic")
    world = a_world(bounds(QUEUE | CPU), site=site)
    spec = autoscalers(world)[KEDA]
    queue, cpu = spec["triggers"]
    assert queue["metadata"]["serverAddress"] == "https://thanos"
    assert (queue["metadata"]["threshold"], queue["metadata"]["ignoreNullValues"]) == ("8", "false")
    assert queue["metadata"]["authModes"] == "tls,basic"
    assert queue["authenticationRef"] == {"kind": "ClusterTriggerAuthentication", "name": "thanos"}
    assert (cpu["type"], cpu["metadata"]) == ("cpu", {"value": "70"})
    assert spec["fallback"] == {"failureThreshold": 3, "replicas": 2, "behavior": "currentReplicasIfHigher"}
    assert spec["advanced"]["restoreToOriginalReplicaCount"] is False


def test_without_authentication_none_is_shown():
    (trigger,) = autoscalers(a_world(bounds(QUEUE)))[KEDA]["triggers"]
    assert "authenticationRef" not in trigger
    assert "authModes" not in trigger["metadata"]


@pytest.mark.parametrize(("target", "kind"), [(CPU, HPA), (QUEUE, KEDA)])
def test_both_follow_as_fast_as_the_behavior_says(target: Mapping[str, Any], kind: Kind):
    behavior = {"down": {"stabilization": "5m", "percent": 50, "period": "2m"}}
    spec = autoscalers(a_world(bounds(target, behavior=behavior)))[kind]
    found = spec["behavior"] if kind == HPA else spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert found["scaleDown"]["stabilizationWindowSeconds"] == 300
    assert found["scaleDown"]["policies"] == [{"type": "Percent", "value": 50, "periodSeconds": 120}]


@pytest.mark.parametrize("kind", [HPA, KEDA])
def test_a_pace_is_changed_in_parts(kind: Kind):
    behavior = {"down": {"stabilization": "20m"}}
    spec = autoscalers(a_world(bounds(CPU if kind == HPA else QUEUE, behavior=behavior)))[kind]
    found = spec["behavior"] if kind == HPA else spec["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert found["scaleDown"]["stabilizationWindowSeconds"] == 1200
    assert found["scaleDown"]["policies"] == [{"type": "Percent", "value": 20, "periodSeconds": 60}]
    assert found["scaleUp"]["policies"] == [{"type": "Percent", "value": 100, "periodSeconds": 15}]


# What works is not taken away.


@pytest.mark.parametrize(
    ("before", "after", "keda", "kept"),
    [
        (ASKED, {"query": {**QUERY, "promql": "sum("}}, True, KEDA),
        (CPU, QUEUE, False, HPA),
        (QUEUE, CACHE, True, KEDA),
    ],
    ids=["a spelling mistake", "no KEDA", "no such series"],
)
def test_an_autoscaler_goes_on_where_nothing_can_take_its_place(
    before: Mapping[str, Any], after: Mapping[str, Any], keda: bool, kept: Kind
):
    world = a_world(bounds(before), keda=keda)
    was = autoscalers(world)[kept]
    world.change(autoscaling=bounds(after, minReplicas=3, maxReplicas=7))
    world.settle()
    now = autoscalers(world)[kept]
    least, most = ("minReplicas", "maxReplicas") if kept == HPA else ("minReplicaCount", "maxReplicaCount")
    assert (now[least], now[most]) == (3, 7), "its bounds are those of now"
    assert {**was, least: 3, most: 7} == now
    status, _, message = said(world)
    assert status == "False"
    assert message.endswith(f"{kept.kind} R goes on with what it held before")
