"""Whether Prometheus is told of a model, by which way, and what is missing there: MonitoringActive.

| situation                                                   | MonitoringActive |
|-------------------------------------------------------------|------------------|
| nothing is asked for, or no revision has served yet         | –                |
| an object for Prometheus is refused, or its kind is missing | False            |
| the server has no metrics profile, or none for an objective | False            |
| a threshold lies beyond the last edge of its histogram      | False            |
| a page of metrics cannot be read, or lacks series so far    | Unknown          |
| all is told                                                 | True             |

It says nothing about Ready: a model that nobody watches serves all the same.
"""

from collections.abc import Iterator

from fairlead.api.history import Number
from fairlead.api.kinds import CONFIG_MAP, MONITORS, POD_MONITOR, PROMETHEUS_RULE
from fairlead.api.metrics import Counters, Histogram
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.names import rules_name
from fairlead.api.reasons import ConditionType, Reason
from fairlead.api.revision import Revision
from fairlead.api.slo import Objective, format_seconds, snapped
from fairlead.api.status import HistogramStatus, MonitoringStatus
from fairlead.decision import Decision
from fairlead.monitoring.monitored import Monitored, monitored
from fairlead.report.finding import Finding
from fairlead.situation import Situation
from fairlead.slo.events import Unknown, counted_by, needed

KINDS = frozenset(kind.kind for kind in MONITORS)
"""Whoever is refused one of these serves all the same."""


def monitoring_active(situation: Situation, spec: ModelDeploymentSpec, decision: Decision) -> Finding | None:
    """The condition; None where there is nothing to tell."""
    found = monitored(situation, spec, decision)
    if decision.stable is None or (found.scrape is None and found.rules is None):
        return None
    lacking = (
        _refused(situation)
        or _not_served(found)
        or _no_profile(found, decision.stable)
        or _unmeasured(found)
        or _not_seen(situation, spec, found, decision.stable)
    )
    if lacking is not None:
        return lacking
    told = (*_ways(situation, spec, found), *_rounded(situation, spec, decision.stable))
    return _told(True, Reason.MONITORED, "; ".join(told))


def monitoring_status(situation: Situation, spec: ModelDeploymentSpec) -> MonitoringStatus | None:
    """What is remembered of the pods' pages: nobody has to read them again. Objectives that are gone are forgotten."""
    seen = situation.exposed
    pairs = {objective.pair for objective in spec.slo.objectives}
    counted = sorted(each for each in (seen.counted if seen else ()) if each in pairs or "@" not in each)
    if seen is None or not counted:
        return None
    return MonitoringStatus(
        revision=seen.revision,
        counted=tuple(counted),
        histograms=tuple(
            HistogramStatus(metric=metric, edges=tuple(_number(edge) for edge in edges))
            for metric, edges in sorted(seen.edges.items())
        ),
    )


def _told(status: bool | None, reason: Reason, message: str) -> Finding:
    return Finding(type=ConditionType.MONITORING_ACTIVE, status=status, reason=reason, message=message)


def _refused(situation: Situation) -> Finding | None:
    refusal = next((each for each in situation.refusals if each.kind in KINDS), None)
    if refusal is None:
        return None
    return _told(False, refusal.reason, f"{refusal.kind} {refusal.name} cannot be written: {refusal.message}")


def _not_served(found: Monitored) -> Finding | None:
    if found.rules is None or found.served:
        return None
    cost = "nothing is recorded, and no alert guards the objectives"
    if found.rules == CONFIG_MAP:
        told = "Fairlead may not write ConfigMaps: set monitoring.configMaps of its chart, or choose other rules"
        return _told(False, Reason.CONFIG_MAPS_FORBIDDEN, f"{cost}: {told}")
    told = (
        f"the cluster does not serve PrometheusRule ({PROMETHEUS_RULE.api_version}), or Fairlead may not read it; "
        "install the Prometheus Operator, or set monitoring.rules to ConfigMap or None"
    )
    return _told(False, Reason.PROMETHEUS_OPERATOR_MISSING, f"{cost}: {told}")


