"""What Flux and Helm conclude from a ModelDeployment: the generic rules of kstatus.

Source: sigs.k8s.io/cli-utils/pkg/kstatus/status, `checkGenericProperties` and the fallback for custom resources, which
Flux's `wait`, Helm 4's `--wait` and kpt share.
"""

from collections.abc import Mapping
from typing import Any

from world import World


def kstatus(obj: Mapping[str, Any]) -> str:
    """InProgress, Failed or Current."""
    status = obj.get("status", {})
    if status.get("observedGeneration", obj["metadata"]["generation"]) != obj["metadata"]["generation"]:
        return "InProgress"
    conditions = {found["type"]: found["status"] for found in status.get("conditions", [])}
    if conditions.get("Reconciling") == "True":
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    if "Ready" in conditions:
        return {"True": "Current", "False": "InProgress"}.get(conditions["Ready"], "InProgress")
    return "Current"


def seen(world: World) -> str:
    # The API server fills the default of the CRD in where nothing was written yet.
    return kstatus({**world.model, "status": world.status or {"observedGeneration": 0}})


def test_a_model_that_nobody_has_looked_at_is_in_progress():
    assert seen(World()) == "InProgress"


def test_it_is_current_when_it_serves_and_not_before():
    world = World()
    world.reconcile()
    assert seen(world) == "InProgress"
    world.run_pods()
    world.reconcile()
    assert seen(world) == "Current"


def test_a_changed_spec_is_in_progress_at_once():
    world = World()
    world.settle()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    assert seen(world) == "InProgress"
    world.reconcile()
    assert seen(world) == "InProgress"
    world.settle()
    assert seen(world) == "Current"


def test_what_cannot_be_carried_out_has_failed():
    world = World()
    world.runtime = None
    world.reconcile()
    assert seen(world) == "Failed"
