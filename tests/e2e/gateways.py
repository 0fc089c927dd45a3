"""Gateways of the local cluster."""

from fairlead.api.kinds import Kind
from kube import Kube
from localcluster.gateway import PORT
from localcluster.network import HOST

GATEWAY = Kind("gateway.networking.k8s.io", "v1", "Gateway", "gateways")
ADDRESS = f"http://{HOST}:{PORT}"


def gateway_in(kube: Kube, namespace: str) -> None:
    """A Gateway called `public` in a namespace, for routes of that namespace."""
    listener = {"name": "web", "protocol": "HTTP", "port": PORT, "allowedRoutes": {"namespaces": {"from": "Same"}}}
    made = {
        "apiVersion": GATEWAY.api_version,
        "kind": GATEWAY.kind,
        "metadata": {"name": "public", "namespace": namespace},
        "spec": {"gatewayClassName": "traefik", "listeners": [listener]},
    }
    kube.create(GATEWAY, made)
