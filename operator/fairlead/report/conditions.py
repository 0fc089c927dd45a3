"""Conditions: what people, `kubectl wait`, Helm and GitOps controllers read.

| situation                        | Ready | Reconciling | Stalled | Available |
|----------------------------------|-------|-------------|---------|-----------|
| first start                      | False | True        | –       | False     |
| a new revision on its way        | False | True        | –       | True      |
| … past its progress deadline     | False | –           | True    | True      |
| a canary on trial, or held there | False | True        | –       | True      |
| … waiting for approval           | False | True        | –       | True      |
| … without a verdict in time      | False | –           | True    | True      |
| … rolled back                    | False | –           | True    | True      |
| the spec cannot be carried out   | False | –           | True    | as it is  |
| … before its source is looked up | False | True        | –       | as it is  |
| the spec's revision serves       | True  | –           | –       | True      |
| … but not through its Gateway yet | False | True        | –       | True      |
| … which refuses the route        | False | –           | True    | True      |
| … whose route may not be read    | False | –           | True    | True      |

TrafficRouted is there with spec.traffic alone: whether the Gateway sends traffic as it was decided. MonitoringActive is
about Prometheus (monitoring.py) and ScalingActive about autoscalers (scaling.py); they make no difference to these.

Reconciling and Stalled are there only while they are true (kstatus, sigs.k8s.io/cli-utils/pkg/kstatus). Those that are
there during a rollout only are in rollout_conditions.py.
"""

from collections.abc import Callable
from dataclasses import replace

from fairlead.api.kinds import DEPLOYMENT, JOB, SERVICE
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.phases import ON_TRIAL
from fairlead.api.reasons import ConditionType, Phase, Reason
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Wait
from fairlead.report.capacity import with_pods
from fairlead.report.deadline import past_deadline
from fairlead.report.evicted import last_eviction
from fairlead.report.failures import first_trouble, quoted
from fairlead.report.finding import Finding, Verdict
from fairlead.report.monitoring import KINDS, monitoring_active
from fairlead.report.rollout_conditions import rollout_conditions
from fairlead.report.scaling import scaling_active
from fairlead.situation import Situation
from fairlead.traffic.choice import traffic_of

TAKES_A_PERSON = (Reason.ROUTE_REFUSED, Reason.ROUTE_FORBIDDEN, Reason.GATEWAY_API_MISSING)
"""What will not pass by itself."""


