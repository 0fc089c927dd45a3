"""What a person on call reads when pods do not start: real pods, a real scheduler, a real kubelet."""

from pathlib import Path
from typing import Any

import pytest

from fairlead.api.kinds import EVENT, MODEL_DEPLOYMENT, MODEL_RUNTIME
from kube import QUOTA, Kube
from models import a_model, a_server
from operator_process import OperatorProcess, running
from waiting import holds, until


def told(kube: Kube, namespace: str, reason: str, *words: str, seconds: float = 60) -> str:
    """The message of Ready=False, once it has this reason and these words."""

    def message() -> str:
        ready = kube.condition(namespace, "fraud", "Ready")
        says = str(ready.get("message", ""))
        return says if ready.get("reason") == reason and all(each in says for each in words) else ""

    return until(message, seconds=seconds, what=f"reason {reason} with {words}")


def create(kube: Kube, namespace: str, image: str, env: dict[str, str] | None = None, **spec: Any) -> None:
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **{**a_server(image, **(env or {})), **spec}))


def test_a_crash_is_told_with_its_last_line(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str):
    create(kube, namespace, server_image, {"EXIT_ON_START": "the weights are missing"})
    told(kube, namespace, "ContainerFailing", "exit code 1", "the weights are missing")
    version = kube.model(namespace, "fraud")["status"]
    holds(
        lambda: kube.model(namespace, "fraud")["status"] == version, seconds=20, what="the same words, crash by crash"
    )


def test_a_server_out_of_memory_is_told(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str):
    limits = {"limits": {"memory": "48Mi"}}
    create(kube, namespace, server_image, {"ALLOCATE_MB": "200"}, resources=limits)
    told(kube, namespace, "ContainerFailing", "resources.limits.memory")


def test_a_missing_accelerator_is_told_in_the_schedulers_own_words(
    kube: Kube, operator: OperatorProcess, namespace: str, server_image: str
):
    create(kube, namespace, server_image, resources={"limits": {"nvidia.com/gpu": "1"}})
    told(kube, namespace, "Unschedulable", "waiting for 1 nvidia.com/gpu", "Insufficient nvidia.com/gpu")


def test_a_missing_claim_is_told(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str):
    create(kube, namespace, server_image, model={"uri": "pvc://models/fraud"})
    told(kube, namespace, "Unschedulable", "the PersistentVolumeClaim models does not exist", "correct model.uri")


def test_a_missing_image_is_told_in_the_same_words_between_two_tries(
    kube: Kube, operator: OperatorProcess, namespace: str
):
    create(kube, namespace, "registry.invalid/fraud:1")
    message = told(kube, namespace, "ImageUnavailable", "image registry.invalid/fraud:1 cannot be pulled")
    holds(lambda: kube.condition(namespace, "fraud", "Ready")["message"] == message, seconds=20, what="the same words")


def test_a_missing_model_image_is_told(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str):
    create(kube, namespace, server_image, model={"uri": "oci://registry.invalid/fraud-files:1"})
    told(kube, namespace, "ImageUnavailable", "the model oci://registry.invalid/fraud-files:1 cannot be pulled")


def test_a_volume_that_cannot_be_mounted_is_told_in_the_kubelets_own_words(
    kube: Kube, operator: OperatorProcess, namespace: str, server_image: str
):
    volumes = [{"name": "certificates", "secret": {"secretName": "no-such"}}]
    mounts = [{"name": "certificates", "mountPath": "/certificates"}]
    create(kube, namespace, server_image, pod={"volumes": volumes, "volumeMounts": mounts})
    message = told(
        kube, namespace, "ContainerFailing", "its pods cannot start: MountVolume", 'secret "no-such" not found'
    )
    holds(lambda: kube.condition(namespace, "fraud", "Ready")["message"] == message, seconds=40, what="the same words")
    events = [(event["reason"], event["note"]) for event in kube.list(EVENT, namespace)]
    assert [each for each in events if each[0] == "ContainerFailing"] == [("ContainerFailing", message)]


def test_a_missing_secret_is_told(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str):
    spec = a_server(server_image)
    key = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "registry-token", "key": "token"}}}
    spec["runtime"]["env"].append(key)
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, **spec))
    told(kube, namespace, "ContainerFailing", 'secret "registry-token" not found')


def test_a_quota_is_told_and_waited_for(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": namespace}}
    kube.create(QUOTA, {**quota, "spec": {"hard": {"pods": "0"}}})
    create(kube, namespace, server_image)
    told(kube, namespace, "PodsRefused", "exceeded quota: small")
    kube.delete(QUOTA, namespace, "small")
    # The Deployment's own controller tries again with a growing delay.
    kube.wait_ready(namespace, "fraud", seconds=120)


def test_a_pod_that_pod_security_refuses_is_told(kube: Kube, server_image: str, tmp_path: Path):
    with (
        kube.namespace(**{"pod-security.kubernetes.io/enforce": "restricted"}) as namespace,
        running(kube.kubeconfig, tmp_path, namespace),
    ):
        create(kube, namespace, server_image, pod={"securityContext": {"runAsNonRoot": False}})
        told(kube, namespace, "PodsRefused", "PodSecurity")
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {"pod": None}})
        kube.wait_ready(namespace, "fraud")  # the defaults are what Pod Security calls restricted


