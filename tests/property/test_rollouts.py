"""Whatever happens, in whatever order: users are served, and things come to rest where the spec wants them.

Before every move the watches tell what has happened, but for those that lag behind. So what the operator knows is
what is true, but for what a lagging watch would have told; its own writes it knows always.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fairlead.api import names
from fairlead.api.kinds import (
    AUTOSCALERS,
    CHILDREN,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    MODEL_DEPLOYMENT,
    MODEL_RUNTIME,
    POD,
    SERVICE,
    Kind,
)
from fairlead.api.phases import may_follow
from fairlead.api.reasons import Phase
from fairlead.logs import FIELDS
from fairlead.reconcile import reconcile
from memory_api import Write
from small_cluster import KEY, NAME, Refusing, SmallCluster, bounds_of
from world import RUNTIME, START, a_model

VERSIONS = st.sampled_from(["1", "2", "3"])
REPLICAS = st.integers(1, 3)
EVER = 10**6
FLOOR = {"name": "busy", "cron": "5 9 * * *", "duration": "10m"}
BUSY = (START + timedelta(minutes=5), START + timedelta(minutes=15))
"""When that floor begins and ends."""


@st.composite
def scalings(draw: st.DrawFn) -> dict[str, Any]:
    """The part of a spec that says how many pods: a number, an autoscaler of either kind, or somebody else's."""
    target = draw(
        st.sampled_from([None, "External", {"cpuUtilization": 70}, {"query": {"promql": "a", "perPod": "1"}}])
    )
    if target is None:
        return {"replicas": draw(REPLICAS), "autoscaling": None}
    least = draw(REPLICAS)
    found: dict[str, Any] = {"minReplicas": least, "maxReplicas": least + draw(st.integers(0, 2))}
    if target == "External":
        return {"replicas": None, "autoscaling": {**found, "mode": target}}
    floors = [FLOOR | {"minReplicas": found["maxReplicas"]}] if draw(st.booleans()) else []
    return {"replicas": None, "autoscaling": {**found, "target": target, "floors": floors}}


def with_version(version: str) -> dict[str, Any]:
    return {"model": {"uri": "pvc://models/fraud", "version": version}}


def with_strategy(strategy: str) -> dict[str, Any]:
    return {"rollout": {"drain": "30s", "strategy": strategy}}


def a_cluster(version: str, scaling: dict[str, Any], strategy: str) -> SmallCluster:
    spec = {**with_version(version), **with_strategy(strategy), **scaling, "resources": {"requests": {"cpu": "1"}}}
    return SmallCluster(a_model(**{key: value for key, value in spec.items() if value is not None}))


