"""One object at a time: made so, scaled or deleted, and what came of it put into the cache at once."""

import logging
from collections.abc import Mapping
from typing import Any

from fairlead.api.kinds import CONTROLLER_REVISION, DEPLOYMENT, JOB, MODEL_DEPLOYMENT, Kind, kind_of
from fairlead.api.names import REVISION
from fairlead.api.reasons import Reason
from fairlead.apply.difference import difference
from fairlead.apply.memory import Agreements, Faults, Standoffs
from fairlead.apply.replacement import replacement
from fairlead.cluster.client import Client
from fairlead.cluster.errors import Conflict, NotFound, Rejected, ServerFault
from fairlead.cluster.store import Object, Store
from fairlead.logs import about
from fairlead.situation import Identity, Refusal

log = logging.getLogger(__name__)

Stores = Mapping[Kind, Store]

ESSENTIAL = (CONTROLLER_REVISION, DEPLOYMENT)
"""What a revision cannot serve without."""


class Refused(Exception):
    """A write that will not succeed as it is."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class Objects:
    """The objects of models."""

    def __init__(self, client: Client, stores: Stores) -> None:
        self._client = client
        self._stores = stores
        self._agreements = Agreements()
        self._standoffs = Standoffs()
        self._faults = Faults()

    async def apply(self, manifest: Object, identity: Identity) -> None:
        """Makes an object be so, if it is not. Raises Refused, and ApiError where trying again may help."""
        kind, name = kind_of(manifest), manifest["metadata"]["name"]
        address, store = (kind, identity.namespace, name), self._stores[kind]
        if self._agreements.is_one(address, manifest, store.version((identity.namespace, name))):
            return
        live = store.get((identity.namespace, name))
        if kind == JOB and live is not None:
            return  # what it does cannot be changed, and it is named after that
        differs = "it does not exist" if live is None else difference(manifest, live)
        if live is not None and differs is None:
            self._agreements.begin(address, manifest, live)
        if differs is None or (live and self._standoffs.is_one(address, manifest, live)):
            return
        with about(revision=(manifest["metadata"].get("labels") or {}).get(REVISION)):
            await self._make_so(kind, manifest, live, identity, differs)

    async def _make_so(
        self, kind: Kind, manifest: Object, live: Object | None, identity: Identity, differs: str
    ) -> None:
        name = manifest["metadata"]["name"]
        address = (kind, identity.namespace, name)
        ours = await self._is_ours(kind, manifest, live, identity)
        log.info("writing %s %s: %s", kind.kind, name, differs)
        try:
            answer = await self._written(manifest, live, force=ours)
        except Rejected as rejected:
            if any(cause.reason == "NamespaceTerminating" for cause in rejected.causes):
                raise Conflict(f"namespace {identity.namespace} is being deleted") from rejected
            raise _refused(kind, manifest, Reason.WRITE_REFUSED, rejected.message, missing=live is None) from rejected
        except ServerFault as fault:
            if self._faults.is_no_hiccup(address, fault):
                raise _refused(kind, manifest, Reason.WRITE_REFUSED, fault.message, missing=live is None) from fault
            raise
        self._faults.end(address)
        if difference(manifest, answer) is None:
            self._standoffs.end(address)
        else:
            self._standoffs.begin(address, manifest, answer)
        if live:
            self._client.count_if_needless(answer, known=live["metadata"]["resourceVersion"])
        self._stores[kind].observe("MODIFIED", answer)

    async def scale(self, namespace: str, name: str, replicas: int) -> None:
        """Sets the number of replicas of a Deployment, if it is another one. Raises Refused, and ApiError."""
        store = self._stores[DEPLOYMENT]
        live = store.get((namespace, name))
        if live is None or (live["spec"].get("replicas") or 0) == replicas:
            return
        log.info("scaling Deployment %s: from %s to %s replicas", name, live["spec"].get("replicas") or 0, replicas)
        try:
            store.observe("MODIFIED", await self._client.scale(DEPLOYMENT, namespace, name, replicas))
        except Rejected as rejected:
            raise _refused(DEPLOYMENT, live, Reason.WRITE_REFUSED, rejected.message) from rejected

    async def delete(self, kind: Kind, namespace: str, name: str, uid: str, *, foreground: bool) -> None:
        """Deletes the object with this uid. Raises Refused, and ApiError."""
        log.info("deleting %s %s", kind.kind, name)
        try:
            gone = await self._client.delete(kind, namespace, name, uid, foreground=foreground)
        except Rejected as rejected:
            told = f"it cannot be deleted: {rejected.message}"
            raise _refused(kind, {"metadata": {"name": name}}, Reason.WRITE_REFUSED, told) from rejected
        if gone:
            self._stores[kind].forget((namespace, name), uid)

    async def _written(self, manifest: Object, live: Object | None, *, force: bool) -> Object:
        """Server-side apply; and where that cannot help, since somebody has added what may not be there, a replacement.

        Applying removes nothing that others have added, and is refused when that contradicts (a volume of two kinds).
        """
        kind, metadata = kind_of(manifest), manifest["metadata"]
        try:
            answer = await self._client.apply(manifest, force=force)
        except Rejected:
            if live is None:
                raise
            answer = await self._client.get(kind, metadata["namespace"], metadata["name"])
        else:
            if live is None or difference(manifest, answer) is None:
                return answer
        log.info("replacing %s %s: somebody has changed it", kind.kind, metadata["name"])
        return await self._client.replace(replacement(manifest, answer), known=answer["metadata"]["resourceVersion"])

    async def _is_ours(self, kind: Kind, manifest: Object, live: Object | None, identity: Identity) -> bool:
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
            raise _taken(kind, manifest, "it exists already, and nothing says that it is part of this model")
        if owner["uid"] == identity.uid:
            return True
        if (owner["kind"], owner["name"]) == (MODEL_DEPLOYMENT.kind, identity.name):
            raise Conflict(f"{kind.kind} {name} still belongs to a deleted model of this name; it goes in a moment")
        raise _taken(kind, manifest, f"it belongs to {owner['kind']} {owner['name']}")

    async def _found(self, kind: Kind, namespace: str, name: str) -> Object | None:
        try:
            return await self._client.get_metadata(kind, namespace, name)
        except NotFound:
            return None
        except Rejected as rejected:
            if rejected.status == 403:  # what may not be read is written without force: what is others' stays theirs
                return None
            raise


def _refused(
    kind: Kind, manifest: Mapping[str, Any], reason: Reason, message: str, *, missing: bool = False
) -> Refused:
    """`missing` says that there is no such object. One that is there serves on, if not quite as it should be."""
    metadata = manifest["metadata"]
    revision = (metadata.get("labels") or {}).get(REVISION)
    return Refused(
        Refusal(
            kind=kind.kind,
            name=metadata["name"],
            revision=revision,
            essential=missing and kind in ESSENTIAL,
            reason=reason,
            message=message,
        )
    )


def _taken(kind: Kind, manifest: Mapping[str, Any], why: str) -> Refused:
    message = f"the name is taken: {why}; rename this model, or remove that {kind.kind} if nobody needs it"
    return _refused(kind, manifest, Reason.NAME_TAKEN, message, missing=True)
