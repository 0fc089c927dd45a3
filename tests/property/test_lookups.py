"""While references are looked up: a revision keeps its bytes, what serves goes on, and it comes to rest."""

import json
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fairlead.api.kinds import DEPLOYMENT, JOB
from fairlead.site import Fetching, Site
from world import World, a_model

BRANCHES = ("hf://org/name@main", "hf://org/name@next", "s3://models/fraud")
SITE = Site(fetching=Fetching(image="registry.example/fetcher:1"))


def pinned(uri: str, number: int) -> str:
    """What a branch is at some time."""
    if uri.startswith("hf://"):
        return f"hf://org/name@{number:040x}"
    return f"{uri}@sha256:{number:064x}"


class Lookups(RuleBasedStateMachine):
    """One model, the places that it comes from, and an operator that may end between any two writes."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(a_model(model={"uri": BRANCHES[0], "version": "1"}), site=SITE)
        self.fetched: dict[str, str] = {}
        self.served = False

    @initialize()
    def they_exist(self) -> None:
        for uri in BRANCHES:
            self.they_move(uri, 1)

    @rule(uri=st.sampled_from(BRANCHES), number=st.integers(1, 4))
    def they_move(self, uri: str, number: int) -> None:
        found = {"uri": pinned(uri, number), "files": 1, "bytes": number}
        self.world.meanings[uri] = (0, json.dumps(found))

    @rule(uri=st.sampled_from(BRANCHES), code=st.sampled_from((65, 75)))
    def they_fail(self, uri: str, code: int) -> None:
        self.world.meanings[uri] = (code, "it cannot be had")

    @rule(uri=st.sampled_from(BRANCHES), version=st.sampled_from(("1", "2")))
    def the_spec_changes(self, uri: str, version: str) -> None:
        self.world.change(model={"uri": uri, "version": version})

    @rule(stop_after=st.none() | st.integers(0, 4))
    def the_operator_looks(self, stop_after: int | None) -> None:
        self.world.reconcile(stop_after)

    @rule()
    def pods_live(self) -> None:
        self.world.run_pods()

    @rule(minutes=st.sampled_from((1, 5, 40, 600)))
    def time_passes(self, minutes: int) -> None:
        self.world.now += timedelta(minutes=minutes)

    @rule()
    def somebody_deletes_the_jobs(self) -> None:
        for key in [key for key in self.world.children if key[0] == JOB]:
            del self.world.children[key]

    @rule()
    def all_is_well_for_a_while(self) -> None:
        """It comes to rest: the model is Ready, no Job is left, and nothing more is written."""
        for uri in BRANCHES:
            self.they_move(uri, 1)
        self.world.now += timedelta(hours=1)
        self.world.settle(looks=16)
        self.world.now += timedelta(hours=1)
        self.world.settle(looks=16)
        assert self._ready()["status"] == "True", self._ready()
        assert not [key for key in self.world.children if key[0] == JOB]
        before = self.world.status
        self.world.reconcile()
        assert self.world.status == before

    def _ready(self) -> dict[str, Any]:
        return dict(self.world.condition("Ready") or {})

    @invariant()
    def a_revision_keeps_its_bytes(self) -> None:
        for (kind, name), live in self.world.children.items():
            if kind == DEPLOYMENT:
                uri = live["spec"]["template"]["spec"]["initContainers"][0]["args"][1]
                assert uri == self.fetched.setdefault(name, uri)
                assert uri not in BRANCHES

    @invariant()
    def what_serves_goes_on(self) -> None:
        serves = bool(self.world.serving()) and self.world.ready(self.world.serving()) > 0
        assert serves or not self.served
        self.served = self.served or serves


TestLookups = Lookups.TestCase
TestLookups.settings = settings(max_examples=60, stateful_step_count=30)
