"""Argo CD's health check in the docs, run by a Lua interpreter on statuses that Fairlead writes."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fairlead.api.kinds import MODEL_DEPLOYMENT
from unit.docs.pages import DOCS, yaml_documents

PLANS = Path(__file__).parents[2] / "golden/plans"
KEY = "resource.customizations.health.fairlead.dev_ModelDeployment"
LUA = shutil.which("lua5.4") or shutil.which("lua")

# Argo CD hands the resource in as the global `obj`, takes the table that the script returns, and loads no library but
# the base (and those for tables and the time).
HARNESS = """
obj = {obj}
string, math, io, debug, coroutine, utf8 = nil
local function check()
{script}
end
local hs = check()
print(hs.status)
print(hs.message)
"""

STORIES = {
    "a_new_model": "Progressing",
    "a_quiet_day": "Healthy",
    "a_new_version": "Progressing",
    "a_new_version_crashes": "Progressing",
    "a_new_version_is_available": "Healthy",
    "the_old_version_has_drained": "Healthy",
    "the_runtime_is_missing": "Degraded",
}


@pytest.mark.skipif(LUA is None, reason="needs a Lua interpreter, such as Debian's lua5.4")
@pytest.mark.parametrize(("story", "health"), STORIES.items())
def test_health_is_that_of_the_status(story: str, health: str):
    status = yaml.safe_load((PLANS / f"{story}.yaml").read_text())["status"]
    found, message = _health(status["observedGeneration"], status)
    assert found == health
    assert message == next(each["message"] for each in status["conditions"] if each["type"] == "Ready")


@pytest.mark.skipif(LUA is None, reason="needs a Lua interpreter, such as Debian's lua5.4")
def test_a_status_of_an_earlier_generation_says_nothing_about_this_one():
    status = yaml.safe_load((PLANS / "a_quiet_day.yaml").read_text())["status"]
    assert _health(status["observedGeneration"] + 1, status)[0] == "Progressing"


@pytest.mark.skipif(LUA is None, reason="needs a Lua interpreter, such as Debian's lua5.4")
@pytest.mark.parametrize("status", [None, {}, {"observedGeneration": 0}, {"observedGeneration": 1}])
def test_a_model_that_fairlead_has_not_seen_is_on_its_way(status: dict[str, Any] | None):
    assert _health(1, status) == ("Progressing", "waiting for Fairlead")


def _health(generation: int, status: dict[str, Any] | None) -> tuple[str, str]:
    head = {"apiVersion": MODEL_DEPLOYMENT.api_version, "kind": MODEL_DEPLOYMENT.kind}
    obj = {**head, "metadata": {"name": "fraud", "generation": generation}, "status": status}
    program = HARNESS.replace("{obj}", lua(obj)).replace("{script}", _script())
    assert LUA is not None
    done = subprocess.run([LUA, "-"], input=program, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 0, done.stderr
    health, message = done.stdout.splitlines()
    return health, message


def _script() -> str:
    found = (each for each in yaml_documents(DOCS / "gitops.md") if KEY in (each.get("data") or {}))
    return str(next(found)["data"][KEY])


def lua(value: Any) -> str:
    """A JSON value in the notation of Lua."""
    match value:
        case dict():
            return "{" + ", ".join(f"[{lua(key)}] = {lua(item)}" for key, item in value.items()) + "}"
        case list():
            return "{" + ", ".join(lua(item) for item in value) + "}"
        case None:
            return "nil"
        case _:
            return json.dumps(value, ensure_ascii=False)
