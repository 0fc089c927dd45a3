"""How the number of pods follows the load: ScalingActive.

| situation                                                         | ScalingActive |
|-------------------------------------------------------------------|---------------|
| no revision has served yet                                        | –             |
| no autoscaling, and nobody else's autoscaler                      | –             |
| somebody else's autoscaler, and mode is not External              | False         |
| KEDA or a Prometheus is missing, a target is not measured         | False         |
| the autoscaler is refused, or that before it does not go          | False         |
| the autoscaler says for two minutes that it cannot do its work    | False         |
| a time in floors cannot be read                                   | False         |
| an autoscaler follows the load, or somebody else's does           | True          |

It says nothing about Ready: where nobody can tell how many pods are needed, their number stays.
"""

from collections.abc import Iterator

from fairlead.api.autoscaling import Autoscaling
from fairlead.api.kinds import AUTOSCALERS, MODEL_DEPLOYMENT
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import ConditionType, Reason
from fairlead.api.revision import Revision
from fairlead.api.times import format_time
from fairlead.decision import Decision
from fairlead.report.finding import Finding
from fairlead.scaling.choice import Chosen, chosen, floor_of, least_of, superseded_autoscalers
from fairlead.scaling.floors import Floor
from fairlead.scaling.trouble import complaints, settles
from fairlead.situation import Situation

EXTERNAL = "autoscaling.mode is External: Fairlead leaves the number of pods alone"


def scaling_active(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Finding | None:
    """The condition; None where there is nothing to tell."""
    scaling, stable = spec.autoscaling, decision.stable
    if stable is None:
        return None
    if scaling is None:
        return _contested(situation, None, decision)
    if scaling.mode == "External":
        return _astray(situation, stable) or _told(True, Reason.SCALED_ELSEWHERE, EXTERNAL)
    found, floor = chosen(situation, scaling, stable), floor_of(situation, scaling)
    followed = _followed(situation, scaling, found, stable)
    return (
        _contested(situation, scaling, decision)
        or _lacking(situation, scaling, found, followed)
        or _refused(situation, stable)
        or _in_the_way(situation, found, stable)
        or _failing(situation, stable)
        or _unusable(floor, followed)
        or _told(True, Reason.AUTOSCALED, followed + _held_up(floor))
    )


def _told(status: bool, reason: Reason, message: str) -> Finding:
    return Finding(type=ConditionType.SCALING_ACTIVE, status=status, reason=reason, message=message)


def _astray(situation: Situation, stable: Revision) -> Finding | None:
    """Of mode External: an autoscaler that is there, and does not scale what serves."""
    if situation.rivals_of(stable.name):
        return None
    for each in situation.rivals:
        named = f"{each.kind} {each.name} is made for {each.target_kind} {each.target}"
        if each.target_kind == MODEL_DEPLOYMENT.kind:
            told = f"{named}, and cannot scale it beside spec.autoscaling: set spec.replicas in place of that"
        else:
            told = f"{named}, and {stable.name} serves: nothing scales that"
        return _told(False, Reason.FOREIGN_AUTOSCALER, told)
    return None


def _contested(situation: Situation, scaling: Autoscaling | None, decision: Decision) -> Finding | None:
    """One of the ModelDeployment sets spec.replicas, as anybody may, unless there is autoscaling."""
    running = (rival for revision in decision.running for rival in situation.rivals_of(revision.name))
    for each in running:
        if scaling is None:
            told = "Fairlead leaves it alone, so spec.replicas does not hold: delete that, or set spec.autoscaling"
        else:
            told = "two take it back from each other: delete that, or set spec.autoscaling.mode: External"
        theirs = f"{each.kind} {each.name}, which is not Fairlead's, sets the number of pods of {each.target}"
        return _told(False, Reason.FOREIGN_AUTOSCALER, f"{theirs}; {told}")
    for each in situation.rivals if scaling is not None else ():
        if each.target_kind == MODEL_DEPLOYMENT.kind:
            theirs = f"{each.kind} {each.name}, which is not Fairlead's, is meant to scale this ModelDeployment"
            told = f"{theirs}, and cannot beside spec.autoscaling: delete one of the two"
            return _told(False, Reason.FOREIGN_AUTOSCALER, told)
    return None


def _lacking(situation: Situation, scaling: Autoscaling, found: Chosen, followed: str) -> Finding | None:
    if found.reason is None:
        return None
    woken = scaling.min_replicas < least_of(situation, scaling)
    awake = "; minReplicas 0 counts as 1, for nothing would wake the model" if woken else ""
    return _told(False, found.reason, f"{'; '.join(found.lacks)}; {followed}{awake}")


def _refused(situation: Situation, stable: Revision) -> Finding | None:
    kinds = {kind.kind for kind in AUTOSCALERS}
    for each in situation.refusals:
        if each.kind in kinds and each.name == stable.name:
            return _told(False, each.reason, f"{each.kind} {each.name} cannot be written: {each.message}")
    return None


def _in_the_way(situation: Situation, found: Chosen, stable: Revision) -> Finding | None:
    for kind, _ in superseded_autoscalers(situation, found, stable):
        told = f"{kind.kind} {stable.name} has to go first, and is still there"
        return _told(False, Reason.AUTOSCALER_FAILING, told)
    return None


def _failing(situation: Situation, stable: Revision) -> Finding | None:
    if settles(situation, stable.name) is not None:
        return None
    for kind, each in complaints(situation, stable.name):
        said = f"{each['type']} is {each['status']}: {each.get('reason', '')}: {each.get('message', '')}"
        told = f"{kind.kind} {stable.name} does not follow the load, {said}"
        return _told(False, Reason.AUTOSCALER_FAILING, told)
    return None


def _unusable(floor: Floor, followed: str) -> Finding | None:
    if not floor.problems:
        return None
    return _told(False, Reason.FLOOR_UNUSABLE, f"{'; '.join(floor.problems)}; {followed}{_held_up(floor)}")


def _followed(situation: Situation, scaling: Autoscaling, found: Chosen, stable: Revision) -> str:
    if found.kind is None:
        return "the number of pods stays, but for floors"
    if found.kept is not None:
        return f"{found.kind.kind} {stable.name} goes on with what it held before"
    held = ", ".join(_targets(scaling, found))
    least = least_of(situation, scaling)
    return f"{found.kind.kind} {stable.name} holds {held}, with {least} to {scaling.max_replicas} pods"


def _targets(scaling: Autoscaling, found: Chosen) -> Iterator[str]:
    target = scaling.target
    if target is not None and target.cpu_utilization is not None:
        yield f"cpuUtilization at {target.cpu_utilization} %"
    if target is not None and target.memory_utilization is not None:
        yield f"memoryUtilization at {target.memory_utilization} %"
    for each in found.demands:
        unit = " %" if each.target == "kvCacheUtilization" else " per pod"
        yield f"{each.target} at {each.per_pod}{unit}"


def _held_up(floor: Floor) -> str:
    if floor.name is None:
        return ""
    until = f" until {format_time(floor.until)}" if floor.until else ""
    return f"; floor {floor.name} asks for at least {floor.replicas}{until}"
