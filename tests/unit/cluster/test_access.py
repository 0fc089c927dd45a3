import asyncio
import json
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from fairlead.cluster.access import Authorization, from_kubeconfig, in_cluster


def kubeconfig(directory: Path, *, cluster: dict[str, Any], user: dict[str, Any]) -> str:
    path = directory / "kubeconfig"
    config = {
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(json.dumps(config))
    return str(path)


def test_a_pod_is_let_in_by_its_service_account(tmp_path: Path):
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
    (tmp_path / "token").write_text("one\n")
    access = in_cluster(tmp_path, {"KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"})
    assert access.server == "https://[fd00::1]:443"
    assert isinstance(access.ssl_context, ssl.SSLContext)
    assert access.authorization() == "Bearer one"
    (tmp_path / "token").write_text("two\n")
    assert access.authorization() == "Bearer two"


def test_a_plain_server_needs_nothing(tmp_path: Path):
    access = from_kubeconfig(kubeconfig(tmp_path, cluster={"server": "http://127.0.0.1:8001/"}, user={}))
    assert (access.server, access.authorization()) == ("http://127.0.0.1:8001", None)


def test_a_token_that_is_replaced_in_the_kubeconfig_is_seen(tmp_path: Path):
    cluster = {"server": "http://127.0.0.1:8001"}
    access = from_kubeconfig(kubeconfig(tmp_path, cluster=cluster, user={"token": "one"}))
    assert access.authorization() == "Bearer one"
    kubeconfig(tmp_path, cluster=cluster, user={"token": "two"})
    assert access.authorization() == "Bearer two"


def test_an_exec_plugin_is_run(tmp_path: Path):
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "from-the-plugin"},
    }
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", f"print({json.dumps(json.dumps(credential))})"],
        "interactiveMode": "Never",
    }
    access = from_kubeconfig(kubeconfig(tmp_path, cluster={"server": "http://127.0.0.1:8001"}, user={"exec": plugin}))
    assert access.authorization() == "Bearer from-the-plugin"


def test_a_client_certificate_goes_into_the_tls_context(tmp_path: Path):
    ca = trustme.CA()
    leaf = ca.issue_cert("client.example.com")
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    leaf.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    client = str(tmp_path / "client.pem")
    cluster = {"server": "https://127.0.0.1:6443", "certificate-authority": str(tmp_path / "ca.pem")}
    path = kubeconfig(tmp_path, cluster=cluster, user={"client-certificate": client, "client-key": client})
    context = from_kubeconfig(path).ssl_context
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode == ssl.CERT_REQUIRED
    insecure = {"server": "https://127.0.0.1:6443", "insecure-skip-tls-verify": True}
    context = from_kubeconfig(kubeconfig(tmp_path, cluster=insecure, user={})).ssl_context
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode == ssl.CERT_NONE


def test_what_would_be_ignored_is_refused(tmp_path: Path):
    cluster = {"server": "https://127.0.0.1:6443", "tls-server-name": "kubernetes"}
    with pytest.raises(ValueError, match="tls-server-name"):
        from_kubeconfig(kubeconfig(tmp_path, cluster=cluster, user={}))


class Door:
    """A server that lets one token in, and notes the tokens it was shown."""

    def __init__(self) -> None:
        self.valid = "Bearer one"
        self.shown: list[str | None] = []

    async def __call__(self, request: web.Request) -> web.Response:
        token = request.headers.get("Authorization")
        self.shown.append(token)
        return web.Response(status=200 if token == self.valid else 401)


Get = Callable[[Authorization], Any]


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def get(door: Door) -> AsyncIterator[Get]:
    app = web.Application()
    app.router.add_get("/", door.__call__)
    async with TestServer(app) as server:

        async def get(authorization: Authorization) -> int:
            async with (
                aiohttp.ClientSession(middlewares=(authorization,)) as session,
                session.get(server.make_url("/")) as response,
            ):
                return response.status

        yield get


class Tokens:
    """Gives one token after the other, and then the last one for ever."""

    def __init__(self, *tokens: str | None) -> None:
        self.left = list(tokens)
        self.reads = 0

    def __call__(self) -> str | None:
        self.reads += 1
        return self.left.pop(0) if len(self.left) > 1 else self.left[0]


async def test_a_token_is_read_once_and_again_when_it_is_old(door: Door, get: Get):
    now, tokens = [0.0], Tokens("Bearer one")
    authorization = Authorization(tokens, max_age=timedelta(seconds=60), clock=lambda: now[0])
    for now[0] in (0.0, 30.0, 60.0):
        assert await get(authorization) == 200
    assert tokens.reads == 1
    now[0] = 61.0
    assert await get(authorization) == 200
    assert tokens.reads == 2


async def test_a_refused_token_is_read_again_at_once(door: Door, get: Get):
    assert await get(Authorization(Tokens("Bearer old", "Bearer one"))) == 200
    assert door.shown == ["Bearer old", "Bearer one"]


async def test_a_token_that_is_refused_for_good_is_shown_once(door: Door, get: Get):
    assert await get(Authorization(Tokens("Bearer old"))) == 401
    assert door.shown == ["Bearer old"]


async def test_many_refused_requests_read_one_new_token(door: Door, get: Get):
    tokens = Tokens("Bearer old", "Bearer one", "Bearer too many")
    authorization = Authorization(tokens)
    assert await asyncio.gather(*(get(authorization) for _ in range(10))) == [200] * 10
    assert tokens.reads == 2


async def test_without_a_token_none_is_shown(door: Door, get: Get):
    assert await get(Authorization(lambda: None)) == 401
    assert door.shown == [None]
