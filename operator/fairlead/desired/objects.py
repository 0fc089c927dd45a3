"""Everything that a model needs in the cluster by one decision, in the order in which it is written."""

from collections.abc import Iterator

from fairlead.api import names
from fairlead.api.kinds import (
    CHILDREN,
    CONTROLLER_REVISION,
    DEPLOYMENT,
    HTTP_ROUTE,
    JOB,
    SERVICE,
    Kind,
    kind_of,
)
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.revision import Revision
from fairlead.decision import Decision
from fairlead.desired.autoscaler import autoscaler
from fairlead.desired.controller_revision import controller_revision
from fairlead.desired.deployment import deployment
from fairlead.desired.disruption_budget import disruption_budget
from fairlead.desired.monitors import monitors
from fairlead.desired.network_policy import network_policy
from fairlead.desired.service_account import service_account
from fairlead.monitoring.monitored import Monitored, monitored
from fairlead.plan import Apply, Delete, Scale, Step
from fairlead.scaling.choice import chosen, superseded_autoscalers
from fairlead.situation import Manifest, Situation
from fairlead.sources.lookup import NO_LOOKUP, Lookup
from fairlead.traffic.choice import traffic_of
from fairlead.traffic.service import revision_service

REVISION_HISTORY = 10
"""How many revisions without pods are remembered."""


def steps(
    situation: Situation, spec: ModelDeploymentSpec, decision: Decision, lookup: Lookup = NO_LOOKUP
) -> tuple[Step, ...]:
    """What has to be written for this decision, in the order in which it is written.

    First what pods rest on, then pods, then the Service that sends traffic to them, then what tells Prometheus of all
    that, and deletions last (but for an autoscaler that must not go on).
    """
    watched = monitored(situation, spec, decision)
    wanted = (
        *_shared(situation, spec, decision),
        *([Apply(manifest=lookup.job)] if lookup.job else []),
        *([lookup.stale] if lookup.stale else []),
        *(step for revision in decision.running for step in _of_revision(situation, spec, decision, revision, watched)),
        *_traffic(situation, spec, decision),
        *(Apply(manifest=made) for made in monitors(situation.identity, spec.monitoring.labels, watched)),
    )
    if decision.problem is not None:
        return (*wanted, *_given_back(situation, spec, decision), *_other_lookups(situation, lookup))
    return (*wanted, *_deletions(situation, spec, decision, wanted))


