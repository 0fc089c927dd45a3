"""What `/metrics` tells of rollouts.

In a big cluster there are thousands of models, so a label names only those that were decided about within a day: for
each of them one series, so that a graph can show when it was. Its namespace is not called `namespace`, which is what
Prometheus calls that of the operator.

The gauges are those of the replica that leads; the others have nothing to tell, and tell nothing.
"""

from collections import Counter as Count
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from fairlead.api.reasons import Phase, Reason
from fairlead.cluster.store import Key

CPU = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
SWEEP = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5)
"""Bucket edges in seconds. A sweep gives every pod 3 seconds to answer."""

LAST_DECISION = "fairlead_last_decision_timestamp_seconds"
SHOWN = timedelta(days=1)
"""For how long a decision is told. A graph of 90 days asks every 12 minutes, so that it cannot miss it."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """A decision about a revision."""

    time: datetime
    revision: str
    outcome: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How one model's rollout stands; `reason` is that of Ready. The phase of a model that was never read is None.

    `evidence` is when the evidence of a trial was read last, None without a trial. `stuck` is from when on the model
    is stuck, which may be still to come: it takes a person, or its time is over; None where neither will be.
    `asked` is since when a person has been asked for an approval, or has it paused. `verdict` is the last decision.
    """

    phase: Phase | None
    reason: Reason
    evidence: datetime | None = None
    stuck: datetime | None = None
    asked: datetime | None = None
    verdict: Verdict | None = None


class RolloutMetrics(Collector):
    """Rollouts, decisions, sweeps and judging, in the registry of the operator."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._standing: dict[Key, Standing] = {}
        self._models: Collection[Key] = ()
        self._leading: Callable[[], bool] = lambda: False
        self._clock: Callable[[], datetime] = lambda: datetime.min.replace(tzinfo=UTC)
        self.decisions = Counter(
            "fairlead_rollout_decisions_total",
            "Decisions about canaries, and holds of their trials.",
            ["outcome", "reason"],
            registry=registry,
        )
        self.sweeps = Counter(
            "fairlead_sweeps_total",
            "Readings of the metrics of a trial, by whether all pods could be read.",
            ["result"],
            registry=registry,
        )
        self.sweep_seconds = Histogram(
            "fairlead_sweep_duration_seconds", "Duration of such a reading.", buckets=SWEEP, registry=registry
        )
        self.judge_cpu = Histogram(
            "fairlead_judge_cpu_seconds",
            "CPU time of a reconciliation that judged new evidence.",
            buckets=CPU,
            registry=registry,
        )
        registry.register(self)

    def follow(self, *, models: Collection[Key], leading: Callable[[], bool], clock: Callable[[], datetime]) -> None:
        """What the gauges are read from at every scrape."""
        self._models, self._leading, self._clock = models, leading, clock

    def stands(self, key: Key, standing: Standing | None) -> None:
        """How a model's rollout stands now; None when it is not known, or the model is gone."""
        if standing is None:
            self._standing.pop(key, None)
        else:
            self._standing[key] = standing

    def swept(self, *, read: int, silent: int, seconds: float) -> None:
        """A sweep is over, in which so many pods could be read, and so many could not."""
        self.sweeps.labels("complete" if not silent else "partial" if read else "failed").inc()
        self.sweep_seconds.observe(seconds)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The gauges."""
        # What was deleted while another replica led has never been told here.
        leading = self._leading()
        by_model = {key: each for key, each in self._standing.items() if key in self._models} if leading else {}
        known, now = by_model.values(), self._clock()
        rollouts = GaugeMetricFamily("fairlead_rollouts", "Models by the phase of their rollout.", labels=["phase"])
        phases = Count(each.phase for each in known)
        for phase in Phase:
            rollouts.add_metric([phase], phases[phase])
        yield rollouts
        ages = [(now - each.evidence).total_seconds() for each in known if each.evidence is not None]
        yield GaugeMetricFamily(
            "fairlead_evidence_age_seconds",
            "Age of the oldest evidence of all trials that are on; 0 without a trial.",
            value=max(0.0, *ages) if ages else 0.0,
        )
        yield _waiting(known)
        yield _stuck(known, now)
        yield _asked(known, now)
        yield _decided(by_model, now)


def _waiting(known: Iterable[Standing]) -> GaugeMetricFamily:
    found = GaugeMetricFamily(
        "fairlead_waiting_models",
        "Models whose new revision has no pod that could serve yet, and waits for room or for error budget, by the "
        "reason of Ready.",
        labels=["reason"],
    )
    for reason, count in Count(each.reason for each in known if each.phase == Phase.WAITING).items():
        found.add_metric([reason], count)
    return found


def _stuck(known: Iterable[Standing], now: datetime) -> GaugeMetricFamily:
    found = GaugeMetricFamily(
        "fairlead_stuck_models",
        "Models that take a person, or longer than their rollout may, by the reason of Ready; not those rolled back.",
        labels=["reason"],
    )
    reasons = Count(each.reason for each in known if each.stuck is not None and each.stuck <= now)
    for reason, count in reasons.items():
        found.add_metric([reason], count)
    return found


def _asked(known: Iterable[Standing], now: datetime) -> GaugeMetricFamily:
    found = GaugeMetricFamily(
        "fairlead_asked_seconds",
        "How long the rollout has waited for a person that has done so longest, by whether it wants an approval or is "
        "paused; 0 when none does.",
        labels=["reason"],
    )
    for reason in (Reason.AWAITING_APPROVAL, Reason.PAUSED):
        ages = [
            (now - each.asked).total_seconds()
            for each in known
            if each.asked is not None and (each.phase == Phase.AWAITING_APPROVAL) == (reason != Reason.PAUSED)
        ]
        found.add_metric([reason], max(0.0, *ages) if ages else 0.0)
    return found


def _decided(known: Mapping[Key, Standing], now: datetime) -> GaugeMetricFamily:
    found = GaugeMetricFamily(
        LAST_DECISION,
        "When a revision of a model was promoted or taken back last, for a day.",
        labels=["model_namespace", "modeldeployment", "revision", "outcome", "reason"],
    )
    for key, each in known.items():
        if (verdict := each.verdict) is not None and now - verdict.time < SHOWN:
            labels = [*key, verdict.revision, verdict.outcome, verdict.reason]
            found.add_metric(labels, verdict.time.timestamp())
    return found
