"""An operator that may not read HTTPRoutes: it says what to grant, and writes what it may."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import localcluster
from fairlead.api.kinds import HTTP_ROUTE, MODEL_DEPLOYMENT, Kind
from kube import Kube, Object
from models import a_model
from operator_process import ROOT, running
from waiting import until

RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLE = Kind(RBAC, "v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)
READING = {"get", "list", "watch"}


@pytest.fixture(scope="module")
def routes(kube: Kube) -> None:
    """HTTPRoutes are served."""
    if os.environ.get("FAIRLEAD_TEST_KUBECONFIG"):
        pytest.skip("needs the Gateway API of hack/cluster, and FAIRLEAD_TEST_KUBECONFIG names another cluster")
    localcluster.up(gateway=True)


def installed() -> list[Object]:
    """The rights that an installation grants."""
    found = yaml.safe_load_all((ROOT / "manifests/install.yaml").read_text())
    roles = (each for each in found if each and each["kind"] in ("ClusterRole", "Role"))
    return [
        rule for role in roles if role["metadata"]["name"] in ("fairlead", "fairlead-lease") for rule in role["rules"]
    ]


def without_reading_routes(rules: list[Object]) -> list[Object]:
    return [
        {**rule, "verbs": [verb for verb in rule["verbs"] if verb not in READING]}
        if rule["resources"] == [HTTP_ROUTE.plural]
        else rule
        for rule in rules
    ]


@contextmanager
def granted(kube: Kube, namespace: str, rules: list[Object]) -> Iterator[None]:
    """The namespace's default account has these rights."""
    role = {"metadata": {"name": namespace}, "rules": rules}
    kube.apply(CLUSTER_ROLE, {"apiVersion": CLUSTER_ROLE.api_version, "kind": CLUSTER_ROLE.kind, **role})
    binding: Mapping[str, Any] = {
        "apiVersion": CLUSTER_ROLE_BINDING.api_version,
        "kind": CLUSTER_ROLE_BINDING.kind,
        "metadata": {"name": namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": namespace},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
    }
    kube.apply(CLUSTER_ROLE_BINDING, binding)
    try:
        yield
    finally:
        for kind in (CLUSTER_ROLE_BINDING, CLUSTER_ROLE):
            if kube.get(kind, None, namespace):
                kube.call("DELETE", kind.path(None, namespace))


def logged_in(kube: Kube, namespace: str, folder: Path) -> Path:
    """A kubeconfig of the namespace's default account."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    until(lambda: kube.call("GET", path.removesuffix("/token")), what="the account")
    token = kube.call("POST", path, request)["status"]["token"]
    config = yaml.safe_load(kube.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    file = folder / "robot.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


def test_what_is_to_be_granted_is_told_and_then_it_goes_on(kube: Kube, routes: None, namespace: str, tmp_path: Path):
    rules = installed()

    def routed() -> str:
        return str(kube.condition(namespace, "fraud", "TrafficRouted").get("reason"))

    with ExitStack() as stack:
        stack.enter_context(granted(kube, namespace, without_reading_routes(rules)))
        operator = stack.enter_context(running(logged_in(kube, namespace, tmp_path), tmp_path, namespace))
        kube.create(MODEL_DEPLOYMENT, a_model(namespace, traffic={"gateway": {"name": "public"}}))
        until(lambda: routed() == "RouteForbidden", seconds=60, what="RouteForbidden")
        told = kube.condition(namespace, "fraud", "TrafficRouted")["message"]
        assert f"on httproutes.gateway.networking.k8s.io in namespace {namespace}" in told
        route = until(lambda: kube.get(HTTP_ROUTE, namespace, "fraud"), what="a route that was written all the same")
        stack.enter_context(granted(kube, namespace, rules))
        until(lambda: not operator.is_running(), seconds=120, what="the end of the process, to be started anew")
        operator.start()
        until(lambda: routed() == "RoutePending", seconds=60, what="RoutePending")
        again = kube.get(HTTP_ROUTE, namespace, "fraud") or {}
        assert again["metadata"]["resourceVersion"] == route["metadata"]["resourceVersion"]
