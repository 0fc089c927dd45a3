"""observe/look.py: what a process remembers between two looks, and when it does not any more."""

from datetime import timedelta

from canary_world import CanaryWorld
from fairlead.api.kinds import POD
from fairlead.cluster.store import Object
from fairlead.evidence.trial import Trial
from small_cluster import KEY, SmallCluster
from unit.test_decisions import judged


def trial_of(world: CanaryWorld) -> Trial:
    trial = world.look().trial
    assert trial is not None
    return trial


def test_a_trial_goes_on_from_what_the_last_look_has_left():
    cluster, trial = SmallCluster(), trial_of(judged())
    cluster.process.observer.keep(KEY, trial)
    assert cluster.situation().trial == trial


def test_who_leads_again_goes_on_from_what_is_written_and_not_from_what_it_knew():
    cluster, trial = SmallCluster(), trial_of(judged())
    cluster.process.observer.keep(KEY, trial)
    cluster.process.observer.forget()
    assert cluster.situation().trial is None, "nothing is written"


def test_who_leads_again_asks_anew():
    cluster = SmallCluster()
    cluster.settle()
    cluster.change(model={"uri": "pvc://models/fraud", "version": "2"})
    cluster.watches_tell()
    cluster.look()
    cluster.controllers_act()
    cluster.kubelet_acts()
    cluster.watches_tell()
    cluster.look()
    assert cluster.process.requests.asked is not None
    cluster.process.observer.forget()
    assert cluster.process.requests.asked is None


def ready(cluster: SmallCluster) -> str:
    conditions = cluster.model()["status"]["conditions"]
    return next(str(each["message"]) for each in conditions if each["type"] == "Ready")


def evicted(pod: Object, number: int, message: str) -> Object:
    """What the kubelet leaves of it."""
    made = {"name": f"{pod['metadata']['name']}-{number}", "creationTimestamp": "2026-01-05T03:00:00Z"}
    ended = {"name": "fetch", "state": {"terminated": {"exitCode": 137, "finishedAt": "2026-01-05T09:00:00Z"}}}
    status = {"phase": "Failed", "reason": "Evicted", "message": message, "initContainerStatuses": [ended]}
    return {**pod, "metadata": {**pod["metadata"], **made}, "status": status}


def test_who_was_evicted_is_told_while_those_after_it_do_not_serve():
    """The pods that it leaves are there for days, and count for nothing else."""
    cluster = SmallCluster()
    for _ in range(3):
        cluster.look()
        cluster.controllers_act()
        cluster.watches_tell()
    ((_, pod), *_) = cluster.api.list(POD)
    for number in range(2):
        cluster.api.put(POD, evicted(pod, number, f"Container fetch exceeded its local storage limit {number}Gi."))
    cluster.watches_tell()
    cluster.look()
    assert "; a pod before it was evicted: Container fetch exceeded its local storage limit 1Gi." in ready(cluster)
    assert [each["metadata"]["name"] for each in cluster.situation().pods] == [pod["metadata"]["name"]]
    cluster.now += timedelta(hours=2)
    cluster.looked_at_anyway()
    assert "evicted" not in ready(cluster)
