"""cli/foresight.py: what a change would do, told before it is made."""

from dataclasses import replace
from typing import Any

import pytest

from canary_world import CanaryWorld, a_canary
from fairlead.api.modeldeployment import ModelDeployment
from fairlead.cli.foresight import foresight
from fairlead.reconcile import reconcile
from fairlead.site import Fetching, Site
from swap_world import SwapWorld
from unit.test_canary import on_trial, until_phase
from unit.test_decisions import canary, judged
from world import World, a_model


def told(world: World, **spec: Any) -> str:
    """What `fairlead plan` says of the model with these fields changed. It reads no metrics."""
    before = replace(world.look(), sweep=None)
    world.change(**spec)
    situation = replace(world.look(), sweep=None)
    assert isinstance(situation.model, ModelDeployment)
    anyway = reconcile(before) if before.status else None
    return foresight(situation, situation.model.spec, reconcile(situation), anyway)


def version(text: str) -> dict[str, Any]:
    return {"model": {"uri": "pvc://models/fraud", "version": text}}


def served(**spec: Any) -> World:
    world = World(a_model("1", replicas=2, **spec))
    world.settle()
    return world


def test_a_new_model_lists_all_that_is_made():
    text = told(World(a_model("1", replicas=2)))
    assert "ModelDeployment fraud in namespace risk" in text
    assert "Nothing serves yet: it takes the traffic as soon as its 2 pods are available." in text
    assert [line for line in text.splitlines() if line.startswith("  + Deployment fraud-")]
    assert "  + Service fraud\n" in text


def test_what_changes_nothing_says_so():
    assert "serves, and no pod restarts." in (text := told(served()))
    assert text.endswith("no object changes\n")


def test_more_replicas_are_a_change_of_number():
    text = told(served(), replicas=5)
    assert "No new revision" in text
    assert "(from 2 to 5 pods)" in text


def test_each_strategy_says_how_the_new_revision_takes_over():
    assert "when 2 pods are available and answer (BlueGreen)" in told(served(), **version("2"))
    recreated = served(rollout={"strategy": "Recreate"})
    assert "nothing is served until the new ones are available (Recreate)" in told(recreated, **version("2"))


def test_a_canary_starts_with_one_pod_and_waits_for_the_evidence():
    world = CanaryWorld()
    world.settle()
    text = told(world, **version("2"))
    assert "(version 2)" in text
    assert "gets traffic as the evidence allows" in text
    assert " (1 pod)\n" in text
    approved = told(world, rollout={"approval": {"required": True}, "steps": [{"weight": 5, "duration": "1m"}]})
    assert (
        "gets 5 % of the traffic, and takes over when the evidence is for it, and a person has approved it" in approved
    )


def test_a_canary_starts_once_there_is_error_budget():
    world = CanaryWorld(model=a_canary(rollout={"errorBudget": {"minRemaining": 10}}))
    world.settle()
    text = told(world, **version("2"))
    assert "It starts with one pod beside" in text
    assert "once 10 % of each error budget is left" in text


def test_a_change_of_mind_gives_up_what_is_on_its_way():
    world = judged()
    given_up = canary(world)
    assert f"{given_up}, which is on its way, is given up." in told(world, **version("3"))


def test_the_way_back_needs_no_trial():
    world = on_trial()
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    assert "it needs no trial" in told(world, **version("1"))


def test_what_has_failed_is_not_tried_again():
    world = judged()
    world.bad["2"] = 0.5
    until_phase(world, "RolledBack")
    assert "was rolled back: errors" in told(world)


def test_what_cannot_be_made_says_why():
    world = CanaryWorld()
    world.settle()
    world.runtime = None
    assert "mlserver" in (text := told(world, **version("2")))
    assert "- Deployment" not in text


@pytest.mark.parametrize("behind", [{}, {"traffic": {"gateway": {"name": "public"}}}], ids=["by-pods", "by-gateway"])
def test_a_trial_that_is_on_goes_on_as_it_is(behind: dict[str, Any]):
    world = judged(replicas=8, **behind)
    world.tick(20)
    weight = world.weight
    assert weight > 0
    world.restart()  # whoever plans knows what status says, and no more
    text = told(world, network={"isolation": "Namespace"})
    assert f"is on trial beside {(world.status or {})['stable']['revision']} with {weight:g} % of the traffic" in text
    assert [line for line in text.splitlines() if line[2:3] in ("+", "~", "-")] == ["  + NetworkPolicy fraud"]


def test_what_the_operator_is_about_to_do_anyway_is_no_consequence_of_the_file():
    world = judged()
    until_phase(world, "Promoting")
    assert told(world).endswith("no object changes\n")


def test_without_a_spare_place_the_first_step_is_a_pod_that_is_given_up():
    world = SwapWorld()
    world.settle()
    gpu = {"limits": {"nvidia.com/gpu": "1"}}
    text = told(world, **version("2"), resources=gpu)
    assert "(version 2)" in text
    assert "It starts with one pod in the place of one of fraud-" in text
    assert "Each pod needs 1 nvidia.com/gpu, 4 for all of its pods, which it takes over from the old revision." in text
    assert "(from 4 to 3 pods)" in text


def test_accelerators_are_counted():
    gpu = {"limits": {"nvidia.com/gpu": "2", "memory": "8Gi"}}
    text = told(served(), **version("2"), resources=gpu)
    assert "Each pod needs 2 nvidia.com/gpu, 4 for all of its pods beside those of the old revision." in text
    assert "memory" not in text


def test_it_is_not_said_that_nothing_comes_before_it_is_known_what_a_branch_is():
    site = Site(fetching=Fetching(image="registry.example/fetcher:1"))
    world = World(a_model(model={"uri": f"hf://org/name@{40 * 'a'}"}), site=site)
    world.settle()
    text = told(world, model={"uri": "hf://org/name@main", "version": "2"})
    assert "A new revision will be made once it is known what model.uri means now" in text
    assert "No new revision" not in text
