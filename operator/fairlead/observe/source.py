"""Where the counters of a trial's pods may come from, and what is asked of whoever tells them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fairlead.api.metrics import Counters
from fairlead.api.revision import Revision
from fairlead.api.rollout import EvidenceSource
from fairlead.api.slo import Objective
from fairlead.api.traffic import Gateway
from fairlead.observe.processes import Process
from fairlead.observe.said import Said


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a model wants to be judged by beyond the metrics profiles of its revisions."""

    source: EvidenceSource = "Pods"
    gateway: Gateway | None = None
    objectives: tuple[Objective, ...] = ()

    @property
    def at_gateway(self) -> Gateway | None:
        """The Gateway whose counters are asked for."""
        return self.gateway if self.source == "Gateway" else None

    @property
    def counters(self) -> Mapping[str, Counters]:
        """Pairs that are counted on the pods' pages of metrics."""
        return {each.pair: each.counters for each in self.objectives if each.pair and each.counters}

    @property
    def queried(self) -> tuple[Objective, ...]:
        """Objectives whose pairs are asked of Prometheus."""
        return tuple(each for each in self.objectives if each.queries)

    def about(self, revisions: tuple[Revision, ...]) -> tuple[str, ...]:
        """What sweeps are about: others begin when it changes."""
        gateway = self.at_gateway
        where = (gateway.namespace or "", gateway.name) if gateway else ()
        return (
            self.source,
            *where,
            *(revision.name for revision in revisions),
            *(each.pair or "" for each in self.objectives),
        )


class Source(Protocol):
    """Tells what the servers of one model have counted. `name` is the source of its sweeps."""

    name: str

    async def read(self, asked: Mapping[str, Process], at: datetime) -> Mapping[str, Said | str] | None:
        """What each pod's server says now, or why nothing; None when there is nothing new. A pod may be left out.

        Never raises for what a pod or anybody else does.
        """
