"""desired/pod_template.py: nothing is asked for that the API server does not store."""

from fairlead.api.kinds import DEPLOYMENT
from world import World, a_model


def test_a_toleration_without_a_value_asks_for_none():
    tolerations = [{"key": "gpu", "operator": "Equal", "value": ""}, {"key": "a", "value": "b"}]
    world = World(a_model(pod={"tolerations": tolerations}))
    world.reconcile()
    (deployment,) = (found for (kind, _), found in world.children.items() if kind == DEPLOYMENT)
    assert deployment["spec"]["template"]["spec"]["tolerations"] == [
        {"key": "gpu", "operator": "Equal"},
        {"key": "a", "value": "b"},
    ]
