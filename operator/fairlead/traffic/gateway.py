"""Traffic by weights of an HTTPRoute (gateway-api.sigs.k8s.io/reference/spec, HTTPRoute).

A weight counts only when the Gateway has accepted the route and resolved its references at its present generation:
until then traffic may go as before. The Service that clients in the cluster use goes to the stable revision alone, but
for a canary that takes over with Swap: the stable revision has ever fewer pods then, and those of both share it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from fairlead.api.kinds import HTTP_ROUTE
from fairlead.api.reasons import Reason
from fairlead.api.revision import Revision
from fairlead.api.traffic import Gateway
from fairlead.decision import Wait
from fairlead.metadata import manifest
from fairlead.situation import Identity, Situation
from fairlead.traffic.interface import TrafficSplit
from fairlead.traffic.service import HTTP_PORT, stable_service

CONTROLLER_AWAY = "is it there, and does its controller run?"


@dataclass(frozen=True)
class GatewayRoute(TrafficSplit):
    """One HTTPRoute per model, at the Gateway that the spec names.

    `on_trial` is the share of traffic beyond which the Service, too, goes to the pods of both revisions.
    """

    gateway: Gateway
    on_trial: float = 1.0

    def pods(self, share: float, stable_pods: int, needed: int) -> int:
        """As many as bear the share with no more load each than a stable pod has; never none."""
        return min(max(1, ceil(share * needed - 1e-9)), max(needed, 1))

    def share(self, wanted: float, canary_pods: int, stable_pods: int, needed: int) -> float:
        """In whole percent, and not more than the pods that there are can bear: pods come before weight."""
        if not canary_pods or wanted <= 0:
            return 0.0
        bearable = min(wanted, canary_pods / max(needed, 1))
        return max(1, floor(100 * bearable + 1e-9)) / 100

    def objects(
        self, situation: Situation, serving: Revision, candidate: Revision | None, share: float
    ) -> tuple[dict[str, Any], ...]:
        service = stable_service(situation.identity, serving, shared=share > self.on_trial)
        if _is_absent(situation):
            return (service,)
        percent = round(100 * share) if candidate is not None else 0
        weights = {serving.name: 100 - percent}
        if candidate is not None and percent:
            weights[candidate.name] = percent
        return (http_route(situation.identity, self.gateway, weights), service)

    def pending(self, situation: Situation) -> Wait | None:
        name = situation.identity.name
        if _is_absent(situation):
            told = (
                f"HTTPRoute {name} cannot be made: the cluster does not serve HTTPRoute ({HTTP_ROUTE.api_version}); "
                "install the Gateway API, or remove spec.traffic"
            )
            return Wait(reason=Reason.GATEWAY_API_MISSING, message=told)
        if HTTP_ROUTE in situation.forbidden:
            told = (
                f"HTTPRoute {name} cannot be read, so it is not known where traffic goes: grant Fairlead get, list, "
                f"watch, create, update, patch and delete on {HTTP_ROUTE.plural}.{HTTP_ROUTE.group} "
                f"in namespace {situation.identity.namespace}"
            )
            return Wait(reason=Reason.ROUTE_FORBIDDEN, message=told)
        refused = (each for each in situation.refusals if (each.kind, each.name) == (HTTP_ROUTE.kind, name))
        if (refusal := next(refused, None)) is not None:
            return Wait(reason=refusal.reason, message=f"HTTPRoute {name} cannot be written")
        live = situation.child(HTTP_ROUTE, name)
        if live is None:
            return Wait(reason=Reason.ROUTE_PENDING, message=f"HTTPRoute {name} has yet to be made")
        return _objection(live, self._gateway(situation.identity), self._answers(live, situation.identity))

    def moving(self, situation: Situation, revision: Revision) -> Wait | None:
        pending = self.pending(situation)
        if pending is not None or self._weights(situation).keys() == {revision.name}:
            return pending
        return Wait(reason=Reason.ROUTE_PENDING, message=f"traffic is on its way to {revision.name}")

    def may_reach(self, situation: Situation, revision: Revision) -> bool:
        """Until the Gateway has accepted a route without that revision; also where somebody has deleted the route.

        Of a route that may not be read nobody knows: who may still get requests stays.
        """
        if _is_absent(situation):
            return False
        return revision.name in self._weights(situation) or self.pending(situation) is not None

    def _weights(self, situation: Situation) -> dict[str, int]:
        """The revisions that the live route sends requests to, with their weights."""
        live = situation.child(HTTP_ROUTE, situation.identity.name) or {}
        rules = (live.get("spec") or {}).get("rules") or ()
        backends = [each for rule in rules for each in rule.get("backendRefs") or ()]
        return {each["name"]: each.get("weight", 1) for each in backends if each.get("weight", 1)}

    def _gateway(self, identity: Identity) -> str:
        where = f"{self.gateway.namespace or identity.namespace}/{self.gateway.name}"
        return f"Gateway {where}" + (f" (listener {self.gateway.section_name})" if self.gateway.section_name else "")

    def _answers(self, live: Mapping[str, Any], identity: Identity) -> list[Mapping[str, Any]]:
        """What controllers say of the route at our Gateway; there may be several that claim it."""
        return [
            each
            for each in (live.get("status") or {}).get("parents") or ()
            if each["parentRef"]["name"] == self.gateway.name
            and each["parentRef"].get("namespace", identity.namespace) == (self.gateway.namespace or identity.namespace)
            and self.gateway.section_name in (None, each["parentRef"].get("sectionName"))
        ]


def _is_absent(situation: Situation) -> bool:
    return HTTP_ROUTE not in situation.served and HTTP_ROUTE not in situation.forbidden


def http_route(identity: Identity, gateway: Gateway, weights: Mapping[str, int]) -> dict[str, Any]:
    """The route, whole: rules and backends are atomic lists, which nobody else may add to."""
    # With all defaults of the API server, since these lists are compared to the letter.
    parent: dict[str, Any] = {"group": HTTP_ROUTE.group, "kind": "Gateway", "name": gateway.name}
    parent["namespace"] = gateway.namespace or identity.namespace
    if gateway.section_name is not None:
        parent["sectionName"] = gateway.section_name
    rule: dict[str, Any] = {
        "matches": [{"path": {"type": "PathPrefix", "value": gateway.path}}],
        "filters": list(_filters(gateway)),
        "backendRefs": [
            {"group": "", "kind": "Service", "name": name, "port": HTTP_PORT, "weight": weight}
            for name, weight in weights.items()
        ],
    }
    return {
        **manifest(HTTP_ROUTE, identity, identity.name),
        "spec": {"parentRefs": [parent], "hostnames": list(gateway.hostnames), "rules": [rule]},
    }


def gateway_of(route: Mapping[str, Any]) -> Gateway | None:
    """The Gateway that a route was made for, and which requests; None where Fairlead has not made it like that."""
    spec = route.get("spec") or {}
    try:
        (parent,), (rule,) = spec["parentRefs"], spec["rules"]
        (match,), filters = rule["matches"], rule.get("filters") or ()
        return Gateway.model_construct(
            name=parent["name"],
            namespace=parent.get("namespace"),
            section_name=parent.get("sectionName"),
            hostnames=tuple(spec.get("hostnames") or ()),
            path=match["path"]["value"],
            rewrite_path=filters[0]["urlRewrite"]["path"]["replacePrefixMatch"] if filters else None,
        )
    except (KeyError, ValueError, TypeError):
        return None


def _filters(gateway: Gateway) -> Iterator[dict[str, Any]]:
    if gateway.rewrite_path is not None:
        path = {"type": "ReplacePrefixMatch", "replacePrefixMatch": gateway.rewrite_path}
        yield {"type": "URLRewrite", "urlRewrite": {"path": path}}


def _objection(live: Mapping[str, Any], gateway: str, answers: list[Mapping[str, Any]]) -> Wait | None:
    """Why the route is not in force; None as soon as one controller accepts it as it is."""
    name, generation = live["metadata"]["name"], int(live["metadata"].get("generation") or 0)
    if not answers:
        told = f"{gateway} has not answered for HTTPRoute {name}: {CONTROLLER_AWAY}"
        return Wait(reason=Reason.ROUTE_PENDING, message=told)
    objections = [_refusal(answer, generation) for answer in answers]
    if None in objections:
        return None
    refused = next((refusal for refusal in objections if refusal), None)
    if refused:
        return Wait(reason=Reason.ROUTE_REFUSED, message=f"{gateway} does not accept HTTPRoute {name}: {refused}")
    return Wait(reason=Reason.ROUTE_PENDING, message=f"{gateway} has not taken in HTTPRoute {name} as it is now")


def _refusal(answer: Mapping[str, Any], generation: int) -> str | None:
    """Why a controller refuses the route; "" while it has not said, and None when it accepts it."""
    said = {each["type"]: each for each in answer.get("conditions") or ()}
    for needed in ("Accepted", "ResolvedRefs"):
        found = said.get(needed)
        if found is None or int(found.get("observedGeneration") or 0) < generation:
            return ""
        if found["status"] != "True":
            return f"{found.get('reason', needed)}: {found.get('message', '')}".rstrip(": ")
    return None
