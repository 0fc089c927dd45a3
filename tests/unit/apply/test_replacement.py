"""apply/replacement.py: what somebody may add survives, and nothing else does."""

from copy import deepcopy
from typing import Any

from fairlead.api.kinds import DEPLOYMENT, SERVICE, Kind
from fairlead.apply.replacement import replacement
from world import World


def wanted(kind: Kind, name: str | None = None) -> dict[str, Any]:
    world = World()
    world.reconcile()
    return next(found for (k, n), found in world.children.items() if k == kind and name in (None, n))


def test_what_others_may_add_to_the_metadata_stays():
    ours = wanted(SERVICE, "fraud")
    live = deepcopy(ours)
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": "other"}
    live["metadata"] |= {"annotations": {"a": "b"}, "finalizers": ["example.com/wait"], "uid": "1"}
    live["metadata"]["labels"] |= {"team": "risk", "app.kubernetes.io/name": "nonsense"}
    live["metadata"]["ownerReferences"] = [other, *live["metadata"]["ownerReferences"]]
    live["spec"]["ports"].append({"name": "x", "port": 99})

    metadata = replacement(ours, live)["metadata"]
    assert metadata["annotations"] == {"a": "b"}
    assert metadata["finalizers"] == ["example.com/wait"]
    assert metadata["labels"] == {**ours["metadata"]["labels"], "team": "risk"}
    assert [ref["uid"] for ref in metadata["ownerReferences"]] == ["uid-fraud", "other"]
    assert replacement(ours, live)["spec"] == ours["spec"]


def test_a_deployment_keeps_its_replicas_and_does_not_restart():
    ours = wanted(DEPLOYMENT)
    live = deepcopy(ours)
    restarted = {"kubectl.kubernetes.io/restartedAt": "2026-01-05T09:00:00Z"}
    live["spec"]["replicas"] = 7
    live["spec"]["template"]["metadata"]["annotations"] = restarted
    live["spec"]["template"]["spec"]["containers"].append({"name": "added"})

    spec = replacement(ours, live)["spec"]
    assert spec["replicas"] == 7
    assert spec["template"]["metadata"]["annotations"] == restarted
    assert spec["template"]["spec"] == ours["spec"]["template"]["spec"]


def test_nothing_is_added_where_nobody_has_added_anything():
    ours = wanted(SERVICE, "fraud")
    assert replacement(ours, deepcopy(ours)) == ours