def conditions(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> tuple[Finding, ...]:
    """All conditions of a model, from one look and what was decided on it."""
    ready = verdict(situation, spec, decision)
    routed = traffic_routed(situation, spec)
    if ready.ready and routed is not None and not routed.status:
        ready = Verdict(
            ready=False, reason=routed.reason, message=routed.message, stalled=routed.reason in TAKES_A_PERSON
        )
    return (
        *_kstatus(ready),
        available(situation, spec, decision),
        *([routed] if routed else []),
        *rollout_conditions(decision, ready),
        *_by_the_spec(situation, spec, decision),
    )


def _by_the_spec(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> tuple[Finding, ...]:
    """What nobody can tell of a resource that cannot be read."""
    if decision.problem is not None and decision.problem.reason == Reason.INVALID_SPEC:
        return ()
    return (
        *([watched] if (watched := monitoring_active(situation, spec, decision)) else []),
        *([scaled] if (scaled := scaling_active(situation, spec, decision)) else []),
    )


def _kstatus(found: Verdict) -> tuple[Finding, ...]:
    ready = Finding(type=ConditionType.READY, status=found.ready, reason=found.reason, message=found.message)
    if found.ready:
        return (ready,)
    other = ConditionType.STALLED if found.stalled else ConditionType.RECONCILING
    return (ready, Finding(type=other, status=True, reason=found.reason, message=found.message))


def verdict(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Verdict:
    """Whether the spec is carried out, and what stands in the way: the first that applies."""
    checks = (_refused, _impossible, _rolled_back, _on_trial, _candidate_waits, _stable_incomplete)
    found = next((found for check in checks if (found := check(situation, decision)) is not None), None)
    if found is None:
        return _serves(spec, decision)
    # Whoever reads that something is in the way wants to know how much of production is left meanwhile.
    told = with_pods(situation, spec, decision) if decision.candidate or decision.failed else ""
    return replace(found, message=found.message + told)


Check = Callable[[Situation, Decision], Verdict | None]


def _refused(situation: Situation, decision: Decision) -> Verdict | None:
    # What a name means by now is asked beside: nothing rests on the answer.
    beside = (*KINDS, *(() if decision.problem else (JOB.kind,)))
    refusals = [each for each in situation.refusals if each.kind not in beside]
    if not refusals:
        return None
    first = refusals[0]
    more = f" (and {len(refusals) - 1} more)" if len(refusals) > 1 else ""
    message = f"{first.kind} {first.name} cannot be written: {first.message}{more}"
    return Verdict(ready=False, reason=first.reason, message=message, stalled=True)


def _impossible(situation: Situation, decision: Decision) -> Verdict | None:
    if decision.problem is None:
        return None
    serves = f"; {decision.stable.name} goes on serving" if decision.stable else ""
    message = decision.problem.message + serves
    stalled = not decision.problem.passing
    return Verdict(ready=False, reason=decision.problem.reason, message=message, stalled=stalled)


def _rolled_back(situation: Situation, decision: Decision) -> Verdict | None:
    if decision.failed is None:
        return None
    serves = f"; {decision.stable.name} serves" if decision.stable else ""
    message = (
        f"{decision.failed.revision} was rolled back: {decision.failed.message}{serves}; change the spec, or retry it"
    )
    return Verdict(ready=False, reason=Reason.ROLLED_BACK, message=message, stalled=True)


def _on_trial(situation: Situation, decision: Decision) -> Verdict | None:
    """What holds a canary is no trouble of its pods; how long it may last is said by the evidence."""
    if decision.phase not in ON_TRIAL or decision.judged is None or decision.wait is None:
        return None
    weight = f" with {100 * decision.share:.3g} % of the traffic" if decision.share else ""
    serves = f"; {decision.stable.name} serves the rest" if decision.stable else ""
    message = f"{decision.wait.message}{weight}{serves}"
    stalled = decision.overdue or decision.wait.reason in TAKES_A_PERSON
    return Verdict(ready=False, reason=decision.wait.reason, message=message, stalled=stalled)


def _candidate_waits(situation: Situation, decision: Decision) -> Verdict | None:
    if decision.candidate is None or decision.wait is None:
        return None
    serves = f"; {decision.stable.name} goes on serving" if decision.stable else ""
    # What a canary waits for is not its fault, and its deadline does not run. Its Deployment does not know that.
    late = decision.phase != Phase.WAITING and past_deadline(situation, decision.candidate.name)
    return _waiting(situation, decision.candidate, decision.wait, serves, overdue=decision.overdue or late)


def _stable_incomplete(situation: Situation, decision: Decision) -> Verdict | None:
    if decision.stable is None:
        return None
    needed, serving = decision.stable_replicas, situation.serving_pods(decision.stable.name)
    if serving >= needed:
        return None
    reason = Reason.STARTING if serving else Reason.NOT_AVAILABLE
    wait = Wait(reason=reason, message=f"{serving} of {needed} replicas of {decision.stable.name} are available")
    late = past_deadline(situation, decision.stable.name)
    return _waiting(situation, decision.stable, wait, "", overdue=late)


def _waiting(situation: Situation, revision: Revision, wait: Wait, suffix: str, *, overdue: bool) -> Verdict:
    live = situation.deployment(revision.name)
    name = revision.name
    trouble = first_trouble(live, situation.pods_of(name), situation.hanging_pod(name), situation.progress_of(name))
    reason, message = wait.reason, wait.message
    if wait.reason in TAKES_A_PERSON:
        return Verdict(ready=False, reason=wait.reason, message=wait.message + suffix, stalled=True)
    if trouble is not None:
        reason, message = trouble.reason, f"{message}: {trouble.message}"
    if (evicted := last_eviction(situation, name)) is not None:
        message += f"; a pod before it was evicted: {quoted(evicted)}"
    if overdue:
        reason, message = Reason.PROGRESS_DEADLINE_EXCEEDED, f"past spec.rollout.progressDeadline, {message}"
    return Verdict(ready=False, reason=reason, message=message + suffix, stalled=overdue)


def _asked_by(spec: ModelDeploymentSpec) -> str:
    return "spec.replicas" if spec.autoscaling is None else "its autoscaler"


def _serves(spec: ModelDeploymentSpec, decision: Decision) -> Verdict:
    if decision.stable is None:  # cannot be: without a stable revision there is a candidate, or a problem
        return Verdict(ready=False, reason=Reason.NOT_AVAILABLE, message="no revision serves")
    if decision.stable_replicas == 0:
        message = f"{decision.stable.name} is scaled to zero, as {_asked_by(spec)} asks"
        return Verdict(ready=True, reason=Reason.SCALED_TO_ZERO, message=message)
    return Verdict(ready=True, reason=Reason.SERVING, message=f"{decision.stable.name} serves")


def available(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Finding:
    """Whether production is served, by whichever revision."""
    serving = decision.serving
    if any(refusal.kind == SERVICE.kind and refusal.name == situation.identity.name for refusal in situation.refusals):
        return _available(False, Reason.NOT_AVAILABLE, f"Service {situation.identity.name} cannot be written")
    name = serving.name if serving is not None else _cannot_be_stopped(situation)
    if name is not None and situation.serving_pods(name) > 0:
        return _available(True, Reason.SERVING, f"{name} serves")
    if serving is not None and decision.replicas == 0 and spec.autoscaling is None:
        return _available(False, Reason.SCALED_TO_ZERO, "spec.replicas is 0")
    if serving is not None and decision.replicas == 0 and situation.asked_pods(serving.name) == 0:
        return _available(False, Reason.SCALED_TO_ZERO, "its autoscaler asks for no pod")
    return _available(False, Reason.NOT_AVAILABLE, "no pod is ready to serve")


def _cannot_be_stopped(situation: Situation) -> str | None:
    """The revision that clients still reach, since its Deployment may not be deleted (Recreate)."""
    refused = {refusal.name for refusal in situation.refusals if refusal.kind == DEPLOYMENT.kind}
    selected = situation.selected()
    return selected if selected in refused else None


def traffic_routed(situation: Situation, spec: ModelDeploymentSpec) -> Finding | None:
    """Whether the Gateway sends traffic as it was decided; None for a model without one."""
    if spec.traffic is None:
        return None
    pending = traffic_of(spec).pending(situation)
    reason, message = (pending.reason, pending.message) if pending else (Reason.ROUTED, "the Gateway takes the route")
    return Finding(type=ConditionType.TRAFFIC_ROUTED, status=pending is None, reason=reason, message=message)


def _available(status: bool, reason: Reason, message: str) -> Finding:
    return Finding(type=ConditionType.AVAILABLE, status=status, reason=reason, message=message)
