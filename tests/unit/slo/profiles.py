"""Models and objectives for the tests of rules."""

from datetime import timedelta
from typing import Any

from fairlead.api.metrics import MetricsProfile
from fairlead.api.slo import Objective
from fairlead.slo.events import Subject
from fairlead.slo.passing import Passing
from fairlead.slo.rules import Measured, Terms, groups, measured

SUBJECT = Subject(namespace="risk", model="fraud")
TERMS = Terms(period=timedelta(days=30))
PROFILE = MetricsProfile.model_validate(
    {
        "errors": {
            "bad": [{"series": "requests_total", "labels": {"code": "5.."}}],
            "total": [{"series": "requests_total"}],
        },
        "latency": {"series": "seconds"},
    }
)
EDGES = {"Latency": (0.1, 0.25, 0.5, 1.0)}
FIRST = 'namespace="risk",modeldeployment="fraud",revision="fraud-1",pod="a"'
SECOND = 'namespace="risk",modeldeployment="fraud",revision="fraud-2",pod="b"'
PASSED = ("fraud-0a1b2c3d", "fraud-4e5f6a7b")
"""Revisions of which a Gateway counts the requests."""
UP = {f"up{{{FIRST}}}": "1+0x5000"}
"""The pod is scraped all the time."""


def availability(target: str = "99.9") -> Objective:
    return objective(name="availability", target=target, metric="Errors")


def latency(threshold: str = "300ms") -> Objective:
    return objective(name="latency", target="95", metric="Latency", threshold=threshold)


def objective(**fields: Any) -> Objective:
    return Objective.model_validate(fields)


def compiled(
    *objectives: Objective,
    profile: MetricsProfile | None = PROFILE,
    terms: Terms = TERMS,
    subject: Subject = SUBJECT,
    passing: Passing | None = None,
) -> list[dict[str, Any]]:
    """The groups of a model with these objectives, all of which must be measurable."""
    revisions = PASSED if passing is not None else ()
    found = [measured(each, ((profile, revisions),), EDGES, subject, passing) for each in objectives]
    return groups(subject, [each for each in found if isinstance(each, Measured)], terms)


def requests(good: str, bad: str | None = None, of: str = FIRST) -> dict[str, str]:
    """Counters of one pod, in promtool's notation."""
    series = {f'requests_total{{{of},code="200"}}': good}
    return series if bad is None else series | {f'requests_total{{{of},code="500"}}': bad}
