"""What the tests of the fetcher share: an authority of their own, the fetcher, and servers that end with them."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import trustme

from fetch.running import Fetcher
from fetch.servers import Repository, trusting
from fetch.web_server import Site, serving
from fetch.wire import Proxy, Wires, listening


@pytest.fixture
def fetcher(tmp_path: Path, authority: trustme.CA) -> Fetcher:
    """Trusts the authority, and has no credentials yet."""
    return Fetcher(tmp_path, {"FAIRLEAD_CA_BUNDLE": authority.cert_pem.bytes().decode()})


@pytest.fixture
def to(tmp_path: Path) -> Path:
    """A folder for the model."""
    return tmp_path / "model"


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def https(site: Site, certificate: trustme.LeafCert) -> Iterator[int]:
    """The port of a web server with TLS that has the site."""
    with serving(site, certificate.configure_cert) as port:
        yield port


@pytest.fixture
def wires() -> Iterator[Wires]:
    """Lays wires to ports."""
    with ExitStack() as stack:
        yield Wires(stack)


@pytest.fixture
def proxy() -> Iterator[tuple[Proxy, str]]:
    """A proxy, and its address."""
    proxy = Proxy()
    with listening(proxy.answer) as port:
        yield proxy, f"http://127.0.0.1:{port}"


@pytest.fixture
def repository(registry: int, authority: trustme.CA, request: pytest.FixtureRequest) -> Repository:
    """A new one, named after the test."""
    name = re.sub(r"\W+", "-", request.node.name).strip("-").lower()
    return Repository(f"https://localhost:{registry}/v2/{name}", trusting(authority.cert_pem.bytes().decode()))
