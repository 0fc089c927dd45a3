import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.apply.difference import difference


def deployment(**container: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "fraud-x", "labels": {"app.kubernetes.io/name": "fraud"}},
        "spec": {
            "selector": {"matchLabels": {"fairlead.dev/model": "fraud"}},
            "template": {"spec": {"containers": [{"name": "server", "image": "a"} | container]}},
        },
    }


def live(**container: Any) -> dict[str, Any]:
    """The same with what the server and others add."""
    added = deployment(**container)
    added["metadata"] |= {"uid": "1", "annotations": {"deployment.kubernetes.io/revision": "1"}}
    added["metadata"]["labels"]["team"] = "risk"
    added["spec"] |= {"replicas": 7, "revisionHistoryLimit": 10}
    added["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent"
    added["status"] = {"readyReplicas": 7}
    return added


def test_what_the_server_and_others_add_is_no_difference():
    assert difference(deployment(), live()) is None


def test_tells_where():
    assert difference(deployment(image="b"), live()) == "spec.template.spec.containers[0].image"


@pytest.mark.parametrize(
    ("desired", "found", "path"),
    [
        ({"a": 1}, {}, "a"),
        ({"a": 1}, {"a": 2}, "a"),
        ({"a": 1}, {"a": "1"}, "a"),
        ({"a": True}, {"a": 1}, "a"),
        ({"a": {"b": 1}}, {"a": 1}, "a"),
        ({"a": {"b": 1}}, {"a": {}}, "a.b"),
        ({"a": [1, 2]}, {"a": [2, 1]}, "a[0]"),
        ({"a": [1]}, {"a": [1, 2]}, "a"),
        ({"a": []}, {"a": [1]}, "a"),
        ({"a": {}}, {}, "a"),
        ({"a": [1]}, {"a": "1"}, "a"),
        ({"labels": {"app.kubernetes.io/name": "x"}}, {"labels": {}}, 'labels["app.kubernetes.io/name"]'),
        ({"rules": [{"weight": 10}]}, {"rules": [{"weight": 20, "filters": []}]}, "rules[0].weight"),
    ],
)
def test_differences(desired: dict[str, Any], found: dict[str, Any], path: str):
    assert difference(desired, found) == path


@pytest.mark.parametrize(
    ("desired", "found"),
    [
        ({"a": None}, {}),
        ({"a": None}, {"a": 1}),
        ({"a": []}, {}),
        ({"a": {}}, {"a": {"b": 1}}),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1, "c": 2}]}),
        ({"a": 1}, {"a": 1.0}),
    ],
)
def test_no_differences(desired: dict[str, Any], found: dict[str, Any]):
    assert difference(desired, found) is None


@pytest.mark.parametrize("name", ["selector", "nodeSelector", "podSelector", "namespaceSelector", "labelSelector"])
def test_a_foreign_key_in_an_atomic_map_is_a_difference(name: str):
    assert difference({"spec": {name: {"a": "1"}}}, {"spec": {name: {"a": "1", "b": "2"}}}) == f"spec.{name}"
    assert difference({"spec": {name: {}}}, {"spec": {name: {"b": "2"}}}) == f"spec.{name}"
    assert difference({"spec": {name: {"a": "1"}}}, {"spec": {name: {"a": "1"}}}) is None


def test_our_owner_must_be_among_the_owners():
    ours, theirs = {"uid": "1", "controller": True}, {"uid": "2"}
    assert difference({"ownerReferences": [ours]}, {"ownerReferences": [theirs, ours]}) is None
    assert difference({"ownerReferences": [ours]}, {"ownerReferences": [theirs]}) == "ownerReferences[0]"
    assert difference({"ownerReferences": [ours, theirs]}, {"ownerReferences": [theirs, ours]}) is None
    lesser = {"uid": "1", "controller": False}
    assert difference({"ownerReferences": [ours]}, {"ownerReferences": [lesser]}) == "ownerReferences[0].controller"


