"""The NetworkPolicy of a model: who may reach its pods."""

from typing import Any

from fairlead.api import names
from fairlead.api.kinds import NETWORK_POLICY
from fairlead.api.modeldeployment import Network
from fairlead.desired.metadata import manifest
from fairlead.situation import Identity

NAMESPACE_NAME = "kubernetes.io/metadata.name"
OPERATOR_LABELS = {"app.kubernetes.io/name": "fairlead", "app.kubernetes.io/component": "operator"}


def network_policy(identity: Identity, network: Network, operator_namespace: str) -> dict[str, Any]:
    """Lets in the model's own namespace, the namespaces that the spec names, and the operator, which asks new pods."""
    own: dict[str, Any] = {"podSelector": {}}
    others = [{"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: name}}} for name in network.allowed_namespaces]
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
