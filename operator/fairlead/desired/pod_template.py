"""The pod template of a revision: one model server, restricted by default, drained before it ends.

Restricted means Pod Security's level of that name (kubernetes.io/docs/concepts/security/pod-security-standards).
"""

from typing import Any

from fairlead.api import names
from fairlead.api.environment import EnvVar
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.server import Probe, SecurityContext, ServerTemplate, StartupProbe, ports_by_name
from fairlead.desired.model_volume import Files, model_files
from fairlead.desired.placeholders import fill, fill_all
from fairlead.site import Site

STARTUP_PERIOD = 5  # seconds


def placeholder_values(model: ModelDeployment, server: ServerTemplate) -> dict[str, str]:
    """What the placeholders of this model stand for."""
    source = model.spec.model
    return {"path": server.model_path, "name": source.name or model.name, "version": source.version or ""}


def pod_template(model: ModelDeployment, server: ServerTemplate, site: Site, uri: str | None) -> dict[str, Any]:
    """The pod template, without the label that names the revision. Raises LookupError for an unknown placeholder.

    `uri` is what model.uri was found to be.
    """
    pod, files = model.spec.pod, model_files(model, server.model_path, site, uri)
    dumped = pod.model_dump(mode="json", by_alias=True, exclude_none=True)
    labels = {**pod.labels, **names.labels(model.name, version=model.spec.model.version)}
    spec: dict[str, Any] = {
        "containers": [_container(model, server, files)],
        "initContainers": list(files.before),
        "volumes": _volumes(model, server, files),
        "securityContext": _pod_security(server, pod.security_context),
        "automountServiceAccountToken": pod.automount_service_account_token,
        "serviceAccountName": pod.service_account_name or model.name,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": int(server.drain.grace_period.total_seconds()),
        "topologySpreadConstraints": _spread(model),
    }
    kept = ("nodeSelector", "tolerations", "affinity", "priorityClassName", "runtimeClassName", "schedulerName")
    spec |= {key: dumped[key] for key in (*kept, "imagePullSecrets") if dumped.get(key)}
    if "tolerations" in spec:  # an empty value is no value: the API server does not store it
        spec["tolerations"] = [{k: v for k, v in each.items() if v != ""} for each in spec["tolerations"]]
    metadata: dict[str, Any] = {"labels": labels}
    if pod.annotations:
        metadata["annotations"] = dict(pod.annotations)
    return {"metadata": metadata, "spec": spec}


def _container(model: ModelDeployment, server: ServerTemplate, files: Files) -> dict[str, Any]:
    runtime, values = model.spec.runtime, placeholder_values(model, server)
    resources = model.spec.resources.model_dump(mode="json")
    container: dict[str, Any] = {
        "name": names.CONTAINER,
        "image": runtime.image or server.image,
        "command": [fill(part, values) for part in server.command],
        "args": [fill(part, values) for part in (*server.args, *runtime.args)],
        "env": fill_all(_env(server.env, runtime.env), values),
        "ports": [
            {"name": name, "containerPort": number, "protocol": "TCP"}
            for name, number in ports_by_name(server.ports).items()
        ],
        "resources": {key: value for key, value in resources.items() if value},
        "securityContext": _container_security(server, model.spec.pod.security_context),
        "volumeMounts": _mounts(model, server, files),
        # The last line of a failed server's log then stands in the pod's status, where `Ready` quotes it from.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "lifecycle": {"preStop": {"sleep": {"seconds": int(server.drain.pre_stop.total_seconds())}}},
        **_probes(server, values),
    }
    if not container["lifecycle"]["preStop"]["sleep"]["seconds"]:
        del container["lifecycle"]
    # Empty lists stay: what somebody adds to them is then seen. The API server drops them.
    return {key: value for key, value in container.items() if value != {}}


