"""Models that are fetched into real pods from real servers, pinned to what they were, and told when they cannot be had.

The Hub of Hugging Face is a stand-in (tests/fetch/hub.py); S3, the registry and MLflow are the real programs.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

import localcluster
from fairlead.api.kinds import MODEL_DEPLOYMENT, Kind
from fetch.hub import Hub
from fetch.layers import LAYER, image_config, manifest, tar, tgz
from fetch.servers import S3, Repository, trusting
from fetch.tracking import MLflow
from fetch.web_server import Site, serving
from fetch.wire import Wire, listening
from installation.image import FETCHER, image_of
from kube import POD, Kube
from localcluster import registries
from localcluster.network import HOST
from models import a_model, a_server
from operator_process import running
from waiting import until

ROOT = Path(__file__).parents[2]
SECRET = Kind("", "v1", "Secret", "secrets")
VOLUME = Kind("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False)
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
OLD, NEW = b"the old weights", b"the new weights"
SHA256 = "sha256:[0-9a-f]{64}"


@dataclass
class Place:
    """Models in one namespace, and the servers that they come from."""

    kube: Kube
    namespace: str
    image: str
    site: Site
    hub: Hub
    s3: S3
    repository: Repository
    mounted: Repository
    """For images that are mounted and not fetched."""
    mlflow: MLflow
    web: str
    """Address of the web server, as pods reach it; the Hub is there as well."""
    bucket: Mapping[str, str]
    registry: str
    wire: Wire
    """Through which the web server is reached."""

    def create(self, name: str, uri: str, fetch: Mapping[str, Any] | None, **spec: Any) -> None:
        server = a_server(self.image)
        fetched = {} if fetch is None else {"fetch": {**fetch, "resources": {}}}
        server["model"] = {"uri": uri, "version": "1", **fetched}
        self.kube.create(MODEL_DEPLOYMENT, a_model(self.namespace, name, **{**server, **spec}))

    def secret(self, name: str, **keys: str) -> None:
        self.kube.create(SECRET, {"metadata": {"name": name, "namespace": self.namespace}, "stringData": keys})

    def source(self, name: str) -> dict[str, Any]:
        return dict(self.kube.model(self.namespace, name)["status"]["source"])

    def told(self, name: str, reason: str, words: str, seconds: float = 90) -> None:
        """Waits until Ready says so."""

        def found() -> bool:
            ready = self.kube.condition(self.namespace, name, "Ready")
            return ready.get("reason") == reason and words in ready["message"]

        try:
            until(found, seconds=seconds, what=f"{reason} of {name}")
        except AssertionError as late:
            raise AssertionError(f"{late}; it says {self.kube.condition(self.namespace, name, 'Ready')}") from None

    def weights(self, name: str) -> set[bytes]:
        """What the servers of a model read in their folder, once all of its pods are ready."""
        until(lambda: self.are_ready(name), seconds=120, what=f"ready pods of {name}")
        found = set()
        for pod in self.pods(name):
            read = ("python3", "-c", "print(open('/mnt/models/weights.bin').read(), end='')")
            done = self.kube.kubectl("exec", "-n", self.namespace, pod, "-c", "server", "--", *read)
            assert done.returncode == 0, done.stderr
            found.add(done.stdout.encode())
        return found

    def are_ready(self, name: str) -> bool:
        pods = [self.kube.get(POD, self.namespace, pod) or {} for pod in self.pods(name)]
        found = [each for pod in pods for each in (pod.get("status") or {}).get("conditions") or ()]
        ready = [each["status"] for each in found if each["type"] == "Ready"]
        return len(ready) == len(pods) > 0 and set(ready) == {"True"}

    def pods(self, name: str) -> list[str]:
        return [
            pod["metadata"]["name"]
            for pod in self.kube.pods(self.namespace, name)
            if not pod["metadata"].get("deletionTimestamp")
        ]

    def restart(self, name: str) -> None:
        """All pods of a model go, and others come."""
        gone = self.pods(name)
        for pod in gone:
            self.kube.delete(POD, self.namespace, pod)
        until(lambda: not set(gone) & set(self.pods(name)) and self.pods(name), what=f"other pods of {name}")


@pytest.fixture(scope="module")
def place(
    kube: Kube,
    local_cluster: localcluster.Cluster,
    server_image: str,
    authority: trustme.CA,
    certificate: trustme.LeafCert,
    s3: S3,
    registry: int,
    mlflow: MLflow,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """An operator that looks up again every ten seconds, and whose fetcher trusts the authority of the servers."""
    local_cluster.load(image_of(ROOT, FETCHER))
    pem = authority.cert_pem.bytes().decode()
    hub, site = Hub(), Site()
    site.other = hub.answer
    settings = {"FAIRLEAD_FETCH_IMAGE": FETCHER.tag, "FAIRLEAD_FETCH_CA_BUNDLE": pem, "FAIRLEAD_FETCH_RECHECK": "10s"}
    with ExitStack() as stack:
        namespace = stack.enter_context(kube.namespace())
        stack.enter_context(running(kube.kubeconfig, tmp_path_factory.mktemp("operator"), namespace, settings=settings))
        wire = Wire(stack.enter_context(serving(site, certificate.configure_cert)))
        ports = [
            stack.enter_context(listening(each.answer, HOST))
            for each in (wire, Wire(s3.port), Wire(registry), Wire(mlflow.port))
        ]
        web, bucket, images, tracking = (f"{HOST}:{port}" for port in ports)
        registries.trust(images, pem)
        yield Place(
            kube=kube,
            namespace=namespace,
            image=server_image,
            site=site,
            hub=hub,
            s3=s3,
            repository=Repository(f"https://localhost:{registry}/v2/{namespace}", trusting(pem)),
            mounted=Repository(f"https://localhost:{registry}/v2/{namespace}/mounted", trusting(pem)),
            mlflow=mlflow,
            web=web,
            bucket={**s3.credentials(), "AWS_ENDPOINT_URL": f"https://{bucket}", "MLFLOW": f"http://{tracking}"},
            registry=images,
            wire=wire,
        )


def env(**variables: str) -> dict[str, Any]:
    return {"env": [{"name": name, "value": value} for name, value in variables.items()]}


@dataclass(frozen=True)
class Source:
    """A model, under a name that can come to mean something else; what it is written down as."""

    name: str
    pinned: str
    outlasts: bool = True
    """Whether the old bytes are still there when the name means others."""


HF, OCI, MLFLOW = (
    Source("hf", r"hf://org/model@[0-9a-f]{40}"),
    Source("oci", rf"oci://.*@{SHA256}"),
    Source("mlflow", "mlflow://weights/1"),
)
BUCKET, WEB = Source("s3", rf"s3://models/weights@{SHA256}", False), Source("https", rf"https://.*@{SHA256}", False)
MOUNTED = Source("mounted", rf"oci://.*@{SHA256}")
SOURCES = (HF, OCI, MOUNTED, MLFLOW, BUCKET, WEB)


def put(place: Place, source: Source, content: bytes) -> None:
    """Makes the source's name mean these bytes."""
    match source.name:
        case "hf":
            place.hub.commit({"weights.bin": content}, "main")
        case "oci":
            layer = place.repository.blob(tgz(("weights.bin", content)), f"{LAYER}+gzip")
            place.repository.push(manifest(place.repository.blob, [layer]), "7")
        case "mounted":
            files = tar(("weights.bin", content))
            layer = place.mounted.blob(files, LAYER)
            place.mounted.push(manifest(place.mounted.blob, [layer], content=image_config(files)), "7")
        case "mlflow":
            place.mlflow.point("weights", "champion", place.mlflow.register("weights", {"weights.bin": content}))
        case "s3":
            place.s3.put("weights/weights.bin", content)
        case "https":
            place.site.files["/fraud/weights.bin"] = content


