"""A revision on its way beside the stable one: who runs, with how many pods, and who gets which part of the traffic."""

from datetime import timedelta

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.phases import ON_TRIAL
from fairlead.api.reasons import Phase
from fairlead.api.revision import Revision
from fairlead.decision import Decision, Wait
from fairlead.evidence.judgement import Judged
from fairlead.rollout.capacity import goal_on_trial, in_its_place, swaps
from fairlead.rollout.draining import draining
from fairlead.rollout.serving import abandoned, phase_of
from fairlead.rollout.size import kept_replicas, wanted_replicas
from fairlead.rollout.stable import stable_since
from fairlead.situation import Situation
from fairlead.traffic.choice import traffic_of

TICK = timedelta(seconds=5)


def on_the_way(
    situation: Situation,
    spec: ModelDeploymentSpec,
    stable: Revision,
    wanted: Revision,
    *,
    phase: Phase,
    wait: Wait,
    judged: Judged | None = None,
    goal: int | None = None,
) -> Decision:
    """A revision that is wanted, beside the one that serves: both run, and `judged` says how traffic is shared.

    `goal` is how many pods it is to have; where that is None, `judged` says so, too.
    """
    needed = wanted_replicas(spec, situation, stable)
    serving, trying = situation.serving_pods(stable.name), situation.serving_pods(wanted.name)
    others = situation.deployed_revisions() - {stable.name, wanted.name}
    old = draining(situation, spec, keep_out={stable.name, wanted.name}, guarded=False)
    weight = judged.weight if judged is not None else 0.0
    tried = phase in ON_TRIAL and not others
    decision = Decision(
        phase=phase,
        replicas=needed,
        stable_replicas=kept_replicas(situation, stable, needed),
        stable=stable,
        stable_since=stable_since(situation, stable),
        candidate=wanted,
        candidate_replicas=_pods(situation, spec, stable, wanted, weight) if goal is None else goal,
        share=traffic_of(spec).share(weight, trying, serving, needed) if tried else 0.0,
        draining=(*old, *abandoned(situation, spec, {stable.name, wanted.name, *(each.revision.name for each in old)})),
        judged=judged,
        wait=wait,
        look_again=TICK,
    )
    if not swaps(spec):
        return decision
    # Once it is written down that it takes over, traffic follows its pods.
    may_have = 1.0 if phase == Phase.PROMOTING == phase_of(situation, wanted) else weight
    aim = goal_on_trial(situation, spec, needed, wanted, weight) if goal is None else goal
    return in_its_place(situation, spec, decision, aim, may_have if tried else None)


def _pods(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision, weight: float) -> int:
    """How many pods a canary has on trial: as its weight asks, never fewer than it has, never more than it may have.

    Counted by the pods that the stable revision is to have: one that is away for a moment is no reason to scale.
    """
    needed, beside = wanted_replicas(spec, situation, stable), situation.asked_pods(stable.name)
    if weight <= 0:
        return 1  # one that served before may still have many pods
    traffic = traffic_of(spec)
    most = traffic.pods(spec.rollout.max_weight / 100, beside, needed)
    return min(max(traffic.pods(weight, beside, needed), situation.asked_pods(wanted.name)), most)
