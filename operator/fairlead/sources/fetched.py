"""How far the pods of a revision are with fetching their model."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from fairlead.api.names import FETCH
from fairlead.situation import Manifest, Progress, Situation

LASTING = 65
"""Exit code of the program where trying again would not help."""
FETCH_PORT = 8079
"""Where the program that fetches tells how far it is."""

PATIENCE, ALL_PATIENCE = timedelta(hours=6), timedelta(hours=24)
"""So long one try to fetch a model may take before it counts against a deadline, and all tries since the revision was
asked for: pods that are evicted with what they have fetched are followed by others, which begin anew."""


def is_fetching(pod: Manifest) -> bool:
    """Whether the pod fetches its model."""
    return "running" in (fetch_status(pod).get("state") or {}) and not _in_vain(pod)


def _is_about_to(pod: Manifest) -> bool:
    """Whether the pod fetches its model, or is between two tries of which nobody knows that they are in vain."""
    return is_fetching(pod) or (_last_exit(pod) not in (None, 0, LASTING))


def _in_vain(pod: Manifest) -> bool:
    """Whether the program has said that no further try will help."""
    return _last_exit(pod) == LASTING


def _last_exit(pod: Manifest) -> int | None:
    """With which code the program has ended last; None where it has not."""
    found = fetch_status(pod)
    for when in ("state", "lastState"):
        if ended := (found.get(when) or {}).get("terminated"):
            return int(ended.get("exitCode") or 0)
    return None


def fetches(situation: Situation, revision: str) -> bool:
    """Whether a revision is not to be hurried: a pod of it fetches the model."""
    rollout = situation.status.rollout if situation.status else None
    started = rollout.started if rollout is not None and rollout.revision == revision else None
    if started is not None and situation.now - started > ALL_PATIENCE:
        return False
    fetching = (fetch_status(pod) for pod in _living(situation, revision) if _is_about_to(pod))
    began = [_time(status, "running", "startedAt") for status in fetching]
    return any(at is None or situation.now - at < PATIENCE for at in began)


def fetched_at(situation: Situation, revision: str) -> datetime | None:
    """When a pod of the revision has last got its model whole; None where none has, or none has to."""
    statuses = [fetch_status(pod) for pod in _living(situation, revision)]
    good = [each for each in statuses if ((each.get("state") or {}).get("terminated") or {}).get("exitCode") == 0]
    ended = [_time(each, "terminated", "finishedAt") for each in good]
    return max((at for at in ended if at is not None), default=None)


def has_to_fetch(situation: Situation, revision: str) -> bool:
    """Whether pods of the revision fetch their model before they serve."""
    template = ((situation.deployment(revision) or {}).get("spec") or {}).get("template") or {}
    before = (template.get("spec") or {}).get("initContainers") or ()
    return any(container.get("name") == FETCH for container in before)


def fetch_status(pod: Manifest) -> Manifest:
    """The status of the container that fetches; empty when the pod has none."""
    return next(_statuses(pod), {})


def resources_of(container: str) -> str:
    """The field of the spec that has the resources of a container."""
    return "model.fetch.resources" if container == FETCH else "resources"


def so_far(progress: Progress | None) -> str:
    """How much of it is there, for a sentence."""
    if progress is None or not progress.total:
        return ""
    return f", {progress.percent} % of {size(progress.total)} so far"


def size(amount: int) -> str:
    """Bytes as people read them: `12.3 GiB`."""
    value, unit = float(amount), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.3g} {unit}"


def _living(situation: Situation, revision: str) -> Iterator[Manifest]:
    return (pod for pod in situation.pods_of(revision) if not pod["metadata"].get("deletionTimestamp"))


def _time(container: Manifest, state: str, name: str) -> datetime | None:
    told = ((container.get("state") or {}).get(state) or {}).get(name)
    return datetime.fromisoformat(told) if isinstance(told, str) else None


def _statuses(pod: Manifest) -> Iterator[Manifest]:
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        if status.get("name") == FETCH:
            yield status
