"""cluster/rollout_metrics.py: what the operator tells of all rollouts together."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from fairlead.api.reasons import Phase, Reason
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.rollout_metrics import Standing, Verdict
from fairlead.cluster.store import Key
from world import START

ONE, OTHER, GONE = ("risk", "fraud"), ("risk", "spam"), ("risk", "gone")


def metrics(models: set[Key], *, leading: bool = True) -> Metrics:
    found = Metrics()
    found.rollouts.follow(models=models, leading=lambda: leading, clock=lambda: START)
    return found


def value(found: Metrics, name: str, **labels: str) -> float | None:
    families = text_string_to_metric_families(found.text().decode())
    samples = [s for family in families for s in family.samples if (s.name, s.labels) == (name, labels)]
    return samples[0].value if samples else None


def test_models_are_counted_by_phase_and_the_oldest_evidence_counts():
    found = metrics({ONE, OTHER})
    found.rollouts.stands(
        ONE, Standing(phase=Phase.JUDGING, reason=Reason.ON_TRIAL, evidence=START - timedelta(seconds=4))
    )
    found.rollouts.stands(
        OTHER, Standing(phase=Phase.JUDGING, reason=Reason.ON_TRIAL, evidence=START - timedelta(seconds=40))
    )
    assert value(found, "fairlead_rollouts", phase="Judging") == 2
    assert value(found, "fairlead_evidence_age_seconds") == 40
    found.rollouts.stands(OTHER, Standing(phase=Phase.ROLLED_BACK, reason=Reason.ROLLED_BACK))
    assert value(found, "fairlead_rollouts", phase="Judging") == 1
    assert value(found, "fairlead_rollouts", phase="RolledBack") == 1
    assert value(found, "fairlead_evidence_age_seconds") == 4


def test_a_model_that_is_gone_is_not_counted_even_if_nobody_said_so():
    found = metrics({ONE})
    found.rollouts.stands(
        GONE, Standing(phase=Phase.JUDGING, reason=Reason.ON_TRIAL, evidence=START - timedelta(days=1))
    )
    assert value(found, "fairlead_rollouts", phase="Judging") == 0
    assert value(found, "fairlead_evidence_age_seconds") == 0


def test_who_does_not_lead_tells_nothing():
    found = metrics({ONE}, leading=False)
    before = START - timedelta(seconds=4)
    found.rollouts.stands(
        ONE, Standing(phase=Phase.JUDGING, reason=Reason.PAUSED, evidence=before, stuck=before, asked=before)
    )
    assert value(found, "fairlead_stuck_models", reason="Paused") is None
    assert value(found, "fairlead_asked_seconds", reason="Paused") == 0
    assert value(found, "fairlead_rollouts", phase="Judging") == 0
    assert value(found, "fairlead_evidence_age_seconds") == 0


def test_what_new_revisions_wait_for_is_counted():
    found = metrics({ONE, OTHER})
    found.rollouts.stands(ONE, Standing(phase=Phase.WAITING, reason=Reason.ERROR_BUDGET_SPENT))
    found.rollouts.stands(OTHER, Standing(phase=Phase.STARTING, reason=Reason.STARTING))
    assert value(found, "fairlead_waiting_models", reason="ErrorBudgetSpent") == 1
    assert value(found, "fairlead_waiting_models", reason="Starting") is None


def test_what_is_stuck_is_counted_from_when_its_time_is_over():
    found = metrics({ONE, OTHER})
    late = Standing(phase=Phase.JUDGING, reason=Reason.ON_TRIAL, stuck=START - timedelta(seconds=1))
    found.rollouts.stands(ONE, late)
    found.rollouts.stands(OTHER, replace(late, stuck=START + timedelta(seconds=1)))
    assert value(found, "fairlead_stuck_models", reason="OnTrial") == 1
    found.rollouts.stands(ONE, replace(late, reason=Reason.INCONCLUSIVE))
    assert value(found, "fairlead_stuck_models", reason="OnTrial") is None
    assert value(found, "fairlead_stuck_models", reason="Inconclusive") == 1


def test_a_person_is_waited_for_as_long_as_by_the_rollout_that_waits_longest():
    found = metrics({ONE, OTHER})
    asked = Standing(phase=Phase.AWAITING_APPROVAL, reason=Reason.AWAITING_APPROVAL, asked=START - timedelta(hours=2))
    found.rollouts.stands(ONE, asked)
    found.rollouts.stands(OTHER, replace(asked, reason=Reason.EVIDENCE_MISSING, asked=START - timedelta(hours=3)))
    assert value(found, "fairlead_asked_seconds", reason="AwaitingApproval") == 3 * 3600
    assert value(found, "fairlead_asked_seconds", reason="Paused") == 0
    found.rollouts.stands(OTHER, replace(asked, phase=Phase.JUDGING, reason=Reason.PAUSED))
    assert value(found, "fairlead_asked_seconds", reason="Paused") == 2 * 3600


def test_sweeps_are_counted_by_what_could_be_read():
    found = metrics({ONE})
    for read, silent in ((4, 0), (3, 1), (0, 4), (0, 0)):
        found.rollouts.swept(read=read, silent=silent, seconds=0.02)
    results = {name: value(found, "fairlead_sweeps_total", result=name) for name in ("complete", "partial", "failed")}
    assert results == {"complete": 2, "partial": 1, "failed": 1}
    assert value(found, "fairlead_sweep_duration_seconds_count") == 4


def test_a_model_is_named_only_for_a_day_after_a_decision():
    found = metrics({ONE, OTHER})
    found.rollouts.stands(ONE, decided(hours=23))
    found.rollouts.stands(OTHER, decided(hours=24))
    found.rollouts.decisions.labels("RolledBack", "EvidenceAgainst").inc()
    found.looks.over(ONE, "ServerFault", 0.1)
    (named,) = (line for line in found.text().decode().splitlines() if "fraud" in line or "spam" in line)
    time = value(
        found,
        "fairlead_last_decision_timestamp_seconds",
        model_namespace="risk",
        modeldeployment="fraud",
        revision="fraud-2",
        outcome="RolledBack",
        reason="EvidenceAgainst",
    )
    assert time is not None, named
    assert datetime.fromtimestamp(time, UTC) == START - timedelta(hours=23)


def test_only_who_leads_tells_of_decisions_and_none_of_models_that_are_gone():
    for found in (metrics({ONE}, leading=False), metrics({OTHER})):
        found.rollouts.stands(ONE, decided(hours=1))
        assert "fraud" not in found.text().decode()


def decided(hours: int) -> Standing:
    verdict = Verdict(
        time=START - timedelta(hours=hours), revision="fraud-2", outcome="RolledBack", reason="EvidenceAgainst"
    )
    return Standing(phase=Phase.ROLLED_BACK, reason=Reason.ROLLED_BACK, verdict=verdict)
