"""What a plan means for people: which objects change, which pods start or restart, and what they need."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from fairlead.api.kinds import DEPLOYMENT, JOB, kind_of
from fairlead.api.modeldeployment import ModelDeployment, ModelDeploymentSpec
from fairlead.api.phases import ON_TRIAL
from fairlead.api.quantity import quantity_value
from fairlead.api.reasons import Phase, Reason
from fairlead.api.revision import Revision
from fairlead.api.status import RolloutStatus, StableStatus, Status
from fairlead.apply.difference import difference
from fairlead.desired.revision import lookup_of, wanted_revision
from fairlead.plan import Apply, Delete, Plan, Scale
from fairlead.rollout.untried import AS_SOON_AS_IT_CAN, needs_no_trial
from fairlead.situation import Situation, revision_named


def foresight(situation: Situation, spec: ModelDeploymentSpec, plan: Plan, anyway: Plan | None = None) -> str:
    """The first thing that the operator would do, and where it leads.

    `anyway` is what it would do with the ModelDeployment as it is: that is no consequence of the file.
    """
    identity, told = situation.identity, Status.model_validate(plan.status)
    lines = [f"ModelDeployment {identity.name} in namespace {identity.namespace}", ""]
    lines += [f"  {line}" for line in _rollout(situation, spec, plan, told)]
    due = set(_changes(situation, anyway)) if anyway is not None else set()
    changes = [line for line in _changes(situation, plan) if line not in due]
    lines += ["", *(f"  {line}" for line in changes or ("no object changes",))]
    return "\n".join(lines) + "\n"


def _rollout(situation: Situation, spec: ModelDeploymentSpec, plan: Plan, told: Status) -> Iterator[str]:
    rollout, stable = told.rollout, told.stable
    before = situation.status.rollout if situation.status else None
    coming = rollout.revision if rollout else None
    if before is not None and before.revision is not None and before.revision != coming:
        yield f"{before.revision}, which is on its way, is given up."
    if rollout is not None and (rollout.phase == Phase.HELD or told.failed is not None) and coming is None:
        yield next(found.message for found in told.conditions if found.type == "Ready")
        return
    ready = next(found for found in told.conditions if found.type == "Ready")
    if coming is None and ready.reason == Reason.RESOLVING:
        yield f"A new revision will be made once it is known what model.uri means now: {ready.message}."
        return
    if coming is None:
        serves = stable.revision if stable else "nothing"
        yield f"No new revision: {serves} serves, and no pod restarts."
        return
    started = _deployment(plan, coming) or _to_come(situation, coming)
    new = coming not in situation.deployed_revisions()
    version = (started.get("metadata", {}).get("labels") or {}).get("app.kubernetes.io/version")
    named = f"{coming} (version {version})" if version else coming
    if rollout is not None and rollout.phase in ON_TRIAL and before is not None and before.revision == coming:
        yield f"Goes on with the revision {named}. {_on_trial(rollout, stable)}"
        return
    yield f"{'Starts' if new else 'Goes on with'} the revision {named}. {_way(spec, told, situation)}"
    yield from _needs(spec, started, told)


def _on_trial(rollout: RolloutStatus, stable: StableStatus | None) -> str:
    """Of one that is tried already: what the evidence will make of it nobody knows."""
    beside = f" beside {stable.revision}" if stable else ""
    weight = f" with {rollout.weight} % of the traffic" if rollout.weight is not None else ""
    return f"It is on trial{beside}{weight} ({rollout.phase}), and goes on as the evidence allows."


def _way(spec: ModelDeploymentSpec, told: Status, situation: Situation) -> str:
    """How it takes over."""
    rollout, stable = spec.rollout, told.stable
    pods = _number(spec)
    if rollout.strategy == "Recreate" and situation.deployed_revisions():
        return "The old pods are stopped first: nothing is served until the new ones are available (Recreate)."
    if stable is None:
        return f"Nothing serves yet: it takes the traffic as soon as its {pods} are available."
    if rollout.strategy == "BlueGreen":
        return f"It takes over from {stable.revision} when {pods} are available and answer (BlueGreen)."
    if _has_served(situation, spec, stable.revision, told):
        return f"It takes over from {stable.revision} when {pods} are available and answer: it needs no trial."
    where = f"in the place of one of {stable.revision}'s" if rollout.capacity == "Swap" else f"beside {stable.revision}"
    first = f"{rollout.steps[0].weight} % of the traffic" if rollout.steps else "traffic as the evidence allows"
    approval = ", and a person has approved it" if rollout.approval.required else ""
    gate = spec.rollout.error_budget
    once = f" once {gate.min_remaining} % of each error budget is left" if gate else ""
    then = f"gets {first}, and takes over when the evidence is for it{approval} (Canary)."
    return f"It starts with one pod {where}{once}, {then}"


def _has_served(situation: Situation, spec: ModelDeploymentSpec, stable: str, told: Status) -> bool:
    """Whether it is the way back, of which no trial is asked."""
    coming = revision_named(situation.revisions, told.rollout.revision if told.rollout else None)
    serves = revision_named(situation.revisions, stable)
    if coming is None or serves is None:
        return False
    return needs_no_trial(situation, spec, serves, coming) in AS_SOON_AS_IT_CAN


def _needs(spec: ModelDeploymentSpec, deployment: Mapping[str, Any], told: Status) -> Iterator[str]:
    """Accelerators, which are what is scarce."""
    per_pod = _accelerators(deployment)
    if not per_pod:
        return
    beside = " beside those of the old revision" if told.stable and spec.rollout.strategy != "Recreate" else ""
    if spec.rollout.capacity == "Swap":
        beside = ", which it takes over from the old revision" if told.stable else ""
    for name, amount in per_pod.items():
        all_of_them = "" if spec.autoscaling else f", {_plain(amount * (spec.replicas or 1))} for all of its pods"
        yield f"Each pod needs {_plain(amount)} {name}{all_of_them}{beside}."


def _accelerators(deployment: Mapping[str, Any]) -> dict[str, Fraction]:
    """Extended resources of one pod: they alone have a domain in their name."""
    found: dict[str, Fraction] = {}
    for container in (((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or ():
        asked = container.get("resources") or {}
        amounts = {**(asked.get("limits") or {}), **(asked.get("requests") or {})}
        for name, amount in amounts.items():
            if "/" in name:
                found[name] = found.get(name, Fraction(0)) + Fraction(quantity_value(amount))
    return found


def _plain(amount: Fraction) -> str:
    return f"{float(amount):g}"


def _number(spec: ModelDeploymentSpec) -> str:
    if spec.autoscaling is not None:
        return "as many pods as the old revision has"
    wanted = 1 if spec.replicas is None else spec.replicas
    return f"{wanted} pod" if wanted == 1 else f"{wanted} pods"


def _deployment(plan: Plan, revision: str) -> Mapping[str, Any]:
    found = (step.manifest for step in plan.steps if isinstance(step, Apply))
    return next((each for each in found if kind_of(each) == DEPLOYMENT and each["metadata"]["name"] == revision), {})


def _to_come(situation: Situation, revision: str) -> Mapping[str, Any]:
    """The Deployment of a revision that waits for others to end, as far as it is known."""
    model = situation.model
    wanted = (
        wanted_revision(situation, model, lookup_of(situation, model)) if isinstance(model, ModelDeployment) else None
    )
    if not isinstance(wanted, Revision) or wanted.name != revision:
        return {}
    template = wanted.snapshot.template
    return {"metadata": template["metadata"], "spec": {"template": template}}


def _changes(situation: Situation, plan: Plan) -> Iterator[str]:
    """One line for every object that the first step changes."""
    for step in plan.steps:
        match step:
            case Apply(manifest=manifest):
                kind, name = kind_of(manifest), manifest["metadata"]["name"]
                if kind == JOB:
                    continue  # it only looks up where a reference leads, and is gone then
                live = situation.child(kind, name)
                differs = difference(manifest, live) if live is not None else None
                if live is None:
                    yield f"+ {kind.kind} {name}{_with_pods(plan, name) if kind == DEPLOYMENT else ''}"
                elif differs is not None:
                    restarts = ": its pods restart" if differs.startswith("spec.template") else ""
                    yield f"~ {kind.kind} {name} ({differs}){restarts}"
            case Scale(deployment=name, replicas=replicas):
                now = situation.asked_pods(name)
                if situation.deployment(name) is not None and now != replicas:
                    yield f"~ Deployment {name} (from {now} to {replicas} pods)"
            case Delete(kind=kind, name=name) if kind != JOB:
                yield f"- {kind.kind} {name}"


def _with_pods(plan: Plan, deployment: str) -> str:
    scaled = (step.replicas for step in plan.steps if isinstance(step, Scale) and step.deployment == deployment)
    number = next(scaled, 1)
    return f" ({number} {'pod' if number == 1 else 'pods'})"
