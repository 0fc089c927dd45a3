"""What a canary waits for that is no matter of its pods: a person's approval, or evidence that is missing."""

from datetime import timedelta

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.evidence.judgement import Judged
from fairlead.evidence.verdict import CALM
from fairlead.plan import Orders, Wait
from fairlead.situation import Situation

PATIENCE = timedelta(minutes=5)
"""So long evidence may be missing with onMissingEvidence: Rollback; a pipeline that restarts is back by then."""


def waits_for_approval(
    situation: Situation, spec: ModelDeploymentSpec, canary: Revision, orders: Orders, judged: Judged
) -> Wait | None:
    """Why a canary that is to take over must not yet: nobody has approved it, or what it was approved for is gone."""
    if spec.rollout.approval.required and orders.approved is None:
        why = f"{orders.promote.who} promotes {canary.name}" if orders.promote else f"{canary.name} is good enough"
        return Wait(
            reason=Reason.AWAITING_APPROVAL,
            message=f"{why}, and waits for a person to approve it (`fairlead approve {situation.identity.name}`)",
        )
    if orders.promote is not None or may_be_promoted(judged):
        return None
    if judged.missing is not None:
        message = f"{canary.name} is to take over, and cannot be judged at the moment: {judged.missing}"
        return Wait(reason=Reason.EVIDENCE_MISSING, message=message)
    if judged.findings is not None and float(judged.findings.against) >= CALM:
        message = f"{canary.name} is to take over, and waits until nothing speaks against it any more"
        return Wait(reason=Reason.ON_TRIAL, message=message)
    message = f"{canary.name} is to take over, and waits until what it is compared with is a measure again"
    return Wait(reason=Reason.STABLE_FAILING, message=message)


def may_be_promoted(judged: Judged) -> bool:
    """Whether a trial may end in a promotion at this look: there was one, and the measure is sound."""
    trial, found = judged.trial, judged.findings
    if trial is None or found is None or trial.tried is None or judged.missing is not None:
        return False
    calm = float(found.against) < CALM and float(found.unsteady) < 1 / trial.terms.alpha
    return calm and not bool(found.breaching)


def missing_for_too_long(
    situation: Situation, spec: ModelDeploymentSpec, canary: Revision, judged: Judged
) -> Wait | None:
    """That a canary cannot be judged for so long that it is given up, where the spec asks for that.

    Only on a look at the metrics: an operator that has just started has not read any.
    """
    rollout = situation.status.rollout if situation.status else None
    if spec.rollout.on_missing_evidence != "Rollback" or judged.missing is None or situation.sweep is None:
        return None
    if rollout is None or rollout.revision != canary.name or rollout.evidence_missing_since is None:
        return None
    if situation.now - rollout.evidence_missing_since < PATIENCE:
        return None
    return Wait(reason=Reason.EVIDENCE_MISSING, message=f"for five minutes it could not be judged: {judged.missing}")
