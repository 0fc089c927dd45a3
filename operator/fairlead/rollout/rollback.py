"""Back to the revision that served: the canary out of the traffic, remembered, and not tried again."""

from dataclasses import replace

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Failed, Ordered, Orders, Wait
from fairlead.evidence.judgement import Judged
from fairlead.rollout.draining import drained_from_now, draining, guard_left, next_drained
from fairlead.rollout.pods import crash_looping
from fairlead.rollout.serving import NOTHING, abandoned, soonest
from fairlead.rollout.size import wanted_replicas
from fairlead.rollout.stable import stable_since
from fairlead.situation import Situation


def roll_back(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, why: Wait
) -> Decision:
    """The canary is given up, for this reason."""
    failed = Failed(revision=wanted.name, reason=why.reason, message=why.message, since=situation.now)
    return rolled_back(situation, spec, stable, wanted, failed)


def roll_back_by_evidence(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, judged: Judged
) -> Decision:
    """The canary is given up, with the numbers that speak against it."""
    why = Wait(reason=Reason.EVIDENCE_AGAINST, message=_against(judged, stable, wanted))
    return replace(roll_back(situation, spec, stable, wanted, why), judged=judged)


def aborted(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, order: Ordered
) -> Decision:
    """A person gives the canary up."""
    return roll_back(situation, spec, stable, wanted, _aborted(order))


def rolled_back(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, failed: Failed
) -> Decision:
    """The stable revision serves, and what has failed ends once its requests are done."""
    needed = wanted_replicas(spec, situation, None)
    old = draining(situation, spec, keep_out={stable.name}, guarded=False)
    ends = abandoned(situation, spec, {stable.name, *(drained.revision.name for drained in old)})
    return Decision(
        phase=Phase.ROLLED_BACK,
        replicas=needed,
        stable_replicas=needed,
        stable=stable,
        stable_since=stable_since(situation, stable),
        draining=(*old, *ends),
        failed=failed,
        look_again=soonest(next_drained(situation, spec, (*old, *ends))),
    )


def way_back(situation: Situation, spec: ModelDeploymentSpec, stable: Revision) -> Revision | None:
    """The revision before the stable one, while it is guarded and has pods; None when there is no way back to it."""
    kept = [
        old for old in draining(situation, spec, keep_out={stable.name}) if guard_left(situation, spec, old) > NOTHING
    ]
    ready = [old.revision for old in kept if situation.serving_pods(old.revision.name)]
    return ready[-1] if ready else None


def go_back(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, abort: Ordered | None = None
) -> Decision | None:
    """Back to the revision before, when the one that has just taken over fails or is aborted; None when it is not."""
    before = way_back(situation, spec, stable)
    if before is None:
        return None
    wait = _aborted(abort) if abort else crash_looping(situation, stable.name, stable_since(situation, stable))
    if wait is None and not situation.serving_pods(stable.name) and wanted_replicas(spec, situation, None) > 0:
        wait = Wait(reason=Reason.NOT_READY, message=f"no pod of {stable.name} is available any more")
    if wait is None:
        return None
    back = roll_back(situation, spec, before, stable, wait)
    return replace(back, draining=(*back.draining, *drained_from_now(situation, spec, stable, served=False)))


def held(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision | None, going_on: Decision, orders: Orders
) -> Decision:
    """While the spec cannot be carried out: what has failed is remembered, and what fails or is aborted now, too."""
    back = go_back(situation, spec, stable, orders.abort) if stable is not None else None
    if back is not None:
        return back
    canary, failed = on_its_way(situation, stable), last_failure(situation)
    if canary is not None and orders.abort is not None:
        why = _aborted(orders.abort)
        failed = Failed(revision=canary, reason=why.reason, message=why.message, since=situation.now)
    return replace(going_on, failed=failed)


def on_its_way(situation: Situation, stable: Revision | None) -> str | None:
    """The canary that the last decision has left on its way beside the stable revision, by its name."""
    rollout = situation.status.rollout if situation.status else None
    if rollout is None or stable is None or rollout.revision == stable.name:
        return None
    return rollout.revision


def remembered_failure(situation: Situation, wanted: Revision) -> Failed | None:
    """That the wanted revision was rolled back before, and is wanted ever since."""
    failed = last_failure(situation)
    return failed if failed is not None and failed.revision == wanted.name else None


def last_failure(situation: Situation) -> Failed | None:
    """The revision that was rolled back last, as long as that is remembered."""
    failed = situation.status.failed if situation.status else None
    if failed is None:
        return None
    return Failed(
        revision=failed.revision,
        reason=Reason(failed.reason) if failed.reason in Reason.__members__.values() else Reason.ROLLED_BACK,
        message=failed.message,
        since=min(failed.since, situation.now),
    )


def _aborted(order: Ordered) -> Wait:
    return Wait(reason=Reason.ABORTED, message=f"{order.who} aborted it")


def _against(judged: Judged, stable: Revision, wanted: Revision) -> str:
    """Which cell speaks most against the canary, with its counts."""
    if judged.trial is None or judged.findings is None:
        return f"{wanted.name} was worse than {stable.name}"
    cells = judged.trial.cells
    weight = [max(float(w), float(b)) for w, b in zip(judged.findings.worse, judged.findings.beyond, strict=True)]
    most = max(range(len(cells)), key=lambda n: weight[n])
    (n, x), (m, y) = judged.trial.memory.canary[most], judged.trial.memory.stable[most]
    return (
        f"{cells[most].name}: {x:.0f} of {n:.0f} requests to {wanted.name} were bad, "
        f"and {y:.0f} of {m:.0f} to {stable.name}"
    )
