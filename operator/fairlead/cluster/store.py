"""The cache of one kind of object: what the watches and our own writes have shown of it last.

Watch events, LIST results and the responses of writes arrive in any order. What makes order out of them is the
resourceVersion: within one kind it is an integer that grows with every change of any object (KEP-5504), so of two
sights of a name the one with the greater version is the later one, whoever brought it, and a deletion is a sight like
any other. The uid only matters where no version is known: a deletion of our own, and a list of names.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any

from fairlead.api.kinds import Kind
from fairlead.cluster.packing import Packing

Key = tuple[str, str]
"""(namespace, name); the namespace of cluster-scoped objects is the empty string."""

Object = dict[str, Any]
Slim = Callable[[Object], Object]
OwnerOf = Callable[[Object], Key | None]
RefersTo = Callable[[Object], str | None]
Dependents = Callable[[Key], Collection[Key]]

DELETED = "DELETED"
"""The watch event that matters apart; ADDED, MODIFIED and Kopf's None (listed) all mean "this is how it looks"."""


def key_of(obj: Mapping[str, Any]) -> Key:
    """The key of an object or of anything else that has metadata."""
    metadata = obj["metadata"]
    return intern(metadata.get("namespace", "")), intern(metadata["name"])


def _nothing(_: Any) -> None:
    """The default for `refers_to`."""


def _nobody(_: Key) -> tuple[Key, ...]:
    """The default for `dependents`."""
    return ()


@dataclass(frozen=True, slots=True)
class _Live:
    """The last sight of an object."""

    uid: str
    version: int
    body: bytes
    owner: Key | None
    refers_to: str | None


@dataclass(frozen=True, slots=True)
class _Gone:
    """A grave: sights up to `version`, and all sights of `uid` if it is given, are from before the deletion."""

    version: int
    uid: str | None
    buried: int


