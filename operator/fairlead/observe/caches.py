"""What is cached of each kind, and which model it is about. What nobody reads or compares stays out."""

from collections.abc import Mapping
from typing import Any

from fairlead.api.kinds import (
    AUTOSCALERS,
    CHILDREN,
    DEPLOYMENT,
    HORIZONTAL_POD_AUTOSCALER,
    HTTP_ROUTE,
    JOB,
    MODEL_DEPLOYMENT,
    MODEL_RUNTIME,
    POD,
    SERVICE,
    Kind,
)
from fairlead.api.names import DOMAIN, SCRAPED, model_of
from fairlead.cluster.store import Key, Object, Slim, Store, key_of
from fairlead.scaling.rescale import as_it_scaled
from fairlead.scaling.trouble import kept

_METADATA = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "labels",
    "ownerReferences",
)
_CONTAINER = ("name", "resources", "ports", "startupProbe", "readinessProbe")
_VOLUME = ("name", "image", "persistentVolumeClaim", "secret", "configMap")
_POD_STATUS = ("phase", "reason", "message", "podIP", "conditions", "initContainerStatuses", "containerStatuses")


def caches() -> dict[Kind, Store]:
    """An empty cache for each kind that is watched; that of the models themselves is the first."""
    models = Store(MODEL_DEPLOYMENT, slim=_model, owner_of=key_of, refers_to=runtime_name)
    runtimes = Store(MODEL_RUNTIME, slim=_whole, owner_of=_nobody, dependents=lambda key: models.referring(key[1]))
    stores = {
        MODEL_DEPLOYMENT: models,
        MODEL_RUNTIME: runtimes,
        POD: Store(POD, slim=_pod, owner_of=_model_named),
    }
    return stores | {
        kind: Store(kind, slim=_SLIM.get(kind, _without_status), owner_of=_model_named) for kind in CHILDREN
    }


def runtime_name(model: Object) -> str | None:
    """The ModelRuntime that a ModelDeployment names, which need not make sense otherwise."""
    runtime = (model.get("spec") or {}).get("runtime")
    reference = runtime.get("ref") if isinstance(runtime, dict) else None
    name = reference.get("name") if isinstance(reference, dict) else None
    return name if isinstance(name, str) else None


def _model_named(obj: Object) -> Key | None:
    model = model_of(obj["metadata"])
    return (obj["metadata"].get("namespace", ""), model) if model else None


def _nobody(obj: Object) -> Key | None:
    return None


def _metadata(obj: Object) -> dict[str, Any]:
    return {name: obj["metadata"][name] for name in _METADATA if name in obj["metadata"]}


def _whole(obj: Object) -> Object:
    return {**obj, "metadata": _metadata(obj)}


def _without_status(obj: Object) -> Object:
    return {name: value for name, value in _whole(obj).items() if name != "status"}


def _model(obj: Object) -> Object:
    return {**obj, "metadata": {**_metadata(obj), **_annotations(obj, f"{DOMAIN}/")}}


def _service(obj: Object) -> Object:
    return {**_without_status(obj), "metadata": {**_metadata(obj), **_annotations(obj, SCRAPED)}}


def _annotations(obj: Object, beginning: str) -> dict[str, Any]:
    """Those that are read or compared; nothing when there are none."""
    annotations: Mapping[str, str] = obj["metadata"].get("annotations") or {}
    kept = {name: value for name, value in annotations.items() if name.startswith(beginning)}
    return {"annotations": kept} if kept else {}


def _pod(obj: Object) -> Object:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    volumes = [_some(each, _VOLUME) for each in spec.get("volumes") or ()]
    return {
        "metadata": _metadata(obj),
        # What a message names when the pod does not serve: its requests, probes and volumes that must be there.
        "spec": {
            "containers": [_some(each, _CONTAINER) for each in spec.get("containers") or ()],
            "volumes": [each for each in volumes if len(each) > 1],
        },
        "status": {name: status[name] for name in _POD_STATUS if name in status},
    }


def _some(part: Object, names: tuple[str, ...]) -> Object:
    return {name: part[name] for name in names if name in part}


def _autoscaler(kind: Kind) -> Slim:
    def slim(obj: Object) -> Object:
        scaled = as_it_scaled(obj) if kind == HORIZONTAL_POD_AUTOSCALER else {}
        told = {**scaled, "conditions": [*kept(kind, obj), *scaled.get("conditions", ())]}
        return {**_without_status(obj), **({"status": told} if told["conditions"] else {})}

    return slim


_SLIM: Mapping[Kind, Slim] = {
    DEPLOYMENT: _whole,
    JOB: _whole,
    HTTP_ROUTE: _whole,
    SERVICE: _service,
    **{kind: _autoscaler(kind) for kind in AUTOSCALERS},
}