def test_a_missing_runtime_is_told_and_waited_for(
    kube: Kube, operator: OperatorProcess, namespace: str, server_image: str
):
    runtime = {"ref": {"name": namespace}, "image": server_image}
    kube.create(MODEL_DEPLOYMENT, a_model(namespace, runtime=runtime))
    told(kube, namespace, "RuntimeNotFound", f"there is no ModelRuntime {namespace}")
    spec = {"image": server_image, "probes": {"readiness": {"path": "/readyz", "period": "1s"}}}
    head = {"apiVersion": MODEL_RUNTIME.api_version, "kind": "ModelRuntime", "metadata": {"name": namespace}}
    kube.create(MODEL_RUNTIME, {**head, "spec": spec})
    try:
        kube.wait_ready(namespace, "fraud")
    finally:
        kube.delete(MODEL_RUNTIME, None, namespace)


@pytest.mark.parametrize("access", ["Direct", "Proxy"])
def test_a_new_revision_that_does_not_answer_takes_no_traffic(
    kube: Kube, namespace: str, server_image: str, tmp_path: Path, access: str
):
    with running(kube.kubeconfig, tmp_path, namespace, settings={"FAIRLEAD_POD_ACCESS": access}):
        create(kube, namespace, server_image)
        kube.wait_ready(namespace, "fraud")
        silent = a_server(server_image, version="2")
        silent["runtime"]["container"]["probes"]["serving"] = "/no-such-path"
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": silent})
        told(kube, namespace, "ProbeUnanswered", "GET /no-such-path on port 8080 answered 404")
        assert kube.model(namespace, "fraud")["status"]["stable"]["modelVersion"] == "1"
        good = a_server(server_image, version="3")
        good["runtime"]["container"]["probes"]["serving"] = "/v1/predict"
        kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": good})
        kube.wait_ready(namespace, "fraud")
        assert kube.model(namespace, "fraud")["status"]["stable"]["modelVersion"] == "3"


def test_a_revision_past_its_deadline_stalls_and_still_takes_over_when_it_can(
    kube: Kube, operator: OperatorProcess, namespace: str, server_image: str
):
    create(kube, namespace, server_image)
    kube.wait_ready(namespace, "fraud")
    late = a_server(server_image, version="2", START_DELAY="25")
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": {**late, "rollout": {"progressDeadline": "10s"}}})
    told(kube, namespace, "ProgressDeadlineExceeded")
    assert kube.condition(namespace, "fraud", "Stalled")["status"] == "True"
    assert kube.condition(namespace, "fraud", "Available")["status"] == "True"
    kube.wait_ready(namespace, "fraud", seconds=90)
    assert kube.model(namespace, "fraud")["status"]["stable"]["modelVersion"] == "2"


def test_kubectl_wait_waits_for_the_new_generation(
    kube: Kube, operator: OperatorProcess, namespace: str, server_image: str
):
    create(kube, namespace, server_image)
    wait = ("wait", "--for=condition=Ready", "-n", namespace, "fmd/fraud", "--timeout=90s")
    assert kube.kubectl(*wait).returncode == 0
    kube.patch(MODEL_DEPLOYMENT, namespace, "fraud", {"spec": a_server(server_image, version="2")})
    done = kube.kubectl(*wait)
    assert done.returncode == 0, done.stderr
    assert kube.model(namespace, "fraud")["status"]["stable"]["modelVersion"] == "2"


def test_kubectl_get_shows_what_a_person_on_call_wants(
    kube: Kube, operator: OperatorProcess, namespace: str, server_image: str
):
    create(kube, namespace, server_image)
    kube.wait_ready(namespace, "fraud")
    shown = kube.kubectl("get", "fmd", "-n", namespace)
    head, row = shown.stdout.splitlines()
    assert head.split() == ["NAME", "READY", "REPLICAS", "AVAILABLE", "STABLE", "ROLLOUT", "WEIGHT", "AGE"]
    assert row.split()[:4] == ["fraud", "True", "1", "1"]
    assert row.split()[5] == "Stable"


def test_kubectl_scale_scales(kube: Kube, operator: OperatorProcess, namespace: str, server_image: str):
    create(kube, namespace, server_image)
    kube.wait_ready(namespace, "fraud")
    assert kube.kubectl("scale", "-n", namespace, "fmd/fraud", "--replicas=3").returncode == 0
    until(lambda: kube.model(namespace, "fraud")["status"].get("readyReplicas") == 3, seconds=60, what="3 ready pods")
    kube.wait_ready(namespace, "fraud")
