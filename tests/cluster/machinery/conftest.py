"""A real API server for the machinery."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from cluster.machinery.faulty import FaultyProxy
from cluster.machinery.processes import Spawn, spawning
from fairlead.api.kinds import Kind
from fairlead.cluster.access import Access, from_kubeconfig
from fairlead.cluster.client import Client
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import NotFound
from fairlead.cluster.metrics import Metrics

CRD = Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
SAMPLE = Kind("machinery.fairlead.dev", "v1", "Sample", "samples")


@pytest.fixture
async def connection(kubeconfig: Path) -> AsyncIterator[Connection]:
    connection = Connection(from_kubeconfig(str(kubeconfig)))
    yield connection
    await connection.close()


@pytest.fixture
async def proxy(connection: Connection) -> AsyncIterator[FaultyProxy]:
    proxy = FaultyProxy(connection)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", proxy.answer)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    proxy.server = f"http://{host}:{port}"
    yield proxy
    await runner.cleanup()


@pytest.fixture
async def through_proxy(proxy: FaultyProxy) -> AsyncIterator[Connection]:
    connection = Connection(Access(server=proxy.server))
    yield connection
    await connection.close()


@pytest.fixture
async def namespace(connection: Connection) -> AsyncIterator[str]:
    """A namespace for one test. Shadows the one of tests/conftest.py, which brings the custom resources along."""
    name = f"machinery-{uuid.uuid4().hex[:8]}"
    await connection.request("POST", NAMESPACE.path(), body={"metadata": {"name": name}})
    yield name
    await connection.request("DELETE", NAMESPACE.path(None, name))


@pytest.fixture
async def spawn() -> AsyncIterator[Spawn]:
    async with spawning() as spawn:
        yield spawn


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def client(connection: Connection, metrics: Metrics) -> Client:
    return Client(connection, may_write=lambda: True, metrics=metrics)


@pytest.fixture
async def samples(connection: Connection) -> AsyncIterator[Kind]:
    """A custom resource with a status subresource, for one test."""
    schema = {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "status": {
                "type": "object",
                "properties": {"phase": {"type": "string"}, "note": {"type": "string"}},
            },
        },
    }
    version = {
        "name": SAMPLE.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    definition = {
        "apiVersion": CRD.api_version,
        "kind": CRD.kind,
        "spec": {
            "group": SAMPLE.group,
            "scope": "Namespaced",
            "names": {"kind": SAMPLE.kind, "plural": SAMPLE.plural, "singular": "sample"},
            "versions": [version],
        },
    }
    name = f"{SAMPLE.plural}.{SAMPLE.group}"
    await connection.request(
        "PATCH",
        CRD.path(None, name),
        body=definition | {"metadata": {"name": name}},
        content_type="application/apply-patch+yaml",
        params={"fieldManager": "test"},
    )
    await until_found(connection, SAMPLE.path(), found=True)
    yield SAMPLE
    await connection.request("DELETE", CRD.path(None, name))
    await until_found(connection, CRD.path(None, name), found=False)


async def until_found(connection: Connection, path: str, *, found: bool) -> None:
    """Waits until something is there, or is gone."""
    async with asyncio.timeout(30):
        while await is_found(connection, path) != found:  # noqa: ASYNC110 - the API server sets no event
            await asyncio.sleep(0.1)


async def is_found(connection: Connection, path: str) -> bool:
    """Whether the API server knows something."""
    try:
        await connection.request("GET", path)
    except NotFound:
        return False
    return True
