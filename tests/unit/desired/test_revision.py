"""desired/revision.py: what a revision is made of."""

from world import RUNTIME, World


def test_the_path_of_the_metrics_is_filled_in_like_every_other():
    metrics = {"path": "/models/{model.name}/metrics", "latency": {"series": "request_seconds"}}
    world = World(runtime={**RUNTIME, "spec": {**RUNTIME["spec"], "metrics": metrics}})
    world.settle()
    (revision,) = world.look().revisions
    assert revision.snapshot.metrics is not None
    assert revision.snapshot.metrics.path == "/models/fraud/metrics"
