"""rollout/size.py: how many pods each revision gets, and what its autoscaler may do."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fairlead.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, kind_of
from fairlead.plan import Apply, Delete, Plan, Scale
from fairlead.reconcile import reconcile
from fairlead.situation import Situation
from world import World, a_model

VERSION_2 = {"uri": "pvc://models/fraud", "version": "2"}
CPU = {"requests": {"cpu": "1"}}


def scaling(at_least: int, at_most: int) -> dict[str, Any]:
    return {"minReplicas": at_least, "maxReplicas": at_most, "target": {"cpuUtilization": 70}}


def settled(**spec: Any) -> World:
    world = World(a_model(**spec))
    world.settle()
    return world


def scaled(plan: Plan) -> dict[str, int]:
    return {step.deployment: step.replicas for step in plan.steps if isinstance(step, Scale)}


def autoscalers(plan: Plan) -> list[Mapping[str, Any]]:
    manifests = [step.manifest for step in plan.steps if isinstance(step, Apply)]
    return [manifest["spec"] for manifest in manifests if kind_of(manifest) == HORIZONTAL_POD_AUTOSCALER]


def with_a_place(situation: Situation) -> Situation:
    """The same look, once the scheduler has found a node for every pod."""
    placed = {"conditions": [{"type": "PodScheduled", "status": "True"}]}
    return replace(situation, pods=tuple({**pod, "status": placed} for pod in situation.pods))


def both_changed() -> tuple[World, str, str]:
    """Version and replicas in one edit, and one look at it: (world, old, new)."""
    world = settled(replicas=2)
    old = world.serving() or ""
    world.change(model=VERSION_2, replicas=10)
    world.reconcile()
    (new,) = world.deployments() - {old}
    return world, old, new


def test_more_replicas_and_a_new_version_give_the_room_to_the_new_version():
    world, old, new = both_changed()
    assert world.children[(DEPLOYMENT, old)]["spec"]["replicas"] == 2
    assert world.children[(DEPLOYMENT, new)]["spec"]["replicas"] == 10


def test_the_old_version_grows_once_the_new_one_has_its_place():
    world, old, _ = both_changed()
    assert scaled(reconcile(with_a_place(world.look())))[old] == 10


def test_the_old_version_grows_when_the_new_one_has_had_its_time():
    world, old, _ = both_changed()
    world.now += timedelta(minutes=10)
    assert scaled(world.reconcile())[old] == 10


def test_a_stable_revision_without_pods_gets_them_whatever_else_waits():
    world, old, _ = both_changed()
    world.children[(DEPLOYMENT, old)]["spec"]["replicas"] = 0
    assert scaled(reconcile(world.look()))[old] == 10


def test_an_autoscaler_never_has_more_at_least_than_at_most():
    world = settled(autoscaling=scaling(2, 10), resources=CPU)
    old = world.serving()
    world.children[(DEPLOYMENT, old)]["spec"]["replicas"] = 8
    world.run_pods()
    world.change(model=VERSION_2)
    world.reconcile()
    world.run_pods()
    world.reconcile()
    assert world.serving() != old
    world.change(autoscaling=scaling(2, 5))
    bounds = [(spec["minReplicas"], spec["maxReplicas"]) for spec in autoscalers(reconcile(world.look()))]
    assert bounds == [(5, 5), (2, 5)], "of the new one, and of the one that drains"


def without_autoscaler(**change: Any) -> tuple[World, str]:
    """A model that had an autoscaler, and is to have five replicas instead."""
    world = settled(autoscaling=scaling(2, 10), resources=CPU)
    del world.model["spec"]["autoscaling"]
    world.change(replicas=5, **change)
    return world, world.serving() or ""


def about(plan: Plan, name: str) -> list[str]:
    """The kinds of the steps that set the number of a revision's pods, in their order."""
    found = [step for step in plan.steps if isinstance(step, Delete | Scale)]
    return [type(step).__name__ for step in found if getattr(step, "name", getattr(step, "deployment", "")) == name]


@pytest.mark.parametrize("held", [False, True])
def test_an_autoscaler_goes_before_the_number_that_is_to_hold(held: bool):
    world, name = without_autoscaler(**({"model": VERSION_2} if held else {}))
    if held:
        world.runtime = None
    assert about(reconcile(world.look()), name) == ["Delete", "Scale"]
    world.reconcile()
    assert world.status["rollout"]["phase"] == ("Held" if held else "Stable")
    assert (HORIZONTAL_POD_AUTOSCALER, name) not in world.children
    assert world.children[(DEPLOYMENT, name)]["spec"]["replicas"] == 5


def test_an_autoscaler_that_somebody_keeps_alive_is_not_fought():
    world, name = without_autoscaler()
    world.children[(HORIZONTAL_POD_AUTOSCALER, name)]["metadata"]["deletionTimestamp"] = "2026-01-05T09:00:00Z"
    assert about(reconcile(world.look()), name) == []


def test_the_autoscaler_of_a_revision_that_drains_goes_as_well():
    world = settled(autoscaling=scaling(2, 10), resources=CPU)
    old = world.serving() or ""
    world.change(model=VERSION_2)
    world.reconcile()
    world.run_pods()
    world.reconcile()
    del world.model["spec"]["autoscaling"]
    world.change(replicas=5)
    assert about(world.reconcile(), old) == ["Delete"], "it keeps the pods that it has"
