"""The cluster as the tests see it: a few verbs over the official client, for manifests as plain dicts."""

import builtins
import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException

import localcluster
from fairlead.api.kinds import (
    CHILDREN,
    MODEL_DEPLOYMENT,
    MODEL_RUNTIME,
    OPTIONAL,
    POD,
    POD_MONITOR,
    PROMETHEUS_RULE,
    Kind,
)
from localcluster import monitoring
from waiting import until

NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("", "v1", "Node", "nodes", namespaced=False)
QUOTA = Kind("", "v1", "ResourceQuota", "resourcequotas")
CRD = Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")

Object = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"


class Kube:
    """An API server."""

    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    @cached_property
    def api(self) -> client.ApiClient:
        """The official client."""
        made: client.ApiClient = config.new_client_from_config(str(self.kubeconfig))  # type: ignore[no-untyped-call]
        return made

    def call(self, method: str, path: str, body: Any = None, content: str = "application/json", **query: str) -> Object:
        """One request. Raises ApiException for an answer of 400 and above."""
        parsed: Object = json.loads(self.text(method, path, body, content, **query))
        return parsed

    def text(self, method: str, path: str, body: Any = None, content: str = "application/json", **query: str) -> str:
        """The same, for what is not JSON."""
        headers = {"Content-Type": content, "Accept": "application/json, */*"}
        parts = self.api.param_serialize(
            method,
            path,
            query_params=list(query.items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        response = self.api.call_api(*parts, _request_timeout=30)
        content_read: str = response.read().decode()  # type: ignore[no-untyped-call]
        if not 200 <= response.status < 300:
            raise ApiException(status=response.status, reason=response.reason, body=content_read)
        return content_read

    def kubectl(self, *arguments: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
        """What a person would type."""
        command = [str(localcluster.binary("kubectl")), "--kubeconfig", str(self.kubeconfig), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        """An object, or None."""
        try:
            return self.call("GET", kind.path(namespace, name))
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def list(self, kind: Kind, namespace: str | None = None, selector: str = "") -> list[Object]:
        """Objects of a kind."""
        items = self.call("GET", kind.path(namespace), labelSelector=selector)["items"]
        return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in items]

    def create(self, kind: Kind, manifest: Mapping[str, Any], **query: str) -> Object:
        """Creates an object; fields that the server does not know are refused."""
        namespace = manifest["metadata"].get("namespace") if kind.namespaced else None
        return self.call("POST", kind.path(namespace), dict(manifest), fieldValidation="Strict", **query)

    def apply(self, kind: Kind, manifest: Mapping[str, Any], manager: str = "tests") -> Object:
        """Server-side apply, by force."""
        metadata = manifest["metadata"]
        path = kind.path(metadata.get("namespace") if kind.namespaced else None, metadata["name"])
        return self.call("PATCH", path, dict(manifest), APPLY, fieldManager=manager, force="true")

    def patch(self, kind: Kind, namespace: str | None, name: str, change: Mapping[str, Any], sub: str = "") -> Object:
        """A merge patch, as `kubectl patch --type merge` sends it."""
        return self.call("PATCH", kind.path(namespace, name) + sub, dict(change), MERGE, fieldManager="somebody")

    def delete(self, kind: Kind, namespace: str | None, name: str) -> None:
        """Deletes an object; fine if it is gone."""
        try:
            self.call("DELETE", kind.path(namespace, name), {"propagationPolicy": "Background"})
        except ApiException as error:
            if error.status != 404:
                raise

    def children(self, namespace: str, model: str) -> dict[tuple[str, str], Object]:
        """All objects of a model, by kind and name."""
        selector = f"fairlead.dev/model={model}"
        return {
            (kind.kind, found["metadata"]["name"]): found
            for kind in CHILDREN
            if kind not in OPTIONAL or self.serves(kind)
            for found in self.list(kind, namespace, selector)
        }

    def serves(self, kind: Kind) -> bool:
        """Whether the cluster has this kind."""
        try:
            self.call("GET", kind.path())
        except ApiException as error:
            if error.status == 404:
                return False
            raise
        return True

    def pods(self, namespace: str, model: str) -> builtins.list[Object]:
        """Pods of a model, those that are ending too."""
        return self.list(POD, namespace, f"fairlead.dev/model={model}")

    def model(self, namespace: str, name: str) -> Object:
        """A ModelDeployment."""
        found = self.get(MODEL_DEPLOYMENT, namespace, name)
        assert found is not None, f"there is no ModelDeployment {namespace}/{name}"
        return found

    def condition(self, namespace: str, name: str, kind: str) -> Object:
        """A condition of a ModelDeployment that is about its present spec; empty when there is none."""
        model = self.model(namespace, name)
        for found in model.get("status", {}).get("conditions", []):
            if found["type"] == kind and found["observedGeneration"] == model["metadata"]["generation"]:
                return dict(found)
        return {}

    def wait_ready(self, namespace: str, name: str, seconds: float = 60) -> Object:
        """Waits until the model is Ready at its present generation, and returns it."""

        def ready() -> bool:
            return self.condition(namespace, name, "Ready").get("status") == "True"

        try:
            until(ready, seconds=seconds, what=f"Ready of {namespace}/{name}")
        except AssertionError as late:
            status = json.dumps(self.model(namespace, name).get("status"), indent=1)
            raise AssertionError(f"{late}; its status: {status}") from None
        return self.model(namespace, name)

    @contextmanager
    def namespace(self, prefix: str = "fl-test", **labels: str) -> Iterator[str]:
        """A namespace of its own, deleted afterwards."""
        name = f"{prefix}-{uuid.uuid4().hex[:6]}"
        self.create(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        try:
            yield name
        finally:
            # Models first: while an API server starts, it does not know custom resources yet, and a namespace whose
            # deletion is under way then goes without them. They would stay for ever, in a namespace that is not there.
            self._delete_models(name)
            self.delete(NAMESPACE, None, name)

    def _delete_models(self, namespace: str) -> None:
        try:
            self.call("DELETE", MODEL_DEPLOYMENT.path(namespace))
        except ApiException as error:
            if error.status != 404:  # the CRD need not be there
                raise


def install_crds(kube: Kube, folder: Path) -> None:
    """Applies our CRDs, those of the Prometheus Operator where there are none, and waits until they are served."""
    for file in sorted(folder.glob("*.yaml")):
        kube.apply(CRD, yaml.safe_load(file.read_text()))
    if not (kube.serves(POD_MONITOR) and kube.serves(PROMETHEUS_RULE)):
        for file in monitoring.definitions():
            kube.apply(CRD, yaml.safe_load(file.read_text()))
    for kind in (MODEL_DEPLOYMENT, MODEL_RUNTIME, POD_MONITOR, PROMETHEUS_RULE):
        until(partial(_established, kube, kind), what=f"{kind.kind} established")


def _established(kube: Kube, kind: Kind) -> bool:
    found = kube.get(CRD, None, f"{kind.plural}.{kind.group}") or {}
    conditions = found.get("status", {}).get("conditions", [])
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)
