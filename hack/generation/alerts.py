"""The alerts about Fairlead itself, each with a page in docs/runbooks that is called after it.

Those of models are made by the operator (operator/fairlead/slo/alerts.py). These are shipped by the chart, one file for
every release: what differs from one to the other are words in capitals, which the chart replaces.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fairlead.cluster.look_metrics import CANCELLED, OK

NAMESPACE, JOB, RUNBOOKS = "RELEASE_NAMESPACE", "RELEASE_JOB", "RUNBOOKS_URL"
"""What the chart replaces: labels of the release's series, and where the pages are."""

TOLD = "Refused"
"""Result of a look that an object was refused at: the status of the model says so, and its owner has to mend it."""
FEW = 3
"""Models that may fail at one time, each for reasons of its own."""
HARMLESS = "|".join((OK, CANCELLED, "Conflict", "NotLeading", TOLD))


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An alert. `OF` in its query is replaced by the labels of the release's series."""

    name: str
    severity: str
    query: str
    lasts: str = "0s"
    summary: str
    description: str


ALERTS = (
    Alert(
        name="FairleadOperatorAbsent",
        severity="critical",
        query="absent(fairlead_leader{OF})",
        lasts="5m",
        summary="No replica of Fairlead is scraped",
        description="For five minutes Prometheus has not scraped one replica of Fairlead: none runs, or none is "
        "scraped any more. Models go on serving. If none runs, nobody takes a bad canary back.",
    ),
    Alert(
        name="FairleadLeaderAbsent",
        severity="critical",
        query="sum(fairlead_leader{OF}) == 0",
        lasts="2m",
        summary="No replica of Fairlead leads",
        description="For two minutes no replica of Fairlead has led; another one should have taken over within 15 "
        "seconds. Models go on serving, changes wait, and nobody takes a bad canary back.",
    ),
    Alert(
        name="FairleadReplicaUnstable",
        severity="warning",
        query="changes(process_start_time_seconds{OF}[1h]) >= 3 or avg_over_time(up{OF}[15m]) < 0.5",
        lasts="5m",
        summary="A replica of Fairlead does not stay up",
        description="{{ $labels.pod }} has been restarted three times within the hour, or has not answered most of its "
        "scrapes in the last 15 minutes.",
    ),
    Alert(
        name="FairleadReconciliationFailing",
        severity="warning",
        query=f'max by (result) (fairlead_failing_seconds{{OF,result!="{TOLD}"}}) > 900',
        summary="Fairlead fails to reconcile a model",
        description="For {{ $value | humanizeDuration }} no reconciliation of some model has succeeded; the last one "
        "ended with {{ $labels.result }}. The log of the leader names the model.",
    ),
    Alert(
        name="FairleadReconciliationFailing",
        severity="critical",
        query=f'sum(rate(fairlead_reconciles_total{{OF,result!~"{HARMLESS}"}}[10m])) '
        "/ sum(rate(fairlead_reconciles_total{OF}[10m])) > 0.5 "
        # Models at rest are not looked at: one that fails may be all that there is to see.
        f'and sum(fairlead_failing_models{{OF,result!~"{HARMLESS}"}}) > {FEW}',
        lasts="10m",
        summary="Most reconciliations of Fairlead fail",
        description="{{ $value | humanizePercentage }} of the reconciliations in the last ten minutes have failed. "
        "It is the API server, a right that is missing, or Fairlead itself rather than one model.",
    ),
    Alert(
        name="FairleadQueueBlocked",
        severity="critical",
        query="max(fairlead_queue_oldest_seconds{OF}) > 300",
        lasts="2m",
        summary="Models wait too long for a look of Fairlead",
        description="A model has waited for a worker for {{ $value | humanizeDuration }}. So long nothing is decided "
        "about it: a bad canary of it keeps its traffic.",
    ),
    Alert(
        name="FairleadEvidenceStale",
        severity="warning",
        query="max(fairlead_evidence_age_seconds{OF}) > 600",
        lasts="5m",
        summary="A canary is on trial without evidence",
        description="The evidence about some canary is {{ $value | humanizeDuration }} old. It keeps its share of the "
        "traffic meanwhile, and nothing is decided about it.",
    ),
    Alert(
        name="FairleadRolloutStuck",
        severity="warning",
        # What crashes and starts again changes its reason all the time.
        query="sum by (reason) (fairlead_stuck_models{OF}) > 0 "
        "and on () min_over_time((sum(fairlead_stuck_models{OF}) or vector(0))[30m:1m]) > 0",
        summary="Rollouts do not get further",
        description="Models that have not got further for half an hour, with reason {{ $labels.reason }}: "
        "{{ $value }}. They take a person, or are longer in a phase than their spec gives it.",
    ),
    Alert(
        name="FairleadDecisionPending",
        severity="warning",
        query="max by (reason) (fairlead_asked_seconds{OF}) > 86400",
        summary="A rollout has waited for a person for more than a day",
        description="A rollout has been {{ $labels.reason }} for {{ $value | humanizeDuration }}. Two versions serve, "
        "until somebody decides.",
    ),
)


def operator_alerts(namespace: str = NAMESPACE, job: str = JOB, runbooks: str = RUNBOOKS) -> list[dict[str, Any]]:
    """The groups of a rule file for the release whose series have these labels."""
    return [{"name": "fairlead/operator", "rules": list(_rules(namespace, job, runbooks))}]


def _rules(namespace: str, job: str, runbooks: str) -> Iterator[dict[str, Any]]:
    for alert in ALERTS:
        yield {
            "alert": alert.name,
            "expr": alert.query.replace("OF", f'namespace="{namespace}",job="{job}"'),
            **({"for": alert.lasts} if alert.lasts != "0s" else {}),
            "labels": {"severity": alert.severity, "namespace": namespace, "job": job},
            "annotations": {
                "summary": alert.summary,
                "description": alert.description,
                "runbook_url": f"{runbooks}/{alert.name}.md",
            },
        }
