"""Argo CD's actions in the docs, run by a Lua interpreter: they order what Fairlead understands."""

import subprocess
from typing import Any

import pytest
import yaml

from fairlead.api.orders import Action, annotation, read_order
from unit.docs.pages import DOCS, yaml_documents
from unit.docs.test_health_check import LUA, lua

KEY = "resource.customizations.actions.fairlead.dev_ModelDeployment"

# Argo CD preloads a library of the name os, which tells the time and nothing else, and gives it to whoever requires it.
HARNESS = """
obj = {obj}
string, math, io, debug, coroutine, utf8, os = nil
local function act()
{script}
end
local found = act()
"""

pytestmark = pytest.mark.skipif(LUA is None, reason="needs a Lua interpreter, such as Debian's lua5.4")


def test_an_action_orders_what_its_name_says():
    (definition,) = actions()["definitions"]
    status = {"rollout": {"revision": "fraud-5d9c7a01"}}
    key = annotation(Action.ABORT)
    told = run(definition["action.lua"], status, f'print(found.metadata.annotations["{key}"])')
    order = read_order(Action(definition["name"]), told)
    assert order is not None
    assert (order.action, order.revision, order.at is not None) == (Action.ABORT, "fraud-5d9c7a01", True)


@pytest.mark.parametrize(
    ("status", "possible"),
    [
        (None, set()),
        ({"rollout": {"phase": "Stable"}}, set()),
        ({"rollout": {"revision": "fraud-5d9c7a01"}}, set(Action) - {Action.RETRY}),
        ({"rollout": {}, "failed": {"revision": "fraud-5d9c7a01"}}, {Action.RETRY}),
    ],
)
def test_the_actions_that_make_sense_are_offered(status: dict[str, Any] | None, possible: set[Action]):
    tell = "for name, how in pairs(found) do if not how.disabled then print(name) end end"
    assert set(run(actions()["discovery.lua"], status, tell).split()) == possible


def actions() -> dict[str, Any]:
    found = next(each for each in yaml_documents(DOCS / "gitops.md") if KEY in each)
    return dict(yaml.safe_load(found[KEY]))


def run(script: str, status: dict[str, Any] | None, tell: str) -> str:
    obj = {"metadata": {"name": "fraud"}, "status": status}
    program = HARNESS.replace("{obj}", lua(obj)).replace("{script}", script) + tell
    assert LUA is not None
    done = subprocess.run([LUA, "-"], input=program, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
