"""work.py: one pass over one model."""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from fairlead.api.reasons import Phase, Reason
from fairlead.apply.execute import rests_on, traffic
from fairlead.cluster.errors import Refused
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.rollout_metrics import Standing, Verdict
from fairlead.plan import Apply, Event, LogLine, Plan, Step
from fairlead.reconcile import reconcile
from fairlead.situation import Identity, Refusal, Situation
from fairlead.work import Worker, judged, standing
from unit.test_canary import on_trial, until_phase
from world import START, World

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
    told = standing(seen, plan)
    assert (told.phase, told.reason, told.evidence) == (Phase.JUDGING, Reason.ON_TRIAL, world.now)
    assert not judged(seen, plan), "it was judged at the last look"
    until_phase(world, "Stable")
    assert (stands(world).phase, stands(world).reason, stands(world).evidence) == (Phase.STABLE, Reason.SERVING, None)


def test_the_last_decision_is_told_by_whoever_looks():
    """From the status, so that a replica that begins to lead knows it, too."""
    world = on_trial()
    until_phase(world, "Guarding")
    decided, revision = world.now, world.serving()
    until_phase(world, "Stable")
    assert stands(world).verdict == Verdict(
        time=decided, revision=revision or "", outcome="Promoted", reason="EvidenceFor"
    )


def test_an_order_is_no_decision():
    world = on_trial()
    until_phase(world, "Judging")
    world.order("pause", world.rollout["revision"])
    world.tick()
    assert [each["outcome"] for each in (world.status or {})["history"]] == ["Paused"]
    assert stands(world).verdict is None


def test_a_trial_that_cannot_begin_has_had_no_evidence_since_its_phase_began():
    world = on_trial()
    world.cut = True
    until_phase(world, "Judging")
    began = world.now
    world.tick(10)
    assert (stands(world).phase, stands(world).evidence) == (Phase.JUDGING, began)


def test_a_rollout_is_stuck_when_it_is_longer_in_its_phase_than_the_spec_gives_it():
    world = on_trial()
    until_phase(world, "Judging")
    began = world.now
    assert stands(world).stuck == began + timedelta(hours=1)
    world.order("pause", world.rollout["revision"])
    world.tick()
    assert stands(world).stuck is None, "a person wants it so"


def test_one_that_does_not_get_the_pods_to_take_over_is_stuck_after_the_deadline():
    world = on_trial()
    until_phase(world, "Judging")
    world.scarce = {world.rollout["revision"]: 3}
    until_phase(world, "Promoting")
    began = world.now
    world.tick(200)
    told = stands(world)
    assert (told.phase, told.reason) == (Phase.PROMOTING, Reason.STARTING)
    assert told.stuck == began + timedelta(minutes=10)


def test_what_is_held_is_stuck_from_then_on():
    world = on_trial(rollout={"maxDuration": "10m"})
    world.cut = True
    until_phase(world, "Held")
    held = world.now
    world.tick(10)
    assert (stands(world).reason, stands(world).stuck) == (Reason.INCONCLUSIVE, held)


def test_what_cannot_be_made_is_stuck():
    world = World(runtime=None)
    world.settle()
    told = stands(world)
    assert (told.phase, told.reason, told.stuck) == (Phase.HELD, Reason.RUNTIME_NOT_FOUND, START)


def test_what_cannot_be_read_is_stuck():
    world = World()
    world.model["spec"]["replicas"] = "many"
    world.settle()
    assert stands(world) == Standing(phase=Phase.HELD, reason=Reason.INVALID_SPEC, stuck=START)


def test_what_was_rolled_back_is_not_stuck():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    assert (stands(world).phase, stands(world).stuck) == (Phase.ROLLED_BACK, None)


def test_who_is_asked_for_an_approval_is_known_to_be_asked():
    world = on_trial(rollout={"approval": {"required": True}})
    until_phase(world, "AwaitingApproval")
    asked = world.now
    world.tick(10)
    assert (stands(world).asked, stands(world).stuck) == (asked, None)


def test_a_pause_is_as_old_as_its_order_or_as_its_phase():
    world = on_trial()
    until_phase(world, "Judging")
    began = world.now
    world.change(rollout={"strategy": "Canary", "paused": True})
    world.tick(3)
    assert stands(world).asked == began
    world.change(rollout={"strategy": "Canary"})
    world.order("pause", world.rollout["revision"])
    world.tick()
    ordered = world.now
    world.tick(10)
    assert stands(world).asked == ordered


def stands(world: World) -> Standing:
    """How the model stands at this look."""
    seen = world.look()
    return standing(seen, reconcile(seen))
