"""`fairlead plan` against a real API server: it tells what then happens, and writes nothing."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import Kube, Object
from models import a_model
from operator_process import OperatorProcess
from waiting import until


def planned(kube: Kube, folder: Path, model: Object) -> str:
    """What the command says, whichever way it ends."""
    file = folder / "model.yaml"
    file.write_text(yaml.safe_dump(model))
    command = [str(Path(sys.executable).parent / "fairlead"), "plan", "-f", str(file)]
    environment = {**os.environ, "KUBECONFIG": str(kube.kubeconfig)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
    return done.stdout or done.stderr


def everything(kube: Kube, namespace: str) -> dict[tuple[str, str], Any]:
    return {key: found["metadata"]["resourceVersion"] for key, found in kube.children(namespace, "fraud").items()}


def test_a_new_model_and_then_a_change_of_it(kube: Kube, operator: OperatorProcess, namespace: str, tmp_path: Path):
    model = a_model(namespace, replicas=2)
    told = planned(kube, tmp_path, model)
    assert kube.get(MODEL_DEPLOYMENT, namespace, "fraud") is None, "a plan writes nothing"
    foreseen = {tuple(line.split()[1:3]) for line in told.splitlines() if line.startswith("  + ")}

    kube.apply(MODEL_DEPLOYMENT, model, manager="kubectl")
    until(lambda: set(everything(kube, namespace)) == foreseen, what=f"what was foreseen: {told}")
    until(lambda: "cannot be pulled" in kube.condition(namespace, "fraud", "Ready").get("message", ""), what="a status")
    assert "no object changes" in planned(kube, tmp_path, model)

    before = everything(kube, namespace)
    changed = a_model(namespace, replicas=3)
    changed["spec"]["runtime"]["container"]["image"] = "registry.invalid/fraud:2"
    told = planned(kube, tmp_path, changed)
    assert everything(kube, namespace) == before
    (coming,) = re.findall(r"revision (fraud-[0-9a-f]{8})", told)
    kube.apply(MODEL_DEPLOYMENT, changed, manager="kubectl")
    until(lambda: ("Deployment", coming) in everything(kube, namespace), what=f"what was foreseen: {told}")


def test_what_kubectl_apply_would_remove_is_removed(kube: Kube, namespace: str, tmp_path: Path):
    file = tmp_path / "first.yaml"
    file.write_text(yaml.safe_dump(a_model(namespace, replicas=3)))
    done = kube.kubectl("apply", "-f", str(file))
    assert done.returncode == 0, done.stderr
    assert "its 3 pods" in planned(kube, tmp_path, a_model(namespace, replicas=3))
    assert "its 1 pod " in planned(kube, tmp_path, a_model(namespace))


def test_what_the_api_server_refuses_is_told_in_its_words(kube: Kube, namespace: str, tmp_path: Path):
    refused = a_model(namespace, rollout={"strategy": "Canary", "steps": [{"weight": 40, "duration": "1m"}]})
    told = planned(kube, tmp_path, refused)
    assert re.search(r"spec\.rollout\.steps: .*must not go beyond rollout\.maxWeight", told), told