def _env(base: tuple[EnvVar, ...], own: tuple[EnvVar, ...]) -> list[dict[str, Any]]:
    """Variables of the runtime, then the model's own; the model's win."""
    merged = {variable.name: variable for variable in (*base, *own)}
    # An empty value is no value: the API server does not store it.
    return [
        variable.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude=None if variable.value else {"value"}
        )
        for variable in merged.values()
    ]


def _probes(server: ServerTemplate, values: dict[str, str]) -> dict[str, Any]:
    probes = server.probes
    built: dict[str, Any] = {"readinessProbe": {"tcpSocket": {"port": "http"}, **_timing(Probe(path="/"))}}
    if probes.startup:
        built["startupProbe"] = _http(probes.startup.path, values) | _startup_timing(probes.startup)
    if probes.readiness:
        built["readinessProbe"] = _http(probes.readiness.path, values) | _timing(probes.readiness)
    if probes.liveness:
        built["livenessProbe"] = _http(probes.liveness.path, values) | _timing(probes.liveness)
    return built


def _http(path: str, values: dict[str, str]) -> dict[str, Any]:
    return {"httpGet": {"path": fill(path, values), "port": "http", "scheme": "HTTP"}}


def _timing(probe: Probe) -> dict[str, Any]:
    return {
        "periodSeconds": int(probe.period.total_seconds()),
        "timeoutSeconds": int(probe.timeout.total_seconds()),
        "failureThreshold": probe.failure_threshold,
        "successThreshold": 1,
    }


def _startup_timing(probe: StartupProbe) -> dict[str, Any]:
    tries = max(1, round(probe.deadline.total_seconds() / STARTUP_PERIOD))
    return {
        "periodSeconds": STARTUP_PERIOD,
        "timeoutSeconds": STARTUP_PERIOD,
        "failureThreshold": tries,
        "successThreshold": 1,
    }


def _chosen(server: ServerTemplate, own: SecurityContext | None) -> dict[str, Any]:
    """The runtime's exceptions, under the model's own."""
    chosen = server.security_context.model_dump(by_alias=True, exclude_none=True)
    return chosen | (own.model_dump(by_alias=True, exclude_none=True) if own else {})


def _pod_security(server: ServerTemplate, own: SecurityContext | None) -> dict[str, Any]:
    chosen = _chosen(server, own)
    return {
        "runAsNonRoot": chosen.get("runAsNonRoot", True),
        "seccompProfile": {"type": "RuntimeDefault"},
        **{key: chosen[key] for key in ("runAsUser", "runAsGroup", "fsGroup") if key in chosen},
    }


def _container_security(server: ServerTemplate, own: SecurityContext | None) -> dict[str, Any]:
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": _chosen(server, own).get("readOnlyRootFilesystem", True),
    }


def _volumes(model: ModelDeployment, server: ServerTemplate, files: Files) -> list[dict[str, Any]]:
    scratch: list[dict[str, Any]] = [{"name": f"scratch-{n}", "emptyDir": {}} for n, _ in enumerate(server.scratch)]
    own = [volume.model_dump(mode="json", by_alias=True, exclude_defaults=True) for volume in model.spec.pod.volumes]
    return [*files.volumes, *scratch, *own]


def _mounts(model: ModelDeployment, server: ServerTemplate, files: Files) -> list[dict[str, Any]]:
    scratch = [{"name": f"scratch-{n}", "mountPath": path} for n, path in enumerate(server.scratch)]
    own = [
        mount.model_dump(mode="json", by_alias=True, exclude_defaults=True) for mount in model.spec.pod.volume_mounts
    ]
    return [*([files.mount] if files.mount else []), *scratch, *own]


def _spread(model: ModelDeployment) -> list[dict[str, Any]]:
    """Over zones and nodes, as far as there are any; each revision for itself (KEP-3243, matchLabelKeys)."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {names.MODEL: model.name}},
            "matchLabelKeys": [names.REVISION],
        }
        for key in ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
    ]
