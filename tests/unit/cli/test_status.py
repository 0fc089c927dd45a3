"""cli/status.py: what a person sees of all models at once, and of one in full."""

from typing import Any

import pytest

from canary_world import CanaryWorld
from fairlead.api.kinds import DEPLOYMENT
from fairlead.cli.main import main
from fairlead.cli.standing import standing, verdict
from fairlead.cli.status import in_full, overview
from unit.scaling.scaled_world import a_world, bounds
from unit.test_canary import on_trial, until_phase
from unit.test_decisions import canary, judged
from world import a_model


def model(world: CanaryWorld) -> dict[str, Any]:
    return {**world.model, "status": world.status}


def columns(text: str) -> list[list[str]]:
    return [[column for column in line.split("   ") if column.strip()] for line in text.splitlines()]


def test_every_model_has_a_line():
    quiet, trying = CanaryWorld(), on_trial()
    quiet.settle()
    until_phase(trying, "Judging")
    trying.tick(6)
    heading, first, second = columns(overview([model(quiet), model(trying)], everywhere=False))
    assert [name.strip() for name in heading] == [
        "NAME", "READY", "ROLLOUT", "SERVES", "ON ITS WAY", "WEIGHT", "MESSAGE",
    ]  # fmt: skip
    assert [each.strip() for each in first[1:3]] == ["True", "Stable"]
    assert [each.strip() for each in second[1:3]] == ["False", "Judging"]
    assert second[3].strip().endswith("(1)")
    assert second[4].strip().endswith("(2)")
    assert second[5].strip() == "20 %"


def test_the_namespace_is_told_where_there_are_several():
    world = CanaryWorld()
    assert overview([model(world)], everywhere=True).splitlines()[1].startswith("risk")


def test_no_model_is_told():
    assert overview([], everywhere=False) == "There is no ModelDeployment in this namespace.\n"


def test_a_model_that_nobody_has_looked_at_is_told():
    assert "does Fairlead run" in overview([model(CanaryWorld())], everywhere=False)


def test_what_has_become_of_an_order_is_told_and_nothing_that_a_terminal_obeys():
    world = judged()
    world.order("abort", "fraud-00000000 by jane")
    world.order("pause", f"{canary(world)} by jane")
    world.order("retry", "\x1b[31mred")
    world.tick()
    told = in_full(model(world), {})
    lines = {line.split()[0]: line for line in told.splitlines() if line.startswith(("abort ", "pause ", "retry "))}
    assert "Ignored" in lines["abort"]
    assert "it is about fraud-00000000, but" in lines["abort"]
    assert "Done" in lines["pause"]
    assert "Unreadable" in lines["retry"]
    assert "\x1b" not in told
    assert "ORDER" not in in_full(model(on_trial()), {})


def test_a_trial_is_told_in_full():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(6)
    rollout = world.rollout
    told = in_full(model(world), {rollout["revision"]: (1, 1)})
    assert told.startswith("risk/fraud: Judging\n")
    assert f"{rollout['revision']} (2)" in told
    assert "1 of 1       on trial with 20 % of the traffic" in told
    assert "serves 80 % of the traffic" in told
    assert "for a rollback" in told
    assert ["EvidenceAvailable", "True", "EvidenceRead", "counters are read from the pods"] in [
        [column.strip() for column in line] for line in columns(told)
    ]
    assert told.count(" is on trial with") == 1


def test_what_was_rolled_back_is_told_in_full():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    told = in_full(model(world), {})
    assert "was rolled back" in told
    assert "\n1  fraud-" in told


def test_the_verdict_is_open_until_the_wanted_revision_is_in_or_out():
    world = on_trial()
    unseen = {**model(world), "metadata": {**world.model["metadata"], "generation": 99}}
    assert verdict(standing(unseen)) is None
    until_phase(world, "Judging")
    assert verdict(standing(model(world))) is None
    until_phase(world, "Guarding")
    assert verdict(standing(model(world))) is True
    world.bad["3"] = 0.2
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    until_phase(world, "RolledBack")
    assert verdict(standing(model(world))) is False


def test_a_name_in_all_namespaces_is_refused(capsys: pytest.CaptureFixture[str]):
    assert main(["status", "fraud", "-A"]) == 1
    assert capsys.readouterr().err == "fairlead: a name is of one namespace: leave out --all-namespaces, or the name\n"


def test_changes_of_the_number_of_pods_are_told():
    world = a_world(bounds({"cpuUtilization": 70}))
    for pods in (4, 7):
        world.children[DEPLOYMENT, world.serving() or ""]["spec"]["replicas"] = pods
        world.reconcile()
    told = in_full({**world.model, "status": world.status}, {}).splitlines()
    found = told.index(next(line for line in told if line.startswith("PODS   BEFORE")))
    assert [line.split()[:2] for line in told[found + 1 : found + 3]] == [["7", "4"], ["4", "2"]]
    assert f"HorizontalPodAutoscaler {world.serving()}" in told[found + 1]


def test_where_a_model_comes_from_is_told_and_that_its_name_has_moved():
    found = a_model()
    old, new = f"hf://org/name@{40 * 'a'}", f"hf://org/name@{40 * 'b'}"
    source = {"revision": "fraud-1", "uri": "hf://org/name@main", "resolved": old, "files": 9, "bytes": 4981233}
    found["status"] = {"source": {**source, "latest": new}}
    shown = in_full(found, {})
    assert "Model of fraud-1: hf://org/name@main (9 files, 4.75 MiB)" in shown
    assert f"  which was {old} when the revision was made" in shown
    assert f"  by now it is {new}: another spec.model.version tries that" in shown
