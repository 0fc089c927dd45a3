"""apply/objects.py and what execute.py does with a model that is gone, with the API server's answers made up.

What a real one answers is shown by tests/cluster/test_children.py.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

import pytest

from fairlead.api.kinds import DEPLOYMENT, MODEL_DEPLOYMENT, SERVICE, Kind
from fairlead.apply.execute import Writer
from fairlead.apply.objects import Objects
from fairlead.cluster.errors import NotFound, Rejected
from fairlead.observe.caches import caches
from fairlead.plan import Plan
from fairlead.situation import Identity
from world import World, a_model

IDENTITY = Identity(name="fraud", namespace="risk", uid="uid-fraud", generation=1)


def wanted(kind: Kind) -> dict[str, Any]:
    world = World()
    world.reconcile()
    name = "fraud" if kind == SERVICE else None
    found = deepcopy(next(found for (k, n), found in world.children.items() if k == kind and name in (None, n)))
    del found["metadata"]["uid"], found["metadata"]["generation"]
    return found


class Api:
    """One object. Applying merges maps; every write passes `webhook`."""

    def __init__(self, live: dict[str, Any], webhook: Callable[[dict[str, Any]], object] = lambda obj: None) -> None:
        self.live = live
        self.webhook = webhook
        self.writes: list[str] = []
        self.needless = 0
        self.refuses_apply = False

    async def get(self, *_: Any) -> dict[str, Any]:
        return deepcopy(self.live)

    async def apply(self, manifest: Mapping[str, Any], *, force: bool) -> dict[str, Any]:
        self.writes.append("apply")
        if self.refuses_apply:
            raise Rejected("a volume of two kinds", status=422)
        return self._put(_merged(self.live, manifest))

    async def replace(self, manifest: Mapping[str, Any], *, known: str) -> dict[str, Any]:
        self.writes.append("replace")
        assert known == self.live["metadata"]["resourceVersion"]
        metadata = {"resourceVersion": known, "uid": self.live["metadata"]["uid"]}
        return self._put({**manifest, "metadata": {**manifest["metadata"], **metadata}})

    def count_if_needless(self, live: Mapping[str, Any], known: str) -> None:
        self.needless += live["metadata"]["resourceVersion"] == known

    def _put(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        after = deepcopy(dict(obj))
        self.webhook(after)
        if after != self.live:
            after["metadata"]["resourceVersion"] = str(int(self.live["metadata"]["resourceVersion"]) + 1)
        self.live = after
        return deepcopy(after)


def _merged(live: Any, applied: Any) -> Any:
    if isinstance(live, dict) and isinstance(applied, Mapping):
        return {**live, **{name: _merged(live.get(name), value) for name, value in applied.items()}}
    if isinstance(live, list) and live and "port" in live[0]:  # keyed by port: what others have added stays
        return [*applied, *(item for item in live if item["port"] not in {ours["port"] for ours in applied})]
    return deepcopy(applied)


def as_live(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**deepcopy(manifest), "metadata": {**deepcopy(manifest["metadata"]), "uid": "1", "resourceVersion": "5"}}


async def applied(api: Api, manifest: dict[str, Any], kind: Kind) -> None:
    """One look, after the watch has told how the object is now."""
    stores = caches()
    stores[kind].observe("MODIFIED", deepcopy(api.live))
    await Objects(api, stores).apply(manifest, IDENTITY)  # type: ignore[arg-type]


async def test_a_replacement_keeps_annotations_and_finalizers_which_the_cache_does_not_hold():
    ours = wanted(SERVICE)
    live = as_live(ours)
    live["metadata"] |= {"annotations": {"a": "b"}, "finalizers": ["service.kubernetes.io/load-balancer-cleanup"]}
    live["spec"]["ports"].append({"name": "x", "port": 99})
    for refuses in (False, True):
        api = Api(deepcopy(live))
        api.refuses_apply = refuses
        await applied(api, ours, SERVICE)
        assert api.writes == ["apply", "replace"]
        assert api.live["metadata"]["annotations"] == live["metadata"]["annotations"]
        assert api.live["metadata"]["finalizers"] == live["metadata"]["finalizers"]
        assert api.live["spec"] == ours["spec"]
        assert api.needless == 0, "the apply changed nothing, but showed that a replacement was needed"


def mirrored(obj: dict[str, Any]) -> None:
    """A webhook that has all images come from another registry."""
    obj["spec"]["template"]["spec"]["containers"][0]["image"] = "mirror/x"


async def test_an_autoscaler_does_not_reopen_what_a_webhook_has_decided():
    ours = wanted(DEPLOYMENT)
    live = as_live(ours)
    mirrored(live)
    api = Api(live, webhook=mirrored)
    stores = caches()
    stores[DEPLOYMENT].observe("MODIFIED", deepcopy(api.live))
    objects = Objects(api, stores)  # type: ignore[arg-type]
    await objects.apply(ours, IDENTITY)
    assert api.writes == ["apply", "replace"]
    api.live["spec"]["replicas"] = 5
    api.live["metadata"]["resourceVersion"] = "100"
    stores[DEPLOYMENT].observe("MODIFIED", deepcopy(api.live))
    await objects.apply(ours, IDENTITY)
    assert api.writes == ["apply", "replace"]


async def test_what_the_server_drops_is_seen_as_a_needless_write():
    ours = wanted(DEPLOYMENT)
    live = as_live(ours)
    ours["spec"]["template"]["spec"]["tolerations"] = [{"key": "a", "value": ""}]
    live["spec"]["template"]["spec"]["tolerations"] = [{"key": "a"}]

    def drop(obj: dict[str, Any]) -> None:
        obj["spec"]["template"]["spec"]["tolerations"] = [{"key": "a"}]

    api = Api(live, webhook=drop)
    await applied(api, ours, DEPLOYMENT)
    assert api.needless == 1


class Gone:
    """Knows no model of that name."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    async def patch_status(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise NotFound("not found", status=404, kind=self.kind)