class Rollouts(RuleBasedStateMachine):
    """People, controllers, kubelet, watches, refusals and crashes against the operator.

    BlueGreen: once a model serves, it serves for ever. Recreate: two revisions never run at once.
    """

    strategies: tuple[str, ...] = ("BlueGreen",)
    lags: tuple[Kind, ...] = (MODEL_DEPLOYMENT, POD, *CHILDREN)

    def __init__(self) -> None:
        super().__init__()
        self.cluster = SmallCluster()
        self.complaints: list[str] = []
        self.served = False

    @initialize(version=VERSIONS, scaling=scalings(), data=st.data())
    def create(self, version: str, scaling: dict[str, Any], data: st.DataObject) -> None:
        self.cluster = a_cluster(version, scaling, data.draw(st.sampled_from(self.strategies)))
        self.cluster.inspect = self.judge

    # People.

    @rule(version=VERSIONS)
    def change_the_model(self, version: str) -> None:
        self.cluster.change(**with_version(version))

    @rule(scaling=scalings())
    def change_the_scaling(self, scaling: dict[str, Any]) -> None:
        self.cluster.change(**scaling)

    @precondition(lambda self: len(self.strategies) > 1)
    @rule(data=st.data())
    def change_the_strategy(self, data: st.DataObject) -> None:
        self.cluster.change(**with_strategy(data.draw(st.sampled_from(self.strategies))))

    @rule(image=st.sampled_from(["a", "b", None]))
    def change_the_runtime(self, image: str | None) -> None:
        if image:
            spec = {**RUNTIME["spec"], "image": f"registry.example/{image}:1"}
            self.cluster.api.put(MODEL_RUNTIME, {**RUNTIME, "spec": spec})
        elif self.cluster.api.get(MODEL_RUNTIME, "mlserver"):
            self.cluster.api.remove(MODEL_RUNTIME, "mlserver")

    @precondition(lambda self: self.served)
    @rule()
    def lose_the_status(self) -> None:
        self.cluster.lose_status()

    @precondition(lambda self: not self.cluster.lagging)
    @rule(data=st.data())
    def delete_a_child(self, data: st.DataObject) -> None:
        # The Deployment and the Service that serve are left out: nothing helps whoever deletes these.
        serving = {(DEPLOYMENT, self.cluster.serving()), (SERVICE, NAME)}
        others = [(kind, name) for kind in CHILDREN for name, _ in self.cluster.api.list(kind)]
        others = [child for child in others if child not in serving]
        if others:
            self.cluster.api.remove(*data.draw(st.sampled_from(others)))

    # The cluster.

    @rule()
    def controllers_act(self) -> None:
        self.cluster.controllers_act()

    @rule()
    def kubelet_acts(self) -> None:
        self.cluster.kubelet_acts()

    @rule(replicas=st.integers(1, 5))
    def autoscalers_move(self, replicas: int) -> None:
        for kind in AUTOSCALERS:
            for name, _ in self.cluster.api.list(kind):
                self.cluster.autoscale(name, replicas)
        scaling = self.cluster.model()["spec"].get("autoscaling") or {}
        if scaling.get("mode") == "External":
            self.cluster.scale(self.cluster.serving() or "", replicas)

    @rule()
    def requests_are_answered(self) -> None:
        self.cluster.requests_are_answered()

    @precondition(lambda self: not self.cluster.lagging)
    @rule(broken=st.booleans(), silent=st.booleans())
    def the_newest_is_bad(self, broken: bool, silent: bool) -> None:
        newest = self.cluster.deployments() - {self.cluster.serving()}
        self.cluster.broken = newest if broken else set()
        self.cluster.silent = newest if silent else set()

    @rule(seconds=st.sampled_from([1, 10, 40, 310]))
    def wait(self, seconds: int) -> None:
        self.cluster.now += timedelta(seconds=seconds)

    # The operator and its way to the API server.

    @rule()
    def look(self) -> None:
        self.cluster.watches_tell()
        self.the_same_look_gives_the_same_plan_and_changes_nothing()
        self.cluster.look()

    @rule()
    def look_for_no_reason(self) -> None:
        self.cluster.watches_tell()
        self.cluster.looked_at_anyway()

    @rule(write=st.integers(1, 12), when=st.sampled_from(["before", "after"]))
    def crash_in_the_middle(self, write: int, when: str) -> None:
        self.cluster.watches_tell()
        self.cluster.kill = (when, write)
        self.cluster.looked_at_anyway()
        self.cluster.kill = None

    @rule(data=st.data())
    def a_watch_lags_behind(self, data: st.DataObject) -> None:
        self.cluster.watches_tell()
        self.cluster.lagging = {data.draw(st.sampled_from(self.lags))}

    @rule()
    def the_watches_catch_up(self) -> None:
        self.cluster.lagging.clear()
        self.cluster.watches_tell()

    @rule(
        kind=st.sampled_from(CHILDREN),
        verb=st.sampled_from(["apply", "scale", "delete"]),
        status=st.sampled_from([403, 409, 422, 500, 503]),
        times=st.sampled_from([1, 3, EVER]),
    )
    def writes_are_refused(self, kind: Kind, verb: str, status: int, times: int) -> None:
        self.cluster.refusing.append(Refusing(kind, verb, status, times))

    @rule()
    def nothing_is_refused_any_more(self) -> None:
        self.cluster.refusing.clear()

    # What must hold.

    @invariant()
    def every_write_is_right(self) -> None:
        assert not self.complaints, self.complaints

    def judge(self, write: Write) -> None:
        """Looks at every single write, right after it. What is raised here would be raised in the operator."""
        try:
            self.judge_at_once(write)
        except AssertionError as complaint:
            self.complaints.append(f"{write.verb} {write.kind.kind} {write.name}: {complaint}")

    def judge_at_once(self, write: Write) -> None:
        if (write.kind, write.name) == (MODEL_DEPLOYMENT, NAME) and write.before and write.after:
            self.judge_phase(write.before.get("status") or {}, write.after.get("status") or {})
        if (write.kind, write.name) == (SERVICE, NAME) and write.before and write.after:
            self.judge_move(*(live["spec"]["selector"][names.REVISION] for live in (write.before, write.after)))
        if write.kind in AUTOSCALERS and write.after:
            self.judge_autoscaler(write)
        if write.kind == DEPLOYMENT and write.name == self.cluster.serving() and write.before:
            self.judge_loss(write)

    def judge_autoscaler(self, write: Write) -> None:
        assert write.after is not None
        if "deletionTimestamp" in write.after["metadata"]:
            return
        there = [kind.kind for kind in AUTOSCALERS if self.cluster.api.get(kind, write.name)]
        assert there == [write.kind.kind], "two set the number of the same pods"
        scaling, busy = self.known_spec()["autoscaling"], BUSY[0] <= self.cluster.now < BUSY[1]
        floors = [each["minReplicas"] for each in scaling["floors"] if busy]
        least, most = bounds_of(write.after)
        assert max(scaling["minReplicas"], *floors, 0) <= least <= most == scaling["maxReplicas"]

    def judge_phase(self, before: dict[str, Any], after: dict[str, Any]) -> None:
        if "rollout" in before and "rollout" in after and before["observedGeneration"] == after["observedGeneration"]:
            was, now = (Phase(status["rollout"]["phase"]) for status in (before, after))
            assert may_follow(was, now), f"{was} becomes {now}"

    def judge_move(self, old: str, new: str) -> None:
        if old != new and self.known_ready(old):
            assert self.cluster.ready(new), "the Service leaves pods for none"

    def judge_loss(self, write: Write) -> None:
        assert write.before is not None
        replicas = write.after["spec"]["replicas"] if write.after else 0
        if replicas >= write.before["spec"]["replicas"]:
            return
        spec = self.known_spec()
        wanted = write.before["metadata"]["labels"][names.VERSION] == spec["model"]["version"]
        if write.after:
            assert wanted, "pods are taken from a revision that serves until another one does"
            assert "autoscaling" not in spec, "the number belongs to the autoscaler"
            assert replicas == spec.get("replicas", 1), "the user has asked for more"
        elif self.known_ready(write.name):
            assert not wanted
            assert spec["rollout"]["strategy"] == "Recreate", "what serves is deleted"

    def known_spec(self) -> dict[str, Any]:
        """The spec that the operator goes by."""
        found = self.cluster.process.stores[MODEL_DEPLOYMENT].get(KEY)
        assert found is not None
        spec: dict[str, Any] = found["spec"]
        return spec

    def known_ready(self, revision: str | None) -> int:
        """How many pods of a revision are available as far as the operator knows."""
        found = self.cluster.process.stores[DEPLOYMENT].get((KEY[0], revision or "")) or {}
        return int(found.get("status", {}).get("availableReplicas", 0))

    def the_same_look_gives_the_same_plan_and_changes_nothing(self) -> None:
        situation = self.cluster.situation()
        before = repr(situation)
        assert reconcile(situation) == reconcile(situation)
        assert repr(situation) == before

    @invariant()
    def users_are_served(self) -> None:
        if self.strategies != ("BlueGreen",):
            return
        available = self.cluster.ready(self.cluster.serving()) > 0
        self.served = self.served or (available and self.known_ready(self.cluster.serving()) > 0)
        assert available or not self.served, "the Service selects a revision that has no pod"

    @invariant()
    def one_revision_runs_at_a_time(self) -> None:
        if self.strategies == ("Recreate",):
            running = {pod["metadata"]["labels"][names.REVISION] for pod in self.cluster.pods()}
            assert len(running) <= 1, "two revisions run at once"

    def teardown(self) -> None:
        assert not self.complaints, self.complaints
        cluster = self.cluster
        cluster.broken, cluster.silent, cluster.refusing = set(), set(), []
        cluster.api.put(MODEL_RUNTIME, dict(RUNTIME))
        cluster.settle()
        spec, status = cluster.model()["spec"], cluster.model()["status"]
        assert (cluster.condition("Ready") or {})["status"] == "True", status
        assert status["stable"]["modelVersion"] == spec["model"]["version"]
        assert cluster.serving() == status["stable"]["revision"]
        assert cluster.deployments() == {cluster.serving()}, "nothing else is left running"
        if "autoscaling" not in spec:
            assert cluster.ready(cluster.serving()) == spec.get("replicas", 1)
        cluster.looked_at_anyway()
        assert cluster.writes == [], "a quiet model is written to"
        cluster.start()
        cluster.look()
        assert cluster.writes == [], "a restart of the operator writes"
        assert not self.complaints, self.complaints


