"""What is remembered of earlier writes, by this process alone and of so many objects: to forget costs one more try."""

from typing import Generic, TypeVar

from fairlead.api.kinds import DEPLOYMENT, Kind
from fairlead.api.revision import digest
from fairlead.cluster.errors import ServerFault
from fairlead.cluster.store import Object

Address = tuple[Kind, str, str]
"""(kind, namespace, name)."""

MOST_AGREED = 10_000
PATIENCE = 3  # equal answers of 500 to the same write, before a person is told
MOST_REMEMBERED = 1000

V = TypeVar("V")


class Standoffs:
    """Objects that somebody, a mutating webhook say, keeps otherwise than we want.

    Trying again before either side moves would be a fight without end.
    """

    def __init__(self) -> None:
        self._known: _Table[tuple[str, str]] = _Table()

    def is_one(self, address: Address, manifest: Object, live: Object) -> bool:
        """Whether what we want came to what is there when it was written last."""
        return self._known.get(address) == (digest(manifest), _content(address[0], live))

    def begin(self, address: Address, manifest: Object, live: Object) -> None:
        """What we want was written, and came to this."""
        self._known.put(address, (digest(manifest), _content(address[0], live)))

    def end(self, address: Address) -> None:
        """What is there is what we want."""
        self._known.drop(address)


class Agreements:
    """Objects that were found to be as they should be: while neither side moves there is nothing to compare.

    A model whose canary is on trial is looked at every few seconds, and has a dozen objects that stay as they are.
    """

    def __init__(self) -> None:
        self._known: _Table[tuple[int, str]] = _Table(MOST_AGREED)

    def is_one(self, address: Address, manifest: Object, version: int | None) -> bool:
        """Whether the object of that version was found to be so."""
        return version is not None and self._known.get(address) == (version, digest(manifest))

    def begin(self, address: Address, manifest: Object, live: Object) -> None:
        """It is so."""
        self._known.put(address, (int(live["metadata"]["resourceVersion"]), digest(manifest)))


class Faults:
    """Answers of 500 without a reason.

    The server gives them when etcd hiccups, but to a field of the wrong type as well. The same words for the same
    object again and again are no hiccup.
    """

    def __init__(self) -> None:
        self._known: _Table[tuple[str, int]] = _Table()

    def is_no_hiccup(self, address: Address, fault: ServerFault) -> bool:
        """Takes in one more fault, and tells whether a person should hear of it."""
        if fault.status != 500 or fault.reason:
            return False
        words, times = self._known.get(address) or ("", 0)
        times = times + 1 if words == fault.message else 1
        self._known.put(address, (fault.message, times))
        return times >= PATIENCE

    def end(self, address: Address) -> None:
        """A write has succeeded."""
        self._known.drop(address)


class _Table(Generic[V]):
    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._values: dict[Address, V] = {}
        self._most = most

    def get(self, address: Address) -> V | None:
        return self._values.get(address)

    def put(self, address: Address, value: V) -> None:
        if len(self._values) >= self._most:  # nobody tells of models that are gone
            self._values.clear()
        self._values[address] = value

    def drop(self, address: Address) -> None:
        self._values.pop(address, None)


def _content(kind: Kind, live: Object) -> str:
    """What an object says, without what changes while it says the same. Replicas are an autoscaler's, or our own."""
    content = {key: value for key, value in live.items() if key not in ("metadata", "status")}
    if kind == DEPLOYMENT:
        content["spec"] = {key: value for key, value in live["spec"].items() if key != "replicas"}
    return digest(content)
