"""Fixtures: real servers to fetch from, which end with the tests, and the authority that they are trusted by."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trustme

import localcluster
from fetch.registries import configuration
from fetch.servers import S3, running
from fetch.tracking import MLflow, tracking
from fetch.wire import free_port
from localcluster.network import HOST
from localcluster.places import CACHE


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Nobody else knows it: what is reached by TLS here is reached by FAIRLEAD_CA_BUNDLE."""
    return trustme.CA()


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    """Of every server here, under all of their names, and as pods reach this machine."""
    return authority.issue_cert("127.0.0.1", "localhost", "models.test", "s3.test", "registry.test", "hub.test", HOST)


@pytest.fixture(scope="session")
def s3(authority: trustme.CA, certificate: trustme.LeafCert, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3]:
    """An S3 server with TLS and the bucket `models`. Its folder has to be on a disk: it needs extended attributes."""
    with TemporaryDirectory(dir=CACHE) as name:
        folder = Path(name)
        (folder / "buckets" / "models").mkdir(parents=True)
        key, chain = _written(certificate, folder)
        s3 = S3(port=free_port(), authority=authority.cert_pem.bytes().decode())
        options = ("--port", f"127.0.0.1:{s3.port}", "--cert", chain, "--key", key, "--quiet")
        command = (localcluster.binary("versitygw"), *options, "posix", folder / "buckets")
        with running(command, folder, s3.port, ROOT_ACCESS_KEY=s3.key, ROOT_SECRET_KEY=s3.secret):
            yield s3


@pytest.fixture(scope="session")
def tls(certificate: trustme.LeafCert, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The key and the certificate of every server, as files."""
    return _written(certificate, tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="session")
def registry_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the registry keeps its blobs."""
    return tmp_path_factory.mktemp("registry") / "storage"


@pytest.fixture(scope="session")
def registry(tls: tuple[Path, Path], registry_storage: Path) -> Iterator[int]:
    """The port of a registry where everybody may do everything."""
    port = free_port()
    command = (localcluster.binary("registry"), "serve", configuration(registry_storage.parent, port, tls))
    with running(command, registry_storage.parent, port):
        yield port


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MLflow]:
    """A tracking server that keeps and serves artifacts itself."""
    with tracking(tmp_path_factory.mktemp("mlflow")) as server:
        yield server


def _written(certificate: trustme.LeafCert, folder: Path) -> tuple[Path, Path]:
    """The key and the chain as files."""
    key, chain = folder / "key.pem", folder / "chain.pem"
    certificate.private_key_pem.write_to_path(str(key))
    chain.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    return key, chain
