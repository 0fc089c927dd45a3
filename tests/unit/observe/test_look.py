"""observe/look.py: what a process remembers between two looks, and when it does not any more."""

from canary_world import CanaryWorld
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