class Store:
    """Objects of one kind by key, indexed by the model they belong to.

    `slim` chooses what is kept of an object, `owner_of` names the model that is to be looked at when it changes, and
    `refers_to` something that it uses. They get the object without `managedFields` and must not change it. `dependents`
    are models that are to be looked at as well when the object of that key changes.
    """

    def __init__(
        self,
        kind: Kind,
        *,
        slim: Slim,
        owner_of: OwnerOf,
        refers_to: RefersTo = _nothing,
        dependents: Dependents = _nobody,
    ) -> None:
        self.kind = kind
        self._slim, self._owner_of, self._refers_to, self._dependents = slim, owner_of, refers_to, dependents
        self._packing = Packing()
        self._live: dict[Key, _Live] = {}
        self._gone: dict[Key, _Gone] = {}
        # Tuples, for most models own one or two objects of a kind, and a set of one takes 216 bytes.
        self._by_owner: dict[Key, tuple[Key, ...]] = {}
        self._by_reference: dict[str, set[Key]] = {}
        self._lists = 0

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Key]:
        return iter(tuple(self._live))

    def __contains__(self, key: object) -> bool:
        return key in self._live

    def get(self, key: Key) -> Object | None:
        """A copy of the object, as far as `slim` kept it."""
        live = self._live.get(key)
        return None if live is None else self._packing.unpack(live.body)

    def version(self, key: Key) -> int | None:
        """The resourceVersion of the object; None when there is none."""
        live = self._live.get(key)
        return None if live is None else live.version

    def owned(self, owner: Key) -> list[Object]:
        """Copies of the objects that belong to a model, by name."""
        return [self._packing.unpack(self._live[key].body) for key in sorted(self._by_owner.get(owner, ()))]

    def referring(self, name: str) -> Collection[Key]:
        """The objects that use what has this name."""
        return tuple(self._by_reference.get(name, ()))

    def observe(self, event: str | None, obj: Object) -> set[Key]:
        """Takes in a watch event, a listed object or the response of a write; returns the models to look at again.

        An empty set means: nothing that is kept of it is new, or it is nobody's object. Raises ValueError for a
        resourceVersion that is no integer.
        """
        key, version, uid = key_of(obj), int(obj["metadata"]["resourceVersion"]), obj["metadata"]["uid"]
        if self._is_outdated(key, version, uid, deletion=event == DELETED):
            return set()
        before = self.get(key)
        affected = self._drop(key)
        if event == DELETED:
            self._bury(key, version)
            return affected
        self._gone.pop(key, None)
        slim = self._put(key, version, uid, obj)
        if before is not None and _without_version(before) == _without_version(slim):
            return set()
        return affected | self._concerned(key)

    def forget(self, key: Key, uid: str) -> set[Key]:
        """Takes in that we deleted the object `uid` ourselves; returns the models to look at again.

        The response of a deletion tells no version. Events of this uid are ignored until its DELETED has come.
        """
        live = self._live.get(key)
        if live is None or live.uid != uid:
            return set()
        self._bury(key, live.version, uid)
        return self._drop(key)

    def missing(self, listed: Iterable[Key]) -> set[Key]:
        """Those of the keys of a LIST of which no watch has told yet, neither their life nor their end."""
        return {key for key in listed if key not in self._live and key not in self._gone}

    def outdated(self, versions: Mapping[Key, int]) -> set[Key]:
        """Keys of a LIST (key → resourceVersion) of which we know an older state only, or none."""
        return {key for key, version in versions.items() if key not in self._live or self._live[key].version < version}

    def prune(self, listed: Mapping[Key, str], list_version: int) -> set[Key]:
        """Drops what a complete LIST does not hold, and old graves; returns the models to look at again.

        To be called at long intervals.
        """
        affected = self.drop_unlisted(listed, list_version)
        # A grave must outlast every response still under way. One whole interval between two lists is long enough.
        self._gone = {key: gone for key, gone in self._gone.items() if gone.buried == self._lists}
        self._lists += 1
        return affected

    def drop_unlisted(self, listed: Mapping[Key, str], list_version: int) -> set[Key]:
        """Drops what a complete LIST at `list_version` (key → uid) does not hold; returns the models to look at again.

        This is how a deletion comes to light of which no watch has told.
        """
        affected: set[Key] = set()
        for key, live in list(self._live.items()):
            if live.version > list_version or listed.get(key) == live.uid:
                continue
            if key in listed:  # a successor, of which an event from before the list may still be on its way
                self._bury(key, live.version, live.uid)
            else:
                self._bury(key, list_version)
            affected |= self._drop(key)
        return affected

    def _is_outdated(self, key: Key, version: int, uid: str, *, deletion: bool) -> bool:
        live, gone = self._live.get(key), self._gone.get(key)
        if live is not None:
            # A deletion we were told of has its own version. One that Kopf or we made up may carry the last one seen.
            return version < live.version or (version == live.version and not deletion)
        return gone is not None and (version <= gone.version or (uid == gone.uid and not deletion))

    def _bury(self, key: Key, version: int, uid: str | None = None) -> None:
        self._gone[key] = _Gone(version, uid, self._lists)

    def _put(self, key: Key, version: int, uid: str, obj: Object) -> Object:
        """Keeps the object; returns what is kept of it."""
        metadata = {field: value for field, value in obj["metadata"].items() if field != "managedFields"}
        bare = {**obj, "metadata": metadata}
        slim, owner, reference = self._slim(bare), self._owner_of(bare), self._refers_to(bare)
        self._live[key] = _Live(uid, version, self._packing.pack(slim), owner, reference)
        if owner is not None:
            self._by_owner[owner] = (*self._by_owner.get(owner, ()), key)
        if reference is not None:
            self._by_reference.setdefault(reference, set()).add(key)
        return slim

    def _concerned(self, key: Key) -> set[Key]:
        """The models that an object matters to as it is now."""
        owner = self._live[key].owner
        return {*self._dependents(key), *(() if owner is None else (owner,))}

    def _drop(self, key: Key) -> set[Key]:
        """Keeps the object no more; returns the models that it mattered to."""
        if key not in self._live:
            return set()
        concerned, live = self._concerned(key), self._live.pop(key)
        if live.owner is not None:
            rest = tuple(other for other in self._by_owner.pop(live.owner) if other != key)
            if rest:
                self._by_owner[live.owner] = rest
        if live.refers_to is not None:
            users = self._by_reference[live.refers_to]
            users.remove(key)
            if not users:
                del self._by_reference[live.refers_to]
        return concerned


def _without_version(obj: Object) -> Object:
    metadata = {field: value for field, value in obj["metadata"].items() if field != "resourceVersion"}
    return {**obj, "metadata": metadata}
