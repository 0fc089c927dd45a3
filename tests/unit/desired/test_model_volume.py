"""desired/model_volume.py: how the files of a model reach the server."""

import pytest

from fairlead.api.modeldeployment import ModelDeployment
from fairlead.api.parse import parse_model_deployment
from fairlead.desired.model_volume import Files, model_files
from fairlead.site import Fetching, Site
from world import a_model

CLUSTER = Site(fetching=Fetching(image="registry.example/fetcher:1", env=(("HF_ENDPOINT", "https://hub.example"),)))
WITHOUT_IMAGE_VOLUMES = Site(fetching=Fetching(image="registry.example/fetcher:1", image_volumes=False))


def files(site: Site = CLUSTER, **model: object) -> Files:
    """The files of a model at what its URI says."""
    parsed = parse_model_deployment(a_model(model=model))
    assert isinstance(parsed, ModelDeployment), parsed
    return model_files(parsed, "/mnt/models", site, parsed.spec.model.uri)


@pytest.mark.parametrize(
    ("uri", "folder"),
    [
        ("pvc://models/fraud/7", "fraud/7"),
        ("pvc://models/fraud/", "fraud"),
        ("pvc://models", None),
        ("pvc://models/", None),
    ],
)
def test_a_claim_without_a_folder_is_mounted_as_a_whole(uri: str, folder: str | None):
    mount = files(uri=uri).mount
    assert mount is not None
    assert mount.get("subPath") == folder


def test_an_image_is_mounted_where_the_cluster_can_and_fetched_where_it_cannot_or_the_user_says_so():
    uri = "oci://registry.example/models/fraud:7"
    assert "image" in files(uri=uri).volumes[0]
    for fetched in (files(WITHOUT_IMAGE_VOLUMES, uri=uri), files(uri=uri, fetch={"include": ["*.onnx"]})):
        assert fetched.before[0]["args"][:2] == ["fetch", uri]


def test_what_is_fetched_is_seen_by_the_server_when_it_is_whole_and_for_reading_only():
    fetched = files(uri="hf://org/name@main", fetch={"exclude": ["*.bin"], "space": "40Gi"})
    (container,) = fetched.before
    assert container["args"] == [
        "fetch",
        "hf://org/name@main",
        "/mnt/fetched/model",
        "--exclude=*.bin",
        f"--space={40 * 2**30}",
        "--listen=8079",
    ]
    assert container["env"] == [{"name": "HF_ENDPOINT", "value": "https://hub.example"}]
    assert fetched.volumes[0] == {"name": "model", "emptyDir": {"sizeLimit": "40Gi"}}
    assert fetched.mount == {"name": "model", "mountPath": "/mnt/models", "readOnly": True, "subPath": "model/files"}


def test_only_the_container_that_fetches_sees_the_credentials():
    fetched = files(uri="s3://models/fraud", fetch={"secretName": "s3", "env": [{"name": "HF_ENDPOINT", "value": "x"}]})
    (container,) = fetched.before
    assert {"name": "fetch-credentials", "secret": {"secretName": "s3"}} in fetched.volumes
    assert "fetch-credentials" in [mount["name"] for mount in container["volumeMounts"]]
    assert fetched.mount is not None
    assert fetched.mount["name"] == "model"
    assert container["env"] == [{"name": "HF_ENDPOINT", "value": "x"}], "the model's own wins"


def test_on_a_shared_claim_other_files_have_another_folder():
    def folder(**fetch: object) -> str:
        mount = files(uri="hf://org/name@main", fetch={"cacheClaim": "models", **fetch}).mount
        assert mount is not None
        return str(mount["subPath"])

    assert folder() == folder()
    elsewhere = folder(env=[{"name": "MLFLOW_TRACKING_URI", "value": "https://mlflow.example"}])
    others = {folder(include=["*.json"]), folder(exclude=["*.json"]), elsewhere, folder(secretName="other")}
    assert len({folder(), *others}) == 5
