"""A canary whose model has to be fetched: it is not hurried while it does, and not waited for when it cannot."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fairlead.api import names
from fairlead.api.reasons import Reason
from fairlead.api.times import format_time
from fairlead.rollout.pods import FETCHING, crash_looping, not_to_be_hurried
from fairlead.situation import Situation
from world import World, a_model

LONG = timedelta(hours=1)


def a_canary_that_fetches() -> tuple[World, str]:
    """A world in which it was just begun, and its name."""
    world = World(a_model(rollout={"strategy": "Canary", "progressDeadline": "10m"}))
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


def test_a_second_try_is_not_waited_for_and_no_try_for_ever():
    world, canary = a_canary_that_fetches()
    assert not not_to_be_hurried(seen(world, canary, state={"running": {}}, restartCount=1), canary)
    world.now += FETCHING
    assert not not_to_be_hurried(seen(world, canary, state={"running": {}}), canary)


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
