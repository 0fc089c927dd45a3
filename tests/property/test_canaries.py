"""Canaries under traffic, whatever happens to them and in whatever order: what must hold at every look."""

from typing import Any, ClassVar

import hypothesis
import hypothesis.strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from canary_world import KEY, MEASURED, CanaryWorld, a_canary, selects, version_of
from fairlead.api import names
from fairlead.api.kinds import DEPLOYMENT, HTTP_ROUTE, SCALED_OBJECT, SERVICE
from fairlead.api.orders import Action
from fairlead.api.parse import Invalid
from fairlead.api.phases import MOVES, may_follow
from fairlead.api.reasons import Phase
from fairlead.evidence.findings import findings
from fairlead.evidence.trial import Trial
from fairlead.evidence.verdict import SUSPICIOUS
from fairlead.reconcile import reconcile
from fairlead.site import Site
from fairlead.situation import ErrorBudget

PLENTY, SPENT = (ErrorBudget(left={"availability": left, "latency": left}) for left in (0.5, 0.01))
VERSIONS = st.sampled_from(["1", "2", "3"])
SHARES = st.sampled_from([0.0, 0.002, 0.02, 0.3])
DECIDED = ("Promoting", "RolledBack")
BY_HAND = {"Aborted", "PromotedByHand", "Ordered"}
HELD_MOVES = {(move.before, move.after) for move in MOVES}


NONSENSE = "nonsense"
NOBODY_KNOWS = ("?", "?")
"""What a look outside of the ticks has seen: the tick after it may see another wish again."""


