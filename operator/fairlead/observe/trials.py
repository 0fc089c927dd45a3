"""The trials that are on: from memory, or from status when another process has led them so far."""

import logging
from datetime import datetime

from fairlead.api.status import Status
from fairlead.cluster.store import Key
from fairlead.evidence.persisted import Unreadable, trial_from
from fairlead.evidence.trial import Trial

log = logging.getLogger(__name__)


class Trials:
    """Remembers between two looks what is not written with each of them."""

    def __init__(self) -> None:
        self._kept: dict[Key, Trial] = {}

    def keep(self, key: Key, trial: Trial | None) -> None:
        """How a model's trial stands now; None when there is none."""
        if trial is None:
            self._kept.pop(key, None)
        else:
            self._kept[key] = trial

    def latest(self, key: Key, status: Status | None, now: datetime | None = None) -> Trial | None:
        """The trial as it was after the last look, whoever took that: what is newer wins.

        What lies after `now` was written by a clock that was wrong, and is not newer.
        """
        kept, evidence = self._kept.get(key), status.rollout.evidence if status and status.rollout else None
        if evidence is None or evidence.state is None:
            return kept
        wrong_clock = now is not None and evidence.looked > now
        if kept is not None and (kept.looked >= evidence.looked or wrong_clock):
            return kept
        try:
            return trial_from(evidence.state)
        except Unreadable as wrong:
            log.warning("the trial begins anew, since its evidence in status cannot be read: %s", wrong)
            return None
