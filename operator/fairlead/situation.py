"""IN: everything that one decision may see, as a frozen value. Made by observe/, read by everything that decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from fairlead.api import names
from fairlead.api.kinds import AUTOSCALERS, DEPLOYMENT, OPTIONAL, SERVICE, Kind
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.modelruntime import ModelRuntime
from fairlead.api.parse import Invalid
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.api.status import Status
from fairlead.evidence.sweep import Sweep
from fairlead.evidence.trial import Trial
from fairlead.site import Site

Manifest = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Which ModelDeployment this is about."""

    name: str
    namespace: str
    uid: str
    generation: int


@dataclass(frozen=True, kw_only=True)
class Refusal:
    """A write that the API server refused, or that Fairlead did not dare.

    `revision` is the one that it was for, if any (a deletion is for none); `essential` says that this revision cannot
    serve without it.
    """

    kind: str
    name: str
    revision: str | None = None
    essential: bool = False
    reason: Reason
    message: str


@dataclass(frozen=True, kw_only=True)
class ProbeAnswer:
    """What one pod of a revision answered to Fairlead's own request."""

    revision: str
    answered: bool
    detail: str


@dataclass(frozen=True, kw_only=True)
class Hanging:
    """A pod of a revision does not get beyond ContainerCreating; `note` is what an Event told of it, if any did."""

    revision: str
    warning: bool = False
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How much of its model a pod of a revision has fetched, in steps of five percent; `total` in bytes, if known."""

    revision: str
    percent: int
    total: int | None = None


@dataclass(frozen=True, kw_only=True)
class Exposed:
    """What the pods of a revision count, as their pages of metrics have shown so far; nothing is forgotten.

    `counted` names metrics, and pairs of objectives; `edges` are those of the histograms among them, in seconds.
    `silent` says why no page could be read now, as a sentence.
    """

    revision: str
    counted: frozenset[str] = frozenset()
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    silent: str = ""


@dataclass(frozen=True, kw_only=True)
class ErrorBudget:
    """What is left of the error budgets of a model, by objective: 1 all of it, 0 nothing, below 0 overspent.

    `unknown` says of which it is not known now, and why, as a sentence; `left` then has what was known of them last.
    """

    left: Mapping[str, float] = field(default_factory=dict)
    unknown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Rival:
    """Somebody else's autoscaler, of a Deployment of the model or of the ModelDeployment itself."""

    kind: str
    name: str
    target_kind: str
    target: str


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What an autoscaler has measured for a field of autoscaling.target, and what it is to be held at.

    Percent of the request, or per pod on average.
    """

    target: str
    was: Decimal
    held: Decimal


@dataclass(frozen=True, kw_only=True)
class Rescale:
    """That a HorizontalPodAutoscaler has changed the number of pods of a revision, by its own word.

    `least` and `most` are its bounds. `measured` is what asked for most pods; None where a bound has decided, or where
    that is not said.
    """

    revision: str
    time: datetime
    before: int
    after: int
    least: int
    most: int
    measured: Measured | None = None


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One look at one model. `status` is what was written last, or None when there is none that can be read.

    `other_runtimes` are the names of those ModelRuntimes that there are, where the one that the model names is not.
    `pods` are those that have not ended, and `evicted` those that the kubelet has ended, oldest first.
    `lookups` are the pods of Jobs that look up what model.uri means, oldest first; `offline` says that nobody can.
    `served` are those optional kinds that the cluster has, and `forbidden` those of which Fairlead may not read any.
    """

    now: datetime
    identity: Identity
    model: ModelDeployment | Invalid
    status: Status | None = None
    runtime: ModelRuntime | Invalid | None = None
    other_runtimes: tuple[str, ...] = ()
    lookups: tuple[Manifest, ...] = ()
    revisions: tuple[Revision, ...] = ()
    children: Mapping[tuple[Kind, str], Manifest] = field(default_factory=dict)
    pods: tuple[Manifest, ...] = ()
    evicted: tuple[Manifest, ...] = ()
    hanging: tuple[Hanging, ...] = ()
    progress: tuple[Progress, ...] = ()
    probe: ProbeAnswer | None = None
    sweep: Sweep | None = None
    trial: Trial | None = None
    exposed: Exposed | None = None
    budget: ErrorBudget | None = None
    rivals: tuple[Rival, ...] = ()
    rescales: tuple[Rescale, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    served: frozenset[Kind] = frozenset(OPTIONAL)
    forbidden: frozenset[Kind] = frozenset()
    offline: bool = False
    site: Site = field(default_factory=Site)

    def child(self, kind: Kind, name: str) -> Manifest | None:
        """A live object that belongs to this model."""
        return self.children.get((kind, name))

    def deployment(self, revision: str) -> Manifest | None:
        """The live Deployment of a revision."""
        return self.child(DEPLOYMENT, revision)

    def autoscalers(self, revision: str) -> tuple[Manifest, ...]:
        """The live autoscalers of a revision: more than one only while one takes the place of another."""
        return tuple(live for kind in AUTOSCALERS if (live := self.child(kind, revision)) is not None)

    def rivals_of(self, revision: str) -> tuple[Rival, ...]:
        """Somebody else's autoscalers of a revision's Deployment."""
        return tuple(each for each in self.rivals if (each.target_kind, each.target) == (DEPLOYMENT.kind, revision))

    def service(self) -> Manifest | None:
        """The live Service that clients use."""
        return self.child(SERVICE, self.identity.name)

    def selected(self) -> str | None:
        """The revision that the Service sends clients to; the stable one where it sends them to several."""
        service = self.service() or {}
        selector = (service.get("spec") or {}).get("selector") or {}
        labels = (service.get("metadata") or {}).get("labels") or {}
        value = selector.get(names.REVISION) or labels.get(names.STABLE)
        return value if isinstance(value, str) else None

    def pods_of(self, revision: str) -> tuple[Manifest, ...]:
        """The live pods of a revision, oldest first."""
        return tuple(pod for pod in self.pods if revision_of(pod) == revision)

    def hanging_pod(self, revision: str) -> Hanging | None:
        """What is known of a pod of that revision that hangs, or None when none does."""
        return next((each for each in self.hanging if each.revision == revision), None)

    def progress_of(self, revision: str) -> Progress | None:
        """How far a pod of that revision is with fetching its model, as far as it has told."""
        return next((each for each in self.progress if each.revision == revision), None)

    def serving_pods(self, revision: str) -> int:
        """How many pods of a revision are available now, whatever its Deployment is on the way to."""
        status = (self.deployment(revision) or {}).get("status") or {}
        return int(status.get("availableReplicas") or 0)

    def settled_pods(self, revision: str) -> int:
        """How many pods of a revision are available as it is meant to be; 0 until its Deployment is up to date.

        0, too, when its Deployment is being deleted: the pods go with it.
        """
        live = self.deployment(revision) or {}
        status = live.get("status") or {}
        if (live.get("metadata") or {}).get("deletionTimestamp"):
            return 0
        if int(status.get("observedGeneration") or 0) < int((live.get("metadata") or {}).get("generation") or 0):
            return 0
        return min(int(status.get("availableReplicas") or 0), int(status.get("updatedReplicas") or 0))

    def asked_pods(self, revision: str) -> int:
        """How many pods a revision's Deployment asks for at present; 0 without one."""
        return int(((self.deployment(revision) or {}).get("spec") or {}).get("replicas") or 0)

    def placed_pods(self, revision: str) -> int:
        """How many pods of a revision have a node."""
        return sum(_has_node(pod) for pod in self.pods_of(revision) if not pod["metadata"].get("deletionTimestamp"))

    def deployed_revisions(self) -> frozenset[str]:
        """Names of the revisions that have a Deployment."""
        return frozenset(name for kind, name in self.children if kind == DEPLOYMENT)


def revision_of(manifest: Manifest) -> str | None:
    """The revision that an object belongs to by its label, or None."""
    value = (manifest["metadata"].get("labels") or {}).get(names.REVISION)
    return value if isinstance(value, str) else None


def _has_node(pod: Manifest) -> bool:
    found = (pod.get("status") or {}).get("conditions") or ()
    return any(each.get("type") == "PodScheduled" and each.get("status") == "True" for each in found)


def revision_named(revisions: Iterable[Revision], name: str | None) -> Revision | None:
    """The revision of that name, or None."""
    return next((revision for revision in revisions if revision.name == name), None)
