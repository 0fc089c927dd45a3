"""A world without a spare place: pods take their time to end, and there may never be more of them than places."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from canary_world import CanaryWorld, a_canary
from fairlead.api.kinds import DEPLOYMENT
from fairlead.plan import Delete, Scale, Step
from fairlead.situation import revision_of


def a_swap(version: str = "1", **spec: Any) -> dict[str, Any]:
    """A ModelDeployment whose canaries take the place of stable pods."""
    return a_canary(version, **{**spec, "rollout": {"capacity": "Swap", **spec.get("rollout", {})}})


@dataclass
class SwapWorld(CanaryWorld):
    """A namespace with as many places as the model needs. An ending pod keeps its own for `ends_after` ticks."""

    model: dict[str, Any] = field(default_factory=a_swap)
    ends_after: int = 2
    places: int = 0
    spare: int = 0
    """Places that it has beyond those: for a rollout that began with Surge."""
    stuck: bool = False
    """Ending pods do not end: their node is dead."""
    age: dict[str, int] = field(default_factory=dict)
    """Of ending pods, in ticks, by name."""

    def step(self, step: Step) -> bool:
        before, there = deepcopy(self.children), len(self.pods())
        # A Deployment begins with one pod, and a model that is not served at all may have one.
        more = self.needed() == 0 or not self.available()
        living = {pod["metadata"]["name"] for pod in self.ending}
        changed = super().step(step)
        if isinstance(step, Scale):
            self.ending += self._taken_away(step.deployment, before[(DEPLOYMENT, step.deployment)])
        if isinstance(step, Scale | Delete):
            for pod in self.ending:
                if pod["metadata"]["name"] not in living:
                    # A name is a pod's own: what is created later in its place is another one.
                    self.count += 1
                    pod["metadata"]["name"] += f"-{self.count}"
        # Fewer replicas than before take time.
        places = self.needed() + self.spare
        assert len(self.pods()) <= max(places, there + more), f"{step} takes a place that is not free"
        return changed

    def _taken_away(self, revision: str, before: Mapping[str, Any]) -> list[dict[str, Any]]:
        now = self.children[(DEPLOYMENT, revision)]["spec"]["replicas"]
        pods = [self._pod(revision, number, before) for number in range(now, before["spec"]["replicas"])]
        for pod in pods:
            pod["metadata"]["deletionTimestamp"] = "2026-01-05T09:00:00Z"
        return pods

    def run_pods(self) -> None:
        ending = list(self.ending)
        super().run_pods()
        for pod in ending:
            name = pod["metadata"]["name"]
            self.age[name] = self.age.get(name, 0) + 1
        self.ending += [pod for pod in ending if self.stuck or self.age[pod["metadata"]["name"]] < self.ends_after]

    def asked(self) -> dict[str, int]:
        """How many pods each Deployment asks for, by version of the model."""
        found: dict[str, int] = {}
        for (kind, _), live in self.children.items():
            if kind == DEPLOYMENT:
                version = live["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"]
                found[version] = found.get(version, 0) + live["spec"]["replicas"]
        return found

    def needed(self) -> int:
        """As the spec asks, or has asked when it could be read."""
        replicas = self.model["spec"]["replicas"]
        if isinstance(replicas, int):
            self.places = replicas
        return self.places

    def loads(self) -> dict[str, float]:
        """Requests of one tick that one available pod of each version gets, as multiples of what it got before."""
        before = dict(self.counted_requests())
        self.serve()
        everything = self.rate * 5
        one = everything / max(self.needed(), 1)
        found: dict[str, float] = {}
        for pod in self.available():
            name = pod["metadata"]["name"]
            share = (self.counted_requests().get(name, 0.0) - before.get(name, 0.0)) / one
            version = pod["metadata"]["labels"]["app.kubernetes.io/version"]
            found[version] = max(found.get(version, 0.0), share)
        return found

    def counted_requests(self) -> dict[str, float]:
        return {name: counts[0] for name, counts in self.counted.items()}

    def revision(self, version: str) -> str:
        """The name of the revision of a version that has a Deployment."""
        return next(
            str(name)
            for (kind, name), live in self.children.items()
            if kind == DEPLOYMENT
            and live["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/version"] == version
        )

    def pods_there(self) -> dict[str, int]:
        """How many pods of each revision there are, ending ones too."""
        found: dict[str, int] = {}
        for pod in self.pods():
            name = revision_of(pod) or ""
            found[name] = found.get(name, 0) + 1
        return found
