"""What the API server lets the operator's ServiceAccount do: what the chart's roles say, and nothing else."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.api.kinds import Kind
from kube import Kube, Object
from release import ADOPT, Release
from waiting import until

RULES_REVIEW = Kind("authorization.k8s.io", "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", namespaced=False)
ACCESS_REVIEW = Kind("authorization.k8s.io", "v1", "SubjectAccessReview", "subjectaccessreviews", namespaced=False)
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings")

Right = tuple[str, str, str, str]


@pytest.fixture
def watched(kube: Kube) -> Iterator[str]:
    """A namespace whose models the operator serves."""
    with kube.namespace("fl-chart") as name:
        yield name


@pytest.fixture
def stranger(kube: Kube) -> Iterator[str]:
    """A namespace that it has nothing to do with."""
    with kube.namespace("fl-chart") as name:
        yield name


def test_in_some_namespaces(release: Release, kube: Kube, watched: str, stranger: str, tmp_path: Path) -> None:
    values = {"replicas": 0, "runtimes": {"install": False}, "watchNamespaces": [watched]}
    release.install(values, *ADOPT)
    rendered = _rules(release, values)
    places = (("ClusterRole", ""), ("Role", watched), ("Role", release.namespace))
    everywhere, here, lease = (rendered[place] for place in places)
    robot = _logged_in(kube, release.namespace, release.name, tmp_path)
    nobody = _logged_in(kube, release.namespace, "default", tmp_path)

    def rights(namespace: str) -> set[Right]:
        return _granted(robot, namespace) - _granted(nobody, namespace)

    assert rights(watched) == everywhere | here
    assert rights(release.namespace) == everywhere | lease
    assert rights(stranger) == everywhere
    _assert_harmless(everywhere | here | lease)


def test_in_all_namespaces(release: Release, kube: Kube, stranger: str, tmp_path: Path) -> None:
    values = {"replicas": 0, "runtimes": {"install": False}}
    release.install(values, *ADOPT)
    rendered = _rules(release, values)
    robot = _logged_in(kube, release.namespace, release.name, tmp_path)
    nobody = _logged_in(kube, release.namespace, "default", tmp_path)

    granted = _granted(robot, stranger) - _granted(nobody, stranger)
    assert granted == rendered[("ClusterRole", "")]
    _assert_harmless(granted)
    for verb in ("get", "list", "watch", "create"):
        assert not _may(kube, f"system:serviceaccount:{release.namespace}:{release.name}", verb, "", "secrets")


def test_users_get_models_with_the_roles_that_they_have(release: Release, kube: Kube, stranger: str) -> None:
    release.install({"replicas": 0, "runtimes": {"install": False}}, *ADOPT)
    for role in ("view", "edit"):
        _bind(kube, stranger, role)

    def may(user: str, verb: str, resource: str = "modeldeployments") -> bool:
        return _may(kube, user, verb, "fairlead.dev", resource, stranger)

    until(lambda: may("edit", "create") and may("view", "list"), what="the aggregated roles")
    assert may("edit", "patch", "modeldeployments/scale")
    assert not may("edit", "patch", "modeldeployments/status")
    assert not may("edit", "create", "modelruntimes")
    assert not may("view", "create")


def _rules(release: Release, values: Mapping[str, Any]) -> dict[tuple[str, str], set[Right]]:
    """The operator's roles as rendered, by kind and namespace."""
    rendered = release.helm.render(values, release=release.name, namespace=release.namespace)
    return {
        (found["kind"], found["metadata"].get("namespace", "")): set(_rights(found["rules"]))
        for found in rendered
        if found["kind"] in ("Role", "ClusterRole") and not found["metadata"]["name"].endswith(("-view", "-edit"))
    }


def _granted(account: Kube, namespace: str) -> set[Right]:
    """As the API server sees it."""
    review = {"apiVersion": RULES_REVIEW.api_version, "kind": RULES_REVIEW.kind, "spec": {"namespace": namespace}}
    status = account.call("POST", RULES_REVIEW.path(), review)["status"]
    assert not status["incomplete"]
    return set(_rights(status["resourceRules"]))


def _rights(rules: list[Object]) -> Iterator[Right]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield from ((group, resource, verb, name) for name in rule.get("resourceNames") or [""])


def _assert_harmless(rights: set[Right]) -> None:
    for group, resource, verb, _ in rights:
        assert "*" not in (group, resource, verb)
        assert resource.partition("/")[0] not in ("secrets", "configmaps")


def _logged_in(kube: Kube, namespace: str, account: str, folder: Path) -> Kube:
    """The API server, as the ServiceAccount sees it."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    token = kube.call("POST", path, request)["status"]["token"]
    config = yaml.safe_load(kube.kubeconfig.read_text())
    config["users"] = [{"name": user["name"], "user": {"token": token}} for user in config["users"]]
    file = folder / f"{account}.kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return Kube(file)


def _may(kube: Kube, user: str, verb: str, group: str, resource: str, namespace: str = "") -> bool:
    resource, _, part = resource.partition("/")
    attributes = {"verb": verb, "group": group, "resource": resource, "subresource": part, "namespace": namespace}
    review = {
        "apiVersion": ACCESS_REVIEW.api_version,
        "kind": ACCESS_REVIEW.kind,
        "spec": {"user": user, "resourceAttributes": attributes},
    }
    return bool(kube.call("POST", ACCESS_REVIEW.path(), review)["status"]["allowed"])


def _bind(kube: Kube, namespace: str, role: str) -> None:
    """A user who is called after the role."""
    group = "rbac.authorization.k8s.io"
    kube.create(
        ROLE_BINDING,
        {
            "apiVersion": ROLE_BINDING.api_version,
            "kind": ROLE_BINDING.kind,
            "metadata": {"name": role, "namespace": namespace},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": group, "kind": "User", "name": role}],
        },
    )
