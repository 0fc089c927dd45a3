"""The two CustomResourceDefinitions, from the pydantic models. `hack/generate` writes them to crds/."""

from typing import Any

from fairlead.api.kinds import MODEL_DEPLOYMENT, MODEL_RUNTIME, Kind
from fairlead.api.modeldeployment import NAME_IS_SHORT, ModelDeployment, ModelDeploymentSpec
from fairlead.api.modelruntime import ModelRuntime, ModelRuntimeSpec
from fairlead.api.rules import RULES_KEY
from fairlead.api.schema import Schema, structural_schema
from fairlead.api.status import Status


def custom_resource_definitions() -> tuple[dict[str, Any], ...]:
    """Everything that Fairlead adds to the Kubernetes API."""
    return model_deployment_crd(), model_runtime_crd()


def model_deployment_crd() -> dict[str, Any]:
    """ModelDeployment: namespaced, with status and scale."""
    # The default gives a resource that nobody has looked at yet an observedGeneration of 0. Without any status, kstatus
    # takes it for ready, and `helm install --wait` returns at once.
    status = {**structural_schema(Status), "default": {}}
    schema = _object(ModelDeployment.__doc__, spec=structural_schema(ModelDeploymentSpec), status=status)
    version = {
        "schema": {"openAPIV3Schema": {**schema, RULES_KEY: [_on_name(NAME_IS_SHORT.as_cel())]}},
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "selectableFields": [{"jsonPath": ".spec.runtime.ref.name"}],
        "additionalPrinterColumns": [
            _column("Ready", _ready("status"), "Whether the revision that the spec asks for serves."),
            _column("Replicas", ".status.replicas", "Pods that all revisions ask for.", kind="integer"),
            _column("Available", ".status.readyReplicas", "Pods that are ready.", kind="integer"),
            _column("Stable", ".status.stable.revision", "The revision that serves production."),
            _column("Rollout", ".status.rollout.phase", "How the change to a new revision stands."),
            _column("Weight", ".status.rollout.weight", "Share of the traffic that a canary gets, in percent."),
            _column("Age", ".metadata.creationTimestamp", "", kind="date"),
            _column(
                "Version", ".status.stable.modelVersion", "Version of the model that serves production.", wide=True
            ),
            _column("Candidate", ".status.rollout.revision", "The revision on its way to production.", wide=True),
            _column("Runtime", ".spec.runtime.ref.name", "The ModelRuntime that runs it.", wide=True),
            _column("URL", ".status.url", "Where clients in the cluster reach it.", wide=True),
            _column("Reason", _ready("reason"), "Why it is ready or not, in one word.", wide=True),
            _column("Message", _ready("message"), "Why it is ready or not.", wide=True),
        ],
    }
    return _definition(MODEL_DEPLOYMENT, "fmd", version)


def model_runtime_crd() -> dict[str, Any]:
    """ModelRuntime: cluster-scoped, read by Fairlead and written by admins only, so without status."""
    version = {
        "schema": {"openAPIV3Schema": _object(ModelRuntime.__doc__, spec=structural_schema(ModelRuntimeSpec))},
        "additionalPrinterColumns": [
            _column("Image", ".spec.image", "The server's image."),
            _column("Port", ".spec.ports.http", "Port for HTTP requests.", kind="integer"),
            _column("Age", ".metadata.creationTimestamp", "", kind="date"),
            _column("Sources", ".spec.sources", "Kinds of model.uri that it can load.", wide=True),
        ],
    }
    return _definition(MODEL_RUNTIME, "fmr", version)


def _definition(kind: Kind, short_name: str, version: dict[str, Any]) -> dict[str, Any]:
    singular = kind.kind.lower()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": singular,
                "shortNames": [short_name],
                "categories": ["fairlead"],
            },
            "versions": [{"name": kind.version, "served": True, "storage": True, **version}],
        },
    }


def _object(description: str | None, **parts: Schema) -> Schema:
    """The schema of a whole object; kind, apiVersion and metadata are the API server's own."""
    return {
        "description": description,
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            **parts,
        },
    }


def _on_name(entry: dict[str, str]) -> dict[str, str]:
    """A rule for a text, made one for metadata.name. CEL errors of the root have no path, so the message names it."""
    return {
        "rule": entry["rule"].replace("self", "self.metadata.name"),
        "message": f"metadata.name {entry['message']}",
    }


def _ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


def _column(name: str, path: str, description: str, *, kind: str = "string", wide: bool = False) -> dict[str, Any]:
    column: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path}
    if description:
        column["description"] = description
    return column | ({"priority": 1} if wide else {})
