"""status.scaling: how many pods what serves asks for, and who has changed that number, and why.

Whoever changes it does so before a word is said about it. So a change is told at once with who is there to make such
changes, and once more when an autoscaler has said why: it says so within the same second, or never.
"""

from datetime import timedelta
from decimal import Decimal

from fairlead.api.autoscaling import Autoscaling
from fairlead.api.kinds import AUTOSCALERS
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.revision import Revision
from fairlead.api.status import ScalingChange, ScalingStatus
from fairlead.decision import Decision
from fairlead.scaling.choice import floor_of
from fairlead.scaling.trouble import remembered_since
from fairlead.situation import Measured, Rescale, Situation

REMEMBERED = 5
"""Changes that are told."""
TOGETHER = timedelta(minutes=1)
"""What an autoscaler says of a change is about one that was seen so long before or after it: clocks differ."""
LONGEST = 256
"""Characters of a reason; as many as the schema allows."""


def scaling_status(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> ScalingStatus | None:
    """How many pods the serving revision asks for, and the last changes of that number."""
    scaling, stable = spec.autoscaling, decision.stable
    if scaling is None or stable is None or situation.deployment(stable.name) is None:
        return None
    before = situation.status.scaling if situation.status else None
    now, changes = situation.asked_pods(stable.name), before.changes if before else ()
    if before is not None and before.revision == stable.name and before.replicas != now:
        why = _who(situation, scaling, stable, (before.replicas, now))
        change = ScalingChange(time=situation.now, before=before.replicas, after=now, reason=why)
        changes = (change, *changes)[:REMEMBERED]
    return ScalingStatus(
        revision=stable.name,
        replicas=now,
        changes=_explained(situation, scaling, stable, changes),
        failing_since=remembered_since(situation, stable.name),
    )


def _explained(
    situation: Situation, scaling: Autoscaling, stable: Revision, changes: tuple[ScalingChange, ...]
) -> tuple[ScalingChange, ...]:
    """The changes, the newest with what its autoscaler says of it."""
    if not changes or situation.now - changes[0].time > TOGETHER:
        return changes
    newest, *older = changes
    for each in situation.rescales:
        if each.revision == stable.name and _is_about(each, newest):
            why = _said(situation, scaling, each)
            told = f"{_autoscaler(situation, stable)}: {why}"[:LONGEST] if why else newest.reason
            return (newest.model_copy(update={"reason": told}), *older)
    return changes


def _is_about(rescale: Rescale, change: ScalingChange) -> bool:
    same = (rescale.before, rescale.after) == (change.before, change.after)
    return same and abs(rescale.time - change.time) <= TOGETHER


def _said(situation: Situation, scaling: Autoscaling, rescale: Rescale) -> str | None:
    """Why, by the autoscaler's own word; None where it does not say."""
    if rescale.measured is not None:
        limited = rescale.after == scaling.max_replicas > rescale.before
        return _compared(rescale.measured) + (", as many as maxReplicas allows" if limited else "")
    if rescale.before < rescale.least == rescale.after:
        floor = floor_of(situation, scaling)
        return f"floor {floor.name}" if floor.name and floor.replicas == rescale.after else f"at least {rescale.least}"
    return f"at most {rescale.most}" if rescale.before > rescale.most == rescale.after else None


def _compared(measured: Measured) -> str:
    unit = " %" if measured.target.endswith("Utilization") else " per pod"
    was, held = _number(measured.was), _number(measured.held)
    beside = "above" if measured.was > measured.held else "below" if measured.was < measured.held else "at"
    return f"{measured.target} was {was}{unit}, {beside} its target of {held}{unit}"


def _number(value: Decimal) -> str:
    rounded = f"{value:.2f}"
    return rounded.rstrip("0").rstrip(".")


def _who(situation: Situation, scaling: Autoscaling, stable: Revision, change: tuple[int, int]) -> str:
    """Who is there to make such a change. The API server keeps no account of who has scaled a Deployment."""
    floor, who = floor_of(situation, scaling), _autoscaler(situation, stable)
    by_floor = f"floor {floor.name}" if floor.name is not None and change[0] < change[1] == floor.replicas else None
    if who is not None and by_floor:
        return f"{who}: {by_floor}"
    if who is not None:
        return who if 0 in change else f"{who}, or somebody else: it does not say"
    theirs = [f"{each.kind} {each.name}" for each in situation.rivals_of(stable.name)]
    return theirs[0] if len(theirs) == 1 else by_floor or "no autoscaler of Fairlead's"


def _autoscaler(situation: Situation, stable: Revision) -> str | None:
    return next((f"{kind.kind} {stable.name}" for kind in AUTOSCALERS if situation.child(kind, stable.name)), None)
