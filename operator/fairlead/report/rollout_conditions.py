"""Conditions that are there during a rollout only: whether it goes well, and whether there is something to judge by.

| situation                                        | RolloutHealthy | EvidenceAvailable      |
|--------------------------------------------------|----------------|------------------------|
| nothing is rolled out, or the very first revision | –             | –                      |
| a new revision starts, or waits for a person     | True           | –                      |
| … its pods fail, or do not find a place          | Unknown        | –                      |
| a canary is on trial and its metrics are read    | True           | True                   |
| … and has not had a request that was counted     | True           | Unknown                |
| … and its metrics cannot be read                 | Unknown        | False                  |
| … and the stable revision is no measure          | Unknown        | True                   |
| past a deadline, or rolled back                  | False          | as it is; – afterwards |
| it serves, and the one before is kept ready      | True           | –                      |

Unknown is what may still go either way by itself. False takes a person.
"""

from collections.abc import Iterator

from fairlead.api.reasons import ConditionType, Phase, Reason
from fairlead.decision import Decision
from fairlead.report.finding import Finding, Verdict

AS_EXPECTED = (
    Reason.STARTING,
    Reason.STOPPING,
    Reason.ON_TRIAL,
    Reason.PROMOTING,
    Reason.PAUSED,
    Reason.AWAITING_APPROVAL,
)
"""What a rollout is waiting for when all is well."""

BEFORE_TRAFFIC = (Phase.STARTING, Phase.WAITING)


def rollout_conditions(decision: Decision, ready: Verdict) -> Iterator[Finding]:
    """Those that mean something at present. `ready` is what Ready says."""
    yield from _healthy(decision, ready)
    yield from _evidence(decision)


def _healthy(decision: Decision, ready: Verdict) -> Iterator[Finding]:
    def told(status: bool | None, reason: Reason, message: str) -> Finding:
        return Finding(type=ConditionType.ROLLOUT_HEALTHY, status=status, reason=reason, message=message)

    if decision.problem is not None or decision.stable is None:
        return
    if decision.phase == Phase.GUARDING:
        kept = ", ".join(each.revision.name for each in decision.draining)
        yield told(True, Reason.SERVING, f"{decision.stable.name} serves; {kept} is kept ready for a way back")
    elif ready.stalled and (decision.candidate is not None or decision.failed is not None):
        yield told(False, ready.reason, ready.message)
    elif decision.candidate is not None:
        yield told(True if ready.reason in AS_EXPECTED else None, ready.reason, ready.message)


def _evidence(decision: Decision) -> Iterator[Finding]:
    def told(status: bool | None, reason: Reason, message: str) -> Finding:
        return Finding(type=ConditionType.EVIDENCE_AVAILABLE, status=status, reason=reason, message=message)

    judged = decision.judged
    if judged is None or decision.candidate is None or decision.phase in BEFORE_TRAFFIC:
        return
    trial = judged.trial
    if judged.missing is not None or trial is None:
        yield told(False, Reason.EVIDENCE_MISSING, judged.missing or "no trial could begin")
    elif trial.tried is None:
        yield told(None, Reason.EVIDENCE_MISSING, f"no request to {trial.canary} is counted so far")
    else:
        left_out = f"; {trial.unjudged}" if trial.unjudged else ""
        yield told(True, Reason.EVIDENCE_READ, f"counters are read from {judged.source}{left_out}")
