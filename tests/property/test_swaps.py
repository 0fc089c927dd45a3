"""Canaries without a spare place, whatever happens: nobody asks for more than there is, and enough goes on serving."""

from typing import Any, ClassVar

import hypothesis.strategies as st
from hypothesis.stateful import rule

from canary_world import CanaryWorld
from fairlead.rollout.capacity import bound
from property.test_canaries import NOBODY_KNOWS, OFTEN, BehindAGateway, Canaries
from swap_world import SwapWorld

ON_TRIAL = ("Starting", "Waiting", "Judging", "Held", "AwaitingApproval")


class Swaps(Canaries):
    """SwapWorld itself sees to it that no step takes a place that is not free."""

    ROLLOUT: ClassVar[dict[str, Any]] = {**Canaries.ROLLOUT, "capacity": "Swap"}
    world: SwapWorld

    def a_world(self, model: dict[str, Any]) -> CanaryWorld:
        return SwapWorld(model=model)

    @rule(replicas=st.sampled_from([0, 2, 3, 4, 6, 24]))
    def scaled(self, replicas: int) -> None:
        self.world.change(replicas=replicas)

    @rule(ticks=st.integers(1, 8))
    def pods_take_their_time(self, ticks: int) -> None:
        self.world.ends_after = ticks

    @rule()
    def a_node_dies_or_comes_back(self) -> None:
        """Pods that are to end do not, and nobody knows whether they still have what the next one needs."""
        self.world.stuck = not self.world.stuck

    @rule(after=st.integers(0, 12))
    def the_operator_crashes(self, after: int) -> None:
        self.world.run_pods()
        self.world.reconcile(stop_after=after)
        self.world.restart()
        self.wanted = NOBODY_KNOWS

    @rule()
    def it_looks_twice(self) -> None:
        """Before any controller has carried out what was asked for at the first look."""
        self.world.reconcile()
        self.world.reconcile()
        self.wanted = NOBODY_KNOWS

    def tick(self) -> None:
        before = dict(self.world.rollout)
        pods = self.of_canary()
        super().tick()
        self.enough_is_left()
        if before.get("revision") == self.world.rollout.get("revision"):
            self.no_more_than_a_trial_may_cost(pods)

    def nobody_is_passed_over(self, before: dict[str, object]) -> None:
        """What goes back to the revision before needs no trial, and no approval, but time for its pods to move over."""
        if "has served before" not in self.world.condition("Ready")["message"]:
            super().nobody_is_passed_over(before)

    def enough_is_left(self) -> None:
        """No more places are empty than may be between two revisions, and the stable one always has a pod."""
        needed = self.world.needed()
        assert len(self.world.pods()) >= needed - bound(needed)
        stable = (self.world.status or {})["stable"]["revision"]
        assert self.pods_of(stable) >= min(1, needed) or self.world.available()

    def no_more_than_a_trial_may_cost(self, before: int) -> None:
        if self.world.rollout.get("phase") in ON_TRIAL:
            most = max(1, self.world.needed() * 25 // 100)
            assert self.of_canary() <= max(before, most)

    def of_canary(self) -> int:
        revision = self.world.rollout.get("revision")
        return self.pods_of(revision) if revision in self.world.deployments() else 0

    def stable_keeps_its_pods(self, stable: str, before: int) -> None:
        """It gives some up: see above how many."""

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.stuck, self.world.ends_after = False, 2
        if self.world.needed() == 0:
            self.world.change(replicas=4)
        super().teardown()


class SwapsBehindAGateway(BehindAGateway, Swaps):
    """The same with an HTTPRoute."""

    SPEC: ClassVar[dict[str, Any]] = {"traffic": {"gateway": {"name": "public"}}}

    @rule(replicas=st.sampled_from([2, 3, 4, 6, 24]))
    def scaled(self, replicas: int) -> None:
        """Never to none: what is asked of nobody is lost."""
        self.world.change(replicas=replicas)


TestSwaps = Swaps.TestCase
TestSwaps.settings = OFTEN
TestSwapsBehindAGateway = SwapsBehindAGateway.TestCase
TestSwapsBehindAGateway.settings = OFTEN