class Recreating(Rollouts):
    """No capacity for two."""

    strategies = ("Recreate",)


class Undecided(Rollouts):
    """The strategy changes, too."""

    strategies = ("BlueGreen", "Recreate")


ENOUGH = settings(max_examples=100, stateful_step_count=40)

TestRollouts = Rollouts.TestCase
TestRollouts.settings = ENOUGH
TestRecreating = Recreating.TestCase
TestRecreating.settings = ENOUGH
TestUndecided = Undecided.TestCase
TestUndecided.settings = ENOUGH


@given(first=VERSIONS, second=VERSIONS, write=st.integers(1, 14), when=st.sampled_from(["before", "after"]))
@settings(max_examples=60)
def test_a_crash_around_any_write_ends_in_the_same_state(first: str, second: str, write: int, when: str) -> None:
    def run(kill: tuple[str, int] | None) -> SmallCluster:
        cluster = a_cluster(first, {"replicas": 2}, "BlueGreen")
        cluster.kill = kill
        cluster.settle()
        cluster.change(**with_version(second))
        cluster.kill = kill
        cluster.settle()
        return cluster

    def outcome(cluster: SmallCluster) -> object:
        kinds = [kind for kind in CHILDREN if kind != CONTROLLER_REVISION]
        children = [(kind.kind, name) for kind in kinds for name, _ in cluster.api.list(kind)]
        return children, cluster.serving(), cluster.model()["status"]["stable"]["revision"]

    assert outcome(run((when, write))) == outcome(run(None))


@given(write=st.integers(1, 14), when=st.sampled_from(["before", "after"]))
def test_a_decision_is_told_around_whichever_write_the_operator_ends(write: int, when: str) -> None:
    cluster = a_cluster("1", {"replicas": 2}, "BlueGreen")
    cluster.settle()
    cluster.change(**with_version("2"))
    cluster.kill = (when, write)
    with decisions_in_the_log() as lines:
        cluster.settle()
    (record,) = cluster.model()["status"]["history"]
    told = {(line["decided"], line["outcome"], line["to"]) for line in lines}
    assert told == {(record["time"], "Promoted", record["revision"])}


@contextmanager
def decisions_in_the_log() -> Iterator[list[dict[str, Any]]]:
    """The fields of all lines about decisions that are written meanwhile."""
    lines: list[dict[str, Any]] = []

    class Reader(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.extend([dict(getattr(record, FIELDS))] if hasattr(record, FIELDS) else [])

    log, reader = logging.getLogger("fairlead.apply.execute"), Reader()
    level = log.level
    log.addHandler(reader)
    log.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        log.setLevel(level)
        log.removeHandler(reader)
