"""What a Gateway counts for each Service that it sends requests to: one profile for all models of a cluster.

A Gateway sees what a server cannot: the requests that a crashed pod never answered. And it counts for servers that
count nothing.
"""

import hashlib
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from fairlead.api.fields import Part
from fairlead.api.metrics import LABEL_NAMES, Counters, Histogram, Metric, MetricsProfile, Series
from fairlead.api.pattern import pattern_problem
from fairlead.api.traffic import Gateway

NEEDED = "{namespace}", "{service}"
STAND_FOR = (*NEEDED, "{gateway}", "{gatewayNamespace}")
ANSWERED = "[1235].."
"""Status of the answers that count: not those to mistakes of the client (4xx)."""


class GatewayMetrics(Part):
    """The series of a Gateway, and by which of their labels the Service of a revision is told.

    `labels` is label, as Prometheus has it, → regular expression for its whole value. In that {namespace} and {service}
    stand for those of the Service, {gateway} and {gatewayNamespace} for those of the Gateway.
    """

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, extra="forbid")

    labels: Annotated[dict[str, str], Field(min_length=1, max_length=8), LABEL_NAMES]
    errors: Counters
    latency: Histogram | None = None

    @model_validator(mode="after")
    def _names_services(self) -> Self:
        for needed in NEEDED:
            if not any(needed in pattern for pattern in self.labels.values()):
                raise ValueError(f"labels must hold {needed}: else nobody knows which Service was asked")
        for label, pattern in self.matchers("a", "a", Gateway(name="a")).items():
            if (problem := pattern_problem(pattern)) is not None:
                raise ValueError(f"label {label} {problem}")
        return self

    @property
    def profile(self) -> MetricsProfile:
        """What its series mean."""
        return MetricsProfile(errors=self.errors, latency=self.latency)

    @property
    def digest(self) -> str:
        """Tells one profile from another: what was counted by one cannot be gone on with by another."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]

    @property
    def naming(self) -> str | None:
        """The one label that names Services; None where there are several."""
        found = [label for label, pattern in self.labels.items() if any(each in pattern for each in NEEDED)]
        return found[0] if len(found) == 1 else None

    @property
    def telling(self) -> frozenset[str]:
        """Labels that tell one Service or Gateway from another. The rest may be what only some Prometheus knows."""
        return frozenset(name for name, text in self.labels.items() if any(each in text for each in STAND_FOR))

    @property
    def counted(self) -> Mapping[str, str]:
        """Label → regular expression of all that belongs to any of its sums, as far as one label says it."""
        parts: list[Series | Histogram] = [*self.errors.bad, *self.errors.total]
        parts += [self.latency] if self.latency else []
        shared = set.intersection(*(set(each.labels) for each in parts))
        return {label: "|".join(sorted({each.labels[label] for each in parts})) for label in sorted(shared)}

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What it counts in place of the servers."""
        return (*self.profile.counters, *self.profile.histograms)

    def matchers(self, namespace: str, service: str, gateway: Gateway) -> Mapping[str, str]:
        """Label → regular expression, of what this Gateway counts for one Service."""
        values = dict(zip(STAND_FOR, (namespace, service, gateway.name, gateway.namespace or namespace), strict=True))
        return {label: _filled_in(pattern, values) for label, pattern in self.labels.items()}


def _filled_in(pattern: str, values: Mapping[str, str]) -> str:
    return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]].replace(".", r"\."), pattern)


def _answers(series: str, code: str, **labels: str) -> Counters:
    """Answers of HTTP by their status."""
    return Counters(
        bad=(Series(series=series, labels={code: "5..", **labels}),),
        total=(Series(series=series, labels={code: ANSWERED, **labels}),),
    )


TRAEFIK = GatewayMetrics(
    labels={"service": "(|httproute-.+-svc-){namespace}-{service}-[0-9]{1,5}@kubernetesgateway"},
    errors=_answers("traefik_service_requests_total", "code"),
    latency=Histogram(series="traefik_service_request_duration_seconds", labels={"code": f"{ANSWERED}|499"}),
)
"""Traefik 3 (doc.traefik.io/traefik/reference/install-configuration/observability/metrics). Its Services are called so
by 3.7; the shorter way, with a port at its end, is an earlier one (pkg/provider/kubernetes/gateway/httproute.go).
Whoever did not wait for the answer (499) has waited as long as that says: so a server that hangs is slow."""

ISTIO = GatewayMetrics(
    labels={
        "destination_service_name": "{service}",
        "destination_service_namespace": "{namespace}",
        "source_workload": "{gateway}-istio",
        "source_workload_namespace": "{gatewayNamespace}",
    },
    errors=_answers("istio_requests_total", "response_code", reporter="source"),
    latency=Histogram(
        series="istio_request_duration_milliseconds",
        labels={"reporter": "source", "response_code": f"{ANSWERED}|0"},
        unit="Milliseconds",
    ),
)
"""Istio's Gateways that it deploys itself (istio.io/latest/docs/reference/config/metrics, and
istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api: their workload is called NAME-istio)."""

SHIPPED: Mapping[str, GatewayMetrics] = MappingProxyType({"Traefik": TRAEFIK, "Istio": ISTIO})
