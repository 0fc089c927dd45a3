"""Kopf on the session that it shares with our client: tokens that rotate, and tokens that are refused for a while."""

from datetime import timedelta
from pathlib import Path

import pytest

from cluster.machinery.eventually import stays, until
from cluster.machinery.faulty import FaultyProxy
from cluster.machinery.processes import Process, Spawn, says
from fairlead.api.kinds import Kind
from fairlead.cluster.connection import Connection

CONFIG_MAP = Kind("", "v1", "ConfigMap", "configmaps")


@pytest.fixture
async def watcher(spawn: Spawn, proxy: FaultyProxy, namespace: str, token: Path) -> Process:
    return await spawn("watcher.py", proxy.server, str(token), namespace)


@pytest.fixture
def token(tmp_path: Path, proxy: FaultyProxy) -> Path:
    path = tmp_path / "token"
    path.write_text("first")
    proxy.token = "first"
    return path


async def make(connection: Connection, namespace: str, name: str) -> None:
    await connection.request("POST", CONFIG_MAP.path(namespace), body={"metadata": {"name": name}})


def rotate(proxy: FaultyProxy, token: Path | None) -> None:
    """The server takes only a second token from now on; `token` is the file to put it in."""
    proxy.token = "second"
    if token is not None:
        token.write_text("second")


async def test_a_token_rotates_without_anybody_noticing(
    connection: Connection, proxy: FaultyProxy, namespace: str, token: Path, watcher: Process
):
    await make(connection, namespace, "before")
    await says(watcher, "before")
    proxy.seen.clear()
    rotate(proxy, token)
    await until(lambda: bool(proxy.seen))  # the watch has ended and begins again
    await make(connection, namespace, "after")
    assert "login" not in await says(watcher, "after")


async def test_a_token_that_comes_late_is_waited_for_without_a_storm(
    connection: Connection, proxy: FaultyProxy, namespace: str, token: Path, watcher: Process
):
    await make(connection, namespace, "before")
    await says(watcher, "before")
    proxy.seen.clear()
    rotate(proxy, None)
    await until(lambda: len(proxy.seen) > 1)  # the watch has ended, and begins again and again
    proxy.seen.clear()
    await stays(lambda: len(proxy.seen) < 30, timedelta(seconds=3))
    assert proxy.seen
    rotate(proxy, token)
    await make(connection, namespace, "after")
    assert "login" in await says(watcher, "after")
