"""The cluster that the command speaks with: that of the kubeconfig, or of the pod it runs in."""

from typing import Any

from kubernetes import client, config

from fairlead.api.kinds import MODEL_DEPLOYMENT
from fairlead.cli.errors import CommandError


def namespace_of_context() -> str:
    """The namespace of the current context, or `default`."""
    try:
        _, active = config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
    except config.ConfigException:
        return "default"
    return str(active["context"].get("namespace") or "default")


def model(namespace: str, name: str) -> dict[str, Any]:
    """A ModelDeployment. Raises CommandError when there is no cluster, or no such resource."""
    try:
        config.load_config()  # type: ignore[no-untyped-call]
        api = client.CustomObjectsApi()
        kind = MODEL_DEPLOYMENT
        found: Any = api.get_namespaced_custom_object(kind.group, kind.version, namespace, kind.plural, name)
    except config.ConfigException as wrong:
        raise CommandError(f"there is no cluster to ask: {wrong}; set KUBECONFIG") from wrong
    except client.ApiException as refused:
        if refused.status == 404:
            raise CommandError(f"there is no ModelDeployment {name} in namespace {namespace}") from refused
        raise CommandError(f"the API server answered {refused.status}: {refused.reason}") from refused
    except OSError as unreachable:
        raise CommandError(f"the API server cannot be reached: {unreachable}") from unreachable
    return dict(found)
