import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from localcluster.binaries import Ways, architecture, binaries, binary, folders_to_search, same_minor, search_path
from localcluster.places import ClusterError
from localcluster.programs import ALL, CONTROL_PLANE, NODE, version_of

KUBELET = version_of(ALL["kubelet"])


@pytest.fixture
def built() -> list[str]:
    """What had to be built."""
    return []


@pytest.fixture
def ways(tmp_path: Path, built: list[str]) -> Ways:
    """Nothing kept, nothing installed, nobody to download from; building takes no time."""

    def build(_: Path, __: str, output: Path, ___: str, what: str, *____: object) -> None:
        output.write_text("built")
        built.append(what)

    path = str(tmp_path / "path")
    return Ways(keep=tmp_path / "kept", search=path, downloads="http://127.0.0.1:9", build=build)


@pytest.fixture
def published() -> Iterator[tuple[str, dict[str, bytes]]]:
    """Where something can be downloaded, and what, by its path."""
    files: dict[str, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path in files else 404)
            self.end_headers()
            self.wfile.write(files.get(self.path, b""))

        def log_message(self, *_: Any) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", files
    server.shutdown()
    server.server_close()


def installed(folder: Path, name: str, says: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{says}'\n")
    (folder / name).chmod(0o755)


def quiet(_: str) -> None: ...


@pytest.mark.parametrize("name", ALL)
def test_every_version_is_in_a_go_mod(name: str) -> None:
    assert version_of(ALL[name]).startswith("v")


def test_the_programs_of_a_cluster_are_known() -> None:
    assert {*CONTROL_PLANE, *NODE} <= ALL.keys()


def test_one_that_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(ClusterError, match="'kubeadm' is none of"):
        binary("kubeadm")


def test_an_installed_one_of_the_right_version_is_taken(tmp_path: Path, ways: Ways, built: list[str]) -> None:
    installed(tmp_path / "path", "kubelet", f"Kubernetes {KUBELET}")
    assert "echo" in binary("kubelet", quiet, ways).read_text()
    assert built == []


def test_the_assets_of_envtest_come_before_the_path(tmp_path: Path, ways: Ways) -> None:
    installed(tmp_path / "path", "kubelet", f"Kubernetes {KUBELET} from the path")
    installed(tmp_path / "assets", "kubelet", f"Kubernetes {KUBELET} from the assets")
    search = search_path({"KUBEBUILDER_ASSETS": str(tmp_path / "assets"), "PATH": str(tmp_path / "path")})
    ways = replace(ways, search=search)
    assert "from the assets" in binary("kubelet", quiet, ways).read_text()


def test_an_installed_one_of_another_version_is_not_taken(tmp_path: Path, ways: Ways, built: list[str]) -> None:
    installed(tmp_path / "path", "kubelet", "Kubernetes v1.20.0")
    assert binary("kubelet", quiet, ways).read_text() == "built"
    assert built == [f"kubelet {KUBELET}"]


def test_one_that_is_kept_is_not_built_again(ways: Ways, built: list[str]) -> None:
    assert binary("helm", quiet, ways) == binary("helm", quiet, ways)
    assert len(built) == 1


def test_the_path_lacks_what_is_kept_and_not_installed(tmp_path: Path, ways: Ways) -> None:
    kept = binary("helm", quiet, ways)
    assert folders_to_search(["kubectl", "helm"], ways.search, ways) == [kept.parent], "kubectl is nowhere yet"
    installed(tmp_path / "path", "helm", "another version")
    assert folders_to_search(["kubectl", "helm"], ways.search, ways) == []


def test_a_download_is_taken_when_its_checksum_is_the_published_one(
    ways: Ways, published: tuple[str, dict[str, bytes]], built: list[str]
) -> None:
    address, files = published
    ways = replace(ways, downloads=address)
    path = f"/{KUBELET}/bin/linux/{architecture()}/kubelet"
    files[path] = b"downloaded"
    files[f"{path}.sha256"] = hashlib.sha256(b"downloaded").hexdigest().encode()
    assert binary("kubelet", quiet, ways).read_bytes() == b"downloaded"
    assert built == []


def test_a_download_with_another_checksum_is_an_error_and_is_not_kept(
    ways: Ways, published: tuple[str, dict[str, bytes]], built: list[str], tmp_path: Path
) -> None:
    address, files = published
    ways = replace(ways, downloads=address)
    path = f"/{KUBELET}/bin/linux/{architecture()}/kubelet"
    files[path] = b"tampered with"
    files[f"{path}.sha256"] = hashlib.sha256(b"downloaded").hexdigest().encode()
    with pytest.raises(ClusterError, match="checksum"):
        binary("kubelet", quiet, ways)
    assert built == []
    assert list(tmp_path.rglob("kubelet*")) == []


def test_whoever_does_not_answer_is_asked_once(ways: Ways, built: list[str]) -> None:
    said: list[str] = []
    binaries(["kubelet", "kube-proxy"], said.append, ways)
    assert sum("does not answer" in line for line in said) == 1
    assert len(built) == 2


@pytest.mark.parametrize(
    ("said", "version", "same"),
    [
        ("Kubernetes v1.37.0", "v1.37.2", True),
        ("etcd Version: 3.7.1\nGit SHA: 1", "v3.7.0", True),
        ("v4.3.1+g1234", "v4.3.1", True),
        ("Client Version: v1.32.1", "v1.37.2", False),
        ("Kubernetes v11.37.2", "v1.37.2", False),
        ("Kubernetes v1.371.0", "v1.37.2", False),
        ("", "v1.37.2", False),
    ],
)
def test_only_the_minor_version_has_to_be_the_same(said: str, version: str, same: bool) -> None:
    assert same_minor(said, version) is same