class Canaries(RuleBasedStateMachine):
    """One model, its traffic, and people who change their minds."""

    ROLLOUT: ClassVar[dict[str, Any]] = {"guard": "15s", "drain": "10s", "minDuration": "30s"}
    SPEC: ClassVar[dict[str, Any]] = {}

    @initialize(approval=st.booleans(), longest=st.sampled_from(["2m", "1h"]))
    def served(self, approval: bool, longest: str) -> None:
        rollout = {**self.ROLLOUT, "maxDuration": longest, "approval": {"required": approval}}
        self.world = self.a_world(a_canary(**self.SPEC, rollout=rollout))
        self.world.settle()
        self.world.tick(3)
        self.wanted = self.asked()
        self.abort_orders, self.aborted = 0, 0
        self.before: dict[str, Any] = {}
        self.decided: set[tuple[str, ...]] = set()
        self.another_version("2")

    def a_world(self, model: dict[str, Any]) -> CanaryWorld:
        return CanaryWorld(model=model)

    @rule(version=VERSIONS)
    def another_version(self, version: str) -> None:
        self.world.change(model={"uri": "pvc://models/fraud", "version": version})

    @rule(version=VERSIONS, share=SHARES)
    def errors(self, version: str, share: float) -> None:
        self.world.bad[version] = share

    @rule(version=VERSIONS, share=SHARES)
    def slowness(self, version: str, share: float) -> None:
        self.world.slow[version] = share

    @rule(version=VERSIONS)
    def crashes(self, version: str) -> None:
        if version != self.stable_version():
            self.world.crashing ^= {version}

    @rule()
    def metrics_are_cut_or_come_back(self) -> None:
        self.world.cut = not self.world.cut

    @rule()
    def the_runtime_is_deleted_or_comes_back(self) -> None:
        """Without it no revision can be made that was not made before."""
        self.world.runtime = MEASURED if self.world.runtime is None else None

    @rule(part=st.sampled_from(["network", "slo", "replicas", None]))
    def the_spec_becomes_unreadable_or_readable(self, part: str | None) -> None:
        """A mistake that nobody has refused, somewhere in it."""
        put_right = {name: value for name, value in self.world.model["spec"].items() if value != NONSENSE}
        self.world.model["spec"] = {**self.before, **put_right}
        if part is not None:
            self.before = {part: self.world.model["spec"][part]} if part in self.world.model["spec"] else {}
            self.world.model["spec"][part] = NONSENSE
        self.world.model["metadata"]["generation"] += 1

    @rule(paused=st.booleans())
    def paused(self, paused: bool) -> None:
        rollout = self.world.model["spec"]["rollout"]
        self.world.change(rollout={**rollout, "paused": paused})

    @rule(action=st.sampled_from(Action), right=st.booleans(), when=st.integers(0, 59))
    def ordered(self, action: Action, right: bool, when: int) -> None:
        """Somebody orders something about a revision that is there, or was."""
        known = [self.world.rollout.get("revision"), (self.world.status or {}).get("failed", {}).get("revision")]
        name = next((each for each in known if each), None) if right else "fraud-00000000"
        value = f"{name or 'nonsense!'} at 2026-01-05T09:00:{when:02}Z by jane"
        there = self.world.model["metadata"].get("annotations", {}).get(f"fairlead.dev/{action}")
        self.abort_orders += action == Action.ABORT and value != there
        self.world.order(action, value)

    @rule(required=st.booleans())
    def approval(self, required: bool) -> None:
        rollout = self.world.model["spec"]["rollout"]
        if rollout["strategy"] == "Canary":
            self.world.change(rollout={**rollout, "approval": {"required": required}})

    @rule(
        gate=st.sampled_from([None, {"minRemaining": 10}, {"minRemaining": 10, "onUnknown": "Start"}]),
        budget=st.sampled_from([None, PLENTY, SPENT, ErrorBudget(unknown={"availability": "it is away"})]),
    )
    def error_budget(self, gate: dict[str, object] | None, budget: ErrorBudget | None) -> None:
        self.world.budget = budget
        rollout = {name: value for name, value in self.world.model["spec"]["rollout"].items() if name != "errorBudget"}
        if rollout["strategy"] == "Canary":
            self.world.change(rollout={**rollout, **({"errorBudget": gate} if gate else {})})

    @rule(steps=st.sampled_from([[], [{"weight": 5, "duration": "10s"}, {"weight": 25, "duration": "50s"}]]))
    def steps(self, steps: list[dict[str, object]]) -> None:
        rollout = self.world.model["spec"]["rollout"]
        if rollout["strategy"] == "Canary":
            self.world.change(rollout={**rollout, "steps": steps})

    @rule(missing=st.sampled_from(["Hold", "Rollback"]), longest=st.sampled_from(["2m", "1h"]))
    def what_ends_a_trial(self, missing: str, longest: str) -> None:
        rollout = self.world.model["spec"]["rollout"]
        self.world.change(rollout={**rollout, "onMissingEvidence": missing, "maxDuration": longest})

    @rule(replicas=st.integers(1, 6))
    def scaled(self, replicas: int) -> None:
        self.world.change(replicas=replicas)

    @rule(rate=st.sampled_from([0.0, 2.0, 50.0, 1000.0]))
    def traffic(self, rate: float) -> None:
        self.world.rate = rate

    @rule()
    def another_leader(self) -> None:
        self.world.restart()

    @rule(after=st.integers(0, 12))
    def the_operator_crashes(self, after: int) -> None:
        """Between two writes, or before it could write the status."""
        self.world.run_pods()
        self.world.reconcile(stop_after=after)
        self.world.restart()
        self.wanted = NOBODY_KNOWS

    @rule(ticks=st.integers(1, 12))
    def time(self, ticks: int) -> None:
        for _ in range(ticks):
            self.tick()

    @rule(version=VERSIONS, ticks=st.sampled_from([20, 60]))
    def another_version_and_time(self, version: str, ticks: int) -> None:
        """Chance alone would seldom bring a trial to its end."""
        self.another_version(version)
        self.time(ticks)

    def tick(self) -> None:
        before, stable = dict(self.world.rollout), (self.world.status or {})["stable"]["revision"]
        decided = (self.world.status or {})["history"]
        pods, deployed = self.pods_of(stable), self.world.deployments()
        trial = self.world.trials.latest(KEY, None)
        self.world.tick()
        new = [each for each in (self.world.status or {})["history"] if each not in decided]
        self.aborted += sum(each["reason"] == "Aborted" for each in new)
        assert self.aborted <= self.abort_orders, "an order is carried out once"
        self.nothing_is_decided_blindly(before)
        self.nobody_is_passed_over(before)
        self.nothing_is_tried_without_budget(before, deployed)
        self.phases_follow_each_other(before)
        self.what_nobody_can_read_gives_nobody_traffic()
        self.a_failing_canary_gains_nothing(trial)
        if self.world.rollout.get("phase") == before.get("phase") == "Judging":
            self.stable_keeps_its_pods(stable, pods)

    def stable_keeps_its_pods(self, stable: str, before: int) -> None:
        assert self.pods_of(stable) >= before, "nothing is taken from what serves while a canary is on trial"

    def nothing_is_decided_blindly(self, before: dict[str, object]) -> None:
        now = self.world.rollout
        on_trial = before.get("phase") == "Judging" and before.get("revision")
        if on_trial and self.world.cut and now.get("phase") in DECIDED:
            (last, *_) = (self.world.status or {})["history"]
            assert last["reason"] in {"ContainerFailing", "Inconclusive", "EvidenceMissing", *BY_HAND}, now

    def a_failing_canary_gains_nothing(self, before: Trial | None) -> None:
        """But for the least share, without which nothing would be learned."""
        now = self.world.trials.latest(KEY, None)
        if before is None or now is None or before.canary != now.canary or now.weight <= before.weight:
            return
        if float(findings(now.memory, now.terms).against) >= SUSPICIOUS:
            assert before.weight == 0, "evidence speaks against it, and its weight grows"

    def what_nobody_can_read_gives_nobody_traffic(self) -> None:
        """Whatever was on trial, and however it does: what serves has all of the traffic."""
        if not isinstance(self.world.look().model, Invalid):
            return
        status = self.world.status or {}
        assert "weight" not in status["rollout"], status
        selector = self.world.children[(SERVICE, "fraud")]["spec"]["selector"]
        assert selector.get(names.REVISION) == status["stable"]["revision"]
        if (route := self.world.children.get((HTTP_ROUTE, "fraud"))) is not None:
            (only,) = route["spec"]["rules"]
            assert [each["name"] for each in only["backendRefs"]] == [status["stable"]["revision"]]

    def nobody_is_passed_over(self, before: dict[str, object]) -> None:
        """What begins to take over has been approved, where that is asked for."""
        now = self.world.rollout
        required = self.world.model["spec"]["rollout"].get("approval", {}).get("required")
        if required and now.get("phase") == "Promoting" != before.get("phase"):
            assert "approved" in now, now

    def nothing_is_tried_without_budget(self, before: dict[str, Any], deployed: set[str]) -> None:
        """What gets its first pod has passed the gate, where there is one; with a spent budget a person wants that."""
        now, name = self.world.rollout, self.world.rollout.get("revision")
        asked = now.get("errorBudget") or {}
        gated = self.world.model["spec"]["rollout"].get("errorBudget") and "weight" not in before
        if gated and name in self.world.deployments() - deployed and before.get("revision") == name:
            assert asked.get("passed") or "not asked: " in asked.get("told", ""), now
        if asked.get("passed") != (before.get("errorBudget") or {}).get("passed") and self.world.budget == SPENT:
            assert not asked.get("passed") or "started it" in asked["told"], now

    def phases_follow_each_other(self, before: dict[str, object]) -> None:
        now = self.world.rollout
        was, on_its_way = Phase(str(before["phase"])), before.get("revision")
        if (self.world.condition("Ready") or {}).get("reason") == "InvalidSpec":
            return  # steps, say, which only a canary has: nothing is decided until that is put right
        if self.wanted != self.asked():
            self.wanted = self.asked()
            return  # another revision, or another way, begins from wherever
        assert may_follow(was, Phase(now["phase"])), (was, now)
        if was != now["phase"] and on_its_way and Phase.HELD in (was, now["phase"]):
            assert (was, now["phase"]) in HELD_MOVES, (was, now)

    @invariant()
    def decisions_are_remembered(self) -> None:
        if hasattr(self, "world"):
            history = (self.world.status or {})["history"]
            self.decided |= {(each["time"], each["outcome"], each["revision"]) for each in history}

    @invariant()
    def clients_are_served(self) -> None:
        """As long as the stable revision has a pod that is available, the Service selects one."""
        if not hasattr(self, "world"):
            return
        service = self.world.children[(SERVICE, "fraud")]
        stable = (self.world.status or {})["stable"]["revision"]
        if self.world.ready(stable):
            assert any(selects(service, pod) for pod in self.world.available())

    @invariant()
    def what_failed_has_no_traffic(self) -> None:
        if not hasattr(self, "world") or self.world.rollout.get("phase") != "RolledBack":
            return
        service = self.world.children[(SERVICE, "fraud")]
        stable = self.stable_version()
        assert {version_of(pod) for pod in self.world.available() if selects(service, pod)} <= {stable}

    @invariant()
    def the_same_look_gives_the_same_plan(self) -> None:
        if hasattr(self, "world"):
            look = self.world.look()
            first, again = reconcile(look), reconcile(look)
            assert (first.steps, first.status, first.look_again) == (again.steps, again.status, again.look_again)

    def teardown(self) -> None:
        """When nobody meddles any more and all is well, everything comes to an end."""
        if not hasattr(self, "world"):
            return
        self.world.cut = False
        self.world.runtime = MEASURED
        self.world.gateway = "Accepts"
        self.world.budget = PLENTY
        self.world.bad.clear()
        self.world.slow.clear()
        self.world.crashing.clear()
        self.world.rate = 500
        self.world.model["metadata"].pop("annotations", None)
        self.the_spec_becomes_unreadable_or_readable(None)
        self.tick()
        self.world.change(rollout=self.ROLLOUT)
        if "paused" in self.world.rollout:
            self.world.order("resume", str(self.world.rollout["revision"]))
        for _ in range(1200):
            self.tick()
            alone = len(self.world.deployments()) == 1 and self.world.rollout.get("phase") in ("Stable", "RolledBack")
            stable = (self.world.status or {})["stable"]["revision"]
            if alone and self.has_its_pods(stable):
                break
        else:
            raise AssertionError(f"it does not end: {self.world.rollout} {self.world.condition('Ready')}")
        self.world.reconcile()
        self.decisions_are_remembered()
        told = {
            tuple(line.fields[name] for name in ("decided", "outcome", "to"))
            for line in self.world.told
            if "decided" in line.fields
        }
        assert self.decided <= told, "a decision was lost with the process that made it"

    def asked(self) -> tuple[str, str]:
        """The version that the spec asks for, and its strategy."""
        spec = self.world.model["spec"]
        return spec["model"]["version"], spec["rollout"]["strategy"]

    def stable_version(self) -> str:
        return str((self.world.status or {})["stable"].get("modelVersion"))

    def has_its_pods(self, stable: str) -> bool:
        return self.pods_of(stable) == self.world.model["spec"]["replicas"]

    def pods_of(self, revision: str) -> int:
        return int(self.world.children[(DEPLOYMENT, revision)]["spec"]["replicas"])