def traffic_steps(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> tuple[Step, ...]:
    """What is written although the spec cannot be read: who gets traffic, and with Swap the places that go back."""
    stable = decision.stable.name if decision.stable else ""
    swaps = spec.rollout.capacity == "Swap" and stable in decision.scale
    return (
        *([Scale(deployment=stable, replicas=decision.scale[stable])] if swaps else []),
        *_traffic(situation, spec, decision),
        *_given_back(situation, spec, decision),
    )


def _shared(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Iterator[Step]:
    account = situation.identity.name
    # As long as any revision with pods uses it, whatever the spec says by now.
    if spec.pod.service_account_name is None or account in map(_account_of, decision.running):
        yield Apply(manifest=service_account(situation.identity))
    if spec.network.isolation == "Namespace":
        yield Apply(manifest=network_policy(situation.identity, spec, situation.site.namespace))


def _account_of(revision: Revision) -> object:
    return revision.snapshot.template["spec"].get("serviceAccountName")


def _of_revision(
    situation: Situation, spec: ModelDeploymentSpec, decision: Decision, revision: Revision, watched: Monitored
) -> Iterator[Step]:
    """What a revision cannot serve without comes first."""
    identity = situation.identity
    if revision.recorded:
        yield Apply(manifest=controller_revision(identity, revision))
    yield Apply(manifest=deployment(identity, revision, spec))
    scaled = chosen(situation, spec.autoscaling, revision) if spec.autoscaling is not None else None
    superseded = superseded_autoscalers(situation, scaled, revision)
    yield from (_delete(kind, live) for kind, live in superseded if not _is_going(live))
    if revision.name in decision.scale:
        yield Scale(deployment=revision.name, replicas=decision.scale[revision.name])
    annotated = watched.scrape == "Annotations" and revision.snapshot.metrics is not None
    known = annotated or _was_annotated(situation, revision)
    yield Apply(manifest=revision_service(identity, revision, scraped=annotated if known else None))
    on_trial = revision == decision.candidate and decision.candidate_replicas is not None
    if spec.autoscaling is not None and scaled is not None and not on_trial and not superseded:
        # On trial its number of pods is a matter of its share of traffic.
        floor = decision.floor[revision.name]
        made = autoscaler(identity, revision, spec.autoscaling, scaled, floor, situation.site)
        if made is not None:
            yield Apply(manifest=made)
    if _may_have_several(situation, spec, decision, revision):
        yield Apply(manifest=disruption_budget(identity, revision))


def _was_annotated(situation: Situation, revision: Revision) -> bool:
    """Whether the revision's Service has told Prometheus of its pods: scraped in two ways, they would count twice."""
    live = situation.child(SERVICE, revision.name) or {"metadata": {}}
    return names.MONITORED in (live["metadata"].get("labels") or {})


def _may_have_several(situation: Situation, spec: ModelDeploymentSpec, decision: Decision, revision: Revision) -> bool:
    wanted = decision.scale.get(revision.name)
    if spec.autoscaling is not None:
        return spec.autoscaling.max_replicas > 1
    return (wanted if wanted is not None else situation.asked_pods(revision.name)) > 1


def _traffic(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Iterator[Step]:
    if decision.serving is not None:
        candidate = decision.candidate if decision.candidate != decision.serving else None
        for made in traffic_of(spec).objects(situation, decision.serving, candidate, decision.share):
            yield Apply(manifest=made)


def _deletions(
    situation: Situation, spec: ModelDeploymentSpec, decision: Decision, wanted: tuple[Step, ...]
) -> Iterator[Delete]:
    """Deletions of what belongs to the model and is not needed any more, pods before what they rest on.

    With Recreate a Deployment stays until its pods are gone: without it nobody could tell that there may be some of
    which no watch has told yet, or that are made this moment.
    """
    applied = [step.manifest for step in wanted if isinstance(step, Apply)]
    kept = {(kind_of(manifest), str(manifest["metadata"]["name"])) for manifest in applied}
    kept |= {(SERVICE, situation.identity.name)}
    if spec.traffic is not None:
        kept |= {(HTTP_ROUTE, situation.identity.name)}
    # What is about to start has no pods yet, and may be the oldest of all.
    kept |= {(CONTROLLER_REVISION, each.name) for each in (decision.stable, decision.candidate) if each}
    kept |= {(CONTROLLER_REVISION, name) for name in _history(situation, {name for _, name in kept})}
    kept |= {(step.kind, step.name) for step in wanted if isinstance(step, Delete)}
    for kind in reversed(CHILDREN):
        waits = kind == DEPLOYMENT and spec.rollout.strategy == "Recreate"
        for name, live in _live(situation, kind):
            if (kind, name) not in kept and not _is_going(live):
                yield _delete(kind, live, waits=waits)


def _given_back(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Iterator[Scale]:
    """While nobody knows what the user really wants, whatever runs goes on.

    But with Swap it has the places of pods that served: once it has drained, they go back to the revision that serves.
    """
    if spec.rollout.capacity != "Swap" or decision.stable is None:
        return
    for name in sorted(situation.deployed_revisions() - {revision.name for revision in decision.running}):
        if situation.asked_pods(name) > 0:
            yield Scale(deployment=name, replicas=0)


def _other_lookups(situation: Situation, lookup: Lookup) -> Iterator[Delete]:
    """What was looked up for an earlier spec nobody wants to know any more."""
    wanted = lookup.job["metadata"]["name"] if lookup.job else lookup.stale.name if lookup.stale else None
    for name, live in _live(situation, JOB):
        if name != wanted and not _is_going(live):
            yield _delete(JOB, live)


def _live(situation: Situation, kind: Kind) -> list[tuple[str, Manifest]]:
    return sorted((name, live) for (found, name), live in situation.children.items() if found == kind)


def _is_going(live: Manifest) -> bool:
    return bool(live["metadata"].get("deletionTimestamp"))


def _delete(kind: Kind, live: Manifest, *, waits: bool = False) -> Delete:
    return Delete(kind=kind, name=live["metadata"]["name"], uid=live["metadata"]["uid"], waits=waits)


def _history(situation: Situation, running: set[str]) -> set[str]:
    """Of the revisions that do not run those that were wanted last: the way back needs no ModelRuntime."""
    idle = [revision for revision in situation.revisions if revision.name not in running]
    newest = sorted(idle, key=lambda revision: revision.number, reverse=True)
    return {revision.name for revision in newest[:REVISION_HISTORY]}
