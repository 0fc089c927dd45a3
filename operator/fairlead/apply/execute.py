"""Carries out a Plan: the only place that writes. Steps in the plan's order, each only where something differs."""

import logging
from collections.abc import Iterable
from datetime import datetime

from fairlead.api.kinds import MODEL_DEPLOYMENT, SERVICE, kind_of
from fairlead.apply.event import event_manifest
from fairlead.apply.objects import Objects, Refused, Stores
from fairlead.cluster.client import Client
from fairlead.cluster.errors import NotFound, Rejected
from fairlead.plan import Apply, Delete, Event, Plan, Scale, Step
from fairlead.situation import Identity, Manifest, Refusal, revision_of

log = logging.getLogger(__name__)


class Writer:
    """Writes what plans ask for."""

    def __init__(self, client: Client, stores: Stores, reporter: str) -> None:
        self._client = client
        self._models = stores[MODEL_DEPLOYMENT]
        self._objects = Objects(client, stores)
        self._reporter = reporter

    async def carry_out(self, steps: tuple[Step, ...], identity: Identity) -> tuple[Refusal, ...]:
        """Carries the steps out, and returns what was refused.

        A refusal stops what rests on it, and nothing else: the rest of a revision that cannot be without it, traffic to
        that revision, and all deletions. Raises ApiError where trying again may help.
        """
        refusals: list[Refusal] = []
        for step in steps:
            if rests_on(step, refusals):
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
        answer = await self._client.patch_status(
            MODEL_DEPLOYMENT,
            identity.namespace,
            identity.name,
            identity.uid,
            plan.status,
            known=live["metadata"]["resourceVersion"],
        )
        self._models.observe("MODIFIED", answer)
        return True

    async def tell(self, events: tuple[Event, ...], identity: Identity, now: datetime) -> None:
        """Creates Kubernetes Events. They are a courtesy: one that is refused is logged and forgotten."""
        for event in events:
            log.info("%s: %s", event.reason, event.message)
            try:
                await self._client.create_event(
                    identity.namespace, event_manifest(event, identity, self._reporter, now)
                )
            except (Rejected, NotFound) as refused:
                log.warning("the Event was not accepted: %s", refused)

    async def _step(self, step: Step, identity: Identity) -> None:
        match step:
            case Apply(manifest=manifest):
                await self._objects.apply(dict(manifest), identity)
            case Scale(deployment=name, replicas=replicas):
                await self._objects.scale(identity.namespace, name, replicas)
            case Delete(kind=kind, name=name, uid=uid):
                await self._objects.delete(kind, identity.namespace, name, uid)


def rests_on(step: Step, refusals: Iterable[Refusal]) -> bool:
    """Whether something that was refused must be there before this step."""
    missing = {refusal.revision for refusal in refusals if refusal.essential}
    match step:
        case Apply(manifest=manifest):
            return bool(missing & {revision_of(manifest), _serves(manifest)} - {None})
        case Scale(deployment=name):
            return name in missing
        case Delete():
            return bool(tuple(refusals))


def _serves(manifest: Manifest) -> str | None:
    """The revision that a Service sends traffic to."""
    if kind_of(manifest) != SERVICE:
        return None
    return revision_of({"metadata": {"labels": manifest["spec"]["selector"]}})
