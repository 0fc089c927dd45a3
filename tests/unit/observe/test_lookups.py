"""observe/lookups.py: what the pods of Jobs have left is read while a model has such a Job, and no longer."""

import asyncio
from typing import Any

from fairlead.api.kinds import JOB
from fairlead.cluster.errors import ApiError, Rejected
from fairlead.observe.lookups import Lookups

KEY = ("risk", "fraud")
CHILDREN = {(JOB, "fraud-1"): {"metadata": {"name": "fraud-1", "uid": "job"}}}


def pod(message: str, heartbeat: str = "2026-01-05T09:00:00Z") -> dict[str, Any]:
    """It has ended with these words."""
    return {
        "metadata": {
            "name": "fraud-1-abcde",
            "namespace": "risk",
            "uid": "1",
            "creationTimestamp": "2026-01-05T09:00:00Z",
            "labels": {"batch.kubernetes.io/job-name": "fraud-1"},
        },
        "status": {
            "phase": "Succeeded",
            "conditions": [{"type": "Ready", "status": "False", "lastProbeTime": heartbeat}],
            "containerStatuses": [{"name": "fetch", "state": {"terminated": {"exitCode": 0, "message": message}}}],
        },
    }


class Cluster:
    """The pods of one Job, and who asked for them."""

    def __init__(self) -> None:
        self.pods: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.refuses: ApiError | None = None
        self.asked = asyncio.Event()
        self.news = asyncio.Event()

    async def pods_of(self, namespace: str, job: str) -> list[dict[str, Any]]:
        assert (namespace, job) == ("risk", "fraud-1")
        self.asked.set()
        if self.refuses:
            raise self.refuses
        return self.pods

    async def events_of(self, namespace: str, uid: str) -> list[dict[str, Any]]:
        assert (namespace, uid) in (("risk", "1"), ("risk", "job"))
        return self.events

    async def asked_again(self, times: int = 2) -> None:
        for _ in range(times):
            self.asked.clear()
            await asyncio.wait_for(self.asked.wait(), 5)


def words(pods: tuple[Any, ...]) -> list[str]:
    return [each["status"]["containerStatuses"][0]["state"]["terminated"]["message"] for each in pods]


async def test_the_words_are_told_once_they_are_there():
    cluster = Cluster()
    lookups = Lookups(cluster.pods_of, cluster.events_of, lambda key: cluster.news.set(), again=0.01)
    assert lookups.pods(KEY, CHILDREN) == ()
    await cluster.asked_again()
    assert not cluster.news.is_set(), "no news is told when there is none"
    cluster.pods = [pod("found")]
    await asyncio.wait_for(cluster.news.wait(), 5)
    assert words(lookups.pods(KEY, CHILDREN)) == ["found"]
    cluster.news.clear()
    cluster.pods = [pod("found", heartbeat="2026-01-05T09:00:10Z")]
    await cluster.asked_again()
    assert not cluster.news.is_set(), "a heartbeat is no news"
    await lookups.close()


async def test_nothing_is_asked_without_a_job():
    cluster = Cluster()
    lookups = Lookups(cluster.pods_of, cluster.events_of, lambda key: None, again=0.01)
    assert lookups.pods(KEY, {}) == ()
    await asyncio.sleep(0)
    assert not cluster.asked.is_set()
    await lookups.close()


async def test_a_refusal_ends_nothing():
    cluster = Cluster()
    cluster.refuses = Rejected("forbidden", status=403)
    lookups = Lookups(cluster.pods_of, cluster.events_of, lambda key: cluster.news.set(), again=0.01)
    lookups.pods(KEY, CHILDREN)
    await cluster.asked_again()
    cluster.refuses, cluster.pods = None, [pod("found")]
    await asyncio.wait_for(cluster.news.wait(), 5)
    assert words(lookups.pods(KEY, CHILDREN)) == ["found"]
    await lookups.close()


async def test_a_pod_that_does_not_start_brings_what_the_kubelet_says():
    cluster = Cluster()
    waiting = pod("")
    waiting["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "ContainerCreating"}}
    missing = 'MountVolume.SetUp failed for volume "fetch-credentials" : secret "nosuch" not found'
    told = {"type": "Warning", "reason": "FailedMount", "message": missing, "lastTimestamp": "2026-01-05T09:00:02Z"}
    cluster.pods, cluster.events = [waiting], [told]
    lookups = Lookups(cluster.pods_of, cluster.events_of, lambda key: cluster.news.set(), again=0.01)
    lookups.pods(KEY, CHILDREN)
    await asyncio.wait_for(cluster.news.wait(), 5)
    assert [each.get("note") for each in lookups.pods(KEY, CHILDREN)] == [missing]
    await lookups.close()


async def test_a_job_that_may_have_no_pod_brings_why():
    cluster = Cluster()
    refused = 'pods "fraud-1-x" is forbidden: exceeded quota'
    cluster.events = [
        {"type": "Warning", "reason": "FailedCreate", "message": refused, "lastTimestamp": "2026-01-05T09:00:02Z"}
    ]
    lookups = Lookups(cluster.pods_of, cluster.events_of, lambda key: cluster.news.set(), again=0.01)
    lookups.pods(KEY, CHILDREN)
    await asyncio.wait_for(cluster.news.wait(), 5)
    (told,) = lookups.pods(KEY, CHILDREN)
    assert (told["note"], told["metadata"]["ownerReferences"][0]["uid"]) == (refused, "job")
    await lookups.close()
