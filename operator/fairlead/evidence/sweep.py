"""The metrics of the pods of a trial, read at one time: what evidence is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fairlead.api.metrics import Metric
from fairlead.api.rollout import EvidenceSource

FRESH_FOR: Mapping[EvidenceSource, timedelta] = {
    "Pods": timedelta(seconds=30),
    "Prometheus": timedelta(minutes=2),
    "Gateway": timedelta(minutes=2),
}
"""Evidence that is older is missing: about six sweeps of pods, and two scrapes of a Prometheus that has much to do."""


@dataclass(frozen=True, kw_only=True)
class PodMetrics:
    """What the metrics of one pod said: sums since its process started. Or those of a Gateway about one revision.

    `process` names that process, `since` is when it started. `errors` is (requests, bad ones), and `pairs` the same for
    other kinds of bad requests: "Aborts", and the `pair` of an objective.
    `histograms` is metric → upper edge in seconds, infinity among them → requests that took at most so long. What the
    pod said nothing about is absent.
    """

    process: str
    since: datetime
    errors: tuple[float, float] | None = None
    pairs: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    histograms: Mapping[Metric, Mapping[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """The metrics of all pods of a trial, read at one time.

    `pods` is revision → pod → what it said; `silent` is pod → why it could not be read, and `silent_of` pod → revision
    for those. `gateways` is revision → instance of its Gateway → what that has counted for it, where that is asked.
    `running` names the processes of all pods that there are of these revisions, whether they can be read or not, and
    those of Gateways; empty when that is not known. `source` is where the counters came from, in words.
    """

    at: datetime
    pods: Mapping[str, Mapping[str, PodMetrics]]
    silent: Mapping[str, str] = field(default_factory=dict)
    silent_of: Mapping[str, str] = field(default_factory=dict)
    gateways: Mapping[str, Mapping[str, PodMetrics]] = field(default_factory=dict)
    running: frozenset[str] = frozenset()
    source: str = "the pods"

    def told_of(self, revision: str) -> Mapping[str, PodMetrics]:
        """Who has said something about a revision → what: its pods, and the Gateways before them."""
        return {**self.pods.get(revision, {}), **self.gateways.get(revision, {})}
