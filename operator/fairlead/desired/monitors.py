"""What tells Prometheus of a model: a PodMonitor, and its rules as a PrometheusRule or in a ConfigMap."""

from collections.abc import Mapping
from typing import Any

import yaml

from fairlead.api import names
from fairlead.api.kinds import CONFIG_MAP, POD_MONITOR, PROMETHEUS_RULE, Kind
from fairlead.api.revision import Revision, digest
from fairlead.metadata import manifest
from fairlead.monitoring.monitored import Monitored
from fairlead.situation import Identity
from fairlead.slo.rules import groups

Labels = Mapping[str, str]

WIDTH = 10_000
"""Characters: an expression is easier to read, and to copy, on one line."""

_POD_LABEL = "__meta_kubernetes_pod_label_fairlead_dev_"
"""What Prometheus calls a label of a pod whose name begins with fairlead.dev/ ."""


def monitors(identity: Identity, labels: Labels, found: Monitored) -> tuple[dict[str, Any], ...]:
    """The objects, in the order in which they are written."""
    made = []
    if found.scrape == "PodMonitor" and found.scraped:
        made.append(pod_monitor(identity, labels, found.scraped))
    if found.rules is not None and found.served and found.measured:
        rules = groups(found.subject, found.measured, found.terms)
        made.append(_RULES[found.rules](identity, labels, rules))
    return tuple(made)


def pod_monitor(identity: Identity, labels: Labels, revisions: tuple[Revision, ...]) -> dict[str, Any]:
    """Scrapes the pods of all revisions; an endpoint for each place where their metrics are."""
    places: dict[tuple[str, str], list[str]] = {}
    for revision in revisions:
        places.setdefault(_place(revision), []).append(revision.name)
    return {
        **_labelled(POD_MONITOR, identity, identity.name, labels),
        "spec": {
            "selector": {"matchLabels": {names.MODEL: identity.name}},
            "podMetricsEndpoints": [
                {"port": port, "path": path, "relabelings": _relabelings(of if len(places) > 1 else [])}
                for (port, path), of in places.items()
            ],
        },
    }


def prometheus_rule(identity: Identity, labels: Labels, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """The rules, for the Prometheus Operator."""
    return {**_labelled(PROMETHEUS_RULE, identity, identity.name, labels), "spec": {"groups": rules}}


def rules_config_map(identity: Identity, labels: Labels, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """The same as a file, called after the model: those of several ConfigMaps may end up in one folder."""
    file = f"fairlead-{identity.namespace}-{identity.name}.yaml"
    made = _labelled(CONFIG_MAP, identity, names.rules_name(identity.name), labels)
    return {**made, "data": {file: yaml.safe_dump({"groups": rules}, sort_keys=False, width=WIDTH)}}


_RULES = {PROMETHEUS_RULE: prometheus_rule, CONFIG_MAP: rules_config_map}


def _labelled(kind: Kind, identity: Identity, name: str, labels: Labels) -> dict[str, Any]:
    made = manifest(kind, identity, name)
    # A label that is not wanted any more goes with the next write, and without this nothing would differ.
    known = {names.MONITORED: digest(sorted(labels))[:8]}
    made["metadata"]["labels"] = {**labels, **made["metadata"]["labels"], **known}
    return made


def _place(revision: Revision) -> tuple[str, str]:
    """Name of the port and path of a revision's metrics."""
    profile, ports = revision.snapshot.metrics, revision.snapshot.ports
    return "http" if ports.metrics is None else "metrics", profile.path if profile else "/metrics"


def _relabelings(revisions: list[str]) -> list[dict[str, Any]]:
    """With all defaults of the API server, since this list is compared to the letter."""
    labels = {"model": names.SERIES_MODEL, "revision": names.SERIES_REVISION}
    made: list[dict[str, Any]] = [
        {"action": "replace", "sourceLabels": [f"{_POD_LABEL}{ours}"], "targetLabel": theirs}
        for ours, theirs in labels.items()
    ]
    if revisions:
        made.insert(0, {"action": "keep", "sourceLabels": [f"{_POD_LABEL}revision"], "regex": "|".join(revisions)})
    return made
