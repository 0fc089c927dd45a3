"""report/failures.py: why pods do not serve, in words that a person can act on."""

from typing import Any

import pytest

from fairlead.api import names
from fairlead.api.reasons import Reason
from fairlead.report.failures import TROUBLES, first_trouble
from fairlead.situation import Hanging, Progress


def a_pod(container: dict[str, Any] | None = None, **condition: Any) -> dict[str, Any]:
    status: dict[str, Any] = {"conditions": [condition] if condition else []}
    if container:
        status["containerStatuses"] = [
            {"name": "server", "image": "registry.example/fraud:7", "ready": False, **container}
        ]
    resources = {"limits": {"nvidia.com/gpu": "1", "cpu": "2"}}
    return {
        "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "server", "resources": resources}]},
        "status": status,
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"state": {"waiting": {"reason": reason, "message": message}}}


def ended(**fields: Any) -> dict[str, Any]:
    return {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": fields}}


def with_spec(pod: dict[str, Any], volumes: tuple[dict[str, Any], ...] = (), **server: Any) -> dict[str, Any]:
    pod["spec"]["volumes"] = list(volumes)
    pod["spec"]["containers"][0] |= {"ports": [{"name": "http", "containerPort": 9000}], **server}
    return pod


def test_what_a_terminal_would_obey_is_not_quoted():
    pod = a_pod(ended(exitCode=1, message="boom \x1b]52;c;ZXZpbA==\x07\x1b[2J \u202egnp"))
    trouble = first_trouble(None, (pod,))
    assert trouble is not None
    assert trouble.message.isprintable()
    assert "boom" in trouble.message


def unschedulable(message: str) -> dict[str, Any]:
    return a_pod(type="PodScheduled", status="False", reason="Unschedulable", message=message)


FILES = {"name": "model", "image": {"reference": "registry.example/fraud-files:99"}}
CLAIM = {"name": "model", "persistentVolumeClaim": {"claimName": "models"}}
OWN_CLAIM = {"name": "cache", "persistentVolumeClaim": {"claimName": "models"}}
PULL_FILES = 'failed to pull and unpack image "registry.example/fraud-files:99": not found'
NO_CLAIM = '0/2 nodes are available: persistentvolumeclaim "models" not found. not found'
CREATE = "the PersistentVolumeClaim models does not exist in this namespace; create it, or correct"
NODES = "0/2 nodes are available: 2 Insufficient nvidia.com/gpu. no new claims to deallocate"
PULL = 'failed to pull and unpack image "registry.example/fraud:7": not found'

CASES = [
    pytest.param(
        a_pod(ended(exitCode=1, reason="Error", message="Loading\nKeyError: 'weights'\n")),
        Reason.CONTAINER_FAILING,
        "container server ended with exit code 1; its last line was: KeyError: 'weights'",
        id="crash loop",
    ),
    pytest.param(
        a_pod(ended(exitCode=137, reason="OOMKilled")),
        Reason.CONTAINER_FAILING,
        "container server was killed: it used more memory than resources.limits.memory allows (OOMKilled)",
        id="out of memory",
    ),
    pytest.param(
        a_pod(waiting("CreateContainerConfigError", 'secret "key" not found')),
        Reason.CONTAINER_FAILING,
        'container server cannot start: secret "key" not found',
        id="missing secret",
    ),
    pytest.param(
        a_pod(waiting("ErrImagePull", PULL)),
        Reason.IMAGE_UNAVAILABLE,
        f"image registry.example/fraud:7 cannot be pulled: {PULL}",
        id="image",
    ),
    pytest.param(
        a_pod(waiting("ImagePullBackOff", f'Back-off pulling image "registry.example/fraud:7": ErrImagePull: {PULL}')),
        Reason.IMAGE_UNAVAILABLE,
        f"image registry.example/fraud:7 cannot be pulled: {PULL}",
        id="image, between two tries: the same words",
    ),
    pytest.param(
        a_pod(type="PodScheduled", status="False", reason="Unschedulable", message=NODES),
        Reason.UNSCHEDULABLE,
        f"waiting for 1 nvidia.com/gpu: {NODES}",
        id="no accelerator",
    ),
    pytest.param(
        with_spec(unschedulable(NO_CLAIM), (CLAIM,)), Reason.UNSCHEDULABLE, f"{CREATE} model.uri", id="no claim"
    ),
    pytest.param(
        with_spec(unschedulable(NO_CLAIM), (OWN_CLAIM,)),
        Reason.UNSCHEDULABLE,
        f"{CREATE} pod.volumes",
        id="no claim for a volume of one's own",
    ),
    pytest.param(
        unschedulable(
            "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: "
            "2 No preemption victims found for incoming pod."
        ),
        Reason.UNSCHEDULABLE,
        "waiting for 2 cpu: 0/2 nodes are available: 2 Insufficient cpu",
        id="the same is not said twice",
    ),
    pytest.param(
        unschedulable("0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"),
        Reason.UNSCHEDULABLE,
        "no node for a pod: 0/2 nodes are available: pod has unbound immediate PersistentVolumeClaims",
        id="unbound claim",
    ),
    pytest.param(
        with_spec(a_pod(waiting("ErrImagePull", PULL_FILES)), (FILES,)),
        Reason.IMAGE_UNAVAILABLE,
        f"the model oci://registry.example/fraud-files:99 cannot be pulled: {PULL_FILES}",
        id="image volume",
    ),
    pytest.param(
        with_spec(
            a_pod(waiting("ImagePullBackOff", 'Back-off pulling image "docker.io/library/fraud": ErrImagePull: no')),
            ({"name": "model", "image": {"reference": "fraud"}},),
        ),
        Reason.IMAGE_UNAVAILABLE,
        "the model oci://fraud cannot be pulled: no",
        id="image volume, with its name written out",
    ),
    pytest.param(
        with_spec(
            a_pod(waiting("ErrImagePull", PULL)),
            ({"name": "model", "image": {"reference": "registry.example/fraud"}}, FILES),
        ),
        Reason.IMAGE_UNAVAILABLE,
        f"image registry.example/fraud:7 cannot be pulled: {PULL}",
        id="image, beside image volumes of similar names",
    ),
    pytest.param(
        a_pod({"state": {"running": {}}, "started": True}),
        Reason.NOT_READY,
        "container server runs, but is not ready",
        id="not ready",
    ),
    pytest.param(
        with_spec(
            a_pod({"state": {"running": {}}, "started": True}),
            readinessProbe={"httpGet": {"path": "/ready", "port": "http"}},
        ),
        Reason.NOT_READY,
        "container server runs, but is not ready: GET /ready on port 9000 (probes.readiness) "
        "is not answered with 2xx or 3xx",
        id="readiness",
    ),
    pytest.param(
        with_spec(a_pod({"state": {"running": {}}, "started": True}), readinessProbe={"tcpSocket": {"port": "http"}}),
        Reason.NOT_READY,
        "container server runs, but is not ready: port 9000 is not open",
        id="port",
    ),
    pytest.param(
        with_spec(
            a_pod({"state": {"running": {}}, "started": False}),
            startupProbe={"httpGet": {"path": "/loaded", "port": "http"}},
        ),
        Reason.NOT_READY,
        "container server runs, and loads its model or does not answer yet: GET /loaded on port 9000 (probes.startup) "
        "is not answered with 2xx or 3xx",
        id="startup",
    ),
    pytest.param(
        with_spec(
            a_pod({"name": "proxy", "state": {"running": {}}, "started": True}),
            readinessProbe={"tcpSocket": {"port": 8080}},
        ),
        Reason.NOT_READY,
        "container proxy runs, but is not ready",
        id="a container of somebody else",
    ),
]


@pytest.mark.parametrize(("pod", "reason", "message"), CASES)
def test_trouble_is_told_in_words(pod: dict[str, Any], reason: Reason, message: str):
    trouble = first_trouble(None, (pod,))
    assert trouble is not None
    assert (trouble.reason, trouble.message) == (reason, message)


def test_refused_pods_are_told_without_the_name_of_a_pod():
    told = (
        'pods "fraud-5d9c7-x2x4z" is forbidden: exceeded quota: gpus, requested: nvidia.com/gpu=1, used: 2, limited: 2'
    )
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": told}
    trouble = first_trouble({"status": {"conditions": [condition]}}, ())
    assert trouble is not None
    assert trouble.reason == Reason.PODS_REFUSED
    assert (
        trouble.message
        == "no pod may be created: exceeded quota: gpus, requested: nvidia.com/gpu=1, used: 2, limited: 2"
    )


def test_a_pod_that_is_restarting_after_a_crash_still_tells_of_the_crash():
    crash = {"state": {"running": {}}, "lastState": {"terminated": {"exitCode": 3, "message": "no licence"}}}
    trouble = first_trouble(None, (a_pod(crash),))
    assert trouble is not None
    assert "exit code 3" in trouble.message


def test_pods_that_end_are_no_trouble():
    pod = a_pod(ended(exitCode=1))
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert first_trouble(None, (pod,)) is None


CREATING = with_spec(a_pod(waiting("ContainerCreating")), ({"name": "certificates", "secret": {}}, CLAIM))
CREATING["metadata"]["labels"] = {"fairlead.dev/model": "fraud"}
NO_SECRET = 'MountVolume.SetUp failed for volume "certificates" : secret "nosuch" not found'


@pytest.mark.parametrize(
    ("hanging", "reason", "message"),
    [
        (
            Hanging(revision="fraud-1", warning=True, note=NO_SECRET),
            Reason.CONTAINER_FAILING,
            f"its pods cannot start: {NO_SECRET}",
        ),
        (
            Hanging(revision="fraud-1", note='Pulling image "x"'),
            Reason.STARTING,
            'its pods wait in ContainerCreating: Pulling image "x"',
        ),
        (
            Hanging(revision="fraud-1"),
            Reason.STARTING,
            "its pods wait in ContainerCreating, for volumes certificates and model: "
            "kubectl describe pods -l fairlead.dev/model=fraud",
        ),
    ],
    ids=["a warning", "an image", "nothing is known"],
)
def test_a_pod_that_hangs_is_told_with_what_it_waits_for(hanging: Hanging, reason: Reason, message: str):
    assert first_trouble(None, (CREATING,)) is None, "it may only need a moment"
    trouble = first_trouble(None, (CREATING,), hanging)
    assert trouble is not None
    assert (trouble.reason, trouble.message) == (reason, message)


def test_healthy_pods_are_no_trouble():
    assert first_trouble(None, (a_pod({"ready": True, "state": {"running": {}}}),)) is None


def test_what_needs_a_person_is_told_before_what_may_pass():
    assert [check.__name__ for check in TROUBLES] == [
        "pods_refused",
        "model_unavailable",
        "container_failing",
        "image_unavailable",
        "unschedulable",
        "pods_hang",
        "model_on_its_way",
        "not_ready",
    ]
    both = (a_pod({"state": {"running": {}}}), a_pod(waiting("ErrImagePull", PULL)))
    trouble = first_trouble(None, both)
    assert trouble is not None
    assert trouble.reason == Reason.IMAGE_UNAVAILABLE


def fetching(restarts: int = 0, **state: Any) -> dict[str, Any]:
    """A pod that has a model to fetch before its server starts."""
    first = {"name": names.FETCH, "ready": False, "restartCount": restarts, **state}
    later = {"name": names.CONTAINER, "ready": False, **waiting("PodInitializing")}
    return {"metadata": {"name": "a"}, "status": {"initContainerStatuses": [first], "containerStatuses": [later]}}


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        (None, "its model is being fetched"),
        (Progress(revision="fraud-1", percent=45, total=13_207_024_435), "…, 45 % of 12.3 GiB so far"),
        (Progress(revision="fraud-1", percent=0), "its model is being fetched"),
    ],
)
def test_it_is_told_how_much_of_a_model_is_there(progress: Progress | None, told: str):
    trouble = first_trouble(None, (fetching(state={"running": {}}),), None, progress)
    assert trouble is not None
    assert (trouble.reason, trouble.message) == (Reason.FETCHING, told.replace("…", "its model is being fetched"))


def test_a_model_that_cannot_be_fetched_is_told_in_the_words_of_what_fetches_it():
    why = "hub.example answered 401 for org/name: HF_TOKEN is missing, or may not read it"
    over = {"terminated": {"exitCode": 65, "message": f"{why}\n"}}
    for pod in (fetching(state=over), fetching(1, **waiting("CrashLoopBackOff"), lastState=over)):
        trouble = first_trouble(None, (pod,))
        assert trouble is not None
        assert (trouble.reason, trouble.message) == (Reason.MODEL_UNAVAILABLE, f"the model cannot be fetched: {why}")


def test_endless_words_are_cut():
    trouble = first_trouble(None, (a_pod(ended(exitCode=1, message="x" * 5000)),))
    assert trouble is not None
    assert len(trouble.message) < 700
