"""The chart's admission policy: an order is given in one's own name, and an approval by whoever may."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from fairlead.api.kinds import MODEL_DEPLOYMENT, Kind
from fairlead.api.orders import Action
from installation.helm import Helm
from kube import MERGE, Kube
from models import a_model
from waiting import until

GROUP = "admissionregistration.k8s.io"
RBAC = "rbac.authorization.k8s.io"
POLICY = Kind(GROUP, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", namespaced=False)
BINDING = Kind(GROUP, "v1", "ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", namespaced=False)
ROLE = Kind(RBAC, "v1", "Role", "roles")
ROLE_BINDING = Kind(RBAC, "v1", "RoleBinding", "rolebindings")
APPROVE = "fairlead.dev/approve"
EDIT = ["get", "create", "update", "patch"]


@pytest.fixture
def policy(kube: Kube, helm: Helm, namespace: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The policy for the test's namespace alone, and jane and joe, of whom jane alone has the verb `approve`."""
    values = {"approvals": {"named": True, "verb": request.param}, "watchNamespaces": [namespace]}
    made = [found for found in helm.render(values, release=namespace) if found["apiVersion"].startswith(GROUP)]
    kinds = {kind.kind: kind for kind in (POLICY, BINDING)}
    assert sorted(found["kind"] for found in made) == sorted(kinds)
    for user, verbs in (("jane", [*EDIT, "approve"]), ("joe by jane", EDIT)):
        _allow(kube, namespace, user, verbs)
    kube.create(MODEL_DEPLOYMENT, a_model(namespace))
    try:
        for found in made:
            kube.create(kinds[found["kind"]], found)
        until(lambda: _refused(kube, namespace, "nobody", "fraud-1"), what="the policy in force")
        yield namespace
    finally:
        for found in reversed(made):
            kube.delete(kinds[found["kind"]], None, found["metadata"]["name"])


def _allow(kube: Kube, namespace: str, user: str, verbs: list[str]) -> None:
    name = user.replace(" ", "-")
    rules = [{"apiGroups": ["fairlead.dev"], "resources": ["modeldeployments"], "verbs": verbs}]
    head = {"metadata": {"name": name, "namespace": namespace}}
    kube.create(ROLE, {"apiVersion": ROLE.api_version, "kind": "Role", **head, "rules": rules})
    bound = {
        "subjects": [{"kind": "User", "name": user, "apiGroup": RBAC}],
        "roleRef": {"kind": "Role", "name": name, "apiGroup": RBAC},
    }
    kube.create(ROLE_BINDING, {"apiVersion": ROLE_BINDING.api_version, "kind": "RoleBinding", **head, **bound})


def _refused(kube: Kube, namespace: str, user: str, value: str, **more: str) -> str:
    """What the API server says against it; empty when it lets it pass. Nothing is written."""
    change = {"metadata": {"annotations": {APPROVE: value, **more}}}
    return _patch(kube, namespace, user, change, "?dryRun=All")


def _patch(kube: Kube, namespace: str, user: str, change: dict[str, Any], query: str = "") -> str:
    headers = {"Content-Type": MERGE, "Accept": "application/json"}
    if user != "nobody":  # the tests' own user, who may do everything
        headers["Impersonate-User"] = user
    path = MODEL_DEPLOYMENT.path(namespace, "fraud") + query
    parts = kube.api.param_serialize("PATCH", path, header_params=headers, body=change, auth_settings=["BearerToken"])
    try:
        response = kube.api.call_api(*parts, _request_timeout=30)
        body = response.read()  # type: ignore[no-untyped-call]
    except ApiException as refused:
        return str(json.loads(refused.body or "{}")["message"])
    return "" if response.status == 200 else str(json.loads(body)["message"])


@pytest.mark.parametrize("policy", [False], indirect=True)
def test_an_approval_is_given_in_ones_own_name(kube: Kube, policy: str) -> None:
    assert _refused(kube, policy, "jane", "fraud-1 at 2026-05-30T09:00:00Z by jane") == ""
    assert _refused(kube, policy, "jane", "fraud-1 by jane") == ""
    for value in ("fraud-1", "fraud-1 by joe", "fraud-1 by", "fraud-1 by jane ", "by jane", "jane"):
        told = _refused(kube, policy, "jane", value)
        assert "must end with ' by jane', your own name; `fairlead approve fraud` writes it" in told, value


@pytest.mark.parametrize("policy", [False], indirect=True)
def test_a_name_that_looks_like_two_is_one(kube: Kube, policy: str) -> None:
    assert "your own name" in _refused(kube, policy, "jane", "fraud-1 by joe by jane")
    assert _refused(kube, policy, "joe by jane", "fraud-1 by joe by jane") == ""


@pytest.mark.parametrize("policy", [False], indirect=True)
def test_an_approval_that_is_there_hinders_nobody(kube: Kube, policy: str) -> None:
    assert _patch(kube, policy, "jane", {"metadata": {"annotations": {APPROVE: "fraud-1 by jane"}}}) == ""
    assert _patch(kube, policy, "joe by jane", {"spec": {"replicas": 2}}) == ""
    assert _patch(kube, policy, "joe by jane", {"metadata": {"annotations": {"fairlead.dev/abort": "fraud-1"}}}) == ""
    assert _patch(kube, policy, "joe by jane", {"metadata": {"annotations": {APPROVE: None}}}) == ""


@pytest.mark.parametrize("policy", [False], indirect=True)
def test_no_order_is_given_in_another_ones_name(kube: Kube, policy: str) -> None:
    def told(action: str, value: str) -> str:
        return _patch(
            kube, policy, "jane", {"metadata": {"annotations": {f"fairlead.dev/{action}": value}}}, "?dryRun=All"
        )

    for action in Action:
        assert told(action, "fraud-1 at 2026-05-30T09:00:00Z by jane") == "", action
        assert f"must end with ' by jane', your own name; `fairlead {action} fraud`" in told(action, "fraud-1 by joe")
    for action in (Action.PROMOTE, Action.APPROVE, Action.START):
        assert f"fairlead.dev/{action} must end" in told(action, "fraud-1")
    for action in (Action.ABORT, Action.RETRY, Action.PAUSE, Action.RESUME):
        assert told(action, "fraud-1") == "", "an action of Argo CD, say"


@pytest.mark.parametrize("policy", [False], indirect=True)
def test_nobody_hides_anothers_name_behind_an_order_of_his_own(kube: Kube, policy: str) -> None:
    both = {APPROVE: "fraud-1 by jane", "fairlead.dev/promote": "fraud-1 by joe"}
    told = _patch(kube, policy, "jane", {"metadata": {"annotations": both}}, "?dryRun=All")
    assert "fairlead.dev/promote must end with ' by jane'" in told


@pytest.mark.parametrize("policy", [True], indirect=True)
def test_to_approve_may_take_a_right_of_its_own(kube: Kube, policy: str) -> None:
    assert _refused(kube, policy, "jane", "fraud-1 by jane") == ""
    assert "verb approve" in _refused(kube, policy, "joe by jane", "fraud-1 by joe by jane")