class BehindAGateway:
    """An HTTPRoute, whose Gateway is away at times, and which somebody deletes."""

    world: CanaryWorld

    @rule()
    def the_gateway_goes_or_comes_back(self) -> None:
        self.world.gateway = "Accepts" if self.world.gateway == "Away" else "Away"

    @rule()
    def the_route_is_deleted(self) -> None:
        self.world.children.pop((HTTP_ROUTE, "fraud"), None)
        self.world.reconcile()
        self.wanted = NOBODY_KNOWS

    @invariant()
    def no_request_is_sent_to_nobody(self) -> None:
        if hasattr(self, "world"):
            assert self.world.lost == 0

    @invariant()
    def weights_add_up(self) -> None:
        if hasattr(self, "world") and (route := self.world.children.get((HTTP_ROUTE, "fraud"))):
            (only,) = route["spec"]["rules"]
            assert sum(each["weight"] for each in only["backendRefs"]) == 100

    @invariant()
    def what_failed_is_not_in_the_route(self) -> None:
        if hasattr(self, "world") and self.world.rollout.get("phase") == "RolledBack":
            (only,) = self.world.children[(HTTP_ROUTE, "fraud")]["spec"]["rules"]
            assert {each["name"] for each in only["backendRefs"]} == {(self.world.status or {})["stable"]["revision"]}


