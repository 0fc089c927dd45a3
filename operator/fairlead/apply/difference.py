"""Where a live object is not as we want it. [pure]

The API server adds to what we apply: defaults, and what others (autoscalers, webhooks, people) have written. None of
that is a difference. So the desired manifest is searched for in the live object, with server-side apply's own idea of
what belongs together: maps are merged, except atomic ones; lists are whole values, except sets.

What this cannot see is a field that we do not want any more: it looks like something of others. So whatever can be
taken away again has to be an object of its own, an entry of a list that is compared as a whole, or part of a revision.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fairlead.api.quantity import canonical_quantity

ATOMIC = frozenset(
    {
        "backendRefs",
        "ingress",
        "labelSelector",
        "matchLabels",
        "namespaceSelector",
        "nodeSelector",
        "parentRefs",
        "podSelector",
        "selector",
    }
)
"""Values that server-side apply replaces as a whole: somebody else's key in one of them changes what it means."""

SETS: Mapping[str, str] = {"ownerReferences": "uid", "finalizers": ""}
"""Lists that others may add to, by the field that identifies an item; "" means the item itself.

Not containers, variables or volumes: a Deployment is built from its revision alone, and what somebody adds to it would
restart the model.
"""

QUANTITIES = frozenset({"requests", "limits", "averageValue", "sizeLimit"})
"""Fields that hold quantities, or maps of them; the server rewrites `1000m` to `1`."""


def difference(desired: Mapping[str, Any], live: Mapping[str, Any]) -> str | None:
    """Path of the first field of `desired` that `live` does not have so, e.g. `spec.ports[0].port`; None if all are.

    A desired None says nothing, as in server-side apply. A desired empty list may be missing in `live`, for the server
    drops those; an empty map may not, for it can mean something (`emptyDir: {}`, `podSelector: {}`).
    """
    found = _map(desired, live)
    return None if found is None else found.removeprefix(".")


# Below, a path starts where the values do: "" is the value itself, and None says that there is no difference. Paths
# grow on the way back, for nearly always there is nothing to tell, and this is asked of every object at every look.


def _map(desired: Mapping[str, Any], live: Mapping[str, Any]) -> str | None:
    for name, wanted in desired.items():
        found = _field(name, wanted, live.get(name))
        if found is not None:
            return _step(name) + found
    return None


def _field(name: str, desired: Any, live: Any) -> str | None:
    """The difference in one named field; its name says how to compare."""
    if desired is None or (live is None and desired == []):
        return None
    if name in QUANTITIES:
        return _quantity(desired, live)
    if name in ATOMIC:
        return None if _same(_without_empty_lists(desired), _without_empty_lists(live)) else ""
    if name in SETS and isinstance(desired, Sequence) and isinstance(live, Sequence):
        return _set(SETS[name], desired, live)
    return _value(desired, live)


def _value(desired: Any, live: Any) -> str | None:
    if isinstance(desired, Mapping):
        return _map(desired, live) if isinstance(live, Mapping) else ""
    if isinstance(desired, list | tuple):
        if not isinstance(live, Sequence) or isinstance(live, str) or len(desired) != len(live):
            return ""
        for i, (want, have) in enumerate(zip(desired, live, strict=True)):
            found = _value(want, have)
            if found is not None:
                return f"[{i}]{found}"
        return None
    return None if _same(desired, live) else ""


def _set(by: str, desired: Sequence[Any], live: Sequence[Any]) -> str | None:
    """Every desired item must be there, wherever."""
    there = {json.dumps(_identity(item, by)): item for item in live}
    for i, item in enumerate(desired):
        found = _value(item, there.get(json.dumps(_identity(item, by))))
        if found is not None:
            return f"[{i}]{found}"
    return None


def _identity(item: Any, by: str) -> Any:
    return item.get(by) if by and isinstance(item, Mapping) else item


def _quantity(desired: Any, live: Any) -> str | None:
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            return ""
        for name, wanted in desired.items():
            found = _quantity(wanted, live.get(name))
            if found is not None:
                return _step(name) + found
        return None
    if desired is None or (isinstance(desired, str) and desired == live):
        return None
    try:
        return None if live is not None and canonical_quantity(desired) == canonical_quantity(live) else ""
    except ValueError:
        return _value(desired, live)


def _same(desired: Any, live: Any) -> bool:
    # In Python True == 1; in JSON they differ.
    return bool(desired == live) and isinstance(desired, bool) == isinstance(live, bool)


def _without_empty_lists(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_empty_lists(item) for key, item in value.items() if item != []}
    return [_without_empty_lists(item) for item in value] if isinstance(value, list | tuple) else value


def _step(name: str) -> str:
    plain = name.replace("-", "").replace("_", "").isalnum()
    return f".{name}" if plain else f"[{json.dumps(name)}]"
