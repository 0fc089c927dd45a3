"""Somebody else's admission rules: one that changes what Fairlead writes is not fought, one that refuses it is told."""

from collections.abc import Iterator
from typing import Any

import pytest

from api_proxy import ApiProxy
from fairlead.api.kinds import MODEL_DEPLOYMENT, POD_DISRUPTION_BUDGET, Kind
from kube import Kube
from models import a_model
from operator_process import OperatorProcess
from waiting import holds, until

GROUP = "admissionregistration.k8s.io"
BUDGETS = {"apiGroups": ["policy"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"]}
CHANGE = 'Object{spec: Object.spec{unhealthyPodEvictionPolicy: "IfHealthyBudget"}}'


def policies(verb: str) -> tuple[Kind, Kind]:
    plural = f"{verb.lower()}admissionpolic"
    return (
        Kind(GROUP, "v1", f"{verb}AdmissionPolicy", f"{plural}ies", namespaced=False),
        Kind(GROUP, "v1", f"{verb}AdmissionPolicyBinding", f"{plural}ybindings", namespaced=False),
    )


@pytest.fixture
def rule(kube: Kube, namespace: str, request: pytest.FixtureRequest) -> Iterator[None]:
    """An admission policy for the PodDisruptionBudgets of the test's namespace."""
    verb, spec = request.param
    policy, binding = policies(verb)
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    match = {**where, "resourceRules": [{**BUDGETS, "resources": ["poddisruptionbudgets"]}]}
    whole: dict[str, Any] = {"matchConstraints": match, "failurePolicy": "Fail", **spec}
    head = {"metadata": {"name": namespace}}
    kube.create(policy, {"apiVersion": policy.api_version, "kind": policy.kind, **head, "spec": whole})
    actions = {"validationActions": ["Deny"]} if verb == "Validating" else {}
    bound = {"policyName": namespace, **actions}
    kube.create(binding, {"apiVersion": binding.api_version, "kind": binding.kind, **head, "spec": bound})
    try:
        yield
    finally:
        kube.delete(binding, None, namespace)
        kube.delete(policy, None, namespace)


CHANGES = ("Mutating", {
    "reinvocationPolicy": "Never",
    "mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": CHANGE}}],
})  # fmt: skip
REFUSES = ("Validating", {"validations": [{"expression": "false", "message": "budgets are made by the platform team"}]})


def in_force(kube: Kube, namespace: str) -> bool:
    """Whether the API server has taken the policy in, which takes it a moment."""
    head = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
    spec = {"selector": {}, "maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    budget = {**head, "metadata": {"name": "try", "namespace": namespace}, "spec": spec}
    made = kube.create(POD_DISRUPTION_BUDGET, budget, dryRun="All")
    return bool(made["spec"]["unhealthyPodEvictionPolicy"] == "IfHealthyBudget")


@pytest.mark.parametrize("rule", [CHANGES], indirect=True, ids=["changes"])
def test_a_rule_that_changes_what_is_written_is_not_fought(
    kube: Kube, proxy: ApiProxy, namespace: str, rule: None, operator: OperatorProcess
):
    until(lambda: in_force(kube, namespace), what="the policy in force")
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, replicas=2))
    until(lambda: "cannot be pulled" in kube.condition(namespace, "fraud", "Ready").get("message", ""), what="a status")

    def writes() -> int:
        return sum("/poddisruptionbudgets/" in write.path for write in proxy.writes)

    before = until(writes, what="the budget written")
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"metadata": {"labels": {"look": "again"}}})
    holds(lambda: writes() <= before + 1, seconds=8, what="at most one more try")


@pytest.mark.parametrize("rule", [REFUSES], indirect=True, ids=["refuses"])
def test_a_rule_that_refuses_is_told_in_its_own_words(
    kube: Kube, namespace: str, rule: None, operator: OperatorProcess
):
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, replicas=1))
    until(lambda: kube.condition(namespace, "fraud", "Ready"), what="a status")
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"replicas": 2}})
    stalled = until(lambda: kube.condition(namespace, "fraud", "Stalled"), what="Stalled")
    assert "budgets are made by the platform team" in stalled["message"]
