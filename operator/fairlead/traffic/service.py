"""The Services: one that clients in the cluster use, and one per revision, which routes send requests to."""

from typing import Any

from fairlead.api import names
from fairlead.api.kinds import SERVICE
from fairlead.api.revision import Revision
from fairlead.metadata import manifest
from fairlead.situation import Identity

HTTP_PORT = 80


def stable_service(identity: Identity, serving: Revision, *, shared: bool = False) -> dict[str, Any]:
    """The Service that clients use. Moving traffic is a change of its selector, and of nothing else.

    `shared` sends it to the pods of every revision that runs. The label says all the same which one is the stable one:
    a status that is lost must not make a canary of it.
    """
    made = {**manifest(SERVICE, identity, identity.name), "spec": _spec(identity, serving)}
    if shared:
        made["metadata"]["labels"][names.STABLE] = serving.name
        made["spec"]["selector"] = {names.MODEL: identity.name}
    return made


def revision_service(identity: Identity, revision: Revision, *, scraped: bool | None = None) -> dict[str, Any]:
    """The Service of one revision, for routes and for people who want to ask that revision alone.

    `scraped`: a Prometheus that goes by annotations is told of the pods here, and not on the pods themselves: other
    annotations there would be other pods. False where it is not told any more.
    """
    made = {**manifest(SERVICE, identity, revision.name, revision), "spec": _spec(identity, revision)}
    if scraped is not None:
        made["metadata"]["labels"][names.MONITORED] = "annotations" if scraped else "others"
    if scraped:
        snapshot = revision.snapshot
        port = snapshot.ports.http if snapshot.ports.metrics is None else snapshot.ports.metrics
        path = snapshot.metrics.path if snapshot.metrics else "/metrics"
        told = {"scrape": "true", "port": str(port), "path": path}
        made["metadata"]["annotations"] = {f"{names.SCRAPED}{name}": value for name, value in told.items()}
    return made


def _spec(identity: Identity, revision: Revision) -> dict[str, Any]:
    # Ports are targeted by name, so that a revision whose server listens elsewhere needs no other Service.
    ports: list[dict[str, Any]] = [
        {"name": "http", "port": HTTP_PORT, "targetPort": "http", "protocol": "TCP", "appProtocol": "http"}
    ]
    if revision.snapshot.ports.grpc is not None:
        grpc = {"port": revision.snapshot.ports.grpc, "targetPort": "grpc", "appProtocol": "kubernetes.io/h2c"}
        ports.append({"name": "grpc", "protocol": "TCP", **grpc})
    return {"type": "ClusterIP", "selector": names.selector(identity.name, revision.name), "ports": ports}
