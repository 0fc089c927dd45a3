"""A real language model in a real llama-server, which counts neither errors nor times: how a version takes over."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import localcluster
from e2e.traffic import lost_while
from fairlead.api import names
from fairlead.api.kinds import MODEL_DEPLOYMENT, MODEL_RUNTIME, POD, SERVICE
from kube import Kube
from operator_process import running
from waiting import until

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "tests/images"
RUNTIME = ROOT / "operator/fairlead/runtimes/llamacpp.yaml"
SERVER = "fairlead.test/llamacpp:1"
COMPLETIONS = "/v1/completions"
QUESTION = json.dumps({"prompt": "hello", "max_tokens": 2})

HELD_BY = "its server counts neither errors nor times by its metrics profile"


@pytest.fixture
def served(
    kube: Kube, local_cluster: localcluster.Cluster, namespace: str, server_image: str, tmp_path: Path
) -> Iterator[str]:
    """The namespace of model `chat`, version 1, Ready."""
    if "avx512f" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("the llama-server of the wheel was built for processors with AVX-512")
    for archive in images():
        local_cluster.load(archive)
    runtime = yaml.safe_load(RUNTIME.read_text())
    runtime["metadata"]["name"] = namespace  # others may use the real one on this cluster
    kube.apply(MODEL_RUNTIME, runtime)
    with running(kube.kubeconfig, tmp_path, namespace):
        kube.create(MODEL_DEPLOYMENT, model(namespace))
        kube.wait_ready(namespace, "chat", seconds=180)
        yield namespace
    kube.delete(MODEL_RUNTIME, None, namespace)


def images() -> list[Path]:
    """llama-server, and versions of the model, as archives; built where they are not yet."""
    server = localcluster.build_image(IMAGES / "llamacpp", SERVER)
    versions = [
        localcluster.build_image(IMAGES / "mlserver-model", tag(version), {"BASE": str(server), "VERSION": version})
        for version in ("1", "2")
    ]
    return [server, *versions]


def tag(version: str) -> str:
    return f"fairlead.test/llamacpp-model:{version}"


def version(number: str) -> dict[str, Any]:
    return {"uri": f"oci://{tag(number)}", "version": number}


def model(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": MODEL_DEPLOYMENT.api_version,
        "kind": MODEL_DEPLOYMENT.kind,
        "metadata": {"name": "chat", "namespace": namespace},
        "spec": {
            "model": version("1"),
            "runtime": {"ref": {"name": namespace}, "image": SERVER, "args": ["--threads", "1"]},
            "replicas": 1,
            "slo": {"objectives": [{"name": "availability", "metric": "Errors", "target": "99"}]},
            "rollout": {"strategy": "Canary", "guard": "10s", "drain": "10s"},
        },
    }


def ask(kube: Kube, namespace: str) -> dict[str, Any]:
    path = f"{SERVICE.path(namespace, 'chat')}:80/proxy{COMPLETIONS}"
    return kube.call("POST", path, json.loads(QUESTION))


def pods(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    return kube.list(POD, namespace, "fairlead.dev/model")


def test_a_new_version_waits_for_a_person_and_takes_over_without_losing_a_request(
    kube: Kube, served: str, server_image: str
):
    answer = ask(kube, served)
    assert answer["model"] == "chat"
    assert answer["usage"]["completion_tokens"] == 2
    (pod,) = pods(kube, served)
    assert pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True

    def update() -> None:
        kube.patch(MODEL_DEPLOYMENT, served, "chat", {"spec": {"model": version("2")}})
        held = until(lambda: held_back(kube, served), seconds=120, what="a canary that cannot be judged")
        assert HELD_BY in held["message"]
        assert "`fairlead promote chat`" in held["message"]
        order = {"fairlead.dev/promote": rollout(kube, served)["revision"]}
        kube.patch(MODEL_DEPLOYMENT, served, "chat", {"metadata": {"annotations": order}})
        until(lambda: outcomes(kube, served) == ["Promoted"], seconds=120, what="the promotion")
        until(lambda: len(pods(kube, served)) == 1, seconds=180, what="the old pod gone")

    counted = lost_while(kube, served, server_image, update, service="chat", path=COMPLETIONS, body=QUESTION)
    assert counted["failed"] == 0, counted["failures"]
    (pod,) = pods(kube, served)
    assert pod["metadata"]["labels"][names.VERSION] == "2"
    assert ask(kube, served)["usage"]["completion_tokens"] == 2


def held_back(kube: Kube, namespace: str) -> dict[str, Any] | None:
    found = kube.model(namespace, "chat")["status"]["conditions"]
    evidence = next((each for each in found if each["type"] == "EvidenceAvailable"), None)
    return evidence if evidence is not None and evidence["status"] == "False" else None


def rollout(kube: Kube, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = kube.model(namespace, "chat")["status"]["rollout"]
    return found


def outcomes(kube: Kube, namespace: str) -> list[str]:
    """What was decided about version 2."""
    history = kube.model(namespace, "chat")["status"].get("history") or ()
    return [each["outcome"] for each in history if each["modelVersion"] == "2"]
