"""The NetworkPolicy of a model: who may reach its pods."""

from typing import Any

from fairlead.api import names
from fairlead.api.kinds import NETWORK_POLICY
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.metadata import manifest
from fairlead.situation import Identity

NAMESPACE_NAME = "kubernetes.io/metadata.name"
OPERATOR_LABELS = {"app.kubernetes.io/name": "fairlead", "app.kubernetes.io/component": "operator"}


def network_policy(identity: Identity, spec: ModelDeploymentSpec, operator_namespace: str) -> dict[str, Any]:
    """Lets in the model's own namespace, the namespaces that the spec names, and the operator, which asks new pods."""
    gateway = spec.traffic.gateway.namespace if spec.traffic else None
    named = dict.fromkeys((*spec.network.allowed_namespaces, *([gateway] if gateway else [])))
    own: dict[str, Any] = {"podSelector": {}}
    others = [{"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: name}}} for name in named]
    operator = {
        "namespaceSelector": {"matchLabels": {NAMESPACE_NAME: operator_namespace}},
        "podSelector": {"matchLabels": OPERATOR_LABELS},
    }
    return {
        **manifest(NETWORK_POLICY, identity, identity.name),
        "spec": {
            "podSelector": {"matchLabels": {names.MODEL: identity.name}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [own, *others, operator]}],
        },
    }
