"""How a model stands, taken from its ModelDeployment: what `status` and `watch` show."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fairlead.api.history import Decided, EvidenceStatus
from fairlead.api.reasons import Phase
from fairlead.api.rollout import Rollout
from fairlead.api.status import Condition, Status
from fairlead.cli.told import status_of


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A model at one time. `outdated` says that the operator has not seen the present spec yet."""

    namespace: str
    name: str
    status: Status
    wanted_version: str | None
    most: int
    outdated: bool

    @property
    def phase(self) -> str:
        """Where its rollout stands."""
        return self.status.rollout.phase if self.status.rollout else "-"

    @property
    def canary(self) -> str | None:
        """The revision on its way, or the one that was rolled back."""
        rollout, failed = self.status.rollout, self.status.failed
        return (rollout.revision if rollout else None) or (failed.revision if failed else None)

    @property
    def weight(self) -> float | None:
        """The canary's share of traffic in percent; None without a trial."""
        weight = self.status.rollout.weight if self.status.rollout else None
        return None if weight is None else float(weight)

    @property
    def evidence(self) -> EvidenceStatus | None:
        """What the metrics say of a trial that is on."""
        return self.status.rollout.evidence if self.status.rollout else None

    @property
    def decided(self) -> Decided | None:
        """The last decision."""
        return self.status.history[0] if self.status.history else None

    def condition(self, name: str) -> Condition | None:
        """A condition, by its type."""
        return next((each for each in self.status.conditions if each.type == name), None)

    @property
    def message(self) -> str:
        """What Ready says."""
        ready = self.condition("Ready")
        return ready.message if ready else "nobody has looked at it yet: does Fairlead run, and watch this namespace?"

    def named(self, revision: str | None) -> str:
        """A revision with its version, where that is known."""
        if revision is None:
            return "-"
        version = self._version(revision)
        return f"{revision} ({version})" if version else revision

    def _version(self, revision: str) -> str | None:
        stable = self.status.stable
        if stable is not None and stable.revision == revision:
            return stable.model_version
        known = {each.revision: each.model_version for each in reversed(self.status.history)}
        return known.get(revision) or (self.wanted_version if revision == self.canary and not self.outdated else None)


def standing(model: Mapping[str, Any]) -> Standing:
    """How a ModelDeployment stands, as the API server returns it. Raises CommandError."""
    status, metadata, spec = status_of(dict(model)), model["metadata"], model["spec"]
    return Standing(
        namespace=metadata["namespace"],
        name=metadata["name"],
        status=status,
        wanted_version=(spec.get("model") or {}).get("version"),
        most=int((spec.get("rollout") or {}).get("maxWeight") or Rollout().max_weight),
        outdated=status.observed_generation < metadata["generation"],
    )


def verdict(found: Standing) -> bool | None:
    """Whether the revision that the spec asks for was let in: True, or was not: False. None: that is still open."""
    if found.outdated or found.status.rollout is None:
        return None
    if found.status.failed is not None and found.phase == Phase.ROLLED_BACK:
        return False
    return True if found.status.rollout.revision is None and found.phase in SERVES else None


SERVES = (Phase.GUARDING, Phase.DRAINING, Phase.STABLE)
"""Phases in which the revision that the spec asks for has taken over."""
