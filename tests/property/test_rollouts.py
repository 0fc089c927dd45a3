"""Whatever happens, in whatever order: users are served, and things come to rest where the spec wants them."""

from copy import deepcopy
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fairlead.api.kinds import CONTROLLER_REVISION, DEPLOYMENT, SERVICE
from fairlead.reconcile import reconcile
from world import RUNTIME, World, a_model

VERSIONS = st.sampled_from(["1", "2", "3"])
DRAIN = timedelta(seconds=30)


def with_version(version: str) -> dict[str, str]:
    return {"uri": "pvc://models/fraud", "version": version}


class Rollouts(RuleBasedStateMachine):
    """People, kubelet and crashes against the core. BlueGreen: once a model serves, it serves for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.served = False

    @initialize(replicas=st.integers(1, 3))
    def create(self, replicas: int) -> None:
        self.world = World(a_model(replicas=replicas, rollout={"drain": "30s"}))

    @rule(version=VERSIONS)
    def change_the_model(self, version: str) -> None:
        self.world.change(model=with_version(version))

    @rule(replicas=st.integers(1, 3))
    def change_replicas(self, replicas: int) -> None:
        self.world.change(replicas=replicas)

    @rule()
    def look(self) -> None:
        self.world.reconcile()

    @rule(steps=st.integers(0, 12))
    def crash_in_the_middle(self, steps: int) -> None:
        self.world.reconcile(stop_after=steps)

    @rule()
    def pods_come_and_go(self) -> None:
        self.world.run_pods()

    @rule(seconds=st.sampled_from([1, 10, 40]))
    def wait(self, seconds: int) -> None:
        self.world.now += timedelta(seconds=seconds)

    @rule(broken=st.booleans(), silent=st.booleans())
    def the_newest_is_bad(self, broken: bool, silent: bool) -> None:
        newest = self.world.deployments() - {self.world.serving()}
        self.world.broken = newest if broken else set()
        self.world.silent = newest if silent else set()

    @precondition(lambda self: self.served)
    @rule()
    def status_is_lost(self) -> None:
        self.world.status = None

    @rule(image=st.sampled_from(["a", "b", None]))
    def the_runtime_changes(self, image: str | None) -> None:
        spec = {**RUNTIME["spec"], "image": f"registry.example/{image}:1"}
        self.world.runtime = {**RUNTIME, "spec": spec} if image else None

    @rule(data=st.data())
    def somebody_deletes_a_child(self, data: st.DataObject) -> None:
        # The Deployment and the Service that serve are left out: nothing helps whoever deletes these.
        serving = {(DEPLOYMENT, self.world.serving()), (SERVICE, "fraud")}
        others = [key for key in self.world.children if key not in serving]
        if others:
            del self.world.children[data.draw(st.sampled_from(sorted(others, key=str)))]

    @invariant()
    def users_are_served(self) -> None:
        available = self.world.ready(self.world.serving()) > 0
        self.served = self.served or available
        assert available or not self.served, "the Service selects a revision that has no pod"

    @invariant()
    def the_same_look_gives_the_same_plan_and_changes_nothing(self) -> None:
        situation = self.world.look()
        before = deepcopy(situation)
        assert reconcile(situation) == reconcile(situation)
        assert situation == before

    def teardown(self) -> None:
        self.world.broken, self.world.silent, self.world.runtime = set(), set(), RUNTIME
        self.world.settle()
        wanted = self.world.model["spec"]["model"]["version"]
        status = self.world.status
        assert status is not None
        assert self.world.condition("Ready")["status"] == "True"
        assert status["stable"]["modelVersion"] == wanted
        assert self.world.deployments() == {self.world.serving()}, "nothing else is left running"
        plan = self.world.reconcile()
        before = deepcopy(self.world.children)
        assert not any(self.world.step(step) for step in plan.steps), "a quiet model is written to"
        assert self.world.children == before
        assert plan.status == status


TestRollouts = Rollouts.TestCase
TestRollouts.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(crash=st.integers(0, 14), first=VERSIONS, second=VERSIONS)
@settings(max_examples=60, deadline=None)
def test_a_crash_after_any_write_ends_in_the_same_state(crash: int, first: str, second: str):
    def run(crashing: bool) -> World:
        world = World(a_model(version=first))
        if crashing:
            world.reconcile(stop_after=crash)
        world.settle()
        world.change(model=with_version(second))
        for _ in range(3):
            world.reconcile(stop_after=crash if crashing else None)
            world.run_pods()
        world.settle()
        return world

    def outcome(world: World) -> object:
        names = sorted((kind.kind, name) for kind, name in world.children if kind != CONTROLLER_REVISION)
        return names, world.serving(), (world.status or {})["stable"]["revision"]

    assert outcome(run(crashing=True)) == outcome(run(crashing=False))
