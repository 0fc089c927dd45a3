"""How far the pods of a revision are with fetching their model."""

from collections.abc import Iterator

from fairlead.api.names import FETCH
from fairlead.situation import Manifest, Progress, Situation

FETCH_PORT = 8079
"""Where the program that fetches tells how far it is."""


def is_fetching(pod: Manifest) -> bool:
    """Whether the pod fetches its model, and has not failed at it so far."""
    found = fetch_status(pod)
    return "running" in (found.get("state") or {}) and not found.get("restartCount")


def fetches(situation: Situation, revision: str) -> bool:
    """Whether a revision is not to be hurried: a pod of it fetches the model, at the first try."""
    living = (pod for pod in situation.pods_of(revision) if not pod["metadata"].get("deletionTimestamp"))
    return any(map(is_fetching, living))


def fetch_status(pod: Manifest) -> Manifest:
    """The status of the container that fetches; empty when the pod has none."""
    return next(_statuses(pod), {})


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


def _statuses(pod: Manifest) -> Iterator[Manifest]:
    for status in (pod.get("status") or {}).get("initContainerStatuses") or ():
        if status.get("name") == FETCH:
            yield status
