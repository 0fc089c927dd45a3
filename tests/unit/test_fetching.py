"""A canary whose model has to be fetched: it is not hurried while it does, and not waited for when it cannot."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fairlead.api import names
from fairlead.api.kinds import DEPLOYMENT
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.reasons import Reason
from fairlead.api.times import format_time
from fairlead.reconcile import reconcile
from fairlead.rollout.pods import crash_looping, not_to_be_hurried
from fairlead.rollout.serving import time_left
from fairlead.situation import Situation, revision_named
from fairlead.sources.fetched import ALL_PATIENCE, PATIENCE
from world import World, a_model

LONG = timedelta(hours=1)


def a_canary_that_fetches(strategy: str = "Canary") -> tuple[World, str]:
    """A world in which it was just begun, and its name."""
    world = World(a_model(rollout={"strategy": strategy, "progressDeadline": "10m"}))
    world.settle()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.reconcile()
    world.reconcile()
    assert world.status is not None
    return world, world.status["rollout"]["revision"]


def seen(world: World, canary: str, **fetch: Any) -> Situation:
    """A look at which the canary's pod has this status of the container that fetches."""
    look = world.look()
    pods = [dict(pod) for pod in look.pods]
    for pod in pods:
        if pod["metadata"]["labels"].get(names.REVISION) == canary:
            made = {"creationTimestamp": format_time(world.now)}
            pod["metadata"] = {**pod["metadata"], **made}
            pod["status"] = {"initContainerStatuses": [{"name": names.FETCH, "ready": False, **fetch}]}
    return replace(look, pods=tuple(pods))


def refused(world: World, restarts: int) -> dict[str, Any]:
    over = {"exitCode": 65, "message": "it is not there", "finishedAt": format_time(world.now)}
    return {"restartCount": restarts, "state": {"waiting": {}}, "lastState": {"terminated": over}}


def test_the_deadline_does_not_run_while_the_model_is_fetched():
    world, canary = a_canary_that_fetches()
    world.now += LONG
    assert not_to_be_hurried(seen(world, canary, state={"running": {}}), canary)


def running(world: World, **since: Any) -> dict[str, Any]:
    return {"state": {"running": {"startedAt": format_time(world.now)}}, **since}


def test_a_try_that_was_interrupted_is_gone_on_with_but_not_one_that_is_in_vain_and_none_for_ever():
    world, canary = a_canary_that_fetches()
    cut, refusal = ({"lastState": {"terminated": {"exitCode": code}}, "restartCount": 1} for code in (75, 65))
    assert not_to_be_hurried(seen(world, canary, **running(world, **cut)), canary)
    assert not not_to_be_hurried(seen(world, canary, **running(world, **refusal)), canary)
    began = running(world)
    world.now += PATIENCE
    assert not not_to_be_hurried(seen(world, canary, **began), canary)


def test_a_source_that_does_not_answer_for_a_while_is_not_the_canarys_fault_but_not_for_days():
    world, canary = a_canary_that_fetches()
    away = {
        "restartCount": 5,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"exitCode": 75, "message": "hub.example does not answer"}},
    }
    world.now += LONG
    look = reconcile(seen(world, canary, **away))
    assert look.status["rollout"]["phase"] == "Waiting"
    assert "hub.example does not answer" in look.status["conditions"][0]["message"]
    world.now += ALL_PATIENCE
    assert phase_at(seen(world, canary, **away)) == "RolledBack"


def test_the_deadline_begins_when_the_model_is_there():
    world, canary = a_canary_that_fetches()
    world.now += LONG
    got = {"state": {"terminated": {"exitCode": 0, "finishedAt": format_time(world.now)}}}
    world.now += timedelta(minutes=9)
    assert phase_at(seen(world, canary, **got)) == "Starting"
    world.now += timedelta(minutes=2)
    assert phase_at(seen(world, canary, **got)) == "RolledBack"


@pytest.mark.parametrize("strategy", ["Canary", "BlueGreen"])
def test_a_deployment_that_knows_nothing_of_fetching_is_not_believed(strategy: str):
    world, canary = a_canary_that_fetches(strategy)
    live = world.children[DEPLOYMENT, canary]
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    live["status"] = {**live.get("status", {}), "conditions": [late]}
    live["spec"]["template"]["spec"]["initContainers"] = [{"name": names.FETCH}]
    world.now += LONG
    got = {"state": {"terminated": {"exitCode": 0, "finishedAt": format_time(world.now)}}}
    told = reconcile(seen(world, canary, **got)).status["conditions"]
    assert {found["type"]: found["reason"] for found in told}["Ready"] != "ProgressDeadlineExceeded"


def phase_at(look: Situation) -> str:
    return str(reconcile(look).status["rollout"]["phase"])


@pytest.mark.parametrize("restarts", [0, 1])
def test_what_no_new_try_can_mend_is_rolled_back_after_one(restarts: int):
    world, canary = a_canary_that_fetches()
    look = seen(world, canary, **refused(world, restarts))
    found = crash_looping(look, canary, world.now)
    assert (found is not None) == (restarts > 0)
    if found is not None:
        assert (found.reason, found.message) == (
            Reason.MODEL_UNAVAILABLE,
            f"the model of {canary} cannot be fetched: it is not there",
        )


@pytest.mark.parametrize(("placed", "late"), [(False, True), (True, False)])
def test_with_swap_a_place_that_is_of_no_use_goes_back_although_its_pod_has_a_model_to_fetch(placed: bool, late: bool):
    """A pod that has no node fetches nothing; one that has may be between two tries."""
    world, canary = a_canary_that_fetches()
    world.children[DEPLOYMENT, canary]["spec"]["template"]["spec"]["initContainers"] = [{"name": names.FETCH}]
    assert world.status is not None
    rollout = {**world.status["rollout"], "phase": "Waiting"}
    rollout["givenUp"] = {"pods": 1, "to": canary, "since": format_time(world.now)}
    world.status = {**world.status, "rollout": rollout}
    world.now += LONG
    look = seen(world, canary)
    condition = {"type": "PodScheduled", "status": str(placed), "reason": "Unschedulable"}
    pods = [{**pod, "status": {"conditions": [condition]}} for pod in look.pods_of(canary)]
    look = replace(look, pods=tuple(pods))
    assert isinstance(look.model, ModelDeployment)
    wanted = revision_named(look.revisions, canary)
    assert wanted is not None
    assert (time_left(look, look.model.spec, wanted) <= timedelta(0)) is late


def test_memory_that_the_fetch_lacks_is_raised_where_it_can_be():
    world, canary = a_canary_that_fetches()
    killed = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": format_time(world.now)}}
    look = seen(world, canary, state=killed)
    found = crash_looping(look, canary, world.now)
    assert found is not None
    assert "than model.fetch.resources.limits.memory allows" in found.message
