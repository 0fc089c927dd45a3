"""By which way Prometheus is told of a model, and which of its objectives can be measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fairlead.api.kinds import CONFIG_MAP, POD_MONITOR, PROMETHEUS_RULE, Kind
from fairlead.api.metrics import MetricsProfile
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.revision import Revision
from fairlead.api.slo import Objective
from fairlead.decision import Decision
from fairlead.situation import Situation
from fairlead.slo.alerts import Terms
from fairlead.slo.events import Subject, Unmeasured
from fairlead.slo.passing import Passing
from fairlead.slo.rules import Measured, measured

FORBIDDEN = Unmeasured(why="the administrator of Fairlead has forbidden queries (prometheus.queries of its chart)")
"""Rules are queries that Prometheus asks itself: what may not be asked of it may not be one of them either."""

RULES: Mapping[str, Kind] = {"PrometheusRule": PROMETHEUS_RULE, "ConfigMap": CONFIG_MAP}


@dataclass(frozen=True, kw_only=True)
class Monitored:
    """How a model is monitored.

    `scrape` is how its pods are scraped, None where they are not. `rules` is the kind of object that the rules go into,
    None without rules; `served` says whether there is such a kind. `revisions` are those that have pods, the one that
    serves first.
    """

    subject: Subject
    terms: Terms
    revisions: tuple[Revision, ...]
    scrape: Literal["PodMonitor", "Annotations"] | None
    rules: Kind | None
    served: bool
    measured: tuple[Measured, ...]
    unmeasured: tuple[tuple[Objective, Unmeasured], ...]

    @property
    def scraped(self) -> tuple[Revision, ...]:
        """The revisions whose pods have a page of metrics."""
        return tuple(each for each in self.revisions if each.snapshot.metrics is not None)


def monitored(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Monitored:
    """What follows for monitoring from a look and a decision."""
    identity, wanted = situation.identity, spec.monitoring
    revisions = _serving_first(decision)
    subject = Subject(namespace=identity.namespace, model=identity.name, pods=situation.site.pod_labels)
    rules = RULES.get(wanted.rules) if spec.slo.objectives else None
    edges = situation.exposed.edges if situation.exposed else {}
    asked, profiles = spec.slo.objectives if rules is not None else (), _profiles(revisions)
    passing = passing_of(situation, spec)
    found = [
        (
            each,
            FORBIDDEN
            if each.queries and not situation.site.queries
            else measured(each, profiles, edges, subject, passing),
        )
        for each in asked
    ]
    scrape: Literal["PodMonitor", "Annotations"] = "PodMonitor" if POD_MONITOR in situation.served else "Annotations"
    return Monitored(
        subject=subject,
        # Before the first revision is ready nobody misses its pods: a big model may take half an hour to start.
        terms=Terms(
            period=spec.slo.period,
            runbooks=situation.site.runbooks,
            dashboards=situation.site.dashboards,
            owner=wanted.owner,
            serves=decision.stable is not None and decision.replicas > 0,
            scraped=passing is None or any(each.snapshot.metrics is not None for each in revisions),
        ),
        revisions=revisions,
        scrape=scrape if wanted.scrape else None,
        rules=rules,
        served=rules in situation.served,
        measured=tuple(each for _, each in found if isinstance(each, Measured)),
        unmeasured=tuple((objective, each) for objective, each in found if isinstance(each, Unmeasured)),
    )


def passing_of(situation: Situation, spec: ModelDeploymentSpec) -> Passing | None:
    """The Gateway by whose counters the model is judged: it alerts by the same."""
    metrics = situation.site.gateway
    if metrics is None or spec.traffic is None or spec.rollout.evidence.source != "Gateway":
        return None
    return Passing(gateway=spec.traffic.gateway, metrics=metrics)


def _serving_first(decision: Decision) -> tuple[Revision, ...]:
    serving = decision.serving or decision.stable
    return tuple(sorted(decision.running, key=lambda revision: revision != serving))


def _profiles(revisions: tuple[Revision, ...]) -> list[tuple[MetricsProfile | None, tuple[str, ...]]]:
    """Profiles in the order of their revisions, each with all that have it."""
    found: dict[str, tuple[MetricsProfile | None, tuple[str, ...]]] = {}
    for revision in revisions:
        profile = revision.snapshot.metrics
        key = profile.model_dump_json() if profile else ""
        found[key] = (profile, (*found.get(key, (profile, ()))[1], revision.name))
    return list(found.values())
