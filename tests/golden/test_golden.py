"""User stories and the plans that they lead to, as files: a change of what Fairlead does is a diff in review.

`FAIRLEAD_WRITE_GOLDEN=1 hack/test tests/golden` writes the files anew.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.api.kinds import kind_of
from fairlead.apply.difference import difference
from fairlead.plan import Apply, Delete, Plan, Scale, Step
from fairlead.reconcile import reconcile
from golden.stories import STORIES
from world import World

PLANS = Path(__file__).with_name("plans")


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_the_plan_is_as_it_was(story: Callable[[], World]):
    world = story()
    found = _text(story, world, reconcile(world.look()))
    file = PLANS / f"{story.__name__}.yaml"
    if os.environ.get("FAIRLEAD_WRITE_GOLDEN"):
        file.write_text(found)
    assert file.exists(), "no such plan yet; see the docstring of this file"
    assert found == file.read_text()


def test_every_plan_belongs_to_a_story():
    assert {file.stem for file in PLANS.glob("*.yaml")} == {story.__name__ for story in STORIES}


def _text(story: Callable[[], World], world: World, plan: Plan) -> str:
    written = [shown for step in plan.steps if (shown := _shown(world, step)) is not None]
    again = int(plan.look_again.total_seconds()) if plan.look_again else None
    told = {
        "writes": written,
        "status": plan.status,
        "events": [f"{event.type} {event.reason}: {event.message}" for event in plan.events],
        "lookAgainSeconds": again,
    }
    return f"# {story.__doc__}\n{yaml.dump(told, Dumper=_Dumper, sort_keys=False, width=120)}"


def _shown(world: World, step: Step) -> dict[str, Any] | None:
    """What a step would write; None where nothing differs."""
    match step:
        case Apply(manifest=manifest):
            live = world.children.get((kind_of(manifest), manifest["metadata"]["name"]))
            if live is None:
                return {"create": dict(manifest)}
            where = difference(manifest, live)
            name = f"{manifest['kind']} {manifest['metadata']['name']}"
            return None if where is None else {"change": name, "where": where, "to": _at(manifest, where)}
        case Scale(deployment=name, replicas=replicas):
            live = world.look().deployment(name)
            return None if live and live["spec"]["replicas"] == replicas else {"scale": name, "replicas": replicas}
        case Delete(kind=kind, name=name):
            return {"delete": f"{kind.kind} {name}"}


def _at(manifest: Any, path: str) -> Any:
    for name, quoted, number in re.findall(r'([^."\[\]]+)(?![^\[]*\])|\["(.+?)"\]|\[([0-9]+)\]', path):
        manifest = manifest[int(number)] if number else manifest[quoted or name]
    return manifest
