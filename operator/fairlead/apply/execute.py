"""Carries out a Plan: the only place that writes. Steps in the plan's order, each only where something differs."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from fairlead.api.kinds import (
    AUTOSCALERS,
    DEPLOYMENT,
    HTTP_ROUTE,
    MODEL_DEPLOYMENT,
    SERVICE,
    Kind,
    kind_of,
)
from fairlead.apply.event import Told, event_manifest
from fairlead.apply.objects import Objects, Refused, Stores
from fairlead.cluster.client import Client
from fairlead.cluster.errors import ApiError, NotFound, NotLeading
from fairlead.logs import FIELDS
from fairlead.plan import Apply, Delete, Event, LogLine, Plan, Scale, Step
from fairlead.situation import Identity, Manifest, Refusal, revision_of

log = logging.getLogger(__name__)


class Writer:
    """Writes what plans ask for."""

    def __init__(self, client: Client, stores: Stores, reporter: str) -> None:
        self._client = client
        self._models = stores[MODEL_DEPLOYMENT]
        self._objects = Objects(client, stores)
        self._reporter = reporter
        self._told = Told()

    async def carry_out(self, steps: tuple[Step, ...], identity: Identity) -> tuple[Refusal, ...]:
        """Carries the steps out, and returns what was refused.

        A refusal stops what rests on it, and nothing else: the rest of a revision that cannot be without it, traffic to
        that revision, and deletions while traffic is not where it should be. Raises ApiError where trying again may
        help.
        """
        refusals: list[Refusal] = []
        routes = traffic(steps)
        for step in steps:
            if rests_on(step, refusals, routes):
                continue
            try:
                await self._step(step, identity)
            except Refused as refused:
                refusals.append(refused.refusal)
        return tuple(refusals)

    async def write_status(self, plan: Plan, identity: Identity) -> bool:
        """Writes the status if it differs from what was seen last; tells whether it did."""
        live = self._models.get((identity.namespace, identity.name))
        if live is None or live["metadata"]["uid"] != identity.uid or live.get("status") == plan.status:
            return False
        try:
            answer = await self._client.patch_status(
                MODEL_DEPLOYMENT,
                identity.namespace,
                identity.name,
                identity.uid,
                plan.status,
                known=live["metadata"]["resourceVersion"],
            )
        except NotFound as gone:
            if gone.kind != MODEL_DEPLOYMENT.plural:  # not the model: the server does not serve its kind at the moment
                raise
            # Deleted, and the watch has missed it. Else its objects would be made, and collected, again and again.
            self._models.forget((identity.namespace, identity.name), identity.uid)
            return False
        self._models.observe("MODIFIED", answer)
        return True

    def log(self, lines: tuple[LogLine, ...]) -> None:
        """Writes these lines to the log."""
        for line in lines:
            log.info("%s", line.message, extra={FIELDS: line.fields})

    async def tell(self, events: tuple[Event, ...], identity: Identity, now: datetime) -> None:
        """Creates Kubernetes Events. They are a courtesy: one that cannot be written is logged, and that is all."""
        for event in events:
            if self._told.is_repeated(event, identity, now):
                continue
            log.info("%s: %s", event.reason, event.message)
            try:
                await self._client.create_event(
                    identity.namespace, event_manifest(event, identity, self._reporter, now)
                )
            except NotLeading:
                raise
            except ApiError as failed:
                log.warning("the Event was not accepted: %s", failed)

    async def _step(self, step: Step, identity: Identity) -> None:
        match step:
            case Apply(manifest=manifest):
                await self._objects.apply(dict(manifest), identity)
            case Scale(deployment=name, replicas=replicas):
                await self._objects.scale(identity.namespace, name, replicas)
            case Delete(kind=kind, name=name, uid=uid, waits=waits):
                await self._objects.delete(kind, identity.namespace, name, uid, foreground=waits)


def traffic(steps: Iterable[Step]) -> tuple[Manifest, ...]:
    """What sends clients to revisions, as these steps make it; nothing where they leave it as it is."""
    applied = [step.manifest for step in steps if isinstance(step, Apply)]
    return tuple(each for each in applied if kind_of(each) in (SERVICE, HTTP_ROUTE) and revision_of(each) is None)


def rests_on(step: Step, refusals: Sequence[Refusal], routes: Sequence[Manifest]) -> bool:
    """Whether something that was refused must have been done before this step. `routes` is what sends clients."""
    missing = {refusal.revision for refusal in refusals if refusal.essential and refusal.revision}
    match step:
        case Apply(manifest=manifest):
            return revision_of(manifest) in missing or not _can_serve(manifest, missing, refusals)
        case Scale(deployment=name):
            # An autoscaler that may not be deleted would take back whatever is set.
            return name in missing or any(_is_refused(kind, name, refusals) for kind in AUTOSCALERS)
        case Delete(kind=kind):
            # Clients may still be sent to it, or pods that may not be deleted may still need it.
            moved = all(_moved(each, missing, refusals) for each in routes)
            return not moved or (kind != DEPLOYMENT and _pods_stay(refusals))


def _moved(route: Manifest, missing: set[str], refusals: Sequence[Refusal]) -> bool:
    """Whether clients are sent where they are to be sent."""
    refused = _is_refused(kind_of(route), route["metadata"]["name"], refusals)
    return not refused and _can_serve(route, missing, refusals)


def _can_serve(manifest: Manifest, missing: set[str], refusals: Sequence[Refusal]) -> bool:
    """Whether all is there that a Service or a route sends clients to; True for what sends them nowhere."""
    revisions = _serves(manifest)
    by_service = revisions if kind_of(manifest) == HTTP_ROUTE else ()
    return missing.isdisjoint(revisions) and not any(_is_refused(SERVICE, name, refusals) for name in by_service)


def _pods_stay(refusals: Sequence[Refusal]) -> bool:
    """Whether a Deployment may not be deleted. Of a deletion nobody says for which revision it was."""
    return any(refusal.kind == DEPLOYMENT.kind and refusal.revision is None for refusal in refusals)


def _is_refused(kind: Kind, name: str, refusals: Sequence[Refusal]) -> bool:
    return any((refusal.kind, refusal.name) == (kind.kind, name) for refusal in refusals)


def _serves(manifest: Manifest) -> set[str]:
    """The revisions that a Service or a route sends traffic to."""
    if kind_of(manifest) == HTTP_ROUTE:
        return {backend["name"] for rule in manifest["spec"]["rules"] for backend in rule["backendRefs"]}
    if kind_of(manifest) != SERVICE:
        return set()
    revision = revision_of({"metadata": {"labels": manifest["spec"]["selector"]}})
    return {revision} if revision else set()
