"""The Job that looks up what a floating reference means now: with the user's credentials, which Fairlead never sees.

Its pod is no pod of the model: it has none of the labels by which Services and budgets choose.
"""

from typing import Any

from fairlead.api import names
from fairlead.api.kinds import JOB
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.revision import digest
from fairlead.metadata import manifest
from fairlead.site import Site
from fairlead.situation import Identity
from fairlead.sources.container import fetching_container, fetching_volumes, patterns
from fairlead.sources.fetched import LASTING
from fairlead.sources.way import Way, way_of

DEADLINE = {Way.FETCHED: 600, Way.IMAGE_VOLUME: 120}
"""Seconds, with the pull of its image. What the kubelet can mount does not wait long for being pinned."""
TRIES = 2
"""More after the first."""


def lookup_job(identity: Identity, model: ModelDeployment, site: Site) -> dict[str, Any]:
    """The Job. What it does cannot be changed, so it is named after that."""
    spec = _spec(model, site)
    built = manifest(JOB, identity, names.revision_name(model.name, digest(spec)))
    return {**built, "spec": spec}


def _spec(model: ModelDeployment, site: Site) -> dict[str, Any]:
    pod, way = model.spec.pod, way_of(model.spec.model, site)
    dumped = pod.model_dump(mode="json", by_alias=True, exclude_none=True)
    # On nodes of the same kind as the model's pods: the same can be reached from there, and images are chosen for the
    # same platform. But beside them, before them or in their place is nowhere for it.
    kept = ("nodeSelector", "tolerations", "runtimeClassName", "imagePullSecrets")
    placed = {key: dumped[key] for key in kept if dumped.get(key)}
    if nodes := (dumped.get("affinity") or {}).get("nodeAffinity"):
        placed["affinity"] = {"nodeAffinity": nodes}
    if "tolerations" in placed:  # an empty value is no value: the API server does not store it
        placed["tolerations"] = [{k: v for k, v in each.items() if v != ""} for each in placed["tolerations"]]
    return {
        "backoffLimit": TRIES,
        "activeDeadlineSeconds": DEADLINE[way],
        "podFailurePolicy": {
            "rules": [
                {
                    "action": "FailJob",
                    "onExitCodes": {"containerName": names.FETCH, "operator": "In", "values": [LASTING]},
                }
            ]
        },
        "template": {
            "metadata": {
                "labels": {
                    "app.kubernetes.io/name": model.name,
                    "app.kubernetes.io/component": "model-lookup",
                    "app.kubernetes.io/managed-by": "fairlead",
                }
            },
            "spec": {
                "restartPolicy": "Never",
                "serviceAccountName": pod.service_account_name or model.name,
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
                "containers": [
                    fetching_container(model, site.fetching, ["resolve", model.spec.model.uri or "", *patterns(model)])
                ],
                "volumes": fetching_volumes(model),
                **placed,
            },
        },
    }
