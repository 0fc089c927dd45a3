"""Gathers one Situation: what is in the cache, and what is known by now of what the pods were asked."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from fairlead.api.kinds import (
    CHILDREN,
    HORIZONTAL_POD_AUTOSCALER,
    MODEL_DEPLOYMENT,
    MODEL_RUNTIME,
    OPTIONAL,
    POD,
    Kind,
)
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.modelruntime import ModelRuntime
from fairlead.api.parse import Invalid, parse_model_deployment, parse_model_runtime
from fairlead.api.revision import Revision, known_revisions, read_revision
from fairlead.api.status import Status
from fairlead.cluster.store import Key, Object, Store
from fairlead.evidence.trial import Trial
from fairlead.metadata import is_part_of
from fairlead.observe.caches import runtime_name
from fairlead.observe.questions import Questions, Subject
from fairlead.observe.remembered import Remembered
from fairlead.observe.trials import Trials
from fairlead.scaling.rescale import rescales
from fairlead.site import Site
from fairlead.situation import Identity, Situation, revision_of

EVICTED = "Evicted"
"""Reason in the status of a pod (pkg/kubelet/eviction of Kubernetes)."""

Children = Mapping[tuple[Kind, str], Object]


class Observer:
    """Looks at models. The clock is read here and nowhere else."""

    def __init__(
        self,
        stores: Mapping[Kind, Store],
        questions: Questions,
        site: Callable[[], Site],
        clock: Callable[[], datetime],
        served: Callable[[], frozenset[Kind]] = lambda: frozenset(OPTIONAL),
        forbidden: Callable[[], frozenset[Kind]] = frozenset,
    ) -> None:
        self._trials = Trials()
        self._models: Remembered[ModelDeployment | Invalid] = Remembered()
        self._records: Remembered[Revision | None] = Remembered()
        self._stores = stores
        self._questions = questions
        self._site = site
        self._clock = clock
        self._served = served
        self._forbidden = forbidden

    def look(self, key: Key) -> Situation | None:
        """What there is to know about a model; None when it is gone, or going (its objects are deleted with it)."""
        live = self._stores[MODEL_DEPLOYMENT].get(key)
        if live is None or live["metadata"].get("deletionTimestamp"):
            self._questions.end(key)
            self.keep(key, None)
            return None
        identity = _identity(live)
        children = self._children(key, identity)
        revisions = known_revisions(children, self._record)
        status = _status(live)
        runtime = self._runtime(live)
        pods = self._pods(key)
        now = self._clock()
        model = self._models.of(identity.uid, identity.generation, lambda: parse_model_deployment(live))
        subject = Subject(
            key=key, model=model, status=status, revisions=revisions, children=children, pods=lambda: self._pods(key)
        )
        return Situation(
            now=now,
            identity=identity,
            model=model,
            status=status,
            runtime=runtime,
            other_runtimes=self._runtimes() if runtime is None else (),
            lookups=self._questions.lookups.pods(key, children),
            revisions=revisions,
            children=children,
            pods=pods,
            evicted=self._evicted(key),
            hanging=self._questions.hanging.told(key, pods, lambda: self._pods(key)),
            progress=self._questions.fetches.progress(key, lambda: self._pods(key)),
            probe=self._questions.answer(subject),
            sweep=self._questions.sweep(subject),
            trial=self._trials.latest(key, status, now),
            exposed=self._questions.exposed(subject),
            budget=self._questions.budget(subject),
            rivals=self._questions.rivals_of(subject),
            rescales=tuple(rescales(self._stores[HORIZONTAL_POD_AUTOSCALER].owned(key), children)),
            annotations=live["metadata"].get("annotations") or {},
            served=self._served(),
            forbidden=self._forbidden(),
            site=self._site(),
        )

    def forget(self) -> None:
        """What was known when this process led before: another one has led since, and decided on other evidence."""
        self._trials = Trials()
        for key in self._stores[MODEL_DEPLOYMENT]:
            self._questions.end(key)

    def keep(self, key: Key, trial: Trial | None) -> None:
        """Remembers how a model's trial stands, until the next look."""
        self._trials.keep(key, trial)

    def _children(self, key: Key, identity: Identity) -> Children:
        """What this very ModelDeployment owns; an earlier one of its name may have left objects that still go."""
        return {
            (kind, manifest["metadata"]["name"]): manifest
            for kind in CHILDREN
            for manifest in self._stores[kind].owned(key)
            if is_part_of(manifest, identity.uid)
        }

    def _record(self, controller_revision: Mapping[str, Any]) -> Revision | None:
        metadata = controller_revision["metadata"]
        version = metadata["resourceVersion"]
        return self._records.of(metadata["uid"], version, lambda: read_revision(controller_revision))

    def _runtime(self, live: Object) -> ModelRuntime | Invalid | None:
        name = runtime_name(live)
        found = self._stores[MODEL_RUNTIME].get(("", name)) if name is not None else None
        return None if found is None else parse_model_runtime(found)

    def _runtimes(self) -> tuple[str, ...]:
        """As they are at this look: one that comes or goes is no reason to look at models that do not name it."""
        return tuple(sorted(name for _, name in self._stores[MODEL_RUNTIME]))

    def _pods(self, key: Key) -> tuple[Object, ...]:
        """Pods that the model's Deployments have made, oldest first; whoever only wears their labels is left out."""
        return tuple(
            sorted((pod for pod in self._stores[POD].owned(key) if _is_made(pod) and not _has_ended(pod)), key=_age)
        )

    def _evicted(self, key: Key) -> tuple[Object, ...]:
        """Those of its pods that the kubelet has evicted: nobody takes them away for a long time."""
        evicted = (pod for pod in self._stores[POD].owned(key) if pod["status"].get("reason") == EVICTED)
        return tuple(sorted((pod for pod in evicted if _is_made(pod) and _has_ended(pod)), key=_age))


def _identity(live: Object) -> Identity:
    metadata = live["metadata"]
    return Identity(
        name=metadata["name"],
        namespace=metadata["namespace"],
        uid=metadata["uid"],
        generation=int(metadata.get("generation") or 0),
    )


def _status(live: Object) -> Status | None:
    """What was written last. One that somebody wrote by hand and that makes no sense is as good as none."""
    try:
        return Status.model_validate(live["status"]) if live.get("status") else None
    except ValidationError:
        return None


def _is_made(pod: Object) -> bool:
    """Whether a ReplicaSet of the pod's own revision made it."""
    references = pod["metadata"].get("ownerReferences") or ()
    maker: Object = next((each for each in references if each.get("controller")), {})
    named = str(maker.get("name", "")).startswith(f"{revision_of(pod)}-")
    return maker.get("kind") == "ReplicaSet" and named


def _has_ended(pod: Object) -> bool:
    """Whether a pod will never run again."""
    return pod["status"].get("phase") in ("Succeeded", "Failed")


def _age(pod: Mapping[str, Any]) -> tuple[str, str]:
    return str(pod["metadata"].get("creationTimestamp") or ""), str(pod["metadata"]["name"])
