"""What is asked of pods and about them beside the looks, by what the last decision waits for.

No look waits for an answer.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fairlead.api.kinds import CONTROLLER_REVISION, DEPLOYMENT, Kind
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.parse import Invalid
from fairlead.api.phases import BEFORE_TRAFFIC, ON_TRIAL
from fairlead.api.revision import Revision
from fairlead.api.status import Status
from fairlead.cluster.store import Key, Object
from fairlead.evidence.sweep import Sweep
from fairlead.observe.budget import Budgets
from fairlead.observe.exposed import Exposures, remembered
from fairlead.observe.hanging import HangingPods
from fairlead.observe.lookups import Lookups
from fairlead.observe.probe import Probes
from fairlead.observe.progress import Fetches
from fairlead.observe.rivals import Rivals
from fairlead.observe.source import Asked
from fairlead.observe.sweeps import Sweeps
from fairlead.situation import ErrorBudget, Exposed, ProbeAnswer, Rival, revision_named, revision_of
from fairlead.slo.events import needed

TRIED = BEFORE_TRAFFIC | ON_TRIAL


@dataclass(frozen=True, kw_only=True)
class Subject:
    """The model that is looked at. `pods` tells its pods at the moment of asking."""

    key: Key
    model: ModelDeployment | Invalid
    status: Status | None
    revisions: tuple[Revision, ...]
    children: Mapping[tuple[Kind, str], Object]
    pods: Callable[[], tuple[Object, ...]]

    @property
    def stable(self) -> Revision | None:
        """The revision that serves, by the last decision."""
        stable = self.status.stable if self.status else None
        return revision_named(self.revisions, stable.revision) if stable else None

    @property
    def asked(self) -> Asked:
        """Where the model wants its counters from, and the objectives that have counters of their own."""
        if isinstance(self.model, Invalid):
            return Asked()
        spec = self.model.spec
        objectives = tuple(each for each in spec.slo.objectives if each.pair)
        gateway = spec.traffic.gateway if spec.traffic else None
        return Asked(source=spec.rollout.evidence.source, gateway=gateway, objectives=objectives)


@dataclass(frozen=True, kw_only=True)
class Questions:
    """All that is asked, and what is known by now."""

    probes: Probes
    sweeps: Sweeps
    hanging: HangingPods
    exposures: Exposures
    budgets: Budgets
    rivals: Rivals
    lookups: Lookups
    fetches: Fetches

    def end(self, key: Key) -> None:
        """Nobody wants to know about this model any more."""
        self.probes.end(key)
        self.sweeps.end(key)
        self.hanging.end(key)
        self.exposures.end(key)
        self.budgets.end(key)
        self.rivals.end(key)
        self.lookups.end(key)
        self.fetches.end(key)

    async def close(self) -> None:
        """Ends all of them."""
        self.hanging.close()
        for each in (
            self.probes,
            self.sweeps,
            self.exposures,
            self.budgets,
            self.rivals,
            self.lookups,
            self.fetches,
        ):
            await each.close()

    def answer(self, subject: Subject) -> ProbeAnswer | None:
        """What the candidate that the last decision left on its way answered, once it has pods to ask."""
        status = subject.status
        rollout = status.rollout if status else None
        if status is None or status.stable is None or rollout is None or rollout.phase not in BEFORE_TRAFFIC:
            self.probes.end(subject.key)
            return None
        candidate = revision_named(subject.revisions, rollout.revision)
        live = subject.children.get((DEPLOYMENT, rollout.revision or ""))
        if candidate is None or live is None or not (live.get("status") or {}).get("availableReplicas"):
            return None
        name = candidate.name
        return self.probes.answer(
            subject.key, candidate, lambda: tuple(pod for pod in subject.pods() if revision_of(pod) == name)
        )

    def sweep(self, subject: Subject) -> Sweep | None:
        """The metrics of both revisions' pods, while the last decision judges a canary, or is about to.

        What the stable revision does before says what to expect of it, and how much its counts scatter by themselves.
        """
        tries = not isinstance(subject.model, Invalid) and subject.model.spec.rollout.strategy == "Canary"
        rollout = subject.status.rollout if subject.status and tries else None
        canary = revision_named(subject.revisions, rollout.revision) if rollout else None
        if rollout is None or rollout.phase not in TRIED or subject.stable is None or canary is None:
            self.sweeps.end(subject.key)
            return None
        return self.sweeps.latest(subject.key, (subject.stable, canary), subject.pods, subject.asked)

    def budget(self, subject: Subject) -> ErrorBudget | None:
        """What is left of the error budgets, while a revision waits that is only tried if it is enough."""
        rollout = subject.status.rollout if subject.status else None
        asked = rollout.error_budget if rollout is not None and rollout.phase in BEFORE_TRAFFIC else None
        if isinstance(subject.model, Invalid) or asked is None or asked.passed is not None or subject.stable is None:
            self.budgets.end(subject.key)
            return None
        targets = {each.name: 1 - each.allowed for each in subject.model.spec.slo.objectives}
        return self.budgets.left(subject.key, targets)

    def rivals_of(self, subject: Subject) -> tuple[Rival, ...]:
        """Somebody else's autoscalers of its revisions, also those that run no more, or of the model itself."""
        revisions = frozenset(name for kind, name in subject.children if kind in (DEPLOYMENT, CONTROLLER_REVISION))
        return self.rivals.of(subject.key, revisions)

    def exposed(self, subject: Subject) -> Exposed | None:
        """What the stable revision's pods count, as far as the objectives need to know."""
        known, stable, model = remembered(subject.status), subject.stable, subject.model
        if stable is None or isinstance(model, Invalid) or model.spec.monitoring.rules == "None":
            self.exposures.end(subject.key)
            return known
        wanted = needed(model.spec.slo.objectives, stable.snapshot.metrics)
        return self.exposures.seen(subject.key, stable, known, wanted, subject.asked.counters, subject.pods)
