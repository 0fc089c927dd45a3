"""A world with traffic: requests are shared by the pods that the Service selects, and the pods count how they went.

Without noise, so that a test says what it means: fractions of requests add up until they are whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from math import floor, inf
from typing import Any

from fairlead.api import names
from fairlead.api.kinds import HTTP_ROUTE, SERVICE
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.parse import parse_model_deployment
from fairlead.api.phases import BEFORE_TRAFFIC, ON_TRIAL
from fairlead.api.times import format_time
from fairlead.evidence.sweep import PodMetrics, Sweep
from fairlead.observe.trials import Trials
from fairlead.plan import Plan
from fairlead.situation import Situation, revision_of
from world import RUNTIME, World, a_model

KEY = ("risk", "fraud")
TICK = timedelta(seconds=5)
EDGES = (0.05, 0.1, 0.25, 0.5, 1.0, inf)
SLO = {
    "objectives": [
        {"name": "availability", "target": "99", "metric": "Errors"},
        {"name": "latency", "target": "95", "metric": "Latency", "threshold": "250ms"},
    ]
}


MEASURED = {
    **RUNTIME,
    "spec": {
        **RUNTIME["spec"],
        "metrics": {
            "errors": {"bad": [{"series": "failures_total"}], "total": [{"series": "requests_total"}]},
            "latency": {"series": "request_seconds"},
        },
    },
}
"""A ModelRuntime whose server counts errors and times."""


def a_canary(version: str = "1", **spec: Any) -> dict[str, Any]:
    """A ModelDeployment whose new revisions are canaries."""
    wanted: dict[str, Any] = {"replicas": 4, "slo": SLO, **spec}
    wanted["rollout"] = {"strategy": "Canary", **spec.get("rollout", {})}
    return a_model(version, **wanted)


@dataclass
class CanaryWorld(World):
    """A namespace with one model that is under load. `bad` and `slow` are shares of requests, by model version."""

    model: dict[str, Any] = field(default_factory=a_canary)
    runtime: Mapping[str, Any] | None = field(default_factory=lambda: MEASURED)
    rate: float = 200.0
    bad: dict[str, float] = field(default_factory=dict)
    """By model version, or by the name of a pod."""
    slow: dict[str, float] = field(default_factory=dict)
    blocked: dict[str, float] = field(default_factory=dict)
    """By model version, which share of the requests an objective with counters of its own takes for bad."""
    crashing: set[str] = field(default_factory=set)
    """Model versions whose containers end over and over."""
    untold: set[str] = field(default_factory=set)
    """Model versions that do not count how long requests take."""
    every: int = 1
    """Ticks between two readings that bring something new, as with a Prometheus that scrapes less often."""
    cut: bool = False
    """Nobody can read metrics."""
    counted: dict[str, list[float]] = field(default_factory=dict)
    latest: Sweep | None = None
    trials: Trials = field(default_factory=Trials)
    sent: dict[str, float] = field(default_factory=dict)
    """Requests so far, by model version."""
    gateway: str = "Accepts"
    """What the Gateway does with a new generation of the route: Accepts, Refuses it, or is Away."""
    routed: dict[str, int] = field(default_factory=dict)
    """Weights by revision that the Gateway acts on: those of the last route that it has accepted."""
    lost: float = 0.0
    """Requests that the Gateway sent to a revision without pods."""

    def look(self) -> Situation:
        seen = super().look()
        return Situation(
            **{name: getattr(seen, name) for name in seen.__dataclass_fields__}
            | {
                "probe": seen.probe if self.rollout.get("phase") in ("Starting", "Waiting") else None,
                "sweep": self.sweep() if self.rollout.get("phase") in BEFORE_TRAFFIC | ON_TRIAL else None,
                "trial": self.trials.latest(KEY, seen.status),
            }
        )

    def reconcile(self, stop_after: int | None = None) -> Plan:
        plan = super().reconcile(stop_after)
        self.trials.keep(KEY, plan.trial)
        return plan

    def tick(self, times: int = 1) -> None:
        """Five seconds of traffic, and a look afterwards."""
        for _ in range(times):
            self.run_pods()
            self.now += TICK
            self.serve()
            self.run_gateway()
            self.reconcile()

    def restart(self) -> None:
        """The operator ends, and another one begins."""
        self.trials = Trials()

    def run_gateway(self) -> None:
        """The Gateway's controller looks at the route."""
        route = self.children.get((HTTP_ROUTE, "fraud"))
        if route is None or self.gateway == "Away":
            return
        accepted = self.gateway == "Accepts"
        if accepted:
            (rule,) = route["spec"]["rules"]
            self.routed = {each["name"]: each["weight"] for each in rule["backendRefs"]}
        said = {
            "status": str(accepted),
            "reason": "Accepted" if accepted else "NotAllowedByListeners",
            "message": "" if accepted else "no listener allows routes of namespace risk",
            "observedGeneration": route["metadata"]["generation"],
        }
        conditions = [{"type": "Accepted", **said}, {"type": "ResolvedRefs", **said}]
        route["status"] = {"parents": [{"parentRef": route["spec"]["parentRefs"][0], "conditions": conditions}]}

    def serve(self) -> None:
        """The requests of five seconds, by the Gateway if there is one, else by the Service."""
        requests = self.rate * TICK.total_seconds()
        if "traffic" not in self.model["spec"]:
            service = self.children.get((SERVICE, "fraud"))
            self.answer_requests([pod for pod in self.available() if service and selects(service, pod)], requests)
            return
        for revision, weight in self.routed.items():
            pods = [pod for pod in self.available() if revision_of(pod) == revision]
            share = requests * weight / sum(self.routed.values())
            self.answer_requests(pods, share)
            self.lost += 0 if pods else share

    def answer_requests(self, pods: list[dict[str, Any]], requests_of_all: float) -> None:
        """Requests that come to these pods, shared evenly."""
        for pod in pods:
            version, requests = version_of(pod), requests_of_all / len(pods)
            counts = self.counted.setdefault(pod["metadata"]["name"], [0.0] * 4)
            bad = self.bad.get(pod["metadata"]["name"], self.bad.get(version, 0.002))
            shares = (1.0, bad, self.slow.get(version, 0.01), self.blocked.get(version, 0.0))
            for n, share in enumerate(shares):
                counts[n] += requests * share
            self.sent[version] = self.sent.get(version, 0) + requests

    def available(self) -> list[dict[str, Any]]:
        """Pods that are ready and not about to end."""
        ready = {"type": "Ready", "status": "True"}
        return [
            pod
            for pod in self.pods()
            if ready in pod["status"]["conditions"] and "deletionTimestamp" not in pod["metadata"]
        ]

    def sweep(self) -> Sweep | None:
        """What all pods say of themselves at this moment, or have said last."""
        latest = self.latest
        if self.every > 1 and latest is not None and self.now - latest.at < self.every * TICK:
            return latest
        pods: dict[str, dict[str, PodMetrics]] = {}
        silent = {}
        for pod in self.available():
            name, revision = pod["metadata"]["name"], revision_of(pod) or ""
            if self.cut:
                silent[name] = "timed out after 4 s"
                continue
            requests, bad, slow, blocked = map(floor, self.counted.get(name, [0.0] * 4))
            histogram = {edge: requests if edge >= 0.5 else requests - slow for edge in EDGES}
            pods.setdefault(revision, {})[name] = PodMetrics(
                process=name,
                since=self.now - timedelta(hours=1),
                errors=(requests, bad),
                pairs=dict.fromkeys(self.pairs(), (requests, blocked)),
                histograms={} if version_of(pod) in self.untold else {"Latency": histogram},
            )
        source = "Prometheus" if self.every > 1 else "the pods"
        self.latest = Sweep(at=self.now, pods=pods, silent=silent, source=source)
        return self.latest

    def pairs(self) -> list[str]:
        """What objectives of the model count for themselves."""
        model = parse_model_deployment(self.model)
        objectives = model.spec.slo.objectives if isinstance(model, ModelDeployment) else ()
        return [each.pair for each in objectives if each.pair]

    def pods(self) -> list[dict[str, Any]]:
        found = super().pods()
        for pod in found:
            if version_of(pod) in self.crashing:
                ended = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": format_time(self.now)}}
                pod["status"]["containerStatuses"] = [{"name": "server", "restartCount": 5, "lastState": ended}]
        return found

    @property
    def rollout(self) -> Mapping[str, Any]:
        """What status says of the rollout."""
        return (self.status or {}).get("rollout", {})

    @property
    def weight(self) -> float:
        """The canary's share of traffic by status, in percent."""
        return float(self.rollout.get("weight", 0))


def selects(service: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    """Whether a Service sends requests to a pod."""
    labels = pod["metadata"]["labels"]
    return all(labels.get(key) == value for key, value in service["spec"]["selector"].items())


def version_of(pod: Mapping[str, Any]) -> str:
    """The model's version that a pod serves."""
    return str(pod["metadata"]["labels"].get(names.VERSION, ""))
