"""A world with a model that is scaled, on a cluster with or without KEDA."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from canary_world import MEASURED
from fairlead.api.kinds import AUTOSCALERS, OPTIONAL, SCALED_OBJECT, Kind, kind_of
from fairlead.plan import Apply, Plan
from fairlead.site import Site
from world import World, a_model

CPU = {"requests": {"cpu": "1", "memory": "1Gi"}}
GAUGES = {"concurrency": {"series": "running"}, "queueDepth": {"series": "waiting"}}
COUNTING: Mapping[str, Any] = {
    **MEASURED,
    "spec": {**MEASURED["spec"], "metrics": {**MEASURED["spec"]["metrics"], **GAUGES}},
}
"""A ModelRuntime whose server counts what works and what waits, but knows no cache."""
CACHING: Mapping[str, Any] = {
    **COUNTING,
    "spec": {
        **COUNTING["spec"],
        "metrics": {**COUNTING["spec"]["metrics"], "kvCacheUtilization": {"series": "cache"}},
    },
}
"""One whose server counts that as well."""
PROMETHEUS = Site(keda_prometheus="http://prometheus")
WITHOUT_KEDA = frozenset(OPTIONAL) - {SCALED_OBJECT}
QUERY = {"promql": "sum(gateway_requests)", "perPod": "20"}


def bounds(target: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """An autoscaling with a target."""
    return {"minReplicas": 2, "maxReplicas": 10, "target": dict(target), **more}


def a_world(
    autoscaling: Mapping[str, Any],
    *,
    keda: bool = True,
    site: Site = PROMETHEUS,
    server: Mapping[str, Any] = COUNTING,
    **more: Any,
) -> World:
    """A model that is scaled and has come to rest."""
    world = World(a_model(autoscaling=dict(autoscaling), resources=CPU, **more), runtime=server, site=site)
    world.served = frozenset(OPTIONAL) if keda else WITHOUT_KEDA
    world.settle()
    for (kind, _), live in world.children.items():
        if kind == SCALED_OBJECT:  # KEDA's part
            live["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}
    world.reconcile()
    return world


def forbidding(site: Site) -> Site:
    """The same where users may have no queries."""
    return replace(site, queries=False)


def autoscalers(world: World) -> dict[Kind, Mapping[str, Any]]:
    """The specs of the autoscalers of the revision that serves, by their kind."""
    name = world.serving() or ""
    return {kind: world.children[kind, name]["spec"] for kind in AUTOSCALERS if (kind, name) in world.children}


def made(plan: Plan) -> list[Kind]:
    """The kinds of autoscalers that a plan makes, or leaves as they are."""
    kinds = [kind_of(step.manifest) for step in plan.steps if isinstance(step, Apply)]
    return [kind for kind in kinds if kind in AUTOSCALERS]


def said(world: World) -> tuple[str, str, str]:
    """What status says of scaling: status, reason, message; the name of the revision left out."""
    found = world.condition("ScalingActive")
    assert found is not None
    return found["status"], found["reason"], found["message"].replace(world.serving() or "?", "R")
