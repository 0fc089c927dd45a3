"""What the API server offers once the CRDs are there: scale, status apart from the spec, and selection by runtime."""

from fairlead.api.kinds import MODEL_DEPLOYMENT
from kube import Kube

NAME = "fraud"


def create(kube: Kube, namespace: str, name: str = NAME, runtime: str = "mlserver") -> None:
    metadata = {"name": name, "namespace": namespace}
    spec = {"runtime": {"ref": {"name": runtime}}, "replicas": 2}
    manifest = {"apiVersion": "fairlead.dev/v1alpha1", "kind": "ModelDeployment", "metadata": metadata, "spec": spec}
    kube.create(MODEL_DEPLOYMENT, manifest)


def test_kubectl_scale(kube: Kube, namespace: str) -> None:
    create(kube, namespace)
    status = {"replicas": 2, "selector": "fairlead.dev/model=fraud"}
    kube.patch(MODEL_DEPLOYMENT, namespace, NAME, {"status": status}, "/status")

    scaled = kube.patch(MODEL_DEPLOYMENT, namespace, NAME, {"spec": {"replicas": 5}}, "/scale")

    assert scaled["spec"]["replicas"] == 5
    assert scaled["status"] == status
    assert kube.model(namespace, NAME)["spec"]["replicas"] == 5


def test_a_status_in_a_manifest_is_not_believed(kube: Kube, namespace: str) -> None:
    create(kube, namespace)

    patched = kube.patch(MODEL_DEPLOYMENT, namespace, NAME, {"status": {"readyReplicas": 7}})

    status = patched["status"]
    assert (status["observedGeneration"], status["readyReplicas"]) == (0, 0), "not looked at yet, and so not ready"


def test_a_status_does_not_change_the_generation(kube: Kube, namespace: str) -> None:
    create(kube, namespace)

    patched = kube.patch(MODEL_DEPLOYMENT, namespace, NAME, {"status": {"readyReplicas": 2}}, "/status")

    assert patched["metadata"]["generation"] == 1
    assert patched["status"]["readyReplicas"] == 2


def test_which_models_use_a_runtime(kube: Kube, namespace: str) -> None:
    create(kube, namespace)
    create(kube, namespace, "churn", runtime="http")

    path = MODEL_DEPLOYMENT.path(namespace)
    found = kube.call("GET", path, fieldSelector="spec.runtime.ref.name=http")["items"]

    assert [each["metadata"]["name"] for each in found] == ["churn"]
