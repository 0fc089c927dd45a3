"""The cluster that the command speaks with: that of the kubeconfig, or of the pod it runs in."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kubernetes import client, config
from urllib3.exceptions import HTTPError

from fairlead.api.kinds import MODEL_DEPLOYMENT
from fairlead.api.names import MODEL, REVISION
from fairlead.cli.errors import CommandError

Object = dict[str, Any]


def namespace_of_context() -> str:
    """The namespace of the current context, or `default`."""
    try:
        _, active = config.list_kube_config_contexts()  # type: ignore[no-untyped-call]
    except config.ConfigException:
        return "default"
    return str(active["context"].get("namespace") or "default")


def model(namespace: str, name: str) -> Object:
    """A ModelDeployment. Raises CommandError when there is no cluster, or no such resource."""
    kind = MODEL_DEPLOYMENT
    with asking(f"there is no ModelDeployment {name} in namespace {namespace}"):
        api = custom_objects()
        found: Any = api.get_namespaced_custom_object(kind.group, kind.version, namespace, kind.plural, name)
    return dict(found)


def models(namespace: str | None) -> list[Object]:
    """All ModelDeployments of a namespace, or of all namespaces, in the order of their names."""
    kind = MODEL_DEPLOYMENT
    with asking("Fairlead is not installed in this cluster: it does not know ModelDeployments"):
        api = custom_objects()
        if namespace is None:
            found: Any = api.list_cluster_custom_object(kind.group, kind.version, kind.plural)
        else:
            found = api.list_namespaced_custom_object(kind.group, kind.version, namespace, kind.plural)
    return sorted(found["items"], key=lambda each: (each["metadata"]["namespace"], each["metadata"]["name"]))


def pods_of_revisions(namespace: str, name: str) -> dict[str, tuple[int, int]]:
    """How many pods of each revision are ready, and how many there are to be, by the name of the revision."""
    with asking(f"there is no namespace {namespace}"):
        _connect()
        api = client.AppsV1Api()
        found: Any = api.list_namespaced_deployment(namespace, label_selector=f"{MODEL}={name}")
    return {
        each.metadata.labels[REVISION]: (each.status.ready_replicas or 0, each.spec.replicas or 0)
        for each in found.items
        if REVISION in each.metadata.labels
    }


def custom_objects() -> client.CustomObjectsApi:
    """The API of custom resources. Raises ConfigException."""
    _connect()
    return client.CustomObjectsApi()


@contextmanager
def asking(absent: str) -> Iterator[None]:
    """Turns what goes wrong into a CommandError; `absent` says what a 404 means."""
    try:
        yield
    except config.ConfigException as wrong:
        raise CommandError(f"there is no cluster to ask: {wrong}; set KUBECONFIG") from wrong
    except client.ApiException as refused:
        if refused.status == 404:
            raise CommandError(absent) from refused
        raise CommandError(f"the API server answered {refused.status}: {refused.reason}") from refused
    except (OSError, HTTPError) as unreachable:
        raise CommandError(f"the API server cannot be reached: {unreachable}") from unreachable


def _connect() -> None:
    config.load_config()  # type: ignore[no-untyped-call]
