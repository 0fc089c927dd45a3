"""work.py: one pass over one model."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from fairlead.api.reasons import Phase, Reason
from fairlead.apply.execute import rests_on, traffic
from fairlead.cluster.errors import Refused
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.rollout_metrics import Standing
from fairlead.plan import Apply, Event, LogLine, Plan, Step
from fairlead.reconcile import reconcile
from fairlead.situation import Identity, Refusal, Situation
from fairlead.work import Worker, judged, standing
from unit.test_canary import on_trial, until_phase
from world import World

ACCOUNT = Refusal(kind="ServiceAccount", name="fraud", reason=Reason.NAME_TAKEN, message="the name is taken")
KEY = ("risk", "fraud")


@dataclass
class Hands:
    """Observer and writer of a small world, in which the name of the ServiceAccount is taken."""

    world: World
    written: list[Plan] = field(default_factory=list)

    def look(self, key: object) -> Situation:
        return self.world.look()

    def keep(self, key: object, trial: object) -> None:
        """There are no trials here."""

    async def carry_out(self, steps: tuple[Step, ...], identity: Identity) -> tuple[Refusal, ...]:
        refusals: list[Refusal] = []
        for step in steps:
            if isinstance(step, Apply) and step.manifest["kind"] == ACCOUNT.kind:
                refusals.append(ACCOUNT)
            elif not rests_on(step, refusals, traffic(steps)):
                self.world.step(step)
        return tuple(refusals)

    async def write_status(self, plan: Plan, identity: Identity) -> bool:
        self.world.status = plan.status
        self.written.append(plan)
        return True

    def log(self, lines: tuple[LogLine, ...]) -> None:
        """Nobody reads."""

    async def tell(self, events: tuple[Event, ...], identity: Identity, now: object) -> None:
        """Nobody listens."""


def draining() -> World:
    world = World()
    world.settle()
    world.change(model={"uri": "pvc://models/fraud", "version": "2"})
    world.reconcile()
    world.run_pods()
    world.reconcile()
    return world


async def test_what_waits_for_its_time_does_not_wait_for_what_is_refused():
    hands = Hands(draining())
    with pytest.raises(Refused) as raised:
        await Worker(hands, hands, Metrics().rollouts)(KEY)  # type: ignore[arg-type]
    assert raised.value.look_again == timedelta(seconds=30)
    assert hands.world.condition("Stalled")["reason"] == "NameTaken"


async def test_one_lasting_refusal_does_not_keep_old_revisions_alive():
    hands = Hands(draining())
    hands.world.now += timedelta(seconds=30)
    with pytest.raises(Refused) as raised:
        await Worker(hands, hands, Metrics().rollouts)(KEY)  # type: ignore[arg-type]
    assert raised.value.look_again is None
    assert hands.world.deployments() == {hands.world.serving()}


def test_what_is_told_of_a_rollout_is_its_phase_and_how_old_its_evidence_is():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(3)
    seen = world.look()
    plan = reconcile(seen)
    assert standing(plan) == Standing(phase=Phase.JUDGING, evidence=world.now)
    assert not judged(seen, plan), "it was judged at the last look"
    until_phase(world, "Stable")
    assert standing(reconcile(world.look())) == Standing(phase=Phase.STABLE)


def test_a_trial_that_cannot_begin_has_had_no_evidence_since_its_phase_began():
    world = on_trial()
    world.cut = True
    until_phase(world, "Judging")
    began = world.now
    world.tick(10)
    assert standing(reconcile(world.look())) == Standing(phase=Phase.JUDGING, evidence=began)
