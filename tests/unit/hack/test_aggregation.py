"""How an extension of the API is found and believed, before anything is started."""

from base64 import b64decode
from pathlib import Path

import pytest
from cryptography import x509

from localcluster import aggregation, api, keda, metricsserver
from localcluster.aggregation import Extension
from localcluster.certificates import authority, read, write
from localcluster.kwok import PROCESS as KWOK
from localcluster.machine import OPTIONAL
from localcluster.network import HOST

EXTENSION = Extension(name="v1beta1.metrics.k8s.io", namespace="kube-system", service="metrics-server", port=4443)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    write(authority("ca"), tmp_path, "ca")
    return tmp_path


@pytest.mark.parametrize(
    ("version", "kind", "namespace", "path"),
    [
        ("v1", "Namespace", None, "/api/v1/namespaces/a"),
        ("v1", "Service", "b", "/api/v1/namespaces/b/services/a"),
        ("rbac.authorization.k8s.io/v1", "Role", "b", "/apis/rbac.authorization.k8s.io/v1/namespaces/b/roles/a"),
        ("apiregistration.k8s.io/v1", "APIService", None, "/apis/apiregistration.k8s.io/v1/apiservices/a"),
    ],
)
def test_a_manifest_tells_where_it_belongs(version: str, kind: str, namespace: str | None, path: str) -> None:
    metadata = {"name": "a"} | ({"namespace": namespace} if namespace else {})
    assert api.path_of({"apiVersion": version, "kind": kind, "metadata": metadata}) == path


def test_the_api_server_finds_the_process_behind_the_service() -> None:
    service, endpoints, served = aggregation.registration(EXTENSION, b"authority")
    assert "selector" not in service["spec"], "else the endpoints would be taken away again: there is no such pod"
    assert endpoints["metadata"]["labels"] == {"kubernetes.io/service-name": service["metadata"]["name"]}
    assert endpoints["endpoints"][0]["addresses"] == [HOST]
    assert endpoints["ports"][0]["name"] == service["spec"]["ports"][0]["name"]
    assert endpoints["ports"][0]["port"] == EXTENSION.port
    assert (served["spec"]["group"], served["spec"]["version"]) == ("metrics.k8s.io", "v1beta1")
    assert b64decode(served["spec"]["caBundle"]) == b"authority"
    assert api.path_of(served) == EXTENSION.path


def test_the_certificate_is_for_the_name_that_the_api_server_expects(keys: Path) -> None:
    folder = aggregation.serving_certificate(EXTENSION, keys)
    names = read(folder, "tls").certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["metrics-server.kube-system.svc"]
    assert (folder / "ca.crt").read_bytes() == (keys / "ca.crt").read_bytes()


def test_without_one_of_them_the_cluster_is_still_whole() -> None:
    assert {KWOK, metricsserver.PROCESS, *keda.PROCESSES} <= set(OPTIONAL)


def test_no_two_listen_at_the_same_port() -> None:
    ports = [metricsserver.EXTENSION.port, keda.EXTENSION.port]
    ports += [int(address.rpartition(":")[2]) for address in (keda.VALUES, keda.HEALTH, keda.METRICS)]
    assert len(set(ports)) == len(ports)
