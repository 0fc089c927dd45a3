"""What usually runs in pods of its own and extends the API, run as processes of the host.

A process has the rights of its own manifests, no more: its certificate carries the name of their ServiceAccount. The
API server finds it where it looks for pods: behind a Service, whose only endpoint is the bridge's address.
"""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import yaml

from localcluster import api
from localcluster.binaries import binary
from localcluster.certificates import issue, kubeconfig, read, write, write_secret
from localcluster.commands import run
from localcluster.controlplane import SERVER
from localcluster.network import HOST
from localcluster.places import KEYS, NAME, Progress

IN_PODS = ("Deployment", "Service", "APIService")  # of which there are others here


@dataclass(frozen=True, kw_only=True)
class Extension:
    """A group of the API, and the process that serves it, at a port of the bridge's address."""

    name: str  # as an APIService is called: version and group
    namespace: str
    service: str
    port: int

    @property
    def path(self) -> str:
        return f"/apis/apiregistration.k8s.io/v1/apiservices/{self.name}"

    def available(self) -> bool:
        return api.condition(self.path, "Available") is not None


def manifests(folder: Path, progress: Progress) -> list[api.Object]:
    """What a kustomization makes, but for what is about pods."""
    made = yaml.safe_load_all(run(str(binary("kubectl", progress)), "kustomize", str(folder)))
    return [manifest for manifest in made if manifest["kind"] not in IN_PODS]


def publish(extension: Extension) -> None:
    for manifest in registration(extension, read(KEYS, "ca").certificate_pem):
        api.apply(api.path_of(manifest), manifest)


def registration(extension: Extension, authority: bytes) -> list[api.Object]:
    """Tells the API server where the process is, and by which authority to believe it."""
    metadata = {"namespace": extension.namespace, "name": extension.service}
    labels = {"kubernetes.io/service-name": extension.service}
    version, _, group = extension.name.partition(".")
    service = {"ports": [{"name": "https", "port": 443, "targetPort": extension.port}]}
    endpoints = {
        "addressType": "IPv4",
        "ports": [{"name": "https", "port": extension.port}],
        "endpoints": [{"addresses": [HOST], "conditions": {"ready": True}}],
    }
    served = {
        "group": group,
        "version": version,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {**metadata, "port": 443},
        "caBundle": b64encode(authority).decode(),
    }
    return [
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": labels},
            **endpoints,
        },
        {
            "apiVersion": "apiregistration.k8s.io/v1",
            "kind": "APIService",
            "metadata": {"name": extension.name},
            "spec": served,
        },
    ]


def account(namespace: str, name: str) -> Path:
    """A kubeconfig with the rights of a ServiceAccount."""
    ca = read(KEYS, "ca")
    client = issue(ca, f"system:serviceaccount:{namespace}:{name}", ["system:serviceaccounts"])
    file = KEYS / f"{name}.kubeconfig"
    write_secret(file, kubeconfig(SERVER, ca, client, NAME))
    return file


def serving_certificate(extension: Extension, keys: Path = KEYS) -> Path:
    """A folder with `tls.crt` and `tls.key`, and with `ca.crt`, which signed them; its key is among these keys."""
    ca = read(keys, "ca")
    folder = keys / extension.service
    folder.mkdir(exist_ok=True)
    pair = issue(ca, extension.service, addresses=[f"{extension.service}.{extension.namespace}.svc", HOST])
    write(pair, folder, "tls")
    (folder / "ca.crt").write_bytes(ca.certificate_pem)
    return folder


def arguments(extension: Extension, kubeconfig: Path, keys: Path) -> list[str]:
    """Those that every server of an extension takes: where it listens, as whom, and by whom it lets itself be asked."""
    return [
        f"--kubeconfig={kubeconfig}",
        f"--authentication-kubeconfig={kubeconfig}",
        f"--authorization-kubeconfig={kubeconfig}",
        f"--bind-address={HOST}",
        f"--secure-port={extension.port}",
        f"--tls-cert-file={keys}/tls.crt",
        f"--tls-private-key-file={keys}/tls.key",
    ]
