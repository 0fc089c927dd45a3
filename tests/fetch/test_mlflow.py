"""Registered models, in a real MLflow server."""

import json
from pathlib import Path

import pytest

from fetch.running import Fetcher, content
from fetch.servers import S3
from fetch.tracking import MLflow
from fetch.web_server import Site, serving
from fetch.wire import Proxy, Wires

FIRST = {"MLmodel": b"flavors: {}", "data/weights 1.bin": b"1" * 6_000_000}
SECOND = {"MLmodel": b"flavors: {}", "data/weights 1.bin": b"2" * 1000}
SIZE = sum(map(len, FIRST.values()))


@pytest.fixture
def name(mlflow: MLflow, fetcher: Fetcher, request: pytest.FixtureRequest) -> str:
    """Of a model with one version, to which the alias `champion` points; and the fetcher told of the server."""
    name = str(request.node.name)
    mlflow.point(name, "champion", mlflow.register(name, FIRST))
    fetcher.environment["MLFLOW_TRACKING_URI"] = mlflow.uri()
    return name


def test_an_alias_is_resolved_to_a_version(fetcher: Fetcher, name: str, to: Path) -> None:
    resolved = fetcher.resolve(f"mlflow://{name}@champion").figures
    assert resolved == {"uri": f"mlflow://{name}/1", "files": 2, "bytes": SIZE}
    assert fetcher.resolve(resolved["uri"]).uri == resolved["uri"]
    assert fetcher.fetch(resolved["uri"], to).figures == {"files": 2, "bytes": SIZE}
    assert content(to) == FIRST


def test_after_the_alias_has_moved_the_old_bytes_come(fetcher: Fetcher, mlflow: MLflow, name: str, to: Path) -> None:
    old = fetcher.resolve(f"mlflow://{name}@champion").uri
    mlflow.point(name, "champion", mlflow.register(name, SECOND))
    assert fetcher.resolve(f"mlflow://{name}@champion").uri == f"mlflow://{name}/2"
    fetcher.fetch(old, to)
    assert content(to) == FIRST


def test_a_model_of_mlflow_3(fetcher: Fetcher, mlflow: MLflow, name: str, to: Path) -> None:
    version = mlflow.register_logged(name, SECOND)
    fetcher.fetch(f"mlflow://{name}/{version}", to)
    assert content(to) == SECOND


def test_a_killed_fetch_is_gone_on_with(fetcher: Fetcher, mlflow: MLflow, name: str, to: Path, wires: Wires) -> None:
    wire, port = wires.to(mlflow.port)
    fetcher.environment["MLFLOW_TRACKING_URI"] = mlflow.uri(port)
    wire.hold_at = SIZE // 2
    there = fetcher.killed(f"mlflow://{name}/1", to, wire, after=SIZE // 3)
    before = wire.received
    fetcher.fetch(f"mlflow://{name}/1", to)
    assert content(to) == FIRST
    assert wire.received - before < SIZE - there + 100_000


def test_what_is_not_there(fetcher: Fetcher, mlflow: MLflow, name: str) -> None:
    host = f"localhost:{mlflow.port}"
    assert fetcher.resolve(f"mlflow://{name}/9").refused() == (
        f"{host} has no mlflow://{name}/9 (HTTP 404 Not Found: Model Version (name={name}, version=9) not found): "
        "check the address, and that these credentials may see it"
    )
    refused = fetcher.resolve(f"mlflow://{name}@rival").refused()
    assert "Registered model alias rival not found" in refused
    del fetcher.environment["MLFLOW_TRACKING_URI"]
    assert (
        fetcher.resolve(f"mlflow://{name}/1").refused().startswith("MLFLOW_TRACKING_URI has to name the MLflow server")
    )


def test_a_model_in_a_bucket_is_read_from_there(fetcher: Fetcher, mlflow: MLflow, s3: S3, name: str, to: Path) -> None:
    s3.put(f"{name}/artifacts/model.bin", b"from the bucket")
    mlflow.client.post(f"{mlflow.uri()}/api/2.0/mlflow/registered-models/create", json={"name": f"{name}-s3"})
    asked = {"name": f"{name}-s3", "source": f"s3://models/{name}/artifacts"}
    version = mlflow.ask("model-versions/create", **asked)["model_version"]["version"]
    fetcher.give(**s3.credentials())
    fetcher.fetch(f"mlflow://{name}-s3/{version}", to)
    assert content(to) == {"model.bin": b"from the bucket"}


def test_two_states_of_a_bucket_are_not_mixed(
    fetcher: Fetcher, mlflow: MLflow, s3: S3, name: str, to: Path, wires: Wires
) -> None:
    """The version is the same, and somebody has overwritten what it points to."""
    s3.put(f"{name}/model.bin", b"1" * 6_000_000)
    mlflow.client.post(f"{mlflow.uri()}/api/2.0/mlflow/registered-models/create", json={"name": f"{name}-s3"})
    mlflow.ask("model-versions/create", name=f"{name}-s3", source=f"s3://models/{name}")
    wire, port = wires.to(s3.port)
    fetcher.give(**s3.credentials(port))
    wire.hold_at = 3_000_000
    fetcher.killed(f"mlflow://{name}-s3/1", to, wire, after=0)
    s3.put(f"{name}/model.bin", b"2" * 6_000_000)
    fetcher.fetch(f"mlflow://{name}-s3/1", to)
    assert content(to) == {"model.bin": b"2" * 6_000_000}


def test_a_proxy_is_asked(fetcher: Fetcher, mlflow: MLflow, name: str, to: Path, proxy: tuple[Proxy, str]) -> None:
    through, address = proxy
    fetcher.environment["MLFLOW_TRACKING_URI"] = f"http://localhost:{mlflow.port}"
    fetcher.fetch(f"mlflow://{name}/1", to, HTTP_PROXY=address)
    assert content(to) == FIRST
    assert f"GET http://localhost:{mlflow.port}/api/2.0/mlflow/model-versions/get" in through.asked


def test_only_the_servers_that_are_configured_get_the_login(fetcher: Fetcher, to: Path, site: Site) -> None:
    """Old servers let whoever registers a version say where its files are; so does one here, as a stand-in."""
    tracking = Site()
    with serving(site) as elsewhere, serving(tracking) as port:
        where = f"http://localhost:{elsewhere}/api/2.0/mlflow-artifacts/artifacts/model"
        answers = {"get": {"model_version": {"status": "READY"}}, "get-download-uri": {"artifact_uri": where}}
        for name, answer in answers.items():
            tracking.files[f"/api/2.0/mlflow/model-versions/{name}"] = json.dumps(answer).encode()
        fetcher.environment |= {
            "MLFLOW_TRACKING_URI": f"http://localhost:{port}",
            "MLFLOW_TRACKING_TOKEN": "secret-token",
        }
        fetcher.fetch("mlflow://fraud/1", to).refused()
    assert {authorization for _, authorization in tracking.asked} == {"Bearer secret-token"}
    assert {authorization for _, authorization in site.asked} == {""}


def test_a_folder_with_the_model_of_another_server_is_refused(
    fetcher: Fetcher, name: str, to: Path, mlflow: MLflow
) -> None:
    fetcher.fetch(f"mlflow://{name}/1", to)
    fetcher.environment["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{mlflow.port}"
    assert f"holds mlflow://{name}/1, and somebody may be using it" in fetcher.fetch(f"mlflow://{name}/1", to).refused()
