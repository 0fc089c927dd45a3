"""What a canary waits for that is no matter of its pods: a person's approval, or evidence that is missing."""

from datetime import timedelta

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.decision import Orders, Wait
from fairlead.evidence.judgement import Judged
from fairlead.evidence.verdict import CALM, Case, breaching, unsteady
from fairlead.situation import Situation

PATIENCE = timedelta(minutes=5)
"""So long evidence may be missing with onMissingEvidence: Rollback; a pipeline that restarts is back by then."""


def waits_for_approval(
    situation: Situation, spec: ModelDeploymentSpec, canary: Revision, orders: Orders, judged: Judged
) -> Wait | None:
    """Why a canary that is to take over must not yet: nobody has approved it, or what it was approved for is gone."""
    if not is_approved(spec, orders):
        why = f"{orders.promote.who} promotes {canary.name}" if orders.promote else f"{canary.name} is good enough"
        return Wait(
            reason=Reason.AWAITING_APPROVAL,
            message=f"{why}, and waits for a person to approve it (`fairlead approve {situation.identity.name}`)",
        )
    return None if orders.promote is not None else not_fit(canary, judged)


def is_approved(spec: ModelDeploymentSpec, orders: Orders) -> bool:
    """Whether no approval stands in the way: somebody has given it, or none is asked for."""
    return orders.approved is not None or not spec.rollout.approval.required


def not_fit(canary: Revision, judged: Judged) -> Wait | None:
    """Why a canary may not be let in as the evidence is at this look; None when it may.

    That it is good enough is the verdict (evidence/verdict.py). This is what must hold besides whenever it is let in,
    also later, or when time alone has decided: that it can be judged, and that nothing speaks against it.
    """
    trial, found = judged.trial, judged.findings
    if judged.missing is not None:
        message = f"{canary.name} is to take over, and cannot be judged at the moment: {judged.missing}"
        return Wait(reason=Reason.EVIDENCE_MISSING, message=message)
    if trial is None or found is None or trial.tried is None:
        message = f"{canary.name} is to take over, and has not had a request that was counted"
        return Wait(reason=Reason.EVIDENCE_MISSING, message=message)
    if float(found.against) >= CALM:
        message = f"{canary.name} is to take over, and waits until nothing speaks against it any more"
        return Wait(reason=Reason.ON_TRIAL, message=message)
    case = Case(findings=found, terms=trial.terms, lasted=trial.lasted, waited=trial.lasted)
    if bool(unsteady(case)) or bool(breaching(case)):
        message = f"{canary.name} is to take over, and waits until what it is compared with is a measure again"
        return Wait(reason=Reason.STABLE_FAILING, message=message)
    return None


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
