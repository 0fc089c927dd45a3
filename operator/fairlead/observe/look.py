"""Gathers one Situation from the cache, and asks a new revision's pods when the last decision waits for that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from fairlead.api.kinds import (
    CHILDREN,
    DEPLOYMENT,
    MODEL_DEPLOYMENT,
    MODEL_RUNTIME,
    OPTIONAL,
    POD,
    Kind,
)
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.modelruntime import ModelRuntime
from fairlead.api.parse import Invalid, parse_model_deployment, parse_model_runtime
from fairlead.api.phases import BEFORE_TRAFFIC, ON_TRIAL
from fairlead.api.revision import Revision, known_revisions, read_revision
from fairlead.api.status import Status
from fairlead.cluster.store import Key, Object, Store
from fairlead.evidence.sweep import Sweep
from fairlead.evidence.trial import Trial
from fairlead.metadata import is_part_of
from fairlead.observe.caches import runtime_name
from fairlead.observe.exposed import Exposures, remembered
from fairlead.observe.hanging import HangingPods
from fairlead.observe.probe import Probes
from fairlead.observe.remembered import Remembered
from fairlead.observe.source import Asked
from fairlead.observe.sweeps import Sweeps
from fairlead.observe.trials import Trials
from fairlead.situation import Exposed, Identity, ProbeAnswer, Situation, revision_named, revision_of
from fairlead.slo.alerts import RUNBOOKS
from fairlead.slo.events import needed

TRIED = BEFORE_TRAFFIC | ON_TRIAL

Children = Mapping[tuple[Kind, str], Object]


@dataclass(frozen=True, kw_only=True)
class Questions:
    """What is asked of pods and about them beside the looks; no look waits for an answer."""

    probes: Probes
    sweeps: Sweeps
    hanging: HangingPods
    exposures: Exposures

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self.probes.end(key)
        self.sweeps.end(key)
        self.hanging.end(key)
        self.exposures.end(key)


class Observer:
    """Looks at models. The clock is read here and nowhere else."""

    def __init__(
        self,
        stores: Mapping[Kind, Store],
        questions: Questions,
        operator_namespace: str,
        clock: Callable[[], datetime],
        served: Callable[[], frozenset[Kind]] = lambda: frozenset(OPTIONAL),
        forbidden: Callable[[], frozenset[Kind]] = frozenset,
        *,
        queries: bool = True,
        runbooks: str = RUNBOOKS,
    ) -> None:
        self._trials = Trials()
        self._models: Remembered[ModelDeployment | Invalid] = Remembered()
        self._records: Remembered[Revision | None] = Remembered()
        self._stores = stores
        self._questions = questions
        self._operator_namespace = operator_namespace
        self._clock = clock
        self._served = served
        self._forbidden = forbidden
        self._queries = queries
        self._runbooks = runbooks

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
        tries = not isinstance(model, Invalid) and model.spec.rollout.strategy == "Canary"
        return Situation(
            now=now,
            identity=identity,
            model=model,
            status=status,
            runtime=runtime,
            other_runtimes=self._runtimes() if runtime is None else (),
            revisions=revisions,
            children=children,
            pods=pods,
            hanging=self._questions.hanging.told(key, pods, lambda: self._pods(key)),
            probe=self._answer(key, status, revisions, children),
            sweep=self._sweep(key, status if tries else None, revisions, _asked(model)),
            trial=self._trials.latest(key, status, now),
            exposed=self._exposed(key, model, status, revisions),
            annotations=live["metadata"].get("annotations") or {},
            operator_namespace=self._operator_namespace,
            served=self._served(),
            forbidden=self._forbidden(),
            queries=self._queries,
            runbooks=self._runbooks,
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
        return tuple(sorted((pod for pod in self._stores[POD].owned(key) if _is_made(pod)), key=_age))

    def _answer(
        self, key: Key, status: Status | None, revisions: tuple[Revision, ...], children: Children
    ) -> ProbeAnswer | None:
        """What the candidate that the last decision left on its way answered, once it has pods to ask."""
        rollout = status.rollout if status else None
        if status is None or status.stable is None or rollout is None or rollout.phase not in BEFORE_TRAFFIC:
            self._questions.probes.end(key)
            return None
        candidate = revision_named(revisions, rollout.revision)
        live = children.get((DEPLOYMENT, rollout.revision or ""))
        if candidate is None or live is None or not (live.get("status") or {}).get("availableReplicas"):
            return None
        name = candidate.name
        return self._questions.probes.answer(
            key, candidate, lambda: tuple(pod for pod in self._pods(key) if revision_of(pod) == name)
        )

    def _sweep(self, key: Key, status: Status | None, revisions: tuple[Revision, ...], asked: Asked) -> Sweep | None:
        """The metrics of both revisions' pods, while the last decision judges a canary, or is about to.

        What the stable revision does before says what to expect of it, and how much its counts scatter by themselves.
        """
        rollout = status.rollout if status else None
        stable = revision_named(revisions, status.stable.revision) if status and status.stable else None
        canary = revision_named(revisions, rollout.revision) if rollout else None
        if rollout is None or rollout.phase not in TRIED or stable is None or canary is None:
            self._questions.sweeps.end(key)
            return None
        return self._questions.sweeps.latest(key, (stable, canary), lambda: self._pods(key), asked)

    def _exposed(
        self, key: Key, model: ModelDeployment | Invalid, status: Status | None, revisions: tuple[Revision, ...]
    ) -> Exposed | None:
        """What the stable revision's pods count, as far as the objectives need to know."""
        known = remembered(status)
        stable = revision_named(revisions, status.stable.revision) if status and status.stable else None
        if stable is None or isinstance(model, Invalid) or model.spec.monitoring.rules == "None":
            self._questions.exposures.end(key)
            return known
        wanted = needed(model.spec.slo.objectives, stable.snapshot.metrics)
        counters = _asked(model).counters
        return self._questions.exposures.seen(key, stable, known, wanted, counters, lambda: self._pods(key))


def _asked(model: ModelDeployment | Invalid) -> Asked:
    """Where the model wants its counters from, and the objectives that have counters of their own."""
    if isinstance(model, Invalid):
        return Asked()
    objectives = tuple(each for each in model.spec.slo.objectives if each.pair)
    return Asked(source=model.spec.rollout.evidence.source, objectives=objectives)


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
    """Whether a ReplicaSet of the pod's own revision made it, and it has not ended by itself."""
    references = pod["metadata"].get("ownerReferences") or ()
    maker: Object = next((each for each in references if each.get("controller")), {})
    named = str(maker.get("name", "")).startswith(f"{revision_of(pod)}-")
    return maker.get("kind") == "ReplicaSet" and named and pod["status"].get("phase") not in ("Succeeded", "Failed")


def _age(pod: Mapping[str, Any]) -> tuple[str, str]:
    return str(pod["metadata"].get("creationTimestamp") or ""), str(pod["metadata"]["name"])
