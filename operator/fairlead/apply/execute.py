"""Carries out a Plan: the only place that writes. Steps in the plan's order, each only where something differs."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT, Kind, kind_of
from fairlead.api.reasons import Reason
from fairlead.api.revision import digest
from fairlead.apply.difference import difference
from fairlead.apply.event import event_manifest
from fairlead.cluster.client import Client
from fairlead.cluster.errors import NotFound, Rejected, ServerFault
from fairlead.cluster.store import Store
from fairlead.plan import Apply, Delete, Event, Plan, Scale, Step
from fairlead.situation import Identity, Refusal

log = logging.getLogger(__name__)

Stores = Mapping[Kind, Store]


class Refused(Exception):
    """A step that will not succeed as it is; the rest of the plan rests on it."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Writer:
    """Writes what plans ask for, and puts every answer into the cache at once."""

    def __init__(self, client: Client, stores: Stores, reporter: str) -> None:
        self._client = client
        self._stores = stores
        self._reporter = reporter
        # Objects whose last write changed nothing: (what was wanted, version). Somebody, a mutating webhook say,
        # keeps them otherwise; trying again before either side moves would be a fight without end.
        self._fruitless: dict[tuple[Kind, str, str], tuple[str, str]] = {}
        self._faults: dict[tuple[Kind, str, str], str] = {}

    async def carry_out(self, steps: tuple[Step, ...], identity: Identity) -> tuple[Refusal, ...]:
        """Carries steps out until one is refused; returns that refusal, or nothing.

        Raises ApiError where trying again may help.
        """
        for step in steps:
            try:
                await self._step(step, identity)
            except Refused as refused:
                return (refused.refusal,)
        return ()

    async def write_status(self, plan: Plan, identity: Identity) -> bool:
        """Writes the status if it differs from what was seen last; tells whether it did."""
        store = self._stores[MODEL_DEPLOYMENT]
        live = store.get((identity.namespace, identity.name))
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
        store.observe("MODIFIED", answer)
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
                await self._apply(dict(manifest), identity)
            case Scale(deployment=name, replicas=replicas):
                await self._scale(identity.namespace, name, replicas)
            case Delete(kind=kind, name=name, uid=uid):
                log.info("deleting %s %s", kind.kind, name)
                gone = await self._client.delete(kind, identity.namespace, name, uid)
                if gone:
                    self._stores[kind].forget((identity.namespace, name), uid)

    async def _apply(self, manifest: dict[str, Any], identity: Identity) -> None:
        kind, name = kind_of(manifest), manifest["metadata"]["name"]
        store, key = self._stores[kind], (identity.namespace, name)
        live = store.get(key)
        differs = "it does not exist" if live is None else difference(manifest, live)
        if differs is None:
            return
        version = live["metadata"]["resourceVersion"] if live else ""
        attempt = (digest(manifest), version)
        if self._fruitless.get((kind, *key)) == attempt:
            return
        force = await self._ours(kind, manifest, live, identity)
        log.info("writing %s %s: %s", kind.kind, name, differs)
        try:
            answer = await self._client.apply(manifest, force=force, known=version or None)
        except Rejected as rejected:
            raise _refused(kind, name, Reason.WRITE_REFUSED, rejected.message) from rejected
        except ServerFault as fault:
            # The server answers 500 without a reason to a field of the wrong type, as it does when etcd hiccups. The
            # same words for the same object twice in a row are no hiccup.
            if self._faults.get((kind, *key)) == fault.message:
                raise _refused(kind, name, Reason.WRITE_REFUSED, fault.message) from fault
            self._faults[(kind, *key)] = fault.message
            raise
        self._faults.pop((kind, *key), None)
        self._fruitless.pop((kind, *key), None)
        if answer["metadata"]["resourceVersion"] == version:
            self._fruitless[(kind, *key)] = attempt
        store.observe("MODIFIED", answer)

    async def _ours(
        self, kind: Kind, manifest: Mapping[str, Any], live: Mapping[str, Any] | None, identity: Identity
    ) -> bool:
        """Whether the object is known to be ours, so that its fields may be taken back by force.

        False: there was none. If somebody creates one this moment, it comes to a conflict, and to another look.
        Raises Refused for one that belongs to somebody else. One that was never seen is looked for first: it may
        exist without our labels, and then it is not ours to write to.
        """
        name = manifest["metadata"]["name"]
        found = live or await self._found(kind, identity.namespace, name)
        if found is None:
            return False
        owner = next((ref for ref in found["metadata"].get("ownerReferences") or () if ref.get("controller")), None)
        if owner is None:
            raise _taken(kind, name, "it exists already, and nothing says that it is part of this model")
        if owner["uid"] != identity.uid:
            raise _taken(kind, name, f"it belongs to {owner['kind']} {owner['name']}")
        return True

    async def _found(self, kind: Kind, namespace: str, name: str) -> Mapping[str, Any] | None:
        try:
            return await self._client.get_metadata(kind, namespace, name)
        except NotFound:
            return None

    async def _scale(self, namespace: str, name: str, replicas: int) -> None:
        store = self._stores[DEPLOYMENT]
        live = store.get((namespace, name))
        if live is None or (live["spec"].get("replicas") or 0) == replicas:
            return
        log.info("scaling Deployment %s: from %s to %s replicas", name, live["spec"].get("replicas") or 0, replicas)
        try:
            store.observe("MODIFIED", await self._client.scale(DEPLOYMENT, namespace, name, replicas))
        except Rejected as rejected:
            raise _refused(DEPLOYMENT, name, Reason.WRITE_REFUSED, rejected.message) from rejected


def _refused(kind: Kind, name: str, reason: Reason, message: str) -> Refused:
    return Refused(Refusal(kind=kind.kind, name=name, reason=reason, message=message))


def _taken(kind: Kind, name: str, why: str) -> Refused:
    message = f"the name is taken: {why}; delete or rename that {kind.kind}, or rename this model"
    return _refused(kind, name, Reason.NAME_TAKEN, message)
