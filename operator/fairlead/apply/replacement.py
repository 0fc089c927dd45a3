"""What an object is replaced with, where server-side apply cannot take away what somebody has put there. [pure]"""

from collections.abc import Mapping
from typing import Any

from fairlead.api.kinds import DEPLOYMENT, kind_of
from fairlead.cluster.store import Object


def replacement(manifest: Object, live: Object) -> Object:
    """The manifest, with what others may add: labels, annotations, finalizers and owners, and the number of replicas.

    `live` must be whole, and not as the cache keeps it. Annotations of a pod template stay too: without the one of
    `kubectl rollout restart` all pods would be replaced.
    """
    kept = {**manifest, "metadata": _metadata(manifest["metadata"], live["metadata"])}
    if kind_of(manifest) == DEPLOYMENT:
        template = manifest["spec"]["template"]
        labelled = _added_to(template["metadata"], live["spec"]["template"].get("metadata") or {})
        kept["spec"] = {
            **manifest["spec"],
            "replicas": live["spec"].get("replicas", 1),
            "template": {**template, "metadata": labelled},
        }
    return kept


def _metadata(ours: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    owners = ours.get("ownerReferences") or []
    others = [ref for ref in live.get("ownerReferences") or () if ref["uid"] not in {own["uid"] for own in owners}]
    finalizers = live.get("finalizers")
    return {
        **_added_to(ours, live),
        "ownerReferences": [*owners, *others],
        **({"finalizers": list(finalizers)} if finalizers else {}),
    }


def _added_to(ours: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Our metadata among the labels and annotations that are there."""
    merged = {name: {**(live.get(name) or {}), **(ours.get(name) or {})} for name in ("labels", "annotations")}
    return {**ours, **{name: value for name, value in merged.items() if value}}
