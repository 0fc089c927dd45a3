"""An API server in memory, in the place of the HTTP connection: objects, their versions, and what watches would tell.

It knows what Fairlead asks of one and no more: server-side apply, replacement, status, scale, deletion. Whether a real
one does the same is shown by the tests in tests/cluster.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from fairlead.api.kinds import CHILDREN, DEPLOYMENT, EVENT, MODEL_DEPLOYMENT, MODEL_RUNTIME, POD, Kind
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import error_from

Object = dict[str, Any]
KINDS = {kind.plural: kind for kind in (MODEL_DEPLOYMENT, MODEL_RUNTIME, POD, EVENT, *CHILDREN)}
ADDRESS = re.compile(r"/apis?/(?:[^/]+/)?v[^/]+/(?:namespaces/[^/]+/)?(?P<plural>[^/]+)(?:/(?P<name>[^/]+))?(?:/(.+))?")

WHOLE = {"selector", "matchLabels", "namespaceSelector", "podSelector"}
"""Maps that server-side apply replaces as a whole."""


@dataclass(frozen=True, kw_only=True)
class Write:
    """A write request: what the object was before it, and what it is after it (None: there is none)."""

    verb: str
    kind: Kind
    name: str
    before: Object | None
    after: Object | None = None


Watcher = Callable[[Write], None]


def _nothing(write: Write) -> None:
    """The default for whoever looks at writes."""


class MemoryApi(Connection):
    """Objects by kind and name; there is one namespace. `asked` sees every write before it is carried out, and may
    raise in its stead; `done` sees it afterwards, before it is answered.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[Kind, str], Object] = {}
        self.told: dict[Kind, list[tuple[str, Object]]] = {kind: [] for kind in KINDS.values()}
        """What a watch of each kind has to tell that it has not told yet."""
        self.asked: Watcher = _nothing
        self.done: Watcher = _nothing
        self.events: list[Object] = []
        self._version = 0
        self._applied: dict[tuple[Kind, str], Object] = {}

    async def request(self, method: str, path: str, *, body: Any = None, **more: Any) -> Object:
        """One request of the operator."""
        found = ADDRESS.fullmatch(path)
        assert found is not None, path
        kind, name, part = KINDS[found["plural"]], found["name"], found[3]
        if method == "GET":
            return deepcopy(self._existing(kind, name))
        if kind == EVENT:
            self.events.append(body)
            return deepcopy(body)
        verb = part or {"PATCH": "apply", "PUT": "replace", "DELETE": "delete"}[method]
        before = deepcopy(self.get(kind, name))
        self.asked(Write(verb=verb, kind=kind, name=name, before=before))
        answer = self._carry_out(verb, kind, name, deepcopy(body))
        self.done(Write(verb=verb, kind=kind, name=name, before=before, after=deepcopy(self.get(kind, name))))
        return answer

    def get(self, kind: Kind, name: str) -> Object | None:
        """The object as it is, or None."""
        return self.objects.get((kind, name))

    def list(self, kind: Kind) -> Iterator[tuple[str, Object]]:
        """Objects of a kind, by name."""
        return iter(sorted((name, live) for (found, name), live in self.objects.items() if found == kind))

    def put(self, kind: Kind, obj: Object) -> Object:
        """Makes an object so, whoever wants it; nothing happens when it is so already."""
        name = obj["metadata"]["name"]
        before = self.get(kind, name)
        metadata: Object = before["metadata"] if before else {"uid": f"uid-{self._version + 1}", "generation": 0}
        made = deepcopy(obj)
        made["metadata"] |= {key: metadata[key] for key in ("uid", "generation", "resourceVersion") if key in metadata}
        if made == before:
            return before
        self._version += 1
        changed = before is None or made.get("spec") != before.get("spec")
        made["metadata"] |= {
            "generation": metadata["generation"] + changed,
            "resourceVersion": str(self._version),
        }
        self.objects[(kind, name)] = made
        self.told[kind].append(("MODIFIED" if before else "ADDED", deepcopy(made)))
        return made

    def doom(self, kind: Kind, name: str) -> Object:
        """Marks an object that has to go, and stays until something else is done."""
        live = self._existing(kind, name)
        return self.put(kind, {**live, "metadata": {**live["metadata"], "deletionTimestamp": "2026-01-05T09:00:00Z"}})

    def remove(self, kind: Kind, name: str) -> None:
        """Takes an object away."""
        gone = self.objects.pop((kind, name))
        self._applied.pop((kind, name), None)
        self._version += 1
        gone["metadata"]["resourceVersion"] = str(self._version)
        self.told[kind].append(("DELETED", gone))

    def _existing(self, kind: Kind, name: str) -> Object:
        found = self.get(kind, name)
        if found is None:
            raise error_from(404, {"message": f"{kind.plural} {name} not found"})
        return found

    def _carry_out(self, verb: str, kind: Kind, name: str, body: Any) -> Object:
        match verb:
            case "apply":
                return deepcopy(self._apply(kind, name, body))
            case "replace":
                live = self._existing(kind, name)
                if body["metadata"].pop("resourceVersion") != live["metadata"]["resourceVersion"]:
                    raise error_from(409, {"message": f"{kind.kind} {name} has changed"})
                self._applied[(kind, name)] = body
                return deepcopy(self.put(kind, {**body, **({"status": live["status"]} if "status" in live else {})}))
            case "status":
                return deepcopy(self._patch_status(kind, name, body))
            case "scale":
                live = self._existing(kind, name)
                return deepcopy(self.put(kind, {**live, "spec": {**live["spec"], **body["spec"]}}))
            case "delete":
                live = self._existing(kind, name)
                if body["preconditions"]["uid"] != live["metadata"]["uid"]:
                    raise error_from(409, {"message": f"{kind.kind} {name} is another one by now"})
                if body["propagationPolicy"] == "Foreground" or live["metadata"].get("finalizers"):
                    return deepcopy(self.doom(kind, name))
                self.remove(kind, name)
                return {"kind": "Status", "metadata": {}}
            case _:
                raise AssertionError(f"an API server knows no {verb}")

    def _apply(self, kind: Kind, name: str, manifest: Object) -> Object:
        live = self.get(kind, name)
        before = self._applied.get((kind, name), {})
        self._applied[(kind, name)] = manifest
        if live is not None:
            return self.put(kind, _merged(live, before, manifest))
        if kind == DEPLOYMENT:
            manifest = {**manifest, "spec": {**manifest["spec"], "replicas": 1}}
        return self.put(kind, manifest)

    def _patch_status(self, kind: Kind, name: str, operations: Sequence[Mapping[str, Any]]) -> Object:
        live = self._existing(kind, name)
        for operation in operations:
            field = operation["path"].rpartition("/")[2]
            if operation["op"] == "test" and live["metadata"][field] != operation["value"]:
                raise error_from(422, {"message": "the test of a patch has failed"})
        return self.put(kind, {**live, "status": operations[-1]["value"]})


def _merged(live: Object, before: Mapping[str, Any], wanted: Mapping[str, Any]) -> Object:
    """Server-side apply: what others have written stays, what only the last apply had goes."""
    kept = {key: value for key, value in live.items() if key in wanted or key not in before}
    return kept | {key: _value(key, live.get(key), before.get(key), value) for key, value in wanted.items()}


def _value(key: str, live: Any, before: Any, wanted: Any) -> Any:
    if key not in WHOLE and isinstance(wanted, Mapping) and isinstance(live, Mapping):
        return _merged(dict(live), before if isinstance(before, Mapping) else {}, wanted)
    return wanted
