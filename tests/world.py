"""A small world for the pure core: carries out plans in memory, and lets time pass, pods live and people meddle.

It is no API server: only what the core can see of one. Whether that is true is shown by the tests in tests/cluster.
"""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from fairlead.api import names
from fairlead.api.kinds import DEPLOYMENT, HORIZONTAL_POD_AUTOSCALER, JOB, OPTIONAL, SERVICE, Kind, kind_of
from fairlead.api.parse import parse_model_deployment, parse_model_runtime
from fairlead.api.revision import known_revisions
from fairlead.api.status import Status
from fairlead.api.times import format_time
from fairlead.observe.exposed import remembered
from fairlead.plan import Apply, Delete, LogLine, Plan, Scale, Step
from fairlead.reconcile import reconcile
from fairlead.scaling.rescale import rescales
from fairlead.site import Site
from fairlead.situation import ErrorBudget, Exposed, Identity, ProbeAnswer, Refusal, Rival, Situation

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)

RUNTIME: Mapping[str, Any] = {
    "apiVersion": "fairlead.dev/v1alpha1",
    "kind": "ModelRuntime",
    "metadata": {"name": "mlserver"},
    "spec": {
        "image": "registry.example/mlserver:1",
        "args": ["start", "{model.path}"],
        "probes": {"readiness": {"path": "/v2/health/ready"}, "serving": "/v2/models/{model.name}/ready"},
    },
}


def a_model(version: str = "1", **spec: Any) -> dict[str, Any]:
    """A ModelDeployment as the API server returns it."""
    wanted: dict[str, Any] = {
        "model": {"uri": "pvc://models/fraud", "version": version},
        "runtime": {"ref": {"name": "mlserver"}},
        **spec,
        "rollout": {"strategy": "BlueGreen", **spec.get("rollout", {})},
    }
    return {
        "apiVersion": "fairlead.dev/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "fraud", "namespace": "risk", "uid": "uid-fraud", "generation": 1},
        "spec": wanted,
    }


def waits_for_budget(status: Status | None) -> bool:
    """Whether somebody asks what is left of the error budget."""
    asked = status.rollout.error_budget if status and status.rollout else None
    return asked is not None and asked.passed is None