class CanariesBehindAGateway(BehindAGateway, Canaries):
    """The same with an HTTPRoute."""

    SPEC: ClassVar[dict[str, Any]] = {"traffic": {"gateway": {"name": "public"}}}

    @rule(strategy=st.sampled_from(["Canary", "BlueGreen"]))
    def another_strategy(self, strategy: str) -> None:
        of_canaries = ("approval", "steps", "errorBudget")
        kept = {name: value for name, value in self.world.model["spec"]["rollout"].items() if name not in of_canaries}
        self.world.change(rollout={**kept, "strategy": strategy})


BUSY = {"name": "busy", "cron": "*/20 * * * *", "duration": "7m", "minReplicas": 5}


class CanariesWithAnAutoscaler(Canaries):
    """The same where KEDA sets the number of pods, and the clock has a word in it."""

    SPEC: ClassVar[dict[str, Any]] = {
        "autoscaling": {
            "maxReplicas": 6,
            "target": {"query": {"promql": "queue", "perPod": "5"}},
            "floors": [BUSY],
        }
    }
    least: ClassVar[int] = 2
    needed = 2

    def a_world(self, model: dict[str, Any]) -> CanaryWorld:
        del model["spec"]["replicas"]
        model["spec"]["autoscaling"] = {**model["spec"]["autoscaling"], "minReplicas": self.least}
        return CanaryWorld(model=model, site=Site(keda_prometheus="http://prometheus"))

    @rule(replicas=st.integers(0, 8))
    def scaled(self, replicas: int) -> None:
        """The load asks for so many pods from now on."""
        self.needed = replicas

    def tick(self) -> None:
        stable = (self.world.status or {})["stable"]["revision"]
        before = self.pods_of(stable)
        for name, scaler in self.scalers():
            spec = scaler["spec"]
            within = min(max(self.needed, spec["minReplicaCount"]), spec["maxReplicaCount"])
            self.world.children[(DEPLOYMENT, name)]["spec"]["replicas"] = within
        if self.world.rollout.get("phase") == "Judging":
            self.stable_keeps_its_pods(stable, before)
        super().tick()
        self.nobody_goes_below_the_floor()

    def nobody_goes_below_the_floor(self) -> None:
        busy = self.world.now.minute % 20 < 7
        for name, scaler in self.scalers():
            assert scaler["spec"]["minReplicaCount"] >= (5 if busy else self.least), (name, self.world.now)

    def scalers(self) -> list[tuple[str, dict[str, Any]]]:
        return [(name, live) for (kind, name), live in self.world.children.items() if kind == SCALED_OBJECT]

    def has_its_pods(self, stable: str) -> bool:
        return self.least <= self.pods_of(stable) <= 6


class CanariesThatSleep(CanariesWithAnAutoscaler):
    """The same where the last pod may go."""

    least: ClassVar[int] = 0


OFTEN = hypothesis.settings(hypothesis.settings(), max_examples=30, stateful_step_count=30, deadline=None)
TestCanaries = Canaries.TestCase
TestCanaries.settings = OFTEN
TestCanariesBehindAGateway = CanariesBehindAGateway.TestCase
TestCanariesBehindAGateway.settings = OFTEN
TestCanariesWithAnAutoscaler = CanariesWithAnAutoscaler.TestCase
TestCanariesWithAnAutoscaler.settings = OFTEN
TestCanariesThatSleep = CanariesThatSleep.TestCase
TestCanariesThatSleep.settings = OFTEN