def _no_profile(found: Monitored, stable: Revision) -> Finding | None:
    if stable.snapshot.metrics is not None or found.measured:
        return None
    told = f"the server of {stable.name} has no metrics profile: there is nothing to scrape and nothing to measure by"
    return _told(False, Reason.NO_METRICS, told)


def _unmeasured(found: Monitored) -> Finding | None:
    problems = [
        f"objective {objective.name} has no rules: {each.why}"
        for objective, each in found.unmeasured
        if not isinstance(each, Unknown)
    ]
    return _told(False, Reason.OBJECTIVE_UNMEASURED, "; ".join(problems)) if problems else None


def _not_seen(situation: Situation, spec: ModelDeploymentSpec, found: Monitored, stable: Revision) -> Finding | None:
    """What the objectives need and no page has shown. Some servers write a series only with the first request."""
    seen = situation.exposed
    known = seen.counted if seen is not None and seen.revision == stable.name else frozenset()
    by_gateway = {each.objective.name for each in found.measured if not each.by_pods}
    objectives = tuple(each for each in spec.slo.objectives if each.name not in by_gateway)
    if found.rules is None or needed(objectives, stable.snapshot.metrics) <= known:
        return None
    if seen is not None and seen.silent:
        return _told(None, Reason.NO_METRICS, f"the metrics of {stable.name} cannot be read: {seen.silent}")
    missing = "; ".join(_missing(objectives, known, stable))
    told = f"the pods of {stable.name} have not shown all series so far: {missing}; no request yet, or other names?"
    return _told(None, Reason.SERIES_MISSING, told)


def _missing(objectives: tuple[Objective, ...], known: frozenset[str], stable: Revision) -> Iterator[str]:
    for objective in objectives:
        if (objective.pair or objective.metric) in known:
            continue
        match counted_by(objective, stable.snapshot.metrics):
            case Counters(total=total):
                yield f"objective {objective.name} needs {' or '.join(dict.fromkeys(each.series for each in total))}"
            case Histogram(series=series):
                yield f"objective {objective.name} needs {series}_bucket, and has no rules without it"
            case _:
                pass  # what Prometheus is asked for is not on the pods' pages


def _ways(situation: Situation, spec: ModelDeploymentSpec, found: Monitored) -> Iterator[str]:
    name = situation.identity.name
    match found.scrape:
        case "PodMonitor" | "Annotations" if not found.scraped:
            yield "the pods have no page of metrics"
        case "PodMonitor":
            yield f"{POD_MONITOR.kind} {name} has the pods scraped"
        case "Annotations":
            yield "annotations of the revisions' Services ask for scrapes: the cluster does not serve PodMonitor"
        case None:
            yield "nothing asks for scrapes of the pods, as monitoring.scrape says"
    if found.rules is None:
        yield "there are no rules, as monitoring.rules says" if spec.slo.objectives else "there are no objectives"
    else:
        made = rules_name(name) if found.rules == CONFIG_MAP else name
        yield f"{found.rules.kind} {made} has the rules for {', '.join(each.objective.name for each in found.measured)}"


def _rounded(situation: Situation, spec: ModelDeploymentSpec, stable: Revision) -> Iterator[str]:
    edges = situation.exposed.edges if situation.exposed else {}
    for objective in spec.slo.objectives:
        if not isinstance(counted_by(objective, stable.snapshot.metrics), Histogram):
            continue
        edge = snapped(objective.seconds, edges.get(objective.metric or "", ()))
        if edge is not None and edge > objective.seconds * (1 + 1e-9):
            wanted = format_seconds(objective.seconds)
            yield (
                f"objective {objective.name} is held to {format_seconds(edge)}, the next edge of its histogram "
                f"above {wanted}"
            )


def _number(edge: float) -> Number:
    return f"{edge:.12g}"
