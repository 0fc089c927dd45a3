"""Which way to share traffic a model uses. A further implementation is one more file here, and one more line."""

from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.traffic.gateway import GatewayRoute
from fairlead.traffic.interface import TrafficSplit
from fairlead.traffic.replicas import ReplicaRatio


def traffic_of(spec: ModelDeploymentSpec) -> TrafficSplit:
    """The implementation for a model."""
    if spec.traffic is None:
        return ReplicaRatio()
    swaps = spec.rollout.capacity == "Swap"
    return GatewayRoute(spec.traffic.gateway, on_trial=spec.rollout.max_weight / 100 if swaps else 1.0)
