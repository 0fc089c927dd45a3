"""report/scaled.py: the last changes of the number of pods, with who has made them, and why."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fairlead.api.kinds import DEPLOYMENT, SCALED_OBJECT
from fairlead.api.kinds import HORIZONTAL_POD_AUTOSCALER as HPA
from fairlead.api.times import format_time
from fairlead.situation import Rival
from unit.scaling.scaled_world import QUERY, a_world, bounds
from world import World

CPU, QUEUE = bounds({"cpuUtilization": 70}), bounds({"queueDepth": 8})
OFFICE = {"name": "office", "cron": "0 12 * * *", "timeZone": "UTC", "duration": "10h", "minReplicas": 6}
UNSAID = ", or somebody else: it does not say"
BY_CPU = "cpu resource utilization (percentage of request)"
BY_MEMORY = "memory resource utilization (percentage of request)"


def by_trigger(number: int) -> str:
    """How a HorizontalPodAutoscaler names an external metric: Go writes out the selector."""
    selector = "&LabelSelector{MatchLabels:map[string]string{scaledobject.keda.sh/name: fraud,}"
    return f"external metric s{number}-prometheus({selector},MatchExpressions:[]LabelSelectorRequirement{{}},}})"


def of_cpu(was: int, name: str = "cpu") -> dict[str, Any]:
    current = {"averageUtilization": was, "averageValue": f"{was}m"}
    return {"type": "Resource", "resource": {"name": name, "current": current}}


def of_trigger(number: int, was: str, kind: str = "prometheus") -> dict[str, Any]:
    metric = {"name": f"s{number}-{kind}", "selector": {"matchLabels": {"scaledobject.keda.sh/name": "fraud"}}}
    return {"type": "External", "external": {"metric": metric, "current": {"averageValue": was}}}


def of_keda(world: World) -> dict[str, Any]:
    """The HorizontalPodAutoscaler that KEDA makes of a ScaledObject."""
    name = world.serving() or ""
    live = world.children[SCALED_OBJECT, name]
    held = [each["metadata"]["threshold"] for each in live["spec"]["triggers"] if each["type"] == "prometheus"]
    made = {
        "metadata": {
            "name": f"keda-hpa-{name}",
            "namespace": "risk",
            "uid": "uid-keda",
            "labels": live["metadata"]["labels"],
            "ownerReferences": [
                {"kind": "ScaledObject", "name": name, "uid": live["metadata"]["uid"], "controller": True}
            ],
        },
        "spec": {
            "scaleTargetRef": {"kind": "Deployment", "name": name},
            "minReplicas": live["spec"]["minReplicaCount"],
            "maxReplicas": live["spec"]["maxReplicaCount"],
            "metrics": [
                {
                    "type": "External",
                    "external": {
                        "metric": {"name": f"s{number}-prometheus"},
                        "target": {"type": "AverageValue", "averageValue": each},
                    },
                }
                for number, each in enumerate(held)
            ],
        },
    }
    world.made_by_keda = [made]
    return made


def scaled(world: World, pods: int) -> int:
    """Somebody sets the number of pods; how many there were."""
    live = world.children[DEPLOYMENT, world.serving() or ""]
    before, live["spec"]["replicas"] = live["spec"]["replicas"], pods
    return int(before)


def says(world: World, live: dict[str, Any], change: tuple[int, int], decided: str = "", *metrics: Mapping[str, Any]):
    """What a HorizontalPodAutoscaler says in the status that tells of a change (kubernetes 1.37)."""
    able = f"the HPA controller was able to update the target scale to {change[1]}"
    found = f"the HPA was able to successfully calculate a replica count from {decided}"
    live["status"] = {
        "currentReplicas": change[0],
        "desiredReplicas": change[1],
        "lastScaleTime": format_time(world.now),
        "currentMetrics": list(metrics),
        "conditions": [
            {"type": "AbleToScale", "status": "True", "reason": "SucceededRescale", "message": able},
            {"type": "ScalingActive", "status": "True", "reason": "ValidMetricFound", "message": found},
            {"type": "ScalingLimited", "status": "False", "reason": "DesiredWithinRange"},
        ],
    }


def own(world: World) -> dict[str, Any]:
    return world.children[HPA, world.serving() or ""]


def changes(world: World) -> list[dict[str, Any]]:
    """The changes in status, the name of the revision left out."""
    found = (world.status or {})["scaling"]["changes"]
    return [{**each, "reason": each["reason"].replace(world.serving() or "?", "R")} for each in found]


def last(world: World) -> str:
    return str(changes(world)[0]["reason"])


def told(
    world: World, which: Callable[[World], dict[str, Any]], pods: int, decided: str = "", *metrics: Mapping[str, Any]
) -> str:
    """A change by an autoscaler, seen before it says why; what is told in the end."""
    world.now += timedelta(minutes=3)
    before = scaled(world, pods)
    world.reconcile()
    says(world, which(world), (before, pods), decided, *metrics)
    world.reconcile()
    return last(world)


def test_what_was_measured_is_told_once_it_is_said():
    world = a_world(CPU)
    before = scaled(world, 3)
    world.reconcile()
    assert last(world) == f"HorizontalPodAutoscaler R{UNSAID}"
    says(world, own(world), (before, 3), BY_CPU, of_cpu(143))
    world.reconcile()
    why = "HorizontalPodAutoscaler R: cpuUtilization was 143 %, above its target of 70 %"
    assert [(each["before"], each["after"], each["reason"]) for each in changes(world)] == [(2, 3, why)]
    del own(world)["status"]
    world.reconcile()
    assert last(world) == why, "it is said in one status only"


def test_what_is_said_first_is_told_with_the_change():
    world = a_world(CPU)
    says(world, own(world), (2, 4), BY_CPU, of_cpu(143))
    assert world.reconcile().status == world.status, "nothing has changed yet"
    scaled(world, 4)
    world.reconcile()
    assert last(world).endswith("cpuUtilization was 143 %, above its target of 70 %")


def test_it_is_told_also_where_as_many_are_not_allowed():
    world = a_world(CPU)
    assert told(world, own, 10, BY_CPU, of_cpu(900)).endswith("of 70 %, as many as maxReplicas allows")
    assert told(world, own, 9, BY_CPU, of_cpu(8)).endswith(": cpuUtilization was 8 %, below its target of 70 %")


def test_of_several_that_which_asked_for_most_is_told():
    world = a_world(bounds({"cpuUtilization": 70, "memoryUtilization": 80}))
    found = told(world, own, 4, BY_MEMORY, of_cpu(71), of_cpu(95, "memory"))
    assert found == "HorizontalPodAutoscaler R: memoryUtilization was 95 %, above its target of 80 %"
    assert told(world, own, 5, "a metric of another release", of_cpu(71), of_cpu(95, "memory")) == (
        f"HorizontalPodAutoscaler R{UNSAID}"
    )


def test_of_keda_the_target_is_told_that_the_user_has_named():
    world = a_world(bounds({"concurrency": 16, "queueDepth": 4}))
    of_all = (of_trigger(0, "12"), of_trigger(1, "9275m"))
    assert told(world, of_keda, 6, by_trigger(1), *of_all) == (
        "ScaledObject R: queueDepth was 9.28 per pod, above its target of 4 per pod"
    )


@pytest.mark.parametrize("odd", [of_trigger(7, "3"), of_trigger(0, "-3"), of_trigger(0, "3", "cron"), {"type": ""}])
def test_what_cannot_be_known_is_not_told(odd: dict[str, Any]):
    world = a_world(QUEUE)
    assert told(world, of_keda, 6, by_trigger(0), odd) == f"ScaledObject R{UNSAID}"


def test_a_bound_is_told_as_one():
    world = a_world({**CPU, "floors": [OFFICE]})
    assert told(world, own, 1) == f"HorizontalPodAutoscaler R{UNSAID}"
    assert told(world, own, 2) == "HorizontalPodAutoscaler R: at least 2"
    world.now = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    world.reconcile()
    assert told(world, own, 6) == "HorizontalPodAutoscaler R: floor office"
    assert told(world, own, 14) == f"HorizontalPodAutoscaler R{UNSAID}"
    assert told(world, own, 10) == "HorizontalPodAutoscaler R: at most 10"


def test_what_an_autoscaler_says_of_another_change_explains_none():
    world = a_world(CPU)
    says(world, own(world), (2, 5), BY_CPU, of_cpu(143))
    scaled(world, 7)
    world.reconcile()
    assert last(world) == f"HorizontalPodAutoscaler R{UNSAID}", "another number"
    scaled(world, 2)
    world.reconcile()
    world.now += timedelta(minutes=5)
    scaled(world, 5)
    world.reconcile()
    assert last(world) == f"HorizontalPodAutoscaler R{UNSAID}", "another time"


def test_a_floor_is_told_also_where_keda_itself_wakes_the_model():
    world = a_world(bounds({"query": QUERY}, minReplicas=0, floors=[OFFICE]))
    for pods in (1, 0):
        scaled(world, pods)
        world.reconcile()
    world.now = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    world.reconcile()
    scaled(world, 6)
    world.reconcile()
    assert [each["reason"] for each in changes(world)[:2]] == ["ScaledObject R: floor office", "ScaledObject R"]


def test_the_last_five_are_remembered():
    world = a_world(CPU)
    for pods in (3, 5, 10, 4, 2, 3):
        world.now += timedelta(minutes=1)
        scaled(world, pods)
        world.reconcile()
    assert (world.status or {})["scaling"]["replicas"] == 3
    found = [(each["before"], each["after"]) for each in changes(world)]
    assert found == [(2, 3), (4, 2), (10, 4), (5, 10), (3, 5)]


def test_somebody_elses_autoscaler_is_named():
    world = a_world({"mode": "External", "minReplicas": 1, "maxReplicas": 10})
    scaled(world, 4)
    world.reconcile()
    assert last(world) == "no autoscaler of Fairlead's"
    name = world.serving() or ""
    world.rivals = (Rival(kind="ScaledObject", name="theirs", target_kind="Deployment", target=name),)
    scaled(world, 5)
    world.reconcile()
    assert last(world) == "ScaledObject theirs"


def test_without_an_autoscaler_a_floor_is_fairleads_own():
    world = a_world({**QUEUE, "floors": [OFFICE]}, keda=False)
    world.now = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
    for _ in range(2):
        world.reconcile()
    assert last(world) == "floor office"
    assert changes(world)[0]["after"] == 6