def test_our_finalizer_must_be_among_the_finalizers():
    assert difference({"finalizers": ["a"]}, {"finalizers": ["b", "a"]}) is None
    assert difference({"finalizers": ["a"]}, {"finalizers": ["b"]}) == "finalizers[0]"


def test_what_somebody_adds_to_a_pod_template_is_a_difference():
    container = {"name": "server", "env": [{"name": "A", "value": "1"}]}
    added = {"name": "server", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    assert difference({"containers": [container]}, {"containers": [added]}) == "containers[0].env"
    assert difference({"containers": [container]}, {"containers": [container, {"name": "x"}]}) == "containers"


def test_a_volume_of_another_kind_is_a_difference():
    scratch = {"volumes": [{"name": "scratch", "emptyDir": {}}]}
    assert difference(scratch, {"volumes": [{"name": "scratch", "hostPath": {"path": "/"}}]}) == "volumes[0].emptyDir"


def test_a_policy_that_lets_more_in_is_a_difference():
    ours = {"ingress": [{"from": [{"podSelector": {}}]}]}
    assert difference(ours, {"ingress": [{"from": [{"podSelector": {}, "namespaceSelector": {}}]}]}) == "ingress"
    assert difference(ours, {"ingress": [{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}]}) == "ingress"


def test_an_empty_list_inside_an_atomic_map_is_no_difference():
    selector = {"labelSelector": {"matchLabels": {"a": "b"}, "matchExpressions": []}}
    assert difference(selector, {"labelSelector": {"matchLabels": {"a": "b"}}}) is None


def test_the_order_of_our_variables_has_a_meaning():
    desired = {"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}]}
    assert difference(desired, {"env": list(reversed(desired["env"]))}) == "env[0].name"


@pytest.mark.parametrize(("desired", "found"), [("1000m", "1"), (1, "1"), ("0.5", "500m"), ("1024Mi", "1Gi")])
def test_quantities_are_compared_by_value(desired: object, found: str):
    assert difference({"resources": {"limits": {"cpu": desired}}}, {"resources": {"limits": {"cpu": found}}}) is None
    assert difference({"target": {"averageValue": desired}}, {"target": {"averageValue": found}}) is None


def test_other_quantities_differ():
    assert difference({"limits": {"cpu": "1"}}, {"limits": {"cpu": "2"}}) == "limits.cpu"
    assert difference({"limits": {"cpu": "1"}}, {"limits": {}}) == "limits.cpu"
    assert difference({"limits": {"cpu": "1"}}, {}) == "limits"
    assert difference({"limits": "all"}, {"limits": "none"}) == "limits"


def test_the_value_of_a_variable_is_text():
    assert (
        difference({"env": [{"name": "A", "value": "1000m"}]}, {"env": [{"name": "A", "value": "1"}]}) == "env[0].value"
    )


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
MANIFESTS = st.dictionaries(
    st.sampled_from(["a", "b", "selector", "containers", "limits", "finalizers"]),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)),
)


@given(MANIFESTS)
def test_nothing_differs_from_itself_and_nothing_is_changed(manifest: dict[str, Any]):
    before = copy.deepcopy(manifest)
    assert difference(manifest, manifest) is None
    assert manifest == before


def test_a_route_is_compared_to_the_letter_where_its_lists_say_who_gets_what():
    desired = {"spec": {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": [{"name": "a", "weight": 100}]}]}}
    assert difference(desired, copy.deepcopy(desired)) is None
    elsewhere = copy.deepcopy(desired)
    elsewhere["spec"]["parentRefs"][0]["sectionName"] = "https"
    assert difference(desired, elsewhere) == "spec.parentRefs"
    filtered = copy.deepcopy(desired)
    filtered["spec"]["rules"][0]["backendRefs"][0]["filters"] = [{"type": "RequestMirror"}]
    assert difference(desired, filtered) == "spec.rules[0].backendRefs"
