"""Errors as a Gateway counts them, as PromQL: those by which its canaries are judged."""

from dataclasses import dataclass

from fairlead.api.gatewaymetrics import GatewayMetrics
from fairlead.api.metrics import Metric, Series
from fairlead.api.names import SERIES_MODEL, SERIES_REVISION
from fairlead.api.traffic import Gateway
from fairlead.slo.events import WINDOW, Events, Subject
from fairlead.slo.promql import OF_REVISION, quoted, rates, summed

PASSED: tuple[Metric, ...] = ("Errors",)
"""What objectives may be about that the rules take from the Gateway. Of its histogram nobody knows the edges here."""
_REVISION = "of"
"""Name of the group of a regular expression that a revision's name is in."""


@dataclass(frozen=True, kw_only=True)
class Passing:
    """A Gateway that requests pass, and what it counts."""

    gateway: Gateway
    metrics: GatewayMetrics


def passed(passing: Passing, subject: Subject) -> Events:
    """Errors per second of each revision. The Gateway knows Services, and that of a revision has its name.

    So the subject's revisions are named: others of their form may belong to somebody else.
    """
    errors = passing.metrics.errors
    return Events(bad=_of_revisions(errors.bad, passing, subject), total=_of_revisions(errors.total, passing, subject))


def _of_revisions(counted: tuple[Series, ...], passing: Passing, subject: Subject) -> str:
    """Prometheus may have renamed the label, since it has some of its own, such as `service`."""
    prefixes = ("", "exported_") if passing.metrics.naming else ("",)
    return " or ".join(_rates(counted, passing, subject, prefix) for prefix in prefixes)


def _rates(counted: tuple[Series, ...], passing: Passing, subject: Subject, prefix: str) -> str:
    service = f"(?P<{_REVISION}>{'|'.join(subject.revisions)})"
    matchers = {
        f"{prefix}{label}" if label == passing.metrics.naming else label: text
        for label, text in passing.metrics.matchers(subject.namespace, service, passing.gateway).items()
        if label in passing.metrics.telling
    }
    found = rates(counted, WINDOW, tuple(f"{label}=~{quoted(text)}" for label, text in matchers.items()))
    label, text = next((label, text) for label, text in matchers.items() if service in text)
    found = f'label_replace({found}, "{SERIES_REVISION}", "${{{_REVISION}}}", "{label}", {quoted(text)})'
    for label, text in (("namespace", subject.namespace), (SERIES_MODEL, subject.model)):
        found = f'label_replace({found}, "{label}", {quoted(text)}, "", "")'
    return summed(OF_REVISION, found)
