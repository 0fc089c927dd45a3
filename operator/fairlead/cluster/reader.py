"""What Fairlead reads from the API server beside its watches: objects, what exists of a kind, and what it may read."""

import logging
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fairlead.api.kinds import CORE_EVENT, POD, Kind
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import (
    ApiError,
    Conflict,
    Expired,
    NotFound,
    Rejected,
    ServerFault,
    Throttled,
    Unauthorized,
)
from fairlead.cluster.store import Key, Object, key_of
from fairlead.cluster.use import Use

log = logging.getLogger(__name__)

CHUNK = 500
EVENTS = 50
LIST_TIMEOUT = timedelta(seconds=30)
RESTARTS = 5
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
WHOLE = "application/json"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Everything that existed of a kind at one moment."""

    uids: Mapping[Key, str]
    versions: Mapping[Key, int]
    version: int
    """The resourceVersion of that moment."""


class Reader:
    """Reads, whoever leads. Raises ApiError (see errors.py) for all that fails."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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

    async def usable(self, kind: Kind, namespaces: Sequence[str] = ()) -> Use | None:
        """Whether an optional kind is served and we may read it; None while the API server does not say.

        To who may not read a kind it does not say whether it is served, so that is looked up.
        """
        answers = [await self._may_read(kind, namespace, unserved=False) for namespace in namespaces or (None,)]
        if None in answers:
            return None
        if all(answers):
            return Use.USABLE
        there = await self._is_known(kind)
        return None if there is None else Use.FORBIDDEN if there else Use.ABSENT

    async def _is_known(self, kind: Kind) -> bool | None:
        """Whether discovery, which everybody may read, lists a kind; None while the API server does not say."""
        try:
            found = await self._connection.request("GET", f"/{'apis' if kind.group else 'api'}/{kind.api_version}")
        except NotFound:
            return False
        except ApiError as error:
            log.debug("discovery of %s: %s", kind.api_version, error)
            return None
        return any(each.get("name") == kind.plural for each in found.get("resources") or ())

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

    async def every(self, kind: Kind, namespace: str | None) -> AsyncIterator[Object]:
        """All objects of a kind, whole, a page of them in memory at a time. They do not say of which kind they are."""
        async for page in self._pages(kind.path(namespace), None, accept=WHOLE):
            for each in page.get("items") or ():
                yield each

    async def events_of(self, namespace: str, uid: str) -> list[Object]:
        """Events about one object; some of them where there are very many."""
        params = {"fieldSelector": f"involvedObject.uid={uid}", "limit": str(EVENTS)}
        answer = await self._connection.request("GET", CORE_EVENT.path(namespace), params=params)
        return list(answer.get("items") or ())

    async def minor_version(self) -> int:
        """Of Kubernetes 1.x the x; 0 where the server says something else."""
        answer = await self._connection.request("GET", "/version")
        found = re.match("[0-9]+", str(answer.get("minor") or "")) if str(answer.get("major")) == "1" else None
        return int(found[0]) if found else 0

    async def pods_of_job(self, namespace: str, job: str) -> list[Object]:
        """The pods that a Job has made, as they are now."""
        pages = self._pages(POD.path(namespace), f"batch.kubernetes.io/job-name={job}", accept=WHOLE)
        return [each async for page in pages for each in page.get("items") or ()]

    async def _pages(
        self, path: str, label_selector: str | None, *, accept: str = METADATA_LIST
    ) -> AsyncIterator[dict[str, Any]]:
        params = {"limit": str(CHUNK)} | ({"labelSelector": label_selector} if label_selector else {})
        while True:
            page = await self._connection.request("GET", path, params=params, accept=accept, timeout=LIST_TIMEOUT)
            yield page
            if not (following := page["metadata"].get("continue")):
                return
            params["continue"] = following
