"""When a revision takes over without a trial. Every way past one is in `needs_no_trial`, and there is no other.

The first revision of all, and the strategies BlueGreen and Recreate, know no trials in the first place.
"""

from datetime import datetime, timedelta
from enum import Enum, auto

from fairlead.api.history import Outcome
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.phases import ON_TRIAL
from fairlead.api.reasons import ConditionType
from fairlead.api.revision import Revision
from fairlead.rollout.budget import gate_passed
from fairlead.rollout.capacity import swaps
from fairlead.rollout.rollback import remembered_failure
from fairlead.rollout.serving import phase_of
from fairlead.rollout.size import wanted_replicas
from fairlead.situation import Situation

GONE = timedelta(minutes=1)
"""A stable revision without an available pod for so long will not be back by itself soon."""


class Untried(Enum):
    """Why a canary needs no trial."""

    SERVED_BEFORE = auto()
    """It has shown what it is: who goes back to it wants to be there, and quickly. It needs no approval either."""
    NOTHING_WANTED = auto()
    """No pods are wanted, so there is no traffic to try anything with. It ends no trial, and replaces no approval."""
    STABLE_GONE = auto()
    """There is nothing to be compared with, and nothing to lose. It replaces no approval, and ends no pause."""


FAILED = (Outcome.ROLLED_BACK, Outcome.ABORTED, Outcome.RETRIED)
"""What was decided last about a revision that has shown that it can fail."""

AS_SOON_AS_IT_CAN = (Untried.SERVED_BEFORE, Untried.NOTHING_WANTED)
"""It takes over when it has all its pods, and nobody is asked; it can only be aborted."""


def needs_no_trial(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision
) -> Untried | None:
    """Why the wanted revision may take over without a trial; None where it may not. What has failed never may."""
    if remembered_failure(situation, wanted) is not None:
        return None
    passed = gate_passed(situation, spec, wanted)
    if _served_before(situation, stable, wanted) and (passed or served_earlier(situation, stable, wanted)):
        return Untried.SERVED_BEFORE
    untouched = phase_of(situation, wanted) not in ON_TRIAL and not spec.rollout.approval.required
    if untouched and passed and wanted_replicas(spec, situation, stable) == 0:
        return Untried.NOTHING_WANTED
    return Untried.STABLE_GONE if _is_gone(situation, stable) else None


def served_earlier(situation: Situation, stable: Revision, wanted: Revision) -> bool:
    """Whether going to a revision is a way back: it served before the stable one ever did, and has not failed since.

    What has spent an error budget and was taken back is not that: it came later.
    """
    history = situation.status.history if situation.status else ()
    if next((each.outcome for each in history if each.revision == wanted.name), None) in FAILED:
        return False
    served: list[str | None] = []
    for each in reversed(history):
        if each.outcome == Outcome.PROMOTED:
            served += (each.stable, each.revision)
    first = {name: served.index(name) for name in served}
    return wanted.name in first and first[wanted.name] < first.get(stable.name, -1)


def takes_over_at_once(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, wanted: Revision) -> bool:
    """Whether a revision that needs no trial needs no way, either: it can have all pods beside those that serve.

    With Swap it cannot, and they move over one after the other.
    """
    spare = not swaps(spec) or wanted_replicas(spec, situation, stable) == 0
    return spare and needs_no_trial(situation, spec, stable, wanted) in AS_SOON_AS_IT_CAN


def _is_gone(situation: Situation, stable: Revision) -> bool:
    """Whether the stable revision has been away for a while: nothing to lose then, and nothing to be compared with."""
    if not situation.asked_pods(stable.name) or situation.serving_pods(stable.name):
        return False
    if _since_asked(situation, stable) < GONE:
        return False  # it had none because none were wanted
    conditions = situation.status.conditions if situation.status else ()
    available = next((each for each in conditions if each.type == ConditionType.AVAILABLE), None)
    if available is None or available.status != "False":
        return False
    return situation.now - available.last_transition_time >= GONE


def _since_asked(situation: Situation, stable: Revision) -> timedelta:
    """How long its Deployment has been without the pods that it asks for; for ever where that does not say."""
    status = (situation.deployment(stable.name) or {}).get("status") or {}
    available = next((each for each in status.get("conditions") or () if each.get("type") == "Available"), None)
    if available is None:
        return timedelta.max
    if available.get("status") == "True":
        return timedelta(0)  # it has only just been asked for them
    return situation.now - datetime.fromisoformat(available["lastTransitionTime"])


def _served_before(situation: Situation, stable: Revision, wanted: Revision) -> bool:
    history = situation.status.history if situation.status else ()
    about_it = next((each.outcome for each in history if each.revision == wanted.name), None)
    if about_it in FAILED:
        return False  # it has shown that it can fail: who retries it wants to see
    took_over = (each for each in history if each.outcome == Outcome.PROMOTED and each.revision == stable.name)
    last = next(took_over, None)
    return last is not None and last.stable == wanted.name
