"""What a reference meant when its revision was made, told as stories: nothing changes because a name moves."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fairlead.api.kinds import DEPLOYMENT, JOB
from fairlead.api.reasons import Reason
from fairlead.api.times import format_time
from fairlead.plan import Delete
from fairlead.reconcile import reconcile
from fairlead.site import Fetching, Site
from fairlead.situation import Refusal
from world import World, a_model

BRANCH, OLD, NEW = "hf://org/name@main", f"hf://org/name@{'a' * 40}", f"hf://org/name@{'b' * 40}"
SITE = Site(fetching=Fetching(image="registry.example/fetcher:1"))
HOURS = timedelta(hours=8)


def means(uri: str) -> tuple[int, str]:
    """What the Job says that has found it."""
    return 0, json.dumps({"uri": uri, "files": 3, "bytes": 2048})


def a_world(uri: str = BRANCH, site: Site = SITE, **model: Any) -> World:
    return World(a_model(model={"uri": uri, **model}), site=site)


def fetched(world: World) -> set[str]:
    """What the pods of every Deployment are told to fetch."""
    pods = [live["spec"]["template"]["spec"] for (kind, _), live in world.children.items() if kind == DEPLOYMENT]
    return {pod["initContainers"][0]["args"][1] for pod in pods if pod["initContainers"]}


def jobs(world: World) -> list[str]:
    return [name for kind, name in world.children if kind == JOB]


def ready(world: World) -> dict[str, Any]:
    found = world.condition("Ready")
    assert found is not None
    return dict(found)


def test_nothing_is_started_before_it_is_known_what_the_branch_is():
    world = a_world()
    world.settle()
    assert jobs(world)
    assert not world.deployments()
    assert (ready(world)["reason"], ready(world)["message"]) == ("Resolving", f"looking up what {BRANCH} is now")
    assert world.condition("Reconciling"), "it takes no person"


def test_pods_get_what_the_branch_was_and_the_job_goes():
    world = a_world()
    world.meanings[BRANCH] = means(OLD)
    world.settle()
    assert fetched(world) == {OLD}
    assert not jobs(world)
    assert ready(world)["status"] == "True"
    assert world.status is not None
    source = world.status["source"]
    assert (source["uri"], source["resolved"], source["files"], source["bytes"]) == (BRANCH, OLD, 3, 2048)


def test_a_branch_that_moves_is_told_and_changes_nothing():
    world = a_world()
    world.meanings[BRANCH] = means(OLD)
    world.settle()
    before = world.deployments()
    world.meanings[BRANCH] = means(NEW)
    world.settle()
    assert world.status is not None
    assert "latest" not in world.status["source"], "nobody looks before its time"
    world.now += HOURS
    world.reconcile()
    told = [event for event in world.reconcile().events if event.reason == "SourceMoved"]
    assert [event.message for event in told] == [f"{BRANCH} came to mean {NEW}; {world.serving()} goes on with {OLD}"]
    world.settle()
    assert world.status["source"]["latest"] == NEW
    assert (world.deployments(), fetched(world), jobs(world)) == (before, {OLD}, [])
    quiet = world.reconcile()
    assert quiet.status == world.status


def test_another_version_looks_it_up_anew():
    world = a_world(version="1")
    world.meanings[BRANCH] = means(OLD)
    world.settle()
    world.meanings[BRANCH] = means(NEW)
    world.change(model={"uri": BRANCH, "version": "2"})
    world.settle()
    assert NEW in fetched(world)
    world.change(model={"uri": BRANCH, "version": "1"})
    world.settle()
    assert OLD in fetched(world), "the way back is the way to the old bytes"


@pytest.mark.parametrize("uri", [OLD, f"s3://models/fraud@sha256:{'c' * 64}", "mlflow://fraud/7"])
def test_what_cannot_move_is_not_looked_up(uri: str):
    world = a_world(uri)
    world.settle()
    assert fetched(world) == {uri}
    assert not jobs(world)


def test_the_programs_own_sentence_is_told_and_it_is_tried_again():
    world = a_world()
    world.meanings[BRANCH] = (65, "hub.example answered 401 for org/name: HF_TOKEN is missing or may not read it")
    world.settle(looks=3)
    assert ready(world)["reason"] == "ModelUnavailable"
    assert "HF_TOKEN is missing" in ready(world)["message"]
    assert world.condition("Stalled")
    world.now += timedelta(minutes=3)
    assert any(isinstance(step, Delete) and step.kind == JOB for step in world.reconcile().steps)
    world.meanings[BRANCH] = means(OLD)
    world.settle()
    assert ready(world)["status"] == "True"


def test_it_is_tried_again_after_longer_and_longer_and_meanwhile_nothing_changes_in_what_is_told():
    world = a_world()
    world.meanings[BRANCH] = (65, "hub.example answered 401")
    world.settle(looks=3)
    told, made = set(), 0
    for _ in range(3 * 24 * 60):
        before = jobs(world)
        world.reconcile()
        world.run_pods()
        made += not before and bool(jobs(world))
        told.add((ready(world)["reason"], ready(world)["message"]))
        world.now += timedelta(minutes=1)
    assert told == {("ModelUnavailable", "hub.example answered 401")}
    assert 100 < made < 150, "after 2, 4, 8, 16 and then 30 minutes"
    world.change(model={"uri": "hf://org/other@main"})
    world.meanings["hf://org/other@main"] = means(OLD)
    world.settle()
    assert ready(world)["status"] == "True"
    assert world.status is not None
    assert "lookup" not in world.status


def test_the_end_of_a_job_is_not_believed_before_its_pods_were_read():
    world = a_world("oci://registry.example/fraud:7")
    world.reconcile()
    (name,) = jobs(world)
    world.children[JOB, name]["status"] = {
        "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": format_time(world.now)}]
    }
    world.reconcile()
    assert not world.deployments(), "what it has found is on its way"
    world.meanings["oci://registry.example/fraud:7"] = means(f"oci://registry.example/fraud@sha256:{'d' * 64}")
    world.settle()
    assert world.status is not None
    assert world.status["source"]["resolved"].endswith("d" * 64)


def test_with_another_secret_nobody_remembers_the_failure_of_the_last():
    world = a_world("oci://registry.example/fraud:7", fetch={"secretName": "typo"})
    world.meanings["oci://registry.example/fraud:7"] = (65, "registry.example refuses the login")
    world.settle(looks=3)
    assert ready(world)["reason"] == "ModelUnavailable"
    world.meanings.clear()
    world.change(model={"uri": "oci://registry.example/fraud:7"})
    world.settle(looks=2)
    assert ready(world)["reason"] == "Resolving"
    assert not world.deployments()


def test_nobody_wants_to_know_any_more_what_an_earlier_spec_meant():
    world = a_world()
    for number in range(4):
        world.change(model={"uri": f"hf://org/name@branch-{number}"})
        world.reconcile()
        world.reconcile()
    assert len(jobs(world)) == 1


def test_a_pod_that_the_job_has_not_made_says_nothing():
    world = a_world()
    world.meanings[BRANCH] = means(OLD)
    world.reconcile()
    look = world.look()
    others = [{**pod, "metadata": {**pod["metadata"], "ownerReferences": []}} for pod in look.lookups]
    assert look.lookups
    told = reconcile(replace(look, lookups=tuple(others))).status["conditions"]
    assert told[0]["reason"] == "Resolving"


def test_an_answer_about_something_else_is_none():
    world = a_world()
    world.meanings[BRANCH] = means("https://evil.example/model")
    world.settle()
    assert not world.deployments()


def test_a_job_that_is_refused_later_on_is_no_trouble_of_what_serves():
    world = a_world()
    world.meanings[BRANCH] = means(OLD)
    world.settle()
    world.now += HOURS
    quota = Refusal(kind="Job", name="fraud-1", reason=Reason.WRITE_REFUSED, message="exceeded quota")
    world.refusals = (quota,)
    world.reconcile()
    assert ready(world)["status"] == "True"


def test_what_could_not_be_run_is_not_looked_up():
    world = a_world()
    world.runtime = None
    world.settle()
    assert ready(world)["reason"] == "RuntimeNotFound"
    assert not jobs(world)


def test_what_signs_an_address_is_not_told():
    world = a_world("https://models.example/fraud.tar?signature=secret")
    world.settle()
    assert ready(world)["message"] == "looking up what https://models.example/fraud.tar?… is now"


def test_what_serves_goes_on_while_the_next_one_cannot_be_found():
    world = a_world(OLD)
    world.settle()
    serving = world.serving()
    world.change(model={"uri": "hf://org/other@main"})
    world.meanings["hf://org/other@main"] = (65, "there is no repository org/other")
    world.settle()
    assert world.serving() == serving
    assert ready(world)["message"] == f"there is no repository org/other; {serving} goes on serving"


def test_an_image_that_nobody_can_look_up_is_mounted_as_it_is_and_that_is_told():
    world = a_world("oci://registry.example/fraud:7")
    world.meanings["oci://registry.example/fraud:7"] = (75, "registry.example does not answer")
    told = []
    for _ in range(12):
        told += [event.reason for event in world.reconcile().events]
        world.run_pods()
        world.now += timedelta(seconds=20)
    assert told.count("SourceUnpinned") == 1
    assert ready(world)["status"] == "True"
    assert world.status is not None
    assert world.status["source"]["unresolved"] == "registry.example does not answer"


def test_what_was_not_pinned_has_not_moved():
    world = a_world("oci://registry.example/fraud:7")
    world.meanings["oci://registry.example/fraud:7"] = (75, "registry.example does not answer")
    world.settle()
    world.meanings["oci://registry.example/fraud:7"] = means(f"oci://registry.example/fraud@sha256:{'d' * 64}")
    world.now += HOURS
    world.settle()
    assert world.status is not None
    assert "latest" not in world.status["source"]


def test_an_image_is_mounted_by_its_digest():
    digest = f"oci://registry.example/fraud@sha256:{'d' * 64}"
    world = a_world("oci://registry.example/fraud:7")
    world.meanings["oci://registry.example/fraud:7"] = means(digest)
    world.settle()
    (pod,) = [live["spec"]["template"]["spec"] for (kind, _), live in world.children.items() if kind == DEPLOYMENT]
    assert pod["volumes"][0]["image"] == {"reference": digest.removeprefix("oci://"), "pullPolicy": "IfNotPresent"}


def test_without_the_image_that_fetches_it_is_said_what_to_do():
    world = a_world(site=Site())
    world.settle()
    assert ready(world)["reason"] == "ModelUnavailable"
    assert "set sources.image of its chart" in ready(world)["message"]


def test_an_answer_that_nobody_can_read_is_a_failure_and_harms_nothing():
    world = a_world()
    world.meanings[BRANCH] = (0, "surprise")
    world.settle()
    assert (ready(world)["reason"], ready(world)["message"]) == ("ModelUnavailable", "surprise")


def test_what_is_bigger_than_its_space_is_not_begun():
    world = a_world(fetch={"space": "1Ki"})
    world.meanings[BRANCH] = means(OLD)
    world.settle()
    assert not world.deployments()
    assert ready(world)["message"] == f"{BRANCH} has 2 KiB, and model.fetch.space is 1Ki; raise it"


def test_models_that_were_looked_up_at_once_are_not_looked_up_at_once_again():
    worlds = [a_world() for _ in range(20)]
    for number, world in enumerate(worlds):
        world.model["metadata"]["uid"] = f"uid-{number}"
        world.meanings[BRANCH] = means(OLD)
        world.settle()
    due = {world.reconcile().look_again for world in worlds}
    assert len(due) == 20
    assert all(each is not None and timedelta(hours=4) < each < timedelta(hours=8) for each in due)
