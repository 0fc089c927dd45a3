"""The rights that the chart gives: what the operator's code uses, and nothing else."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from fairlead.api.kinds import CHILDREN, CONFIG_MAP, CORE_EVENT, EVENT, LEASE, MODEL_DEPLOYMENT, MODEL_RUNTIME, POD
from installation.helm import Helm, Object

Right = tuple[str, str, str]
READ, WRITE = ("get", "list", "watch"), ("create", "update", "patch", "delete")

IN_A_WATCHED_NAMESPACE: set[Right] = {
    *((kind.group, kind.plural, verb) for kind in CHILDREN if kind != CONFIG_MAP for verb in (*READ, *WRITE)),
    *((MODEL_DEPLOYMENT.group, MODEL_DEPLOYMENT.plural, verb) for verb in READ),
    *((POD.group, POD.plural, verb) for verb in READ),
    ("fairlead.dev", "modeldeployments/status", "patch"),
    ("apps", "deployments/scale", "patch"),
    (EVENT.group, EVENT.plural, "create"),
    (CORE_EVENT.group, CORE_EVENT.plural, "list"),
}
IN_THE_CLUSTER: set[Right] = {(MODEL_RUNTIME.group, MODEL_RUNTIME.plural, verb) for verb in READ}
BY_PROXY: set[Right] = {("", "pods/proxy", "get")}


def test_rights_in_the_whole_cluster(helm: Helm) -> None:
    assert _granted(helm, {}, "ClusterRole", "fairlead") == IN_THE_CLUSTER | IN_A_WATCHED_NAMESPACE


def test_rights_in_some_namespaces(helm: Helm) -> None:
    values = {"watchNamespaces": ["risk", "search"]}
    assert _granted(helm, values, "ClusterRole", "fairlead") == IN_THE_CLUSTER
    for namespace in values["watchNamespaces"]:
        assert _granted(helm, values, "Role", "fairlead", namespace) == IN_A_WATCHED_NAMESPACE


def test_pods_are_asked_through_the_api_server_only_on_request(helm: Helm) -> None:
    granted = _granted(helm, {"podAccess": "Proxy"}, "ClusterRole", "fairlead")
    assert granted == IN_THE_CLUSTER | IN_A_WATCHED_NAMESPACE | BY_PROXY


def test_config_maps_are_written_only_on_request(helm: Helm) -> None:
    granted = _granted(helm, {"monitoring": {"configMaps": True}}, "ClusterRole", "fairlead")
    rules = {("", "configmaps", verb) for verb in (*READ, *WRITE)}
    assert granted == IN_THE_CLUSTER | IN_A_WATCHED_NAMESPACE | rules


@pytest.mark.parametrize("values", [{}, {"leaseName": "other"}])
def test_only_its_own_lease(helm: Helm, values: Mapping[str, str]) -> None:
    role = _role(helm, values, "Role", "fairlead-lease", "fairlead-system")
    assert role["rules"] == [
        {"apiGroups": [LEASE.group], "resources": [LEASE.plural], "verbs": ["create"]},
        {
            "apiGroups": [LEASE.group],
            "resources": [LEASE.plural],
            "resourceNames": [values.get("leaseName", "fairlead")],
            "verbs": ["get", "patch"],
        },
    ]


@pytest.mark.parametrize("values", [{}, {"watchNamespaces": ["risk"], "podAccess": "Proxy"}])
def test_no_role_has_a_wildcard_or_touches_secrets(helm: Helm, values: Mapping[str, Any]) -> None:
    for role in helm.render(values):
        if role["kind"] in ("Role", "ClusterRole"):
            for group, resource, verb in _rights(role):
                assert "*" not in group + resource + verb
                assert (group, resource) not in {("", "secrets"), ("", "configmaps"), ("", "serviceaccounts/token")}
                assert verb not in {"escalate", "bind", "impersonate"}


def test_every_role_is_bound_to_the_operator_alone(helm: Helm) -> None:
    values = {"watchNamespaces": ["risk"], "serviceAccount": {"name": "robot"}}
    rendered = helm.render(values)
    bindings = [found for found in rendered if found["kind"] in ("RoleBinding", "ClusterRoleBinding")]
    robot = {"kind": "ServiceAccount", "name": "robot", "namespace": "fairlead-system"}
    assert all(binding["subjects"] == [robot] for binding in bindings)
    bound = {(each["roleRef"]["kind"], each["roleRef"]["name"], each["metadata"].get("namespace")) for each in bindings}
    roles = {
        (each["kind"], each["metadata"]["name"], each["metadata"].get("namespace"))
        for each in rendered
        if each["kind"] in ("Role", "ClusterRole") and not each["metadata"]["name"].endswith(("-view", "-edit"))
    }
    assert bound == roles


def test_nobody_is_given_the_right_to_write_a_status(helm: Helm) -> None:
    granted = _granted(helm, {}, "ClusterRole", "fairlead-view") | _granted(helm, {}, "ClusterRole", "fairlead-edit")
    changes = {(resource, verb) for _, resource, verb in granted if verb not in READ}
    assert {resource for resource, _ in changes} == {"modeldeployments", "modeldeployments/scale"}


def test_roles_for_users_extend_those_of_kubernetes(helm: Helm) -> None:
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    found = {
        name: {
            label.removeprefix(prefix)
            for label in _role(helm, {}, "ClusterRole", f"fairlead-{name}")["metadata"]["labels"]
            if label.startswith(prefix)
        }
        for name in ("view", "edit")
    }
    assert found == {"view": {"view", "edit", "admin"}, "edit": {"edit", "admin"}}


def test_no_rights_on_request(helm: Helm) -> None:
    kinds = {found["kind"] for found in helm.render({"rbac": {"create": False, "userRoles": False}})}
    assert kinds.isdisjoint({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})


def _granted(helm: Helm, values: Mapping[str, Any], kind: str, name: str, namespace: str | None = None) -> set[Right]:
    return set(_rights(_role(helm, values, kind, name, namespace)))


def _role(helm: Helm, values: Mapping[str, Any], kind: str, name: str, namespace: str | None = None) -> Object:
    wanted = (kind, name, namespace)
    [role] = [
        found
        for found in helm.render(values)
        if (found["kind"], found["metadata"]["name"], found["metadata"].get("namespace")) == wanted
    ]
    return role


def _rights(role: Object) -> Iterator[Right]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                yield from ((group, resource, verb) for verb in rule["verbs"])
