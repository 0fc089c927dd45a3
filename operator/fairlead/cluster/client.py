"""What Fairlead asks of the API server: a few typed verbs for the kinds that it handles.

Every write passes one gate, right before it is sent: a process that does not hold the lease any more writes nothing.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fairlead.api.kinds import CORE_EVENT, EVENT, Kind, kind_of
from fairlead.api.names import FIELD_MANAGER
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import (
    ApiError,
    Conflict,
    Expired,
    NotFound,
    NotLeading,
    Rejected,
    ServerFault,
    Throttled,
    Unauthorized,
)
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.store import Key, Object, key_of

log = logging.getLogger(__name__)

CHUNK = 500
EVENTS = 50
LIST_TIMEOUT = timedelta(seconds=30)
RESTARTS = 5
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Everything that existed of a kind at one moment."""

    uids: Mapping[Key, str]
    versions: Mapping[Key, int]
    version: int
    """The resourceVersion of that moment."""


class Client:
    """Reads, and writes while `may_write` says so. Raises ApiError (see errors.py) for all that fails."""

    def __init__(self, connection: Connection, *, may_write: Callable[[], bool], metrics: Metrics) -> None:
        self._connection = connection
        self._may_write = may_write
        self._metrics = metrics

    async def get(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """The whole object, as the server has it now."""
        return await self._connection.request("GET", kind.path(namespace, name))

    async def get_metadata(self, kind: Kind, namespace: str | None, name: str) -> Object:
        """The object without anything but its metadata."""
        return await self._connection.request("GET", kind.path(namespace, name), accept=METADATA)

    async def list_metadata(
        self, kind: Kind, *, namespace: str | None = None, label_selector: str | None = None
    ) -> Listing:
        """What exists of a kind, consistently: begins anew when the server forgets the moment half-way."""
        for restarts_left in range(RESTARTS, -1, -1):
            uids: dict[Key, str] = {}
            versions: dict[Key, int] = {}
            version = 0
            try:
                async for page in self._pages(kind.path(namespace), label_selector):
                    version = int(page["metadata"]["resourceVersion"])
                    items = page["items"] or ()  # null, not [], where there are none
                    uids.update((key_of(item), item["metadata"]["uid"]) for item in items)
                    versions.update((key_of(item), int(item["metadata"]["resourceVersion"])) for item in items)
            except Expired:
                if not restarts_left:
                    raise
            else:
                return Listing(uids=uids, versions=versions, version=version)
        raise AssertionError("the last attempt returns or raises")

    async def is_served(self, kind: Kind, namespaces: Sequence[str] = ()) -> bool:
        """Whether the API server answers for a kind at the moment; False, too, while it cannot be reached.

        Raises Rejected when we may not read it: waiting would not help.
        """
        namespace = namespaces[0] if namespaces and kind.namespaced else None
        try:
            await self._connection.request("GET", kind.path(namespace), params={"limit": "1"}, accept=METADATA_LIST)
        except (NotFound, Expired, Conflict, ServerFault, Throttled, Unauthorized) as error:
            log.debug("%s: %s", kind.plural, error)
            return False
        return True

    async def may_use(self, kind: Kind, namespaces: Sequence[str] = ()) -> bool | None:
        """Whether an optional kind is served and we may read it; None while the API server does not say."""
        answers = [await self._may_read(kind, namespace, unserved=False) for namespace in namespaces or (None,)]
        return None if None in answers else all(answers)

    async def may_list(self, kind: Kind, namespace: str) -> bool | None:
        """Whether we may read a kind in a namespace; None while the API server does not say.

        It answers the same for a namespace that does not exist: 403, unless we may read the kind everywhere.
        """
        # Rights are looked at first: where the kind is not served yet, we have them.
        return await self._may_read(kind, namespace, unserved=True)

    async def _may_read(self, kind: Kind, namespace: str | None, *, unserved: bool) -> bool | None:
        try:
            await self._connection.request("GET", kind.path(namespace), params={"limit": "1"}, accept=METADATA_LIST)
        except NotFound:
            return unserved
        except Rejected as rejected:
            return False if rejected.status == 403 else None
        except ApiError as error:
            log.debug("%s in %s: %s", kind.plural, namespace or "all namespaces", error)
            return None
        return True

    async def apply(self, manifest: Object, *, force: bool = True) -> Object:
        """Server-side apply; returns the object as it is now.

        Fields that the server does not know are refused (fieldValidation=Strict): if they were dropped, the live object
        would differ from the desired one for ever.
        """
        kind = kind_of(manifest)
        metadata = manifest["metadata"]
        return await self._write(
            kind,
            "apply",
            "PATCH",
            kind.path(metadata.get("namespace"), metadata["name"]),
            body=manifest,
            content_type="application/apply-patch+yaml",  # JSON is YAML
            params={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "force": str(force).lower()},
        )

    async def replace(self, manifest: Object, *, known: str) -> Object:
        """Replaces an object as a whole, if it is still at resourceVersion `known`; returns it as it is now.

        For what server-side apply cannot do: take away what somebody else has put there. Conflict if it has changed.
        """
        kind, metadata = kind_of(manifest), manifest["metadata"]
        return await self._write(
            kind,
            "replace",
            "PUT",
            kind.path(metadata.get("namespace"), metadata["name"]),
            body={**manifest, "metadata": {**metadata, "resourceVersion": known}},
            params={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
        )

    async def patch_status(
        self, kind: Kind, namespace: str, name: str, uid: str, status: Mapping[str, Any], *, known: str | None = None
    ) -> Object:
        """Replaces the status of the very object `uid`; returns the object as it is now. Conflict if it is another.

        With `known`, also Conflict if it is not at that resourceVersion any more: what the status rests on is outdated.

        By JSON patch, whose test is the only thing that guards: a custom resource's /status ignores the metadata of
        merge and apply patches, the uid too, and neither of them removes what the new status does not name.
        """
        try:
            live = await self._write(
                kind,
                "status",
                "PATCH",
                f"{kind.path(namespace, name)}/status",
                body=[
                    {"op": "test", "path": "/metadata/uid", "value": uid},
                    *([{"op": "test", "path": "/metadata/resourceVersion", "value": known}] if known else []),
                    {"op": "add", "path": "/status", "value": status},
                ],
                content_type="application/json-patch+json",
                params={"fieldManager": FIELD_MANAGER},
            )
        except Rejected as rejected:
            # The schema names what it objects to; a patch whose test failed is refused without a cause.
            if rejected.status == 422 and not rejected.causes:
                raise Conflict(f"{kind.kind} {namespace}/{name} is not {uid} any more", status=409) from rejected
            raise
        self.count_if_needless(live, known)
        return live

    async def scale(self, kind: Kind, namespace: str, name: str, replicas: int) -> Object:
        """Sets the number of replicas through the scale subresource; returns the scaled object as it is now.

        Never by server-side apply: the field would be Fairlead's, and giving it up, when an autoscaler takes over,
        would reset it to 1.
        """
        path = kind.path(namespace, name)
        await self._write(
            kind,
            "scale",
            "PATCH",
            f"{path}/scale",
            body={"spec": {"replicas": replicas}},
            content_type="application/merge-patch+json",
            params={"fieldManager": FIELD_MANAGER},
        )
        return await self._connection.request("GET", path)

    async def delete(self, kind: Kind, namespace: str | None, name: str, uid: str, *, foreground: bool = False) -> bool:
        """Deletes the very object `uid`, and in the background what it owns; returns whether it is gone already.

        With `foreground` what it owns goes first. False means that this, finalizers or a grace period keep it for now.
        Conflict if the name belongs to another object by now.
        """
        policy = "Foreground" if foreground else "Background"
        try:
            answer = await self._write(
                kind,
                "delete",
                "DELETE",
                kind.path(namespace, name),
                body={"propagationPolicy": policy, "preconditions": {"uid": uid}},
            )
        except NotFound:
            return True
        # Some kinds answer with a Status, others with the object they had.
        return "deletionTimestamp" not in answer.get("metadata", {})

    async def events_of(self, namespace: str, uid: str) -> list[Object]:
        """Events about one object; some of them where there are very many."""
        params = {"fieldSelector": f"involvedObject.uid={uid}", "limit": str(EVENTS)}
        answer = await self._connection.request("GET", CORE_EVENT.path(namespace), params=params)
        return list(answer.get("items") or ())

    async def create_event(self, namespace: str, event: Object) -> Object:
        """Creates an Event (events.k8s.io/v1)."""
        return await self._write(EVENT, "create", "POST", EVENT.path(namespace), body=event)

    def count_if_needless(self, live: Object, known: str | None) -> None:
        """Counts what was written as needless if the object is still at the resourceVersion it was known at before.

        Asked once for all that one difference has led to: an apply that changes nothing may be what shows that only a
        replacement helps.
        """
        if live["metadata"]["resourceVersion"] == known:
            self._metrics.noop_writes.inc()

    async def _pages(self, path: str, label_selector: str | None) -> AsyncIterator[dict[str, Any]]:
        params = {"limit": str(CHUNK)} | ({"labelSelector": label_selector} if label_selector else {})
        while True:
            page = await self._connection.request(
                "GET", path, params=params, accept=METADATA_LIST, timeout=LIST_TIMEOUT
            )
            yield page
            if not (following := page["metadata"].get("continue")):
                return
            params["continue"] = following

    async def _write(self, kind: Kind, verb: str, method: str, path: str, **more: Any) -> dict[str, Any]:
        def leading() -> None:
            if not self._may_write():
                raise NotLeading(f"{verb} {path}: not the leader")

        try:
            answer = await self._connection.request(method, path, allowed=leading, **more)
        except ApiError as error:
            self._metrics.writes.labels(kind.kind, verb, type(error).__name__).inc()
            raise
        self._metrics.writes.labels(kind.kind, verb, "OK").inc()
        return answer
