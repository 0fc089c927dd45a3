"""Which way to share traffic a model uses. A further implementation is one more file, and a line in each function."""

from fairlead.api.kinds import HTTP_ROUTE
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.traffic import Traffic
from fairlead.situation import Situation
from fairlead.traffic.gateway import GatewayRoute, gateway_of
from fairlead.traffic.interface import TrafficSplit
from fairlead.traffic.replicas import ReplicaRatio


def traffic_of(spec: ModelDeploymentSpec) -> TrafficSplit:
    """The implementation for a model."""
    if spec.traffic is None:
        return ReplicaRatio()
    swaps = spec.rollout.capacity == "Swap"
    return GatewayRoute(spec.traffic.gateway, on_trial=spec.rollout.max_weight / 100 if swaps else 1.0)


def traffic_as_it_runs(situation: Situation) -> Traffic | None:
    """What spec.traffic has asked for, as far as what was made of it tells; None for Services alone."""
    route = situation.child(HTTP_ROUTE, situation.identity.name)
    gateway = gateway_of(route) if route is not None else None
    # Not validated: what was admitted by other rules than today's must not stop what serves.
    return Traffic.model_construct(gateway=gateway) if gateway is not None else None
