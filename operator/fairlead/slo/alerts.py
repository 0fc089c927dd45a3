"""Alerts of a model, each with a page in docs/runbooks that is called after it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from fairlead.api.names import SERIES_MODEL
from fairlead.slo.events import Subject
from fairlead.slo.promql import OF_OBJECTIVE, duration, summed
from fairlead.slo.recording import ERRORS, RATIO, TOTAL, Rule, Target, over, recorded
from fairlead.slo.windows import FEWEST, Burn, burns

RUNBOOKS = "https://github.com/fairlead/fairlead/blob/main/docs/runbooks"
"""Where the pages are, unless the administrator says otherwise."""
DASHBOARD = "fairlead-one-model"
"""uid of the dashboard of one model in Grafana, which the chart brings."""
EVERY = timedelta(minutes=1)
"""Time between two evaluations. Sums over evaluations become numbers of requests by it."""

BURN, ABSENT, UNMEASURED = "FairleadErrorBudgetBurn", "FairleadMetricsAbsent", "FairleadObjectiveUnmeasured"
ALERTS = (BURN, ABSENT, UNMEASURED)


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the rules of a model are made for beside its objectives. `serves`: it is meant to have pods, `scraped`: and
    they have a page of metrics.

    `runbooks` is the address under which the pages of the alerts are, and `dashboards` that of Grafana, empty where
    nobody has told.
    """

    period: timedelta
    runbooks: str = RUNBOOKS
    dashboards: str = ""
    owner: str | None = None
    serves: bool = True
    scraped: bool = True


def burn_alerts(terms: Terms, subject: Subject, objective: Target) -> Iterator[Rule]:
    """One for each pair of windows."""
    for burn in burns(terms.period):
        yield _alert(
            terms,
            subject,
            BURN,
            _burns(burn, subject, objective),
            _labels(terms, burn.severity, objective)
            | {"long_window": duration(burn.long), "short_window": duration(burn.short)},
            summary=f"{_model(subject)} burns the error budget of {objective.name}",
            description=(
                f"{{{{ $value | humanizePercentage }}}} of the requests to {_model(subject)} in the last "
                f"{duration(burn.long)} were bad by objective {objective.name}, which allows "
                f"{100 * objective.allowed:g} % in {duration(terms.period)}. It alerts from "
                f"{100 * burn.threshold(objective.allowed):.4g} %, in the last {duration(burn.short)} too."
            ),
        )


def unmeasured_alert(terms: Terms, subject: Subject, objective: Target) -> Rule:
    """Pods are scraped, and the objective is not measured: its series are missing, or one of them is."""
    total, errors = (recorded(name, subject, objective) for name in (TOTAL, ERRORS))
    expr = f"absent({total}) and on () {_up(subject)} or ({total} > 0) unless {errors}"
    return _alert(
        terms,
        subject,
        UNMEASURED,
        expr,
        _labels(terms, "warning", objective),
        wait="1h",
        summary=f"Objective {objective.name} of {_model(subject)} is not measured",
        description=(
            f"The pods of {_model(subject)} are scraped, and for an hour there have been no series by which objective "
            f"{objective.name} could be measured: nobody sends requests, or the server calls its series differently."
        ),
    )


def unpassed_alert(terms: Terms, subject: Subject, objective: Target) -> Rule:
    """The Gateway counts nothing for the model. Where its pods have no page of metrics that may be an outage."""
    total, errors = (recorded(name, subject, objective) for name in (TOTAL, ERRORS))
    idle = "" if terms.scraped else f"({summed(OF_OBJECTIVE, total)} == 0) or "
    return _alert(
        terms,
        subject,
        UNMEASURED,
        f"absent({total}) or {idle}({total} > 0) unless {errors}",
        _labels(terms, "warning", objective),
        wait="1h",
        summary=f"Objective {objective.name} of {_model(subject)} is not measured",
        description=(
            f"For an hour the Gateway of {_model(subject)} has counted nothing by which objective {objective.name} "
            "could be measured: nobody sends requests that way, no pod answers them, or the Gateway is not scraped."
        ),
    )


def absent_alert(terms: Terms, subject: Subject) -> Rule:
    """No pod of the model is scraped: what the pods themselves count looks perfect then."""
    return _alert(
        terms,
        subject,
        ABSENT,
        f"absent({_up(subject)})",
        {"namespace": subject.namespace, SERIES_MODEL: subject.model, **_labels(terms, "critical")},
        wait="5m",
        summary=f"No pod of {_model(subject)} answers its scrapes",
        description=(
            f"For five minutes Prometheus has not scraped one pod of {_model(subject)}: all of them are down, or they "
            "are not scraped any more. No objective of the model can alert meanwhile."
        ),
    )


def _burns(burn: Burn, subject: Subject, objective: Target) -> str:
    limit = f"{burn.threshold(objective.allowed):.6g}"
    windows = dict.fromkeys((duration(burn.long), duration(burn.short)))
    exceeded = (f"{recorded(RATIO + window, subject, objective)} >= {limit}" for window in windows)
    bad = over(ERRORS, OF_OBJECTIVE, burn.long, subject, objective)
    seconds = burn.long.total_seconds() if duration(burn.long) == "5m" else EVERY.total_seconds()
    return " and ".join((*exceeded, f"{bad} * {seconds:g} >= {FEWEST}"))


def _up(subject: Subject) -> str:
    return f"up{{{','.join(subject.matchers)}}} == 1"


def _model(subject: Subject) -> str:
    return f"{subject.namespace}/{subject.model}"


def _labels(terms: Terms, severity: str, objective: Target | None = None) -> dict[str, str]:
    named = {"objective": objective.name} if objective else {}
    return {"severity": severity, **named, **({"owner": terms.owner} if terms.owner else {})}


def _alert(
    terms: Terms, subject: Subject, name: str, expr: str, labels: dict[str, str], *, wait: str = "", **told: str
) -> Rule:
    made: dict[str, Any] = {"alert": name, "expr": expr}
    if wait:
        made["for"] = wait
    told["runbook_url"] = f"{terms.runbooks}/{name}.md"
    if terms.dashboards:
        of_model = f"var-namespace={subject.namespace}&var-{SERIES_MODEL}={subject.model}"
        told["dashboard_url"] = f"{terms.dashboards}/d/{DASHBOARD}?{of_model}"
    return {**made, "labels": labels, "annotations": told}
