"""Which records of revisions are kept, and for how long."""

from fairlead.api.kinds import CONTROLLER_REVISION, DEPLOYMENT
from fairlead.desired.objects import REVISION_HISTORY
from world import World, a_model


def want(world: World, version: int) -> None:
    world.change(model={"uri": "pvc://models/fraud", "version": str(version)})


def with_many_records(**spec: object) -> tuple[World, str]:
    """One more version than is remembered has run: (world, name of the first)."""
    world = World(a_model(**spec))
    world.settle()
    first = world.serving() or ""
    for version in range(2, REVISION_HISTORY + 2):
        want(world, version)
        world.settle()
    return world, first


def records(world: World) -> set[str]:
    return {name for kind, name in world.children if kind == CONTROLLER_REVISION}


def test_ten_that_do_not_run_are_kept():
    world, first = with_many_records()
    assert len(records(world)) == REVISION_HISTORY + 1
    assert first in records(world)
    want(world, 100)
    world.settle()
    assert len(records(world)) == REVISION_HISTORY + 1
    assert first not in records(world)


def test_the_record_of_what_is_about_to_start_is_kept_however_old_it_is():
    world, first = with_many_records(rollout={"strategy": "Recreate"})
    world.runtime = None  # nothing could make it anew
    want(world, 1)
    world.reconcile()
    assert first in records(world)
    world.settle()
    assert world.serving() == first
    assert (DEPLOYMENT, first) in world.children


def test_a_revision_that_served_last_is_forgotten_last():
    world, first = with_many_records()
    want(world, 1)
    world.settle()
    want(world, 100)
    world.settle()
    assert first in records(world), "it has served until now, though it is the oldest"


def test_a_record_is_renumbered_once():
    world, first = with_many_records()
    want(world, 1)
    world.settle()
    assert world.children[(CONTROLLER_REVISION, first)]["revision"] == REVISION_HISTORY + 2
    assert not any(world.step(step) for step in world.reconcile().steps)
