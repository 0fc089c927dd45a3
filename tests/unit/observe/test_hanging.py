"""observe/hanging.py: what pods wait for is read of the Events of those that hang, and of no others."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from fairlead.cluster.errors import ApiError, Rejected
from fairlead.observe.hanging import HangingPods
from fairlead.situation import Hanging

KEY = ("risk", "fraud")
LABELS = {"fairlead.dev/model": "fraud", "fairlead.dev/revision": "fraud-1"}
NO_SECRET = 'MountVolume.SetUp failed for volume "certificates" : secret "nosuch" not found'
NO_MAP = 'MountVolume.SetUp failed for volume "settings" : configmap "nosuch" not found'


def pod(waiting: str | None = "ContainerCreating", placed: int = 0) -> dict[str, Any]:
    """It got its node at 9:00 and so many seconds."""
    at = f"2026-01-05T09:00:{placed:02}Z"
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    return {
        "metadata": {"name": "p", "namespace": "risk", "uid": "1", "labels": LABELS},
        "status": {
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": at}],
            "containerStatuses": [{"name": "server", "state": state}],
        },
    }


def event(kind: str, reason: str, message: str, minute: int) -> dict[str, Any]:
    return {"type": kind, "reason": reason, "message": message, "lastTimestamp": f"2026-01-05T09:{minute:02}:00Z"}


class Cluster:
    """One pod, its Events, and who asked for them."""

    def __init__(self) -> None:
        self.pods: tuple[dict[str, Any], ...] = (pod(),)
        self.events: list[dict[str, Any]] = []
        self.refuses: ApiError | None = None
        self.asked = 0
        self.now = datetime(2026, 1, 5, 9, 10, tzinfo=UTC)
        self.news = asyncio.Event()

    async def events_of(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        self.asked += 1
        assert (namespace, uid) == ("risk", "1")
        if self.refuses:
            raise self.refuses
        return self.events

    def tell(self, key: tuple[str, str]) -> None:
        assert key == KEY
        self.news.set()

    async def heard(self, hanging: HangingPods) -> tuple[Hanging, ...]:
        """What is known once there is news."""
        hanging.told(KEY, self.pods, lambda: self.pods)
        await asyncio.wait_for(self.news.wait(), 10)
        self.news.clear()
        return hanging.told(KEY, self.pods, lambda: self.pods)


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


@pytest.fixture
async def hanging(cluster: Cluster) -> AsyncIterator[HangingPods]:
    hanging = HangingPods(cluster.events_of, cluster.tell, lambda: cluster.now, again=0.01)
    yield hanging
    hanging.close()


SCHEDULED = event("Normal", "Scheduled", "Successfully assigned risk/p to a", 0)
PULLING = event("Normal", "Pulling", 'Pulling image "x"', 2)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        (
            [SCHEDULED, event("Warning", "FailedMount", NO_SECRET, 1)],
            Hanging(revision="fraud-1", warning=True, note=NO_SECRET),
        ),
        (
            [event("Warning", "FailedMount", NO_MAP, 2), event("Warning", "FailedMount", NO_SECRET, 1)],
            Hanging(revision="fraud-1", warning=True, note=NO_SECRET),
        ),
        (
            [event("Warning", "FailedMount", NO_MAP, 9), event("Warning", "FailedMount", NO_SECRET, 1)],
            Hanging(revision="fraud-1", warning=True, note=NO_MAP),
        ),
        (
            [
                event("Warning", "FailedMount", "Unable to attach or mount", 2),
                event("Warning", "FailedMount", NO_MAP, 1),
            ],
            Hanging(revision="fraud-1", warning=True, note=NO_MAP),
        ),
        (
            [event("Warning", "FailedMount", NO_SECRET, 1), PULLING],
            Hanging(revision="fraud-1", note='Pulling image "x"'),
        ),
        ([PULLING, event("Normal", "Pulled", "it is here", 3)], Hanging(revision="fraud-1")),
        ([SCHEDULED], Hanging(revision="fraud-1")),
        ([], Hanging(revision="fraud-1")),
    ],
    ids=[
        "one",
        "of two always the same",
        "one is mended",
        "the one that names a volume",
        "mounted",
        "pulled",
        "calm",
        "none",
    ],
)
async def test_the_last_word_is_told(
    cluster: Cluster, hanging: HangingPods, events: list[dict[str, Any]], told: Hanging
):
    cluster.events = events
    assert await cluster.heard(hanging) == (told,)


async def test_without_the_right_to_read_events_it_is_told_that_the_pod_hangs(cluster: Cluster, hanging: HangingPods):
    cluster.refuses = Rejected("events is forbidden", status=403)
    assert await cluster.heard(hanging) == (Hanging(revision="fraud-1"),)


async def test_a_server_that_does_not_answer_for_a_while_changes_no_words(cluster: Cluster, hanging: HangingPods):
    cluster.events = [event("Warning", "FailedMount", NO_SECRET, 1)]
    before = await cluster.heard(hanging)
    cluster.refuses = ApiError("no answer")
    asked = cluster.asked
    async with asyncio.timeout(10):
        while cluster.asked < asked + 2:  # noqa: ASYNC110 - it is another's work that is waited for
            await asyncio.sleep(0.01)
    assert hanging.told(KEY, cluster.pods, lambda: cluster.pods) == before


@pytest.mark.parametrize("found", [pod(waiting=None), pod(waiting="ImagePullBackOff"), pod(placed=5)])
async def test_nothing_is_asked_about_pods_that_do_not_hang(
    cluster: Cluster, hanging: HangingPods, found: dict[str, Any]
):
    cluster.now = datetime(2026, 1, 5, 9, 0, 10, tzinfo=UTC)
    cluster.pods = (found,)
    assert hanging.told(KEY, cluster.pods, lambda: cluster.pods) == ()
    await asyncio.sleep(0.05)
    assert cluster.asked == 0


async def test_a_pod_that_runs_is_not_followed_any_more(cluster: Cluster, hanging: HangingPods):
    assert await cluster.heard(hanging)
    cluster.pods = (pod(waiting=None),)
    assert hanging.told(KEY, cluster.pods, lambda: cluster.pods) == ()
    asked = cluster.asked
    await asyncio.sleep(0.05)
    assert cluster.asked == asked