def uri_of(place: Place, source: Source) -> str:
    return {
        "hf": "hf://org/model@main",
        "oci": f"oci://{place.registry}/{place.namespace}:7",
        "mounted": f"oci://{place.registry}/{place.namespace}/mounted:7",
        "mlflow": "mlflow://weights@champion",
        "s3": "s3://models/weights",
        "https": f"https://{place.web}/fraud/weights.bin",
    }[source.name]


def fetch_of(place: Place, source: Source) -> dict[str, Any] | None:
    match source.name:
        case "mounted":
            return None
        case "hf":
            return env(HF_ENDPOINT=f"https://{place.web}")
        case "mlflow":
            return env(MLFLOW_TRACKING_URI=place.bucket["MLFLOW"])
        case "s3":
            return {"secretName": "bucket"}
        case _:
            return {"include": ["*"]}


@pytest.fixture(scope="module")
def served(place: Place) -> Place:
    """A model of every source; the credentials of the bucket are in a Secret."""
    place.secret("bucket", **{name: value for name, value in place.bucket.items() if name.startswith("AWS_")})
    for source in SOURCES:
        put(place, source, OLD)
        place.create(source.name, uri_of(place, source), fetch_of(place, source))
    return place


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_it_is_fetched_and_written_down_what_its_name_meant(served: Place, source: Source):
    served.kube.wait_ready(served.namespace, source.name, seconds=240)
    assert served.weights(source.name) == {OLD}
    found = served.source(source.name)
    assert found["uri"] == uri_of(served, source)
    assert re.fullmatch(source.pinned, found["resolved"])
    assert (found["files"], "latest" in found) == (1, False)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_pod_that_starts_later_gets_the_same_bytes_or_none(served: Place, source: Source):
    served.kube.wait_ready(served.namespace, source.name, seconds=240)
    before = served.kube.model(served.namespace, source.name)["status"]["stable"]["revision"]
    put(served, source, NEW)
    until(lambda: "latest" in served.source(source.name), seconds=120, what="that the name has moved")
    assert served.source(source.name)["latest"] != served.source(source.name)["resolved"]
    assert served.kube.model(served.namespace, source.name)["status"]["stable"]["revision"] == before
    assert served.weights(source.name) == {OLD}, "nothing restarts by itself"
    served.restart(source.name)
    if source.outlasts:
        served.kube.wait_ready(served.namespace, source.name, seconds=120)
        assert served.weights(source.name) == {OLD}
    else:
        served.told(source.name, "ModelUnavailable", "is not what it was when this revision was made")


