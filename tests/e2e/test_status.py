"""What a person on call reads when pods do not start: real pods, a real scheduler, a real kubelet. Side by side."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fairlead.api.kinds import EVENT, MODEL_DEPLOYMENT, MODEL_RUNTIME
from kube import QUOTA, Kube
from models import a_model, a_server
from operator_process import running
from side_by_side import Told, begun, by_name, named
from waiting import holds, until

AT_ONCE = 4


@dataclass(frozen=True)
class Place:
    """Where one model is, with an operator of its own."""

    kube: Kube
    namespace: str
    image: str

    def create(self, env: Mapping[str, str] | None = None, **spec: Any) -> None:
        self.kube.create(MODEL_DEPLOYMENT, a_model(self.namespace, **{**a_server(self.image, **(env or {})), **spec}))

    def patch(self, **spec: Any) -> None:
        self.kube.patch(MODEL_DEPLOYMENT, self.namespace, "fraud", {"spec": spec})

    def status(self) -> dict[str, Any]:
        return dict(self.kube.model(self.namespace, "fraud")["status"])

    def version(self) -> str:
        """Which one serves."""
        return str(self.status()["stable"]["modelVersion"])

    def condition(self, kind: str) -> dict[str, Any]:
        return self.kube.condition(self.namespace, "fraud", kind)

    def wait_ready(self, seconds: float = 60) -> None:
        self.kube.wait_ready(self.namespace, "fraud", seconds)

    def told(self, reason: str, *words: str, seconds: float = 60) -> str:
        """The message of Ready=False, once it has this reason and these words."""

        def message() -> str:
            ready = self.condition("Ready")
            says = str(ready.get("message", ""))
            return says if ready.get("reason") == reason and all(each in says for each in words) else ""

        return until(message, seconds=seconds, what=f"reason {reason} with {words}")


def a_crash_is_told_with_its_last_line(place: Place) -> None:
    place.create({"EXIT_ON_START": "the weights are missing"})
    place.told("ContainerFailing", "exit code 1", "the weights are missing")
    status = place.status()
    holds(lambda: place.status() == status, seconds=20, what="the same words, crash by crash")


def a_server_out_of_memory_is_told(place: Place) -> None:
    place.create({"ALLOCATE_MB": "200"}, resources={"limits": {"memory": "48Mi"}})
    place.told("ContainerFailing", "resources.limits.memory")


def a_missing_accelerator_is_told_in_the_schedulers_own_words(place: Place) -> None:
    place.create(resources={"limits": {"nvidia.com/gpu": "1"}})
    place.told("Unschedulable", "waiting for 1 nvidia.com/gpu", "Insufficient nvidia.com/gpu")


def a_missing_claim_is_told(place: Place) -> None:
    place.create(model={"uri": "pvc://models/fraud"})
    place.told("Unschedulable", "the PersistentVolumeClaim models does not exist", "correct model.uri")


def a_missing_image_is_told_in_the_same_words_between_two_tries(place: Place) -> None:
    place.kube.create(MODEL_DEPLOYMENT, a_model(place.namespace, **a_server("registry.invalid/fraud:1")))
    message = place.told("ImageUnavailable", "image registry.invalid/fraud:1 cannot be pulled")
    holds(lambda: place.condition("Ready")["message"] == message, seconds=20, what="the same words")


def a_missing_model_image_is_told(place: Place) -> None:
    place.create(model={"uri": "oci://registry.invalid/fraud-files:1"})
    place.told("ImageUnavailable", "the model oci://registry.invalid/fraud-files:1 cannot be pulled")


def a_volume_that_cannot_be_mounted_is_told_in_the_kubelets_own_words(place: Place) -> None:
    volumes = [{"name": "certificates", "secret": {"secretName": "no-such"}}]
    mounts = [{"name": "certificates", "mountPath": "/certificates"}]
    place.create(pod={"volumes": volumes, "volumeMounts": mounts})
    message = place.told("ContainerFailing", "its pods cannot start: MountVolume", 'secret "no-such" not found')
    holds(lambda: place.condition("Ready")["message"] == message, seconds=40, what="the same words")
    events = [(event["reason"], event["note"]) for event in place.kube.list(EVENT, place.namespace)]
    assert [each for each in events if each[0] == "ContainerFailing"] == [("ContainerFailing", message)]


def a_missing_secret_is_told(place: Place) -> None:
    spec = a_server(place.image)
    key = {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "registry-token", "key": "token"}}}
    spec["runtime"]["env"].append(key)
    place.kube.create(MODEL_DEPLOYMENT, a_model(place.namespace, **spec))
    place.told("ContainerFailing", 'secret "registry-token" not found')


def a_quota_is_told_and_waited_for(place: Place) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small", "namespace": place.namespace}}
    place.kube.create(QUOTA, {**quota, "spec": {"hard": {"pods": "0"}}})
    place.create()
    place.told("PodsRefused", "exceeded quota: small")
    place.kube.delete(QUOTA, place.namespace, "small")
    # The Deployment's own controller tries again with a growing delay.
    place.wait_ready(seconds=120)


def a_pod_that_pod_security_refuses_is_told(place: Place) -> None:
    place.create(pod={"securityContext": {"runAsNonRoot": False}})
    place.told("PodsRefused", "PodSecurity")
    place.patch(pod=None)
    place.wait_ready()  # the defaults are what Pod Security calls restricted


def a_missing_runtime_is_told_and_waited_for(place: Place) -> None:
    name = place.namespace
    runtime = {"ref": {"name": name}, "image": place.image}
    place.kube.create(MODEL_DEPLOYMENT, a_model(place.namespace, runtime=runtime))
    place.told("RuntimeNotFound", f"there is no ModelRuntime {name}")
    spec = {"image": place.image, "probes": {"readiness": {"path": "/readyz", "period": "1s"}}}
    head = {"apiVersion": MODEL_RUNTIME.api_version, "kind": "ModelRuntime", "metadata": {"name": name}}
    place.kube.create(MODEL_RUNTIME, {**head, "spec": spec})
    try:
        place.wait_ready()
    finally:
        place.kube.delete(MODEL_RUNTIME, None, name)


def a_new_revision_that_does_not_answer_takes_no_traffic(place: Place) -> None:
    place.create()
    place.wait_ready()
    silent = a_server(place.image, version="2")
    silent["runtime"]["container"]["probes"]["serving"] = "/no-such-path"
    place.patch(**silent)
    place.told("ProbeUnanswered", "GET /no-such-path on port 8080 answered 404")
    assert place.version() == "1"
    good = a_server(place.image, version="3")
    good["runtime"]["container"]["probes"]["serving"] = "/v1/predict"
    place.patch(**good)
    place.wait_ready()
    assert place.version() == "3"


def the_same_by_way_of_the_api_server(place: Place) -> None:
    a_new_revision_that_does_not_answer_takes_no_traffic(place)


def a_revision_past_its_deadline_stalls_and_still_takes_over_when_it_can(place: Place) -> None:
    place.create()
    place.wait_ready()
    late = a_server(place.image, version="2", START_DELAY="25")
    place.patch(**{**late, "rollout": {"progressDeadline": "10s"}})
    place.told("ProgressDeadlineExceeded")
    assert place.condition("Stalled")["status"] == "True"
    assert place.condition("Available")["status"] == "True"
    place.wait_ready(seconds=90)
    assert place.version() == "2"


def kubectl_wait_waits_for_the_new_generation(place: Place) -> None:
    place.create()
    wait = ("wait", "--for=condition=Ready", "-n", place.namespace, "fmd/fraud", "--timeout=90s")
    assert place.kube.kubectl(*wait).returncode == 0
    place.patch(**a_server(place.image, version="2"))
    done = place.kube.kubectl(*wait)
    assert done.returncode == 0, done.stderr
    assert place.version() == "2"


def kubectl_get_shows_what_a_person_on_call_wants(place: Place) -> None:
    place.create()
    place.wait_ready()
    shown = place.kube.kubectl("get", "fmd", "-n", place.namespace)
    head, row = shown.stdout.splitlines()
    assert head.split() == ["NAME", "READY", "REPLICAS", "AVAILABLE", "STABLE", "ROLLOUT", "WEIGHT", "AGE"]
    assert row.split()[:4] == ["fraud", "True", "1", "1"]
    assert row.split()[5] == "Stable"


def kubectl_scale_scales(place: Place) -> None:
    place.create()
    place.wait_ready()
    assert place.kube.kubectl("scale", "-n", place.namespace, "fmd/fraud", "--replicas=3").returncode == 0
    until(lambda: place.status().get("readyReplicas") == 3, seconds=60, what="3 ready pods")
    place.wait_ready()


STORIES = by_name(
    a_volume_that_cannot_be_mounted_is_told_in_the_kubelets_own_words,
    a_revision_past_its_deadline_stalls_and_still_takes_over_when_it_can,
    a_quota_is_told_and_waited_for,
    a_crash_is_told_with_its_last_line,
    a_missing_image_is_told_in_the_same_words_between_two_tries,
    a_server_out_of_memory_is_told,
    a_missing_accelerator_is_told_in_the_schedulers_own_words,
    a_missing_claim_is_told,
    a_missing_model_image_is_told,
    a_missing_secret_is_told,
    a_pod_that_pod_security_refuses_is_told,
    a_missing_runtime_is_told_and_waited_for,
    a_new_revision_that_does_not_answer_takes_no_traffic,
    the_same_by_way_of_the_api_server,
    kubectl_wait_waits_for_the_new_generation,
    kubectl_get_shows_what_a_person_on_call_wants,
    kubectl_scale_scales,
)
"""Those that take longest come first."""
LABELS: dict[Callable[[Place], None], dict[str, str]] = {
    a_pod_that_pod_security_refuses_is_told: {"pod-security.kubernetes.io/enforce": "restricted"}
}
SETTINGS: dict[Callable[[Place], None], dict[str, str]] = {
    a_new_revision_that_does_not_answer_takes_no_traffic: {"FAIRLEAD_POD_ACCESS": "Direct"},
    the_same_by_way_of_the_api_server: {"FAIRLEAD_POD_ACCESS": "Proxy"},
}


@pytest.fixture(scope="module")
def told(
    kube: Kube, server_image: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Told]:
    """All stories, on their way."""

    def tell(story: Callable[[Place], None], folder: Path) -> None:
        with (
            kube.namespace(**LABELS.get(story, {})) as namespace,
            running(kube.kubeconfig, folder, namespace, settings=SETTINGS.get(story, {})),
        ):
            story(Place(kube, namespace, server_image))

    with begun(request, tmp_path_factory.mktemp("status"), STORIES, tell, AT_ONCE) as told:
        yield told


@named(STORIES)
def test_the_status_tells(told: Told, story: str):
    told[story].result()