async def written_to(api: Gone) -> bool:
    """Whether the cache still knows the model after its status could not be written."""
    stores = caches()
    model = a_model()
    model["metadata"]["resourceVersion"] = "5"
    stores[MODEL_DEPLOYMENT].observe("ADDED", model)
    writer = Writer(api, stores, "test")  # type: ignore[arg-type]
    assert not await writer.write_status(Plan(steps=(), status={"a": 1}), IDENTITY)
    return ("risk", "fraud") in stores[MODEL_DEPLOYMENT]


async def test_a_model_whose_status_cannot_be_found_is_gone():
    assert not await written_to(Gone("modeldeployments"))


async def test_a_server_that_does_not_serve_the_kind_says_nothing_about_the_model():
    with pytest.raises(NotFound):
        await written_to(Gone(""))


async def test_what_was_found_to_be_right_is_still_written_when_either_side_moves():
    ours = wanted(SERVICE)
    api, stores = Api(as_live(ours)), caches()
    objects = Objects(api, stores)  # type: ignore[arg-type]
    stores[SERVICE].observe("ADDED", deepcopy(api.live))
    await objects.apply(ours, IDENTITY)
    await objects.apply(ours, IDENTITY)
    assert api.writes == []
    other = deepcopy(ours)
    other["spec"]["ports"][0]["port"] = 81
    await objects.apply(other, IDENTITY)
    assert api.live["spec"]["ports"][0]["port"] == 81
    api.writes.clear()
    drifted = deepcopy(api.live)
    drifted["spec"]["ports"][0]["port"] = 82
    drifted["metadata"]["resourceVersion"] = "9"
    stores[SERVICE].observe("MODIFIED", drifted)
    await objects.apply(other, IDENTITY)
    assert api.writes != []
