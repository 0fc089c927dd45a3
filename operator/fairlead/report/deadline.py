"""Whether a revision has had its time to become available, by its Deployment and by what that does not know."""

from datetime import datetime, timedelta

from fairlead.situation import Situation
from fairlead.sources.fetched import fetched_at, fetches, has_to_fetch


def past_deadline(situation: Situation, revision: str) -> bool:
    """What the Deployment says; but it knows nothing of a model that had to be fetched first."""
    deployment = situation.deployment(revision) or {}
    found = (deployment.get("status") or {}).get("conditions") or ()
    late = any(
        condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded"
        for condition in found
    )
    if not late or not has_to_fetch(situation, revision):
        return late
    allowed = timedelta(seconds=(deployment.get("spec") or {}).get("progressDeadlineSeconds") or 0)
    began = fetched_at(situation, revision) or _youngest(situation, revision)
    return not fetches(situation, revision) and (began is None or began + allowed < situation.now)


def _youngest(situation: Situation, revision: str) -> datetime | None:
    made = [pod["metadata"].get("creationTimestamp") for pod in situation.pods_of(revision)]
    return max((datetime.fromisoformat(at) for at in made if at), default=None)
