"""What Fairlead asks of the API server: a few typed verbs for the kinds that it handles. Reading is in reader.py.

Every write passes one gate, right before it is sent: a process that does not hold the lease any more writes nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any

from fairlead.api.kinds import EVENT, Kind, kind_of
from fairlead.api.names import FIELD_MANAGER
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import ApiError, Conflict, NotFound, NotLeading, Rejected
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.reader import Reader
from fairlead.cluster.store import Object


class Client(Reader):
    """Reads, and writes while `may_write` says so. Raises ApiError (see errors.py) for all that fails."""

    def __init__(self, connection: Connection, *, may_write: Callable[[], bool], metrics: Metrics) -> None:
        super().__init__(connection)
        self._may_write = may_write
        self._metrics = metrics

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
