"""observe/trials.py: which of two accounts of one trial is the newer one."""

from dataclasses import replace
from datetime import timedelta

from fairlead.api.history import EvidenceStatus
from fairlead.api.reasons import Phase
from fairlead.api.status import RolloutStatus, Status
from fairlead.evidence.persisted import trial_text
from fairlead.evidence.trial import Trial
from fairlead.observe.trials import Trials
from unit.evidence.test_trial import begun

KEY = ("risk", "fraud")
HOUR = timedelta(hours=1)


def written(trial: Trial) -> Status:
    return Status.model_construct(
        rollout=RolloutStatus.model_construct(
            phase=Phase.JUDGING, evidence=EvidenceStatus.model_construct(looked=trial.looked, state=trial_text(trial))
        )
    )


def test_what_is_newer_wins():
    trials, trial = Trials(), begun()
    trials.keep(KEY, trial)
    later = replace(trial, looked=trial.looked + HOUR)
    found = trials.latest(KEY, written(later), later.looked)
    assert found is not None
    assert found.looked == later.looked
    assert trials.latest(KEY, written(replace(trial, looked=trial.looked - HOUR)), later.looked) is trial


def test_what_a_clock_that_was_ahead_has_written_is_not_newer():
    trials, trial = Trials(), begun()
    ahead = written(replace(trial, looked=trial.looked + HOUR))
    assert trials.latest(KEY, ahead, trial.looked) is not None, "it is all there is"
    trials.keep(KEY, trial)
    assert trials.latest(KEY, ahead, trial.looked) is trial