@dataclass
class World:
    """A namespace with one model."""

    model: dict[str, Any] = field(default_factory=a_model)
    runtime: Mapping[str, Any] | None = field(default_factory=lambda: RUNTIME)
    other_runtimes: tuple[str, ...] = ()
    now: datetime = START
    children: dict[tuple[Kind, str], dict[str, Any]] = field(default_factory=dict)
    ending: list[dict[str, Any]] = field(default_factory=list)
    status: Mapping[str, Any] | None = None
    silent: set[str] = field(default_factory=set)
    """Revisions that do not answer a request."""
    broken: set[str] = field(default_factory=set)
    """Revisions whose pods never become ready."""
    scarce: dict[str, int] = field(default_factory=dict)
    """Revisions for which there is room for so many pods only."""
    refusals: tuple[Refusal, ...] = ()
    served: frozenset[Kind] = frozenset(OPTIONAL)
    """Optional kinds that the cluster has."""
    site: Site = field(default_factory=Site)
    exposed: Exposed | None = None
    """What the pods of the stable revision have been seen to count."""
    budget: ErrorBudget | None = None
    """What Prometheus says is left of the error budgets, to whoever asks."""
    rivals: tuple[Rival, ...] = ()
    """Somebody else's autoscalers."""
    made_by_keda: list[dict[str, Any]] = field(default_factory=list)
    """HorizontalPodAutoscalers that KEDA has made."""
    forbidden: frozenset[Kind] = frozenset()
    """Those of which nobody may read any: what is written of them is not seen again."""
    meanings: dict[str, tuple[int, str]] = field(default_factory=dict)
    """What the Job says that looks up a URI: its exit code and its words; it goes on while there is nothing."""
    count: int = 0
    told: list[LogLine] = field(default_factory=list)
    """All that was written to the log."""

    def look(self) -> Situation:
        """What observe/ would gather."""
        metadata = self.model["metadata"]
        identity = Identity(
            name=metadata["name"],
            namespace=metadata["namespace"],
            uid=metadata["uid"],
            generation=metadata["generation"],
        )
        status = Status.model_validate(self.status) if self.status else None
        model = parse_model_deployment(self.model)
        asked = status.rollout.revision if status and status.rollout else None
        return Situation(
            now=self.now,
            identity=identity,
            model=model,
            status=status,
            runtime=None if self.runtime is None else parse_model_runtime(self.runtime),
            other_runtimes=self.other_runtimes if self.runtime is None else (),
            lookups=tuple(self.lookups()),
            revisions=known_revisions(self.children),
            children={key: deepcopy(live) for key, live in self.children.items() if key[0] not in self.forbidden},
            pods=tuple(self.pods()),
            probe=self.answer(asked) if asked else None,
            annotations=dict(self.model["metadata"].get("annotations") or {}),
            exposed=self.exposed or remembered(status),
            budget=self.budget if waits_for_budget(status) else None,
            rivals=self.rivals,
            rescales=tuple(rescales([*self._horizontal(), *self.made_by_keda], self.children)),
            refusals=self.refusals,
            served=self.served,
            site=self.site,
            forbidden=self.forbidden,
        )

    def _horizontal(self) -> list[dict[str, Any]]:
        return [live for (kind, _), live in self.children.items() if kind == HORIZONTAL_POD_AUTOSCALER]

    def answer(self, revision: str) -> ProbeAnswer | None:
        """What a pod of a revision says to Fairlead's own request."""
        if not self.ready(revision):
            return None
        answered = revision not in self.silent
        detail = f"GET /ready on port 8080 answered {200 if answered else 503}"
        return ProbeAnswer(revision=revision, answered=answered, detail=detail)

    def pods(self) -> list[dict[str, Any]]:
        """Pods of all Deployments, and those that are ending."""
        living = [
            self._pod(name, number, found)
            for (kind, name), found in self.children.items()
            if kind == DEPLOYMENT
            for number in range(found["spec"]["replicas"])
        ]
        return [*living, *self.ending]

    def lookups(self) -> list[dict[str, Any]]:
        """The pods of Jobs that look something up."""
        return [
            {
                "metadata": {
                    "name": f"{name}-abcde",
                    "ownerReferences": [{"uid": job["metadata"]["uid"], "controller": True}],
                },
                "status": {"containerStatuses": [{"name": names.FETCH, "state": state}]},
            }
            for (kind, name), job in self.children.items()
            if kind == JOB and (state := self._looked_up(job))
        ]

    def _looked_up(self, job: Mapping[str, Any]) -> dict[str, Any] | None:
        code, words = self.meanings.get(job["spec"]["template"]["spec"]["containers"][0]["args"][1], (None, ""))
        return None if code is None else {"terminated": {"exitCode": code, "message": words}}

    def _end_jobs(self) -> None:
        """The Job controller's part."""
        for (kind, _), job in self.children.items():
            if kind == JOB and "status" not in job and (state := self._looked_up(job)):
                ended = "Failed" if state["terminated"]["exitCode"] else "Complete"
                told = {"type": ended, "status": "True", "lastTransitionTime": format_time(self.now)}
                job["status"] = {"conditions": [told]}

    def _pod(self, revision: str, number: int, deployment: Mapping[str, Any]) -> dict[str, Any]:
        ready = number < deployment.get("status", {}).get("availableReplicas", 0)
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        return {
            "metadata": {"name": f"{revision}-{number}", "namespace": "risk", "labels": labels},
            "status": {"conditions": [{"type": "Ready", "status": str(ready)}], "podIP": "10.0.0.1"},
        }

    def step(self, step: Step) -> bool:
        """Carry one step out; tells whether it changed anything."""
        match step:
            case Apply(manifest=manifest):
                return self._apply(dict(manifest))
            case Scale(deployment=name, replicas=replicas):
                live = self.children[(DEPLOYMENT, name)]
                changed = live["spec"]["replicas"] != replicas
                live["spec"]["replicas"] = replicas
                live["metadata"]["generation"] += changed
                return bool(changed)
            case Delete(kind=kind, name=name, uid=uid):
                live = self.children.pop((kind, name))
                assert live["metadata"]["uid"] == uid
                if kind == DEPLOYMENT:
                    pods = [self._pod(name, number, live) for number in range(live["spec"]["replicas"])]
                    for pod in pods:
                        pod["metadata"]["deletionTimestamp"] = "2026-01-05T09:00:00Z"
                    self.ending += pods
                return True

    def _apply(self, manifest: dict[str, Any]) -> bool:
        key = (kind_of(manifest), manifest["metadata"]["name"])
        live = self.children.get(key)
        self.count += 1
        if live is None:
            made = deepcopy(manifest)
            made["metadata"] |= {"uid": f"uid-{self.count}", "generation": 1}
            if key[0] == DEPLOYMENT:
                made["spec"]["replicas"] = 1
            self.children[key] = made
            return True
        merged = deepcopy(manifest)
        own = ("uid", "generation", "creationTimestamp")
        merged["metadata"] |= {name: live["metadata"][name] for name in own if name in live["metadata"]}
        if "status" in live:
            merged["status"] = live["status"]
        if key[0] == DEPLOYMENT:
            merged["spec"]["replicas"] = live["spec"]["replicas"]
        changed = merged != live
        merged["metadata"]["generation"] += changed
        self.children[key] = merged
        return changed

    def reconcile(self, stop_after: int | None = None) -> Plan:
        """One pass; `stop_after` ends it after so many steps, as a crash would; to tell is the last but one."""
        plan = reconcile(self.look())
        for number, step in enumerate(plan.steps):
            if number == stop_after:
                return plan
            self.step(step)
        if stop_after is None or stop_after > len(plan.steps):
            self.told += plan.log
        if stop_after is None or stop_after > len(plan.steps) + 1:
            self.status = plan.status
        return plan

    def run_pods(self) -> None:
        """The kubelet's part: ending pods are gone, started ones are ready unless their revision is broken."""
        self.ending.clear()
        self._end_jobs()
        for (kind, name), live in self.children.items():
            if kind == DEPLOYMENT:
                wanted = live["spec"]["replicas"]
                ready = 0 if name in self.broken else min(wanted, self.scarce.get(name, wanted))
                live["status"] = {
                    "conditions": (live.get("status") or {}).get("conditions", []),
                    "observedGeneration": live["metadata"]["generation"],
                    "replicas": live["spec"]["replicas"],
                    "updatedReplicas": live["spec"]["replicas"],
                    "readyReplicas": ready,
                    "availableReplicas": ready,
                }
        self._tell_who_is_available()

    def _tell_who_is_available(self) -> None:
        """The deployment controller's condition, with the time since when it is so."""
        for (kind, _), live in self.children.items():
            if kind != DEPLOYMENT:
                continue
            status = str(live["status"]["availableReplicas"] >= live["spec"]["replicas"])
            if [each["status"] for each in live["status"]["conditions"]] != [status]:
                told = {"type": "Available", "status": status, "lastTransitionTime": format_time(self.now)}
                live["status"]["conditions"] = [told]

    def settle(self, looks: int = 12) -> Plan:
        """Let everything happen that happens by itself."""
        for _ in range(looks):
            self.reconcile()
            self.run_pods()
            self.now += timedelta(seconds=20)
        return self.reconcile()

    def change(self, **spec: Any) -> None:
        """The user edits the spec; the strategy stays unless it is given."""
        if "rollout" in spec:
            spec["rollout"] = {"strategy": self.model["spec"]["rollout"]["strategy"], **spec["rollout"]}
        self.model["spec"] = {**self.model["spec"], **spec}
        self.model["metadata"]["generation"] += 1

    def order(self, action: str, value: str) -> None:
        """Somebody sets an annotation; that changes no generation."""
        annotations = {**(self.model["metadata"].get("annotations") or {}), f"fairlead.dev/{action}": value}
        self.model["metadata"]["annotations"] = annotations

    def serving(self) -> str | None:
        """The revision that the Service selects."""
        service = self.children.get((SERVICE, "fraud"))
        return service["spec"]["selector"].get(names.REVISION) if service else None

    def ready(self, revision: str | None) -> int:
        """How many pods of a revision are available."""
        live = self.children.get((DEPLOYMENT, revision or ""), {})
        return int(live.get("status", {}).get("availableReplicas", 0))

    def deployments(self) -> set[str]:
        """Revisions with a Deployment."""
        return {name for kind, name in self.children if kind == DEPLOYMENT}

    def condition(self, kind: str) -> Mapping[str, Any] | None:
        """A condition of the status that was written last."""
        return next((found for found in (self.status or {}).get("conditions", []) if found["type"] == kind), None)