def test_wrong_credentials_are_told_with_what_was_asked_and_answered(place: Place):
    place.secret("wrong", **{**place.s3.credentials(), "AWS_SECRET_ACCESS_KEY": "wrong-secret", **endpoint(place)})
    place.create("wrong", "s3://models/private", {"secretName": "wrong"})
    place.told("wrong", "ModelUnavailable", "s3://models/private")
    assert "wrong-secret" not in str(place.kube.model(place.namespace, "wrong")["status"])


def test_a_secret_that_is_missing_is_told_and_used_once_it_is_there(place: Place):
    place.s3.put("later/weights.bin", OLD)
    place.create("later", "s3://models/later", {"secretName": "later"})
    place.told("later", "Resolving", 'secret "later" not found')
    place.secret("later", **{**place.s3.credentials(), **endpoint(place)})
    place.kube.wait_ready(place.namespace, "later", seconds=240)
    assert place.weights("later") == {OLD}


def endpoint(place: Place) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL": place.bucket["AWS_ENDPOINT_URL"]}


def test_a_version_with_another_checksum_is_rolled_back_and_what_serves_goes_on(place: Place):
    place.site.files["/checked/weights.bin"] = OLD
    uri = f"https://{place.web}/checked/weights.bin"
    place.create("checked", uri, {"include": ["*"]}, rollout={"strategy": "Canary"}, **judged(place))
    place.kube.wait_ready(place.namespace, "checked", seconds=240)
    model = {"uri": uri, "version": "2", "fetch": {"checksum": f"sha256:{64 * '0'}"}}
    place.kube.patch(MODEL_DEPLOYMENT, place.namespace, "checked", {"spec": {"model": model}})
    place.told("checked", "RolledBack", "wrong SHA-256 checksum", seconds=240)
    assert place.weights("checked") == {OLD}
    assert place.kube.condition(place.namespace, "checked", "Available")["status"] == "True"


def judged(place: Place) -> dict[str, Any]:
    """A server whose canaries can be judged."""
    container = a_server(place.image)["runtime"]["container"]
    latency = {"latency": {"series": "http_request_duration_seconds"}}
    return {"runtime": {"container": {**container, "metrics": latency}}}


def test_pods_share_what_is_on_a_claim_and_it_is_fetched_once(place: Place, tmp_path: Path):
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    a_claim(place, folder)
    place.site.files["/shared/weights.bin"] = OLD
    uri = f"https://{place.web}/shared/weights.bin"
    place.create("shared", uri, {"cacheClaim": "models"}, replicas=3)
    place.kube.wait_ready(place.namespace, "shared", seconds=240)
    assert place.weights("shared") == {OLD}
    whole = list(folder.glob("*/files/weights.bin"))
    assert len(whole) == 1
    place.kube.delete(VOLUME, None, place.namespace)


def a_claim(place: Place, folder: Path) -> None:
    """On this machine, which is all nodes of the cluster."""
    size = {"storage": "1Gi"}
    volume = {
        "metadata": {"name": place.namespace},
        "spec": {
            "capacity": size,
            "accessModes": ["ReadWriteMany"],
            "hostPath": {"path": str(folder)},
            "claimRef": {"namespace": place.namespace, "name": "models"},
        },
    }
    claim = {
        "metadata": {"name": "models", "namespace": place.namespace},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": {"requests": size},
            "storageClassName": "",
            "volumeName": place.namespace,
        },
    }
    place.kube.create(VOLUME, volume)
    place.kube.create(CLAIM, claim)


def test_it_is_told_how_far_it_is(place: Place):
    place.site.files["/big/weights.bin"] = bytes(40_000_000)
    uri = f"https://{place.web}/big/weights.bin"
    place.wire.hold_at = place.wire.received + 22_000_000
    place.create("big", uri, {"include": ["*"]})
    try:
        place.told("big", "Fetching", "50 % of 38.1 MiB so far", seconds=120)
    finally:
        place.wire.release()
    place.kube.wait_ready(place.namespace, "big", seconds=120)
