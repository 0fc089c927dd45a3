"""Where the API server is, and how it lets us in: from the pod's service account, or from a kubeconfig."""

import asyncio
import os
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import aiohttp
from aiohttp.client_middlewares import ClientHandlerType
from kubernetes.client import Configuration
from kubernetes.config import load_kube_config

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Authorization:
    """The `Authorization` header of every request, as an aiohttp client middleware.

    Tokens expire: a service account's is written anew into its file well before its hour is over, and an exec plugin
    of a kubeconfig gives a new one when asked. So it is read again when it has a certain age (client-go: a minute),
    and at once when the server refuses it. A session that is shared with Kopf keeps working for both.

    Where the server refuses the new token too, its answer is held back for `pause`: Kopf reacts to it by logging in
    again at once, which without a pause means hundreds of refused requests per second.
    """

    def __init__(
        self,
        read: Callable[[], str | None],
        *,
        max_age: timedelta = timedelta(minutes=1),
        pause: timedelta = timedelta(seconds=1),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read  # may block: reads a file or runs a program
        self._max_age = max_age.total_seconds()
        self._pause = pause.total_seconds()
        self._clock = clock
        self._header: str | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    async def __call__(self, request: aiohttp.ClientRequest, send: ClientHandlerType) -> aiohttp.ClientResponse:
        used = await self._current()
        _set(request, used)
        response = await send(request)
        if response.status == 401 and (fresh := await self._current(refused=used)) != used:
            response.release()
            _set(request, fresh)
            response = await send(request)
        if response.status == 401:
            await asyncio.sleep(self._pause)
        return response

    async def _current(self, refused: str | None = None) -> str | None:
        async with self._reading:
            too_old = self._clock() - self._read_at > self._max_age
            if too_old or (refused is not None and refused == self._header):
                self._header = await asyncio.to_thread(self._read)
                self._read_at = self._clock()
            return self._header


def _set(request: aiohttp.ClientRequest, header: str | None) -> None:
    if header is not None:
        request.headers["Authorization"] = header


@dataclass(frozen=True, kw_only=True)
class Access:
    """One API server, and how to be let in."""

    server: str
    """URL without a slash at the end; http:// is served too (a proxy on this machine, a test)."""
    ssl_context: ssl.SSLContext | bool = True
    authorization: Callable[[], str | None] = field(default=lambda: None)
    """Reads the value of the `Authorization` header afresh; may block. None: let in by certificate, or not asked."""
    proxy: str | None = None


def access() -> Access:
    """Of the pod we run in, else of the kubeconfig (`KUBECONFIG`, `~/.kube/config`).

    Raises kubernetes.config.ConfigException where neither is there, or the kubeconfig is not usable.
    """
    if not os.environ.get("KUBECONFIG") and (SERVICE_ACCOUNT / "token").exists():
        return in_cluster()
    return from_kubeconfig()


def in_cluster(directory: Path = SERVICE_ACCOUNT, environment: Mapping[str, str] = os.environ) -> Access:
    """By the service account that is mounted at `directory`."""
    host, port = environment["KUBERNETES_SERVICE_HOST"], environment["KUBERNETES_SERVICE_PORT"]
    return Access(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        ssl_context=ssl.create_default_context(cafile=str(directory / "ca.crt")),
        authorization=lambda: f"Bearer {(directory / 'token').read_text().strip()}",
    )


def from_kubeconfig(path: str | None = None) -> Access:
    """By the current context of a kubeconfig; `path=None` looks where kubectl looks. Exec plugins are run.

    Reads files, and may run a program: not for the event loop of a process that already serves.
    """
    configuration = _loaded(path)
    if configuration.tls_server_name:
        raise ValueError("the kubeconfig sets tls-server-name, which Fairlead does not support")
    return Access(
        server=configuration.host.rstrip("/"),
        ssl_context=_ssl_context(configuration) if configuration.host.startswith("https:") else True,
        # Loaded anew each time, for the token may have been replaced in the file as well.
        authorization=lambda: _loaded(path).get_api_key_with_prefix("BearerToken", "authorization"),
        proxy=configuration.proxy,
    )


def _loaded(path: str | None) -> Configuration:
    configuration = Configuration()
    load_kube_config(  # type: ignore[no-untyped-call] # the official client has no types here
        config_file=path, client_configuration=configuration, persist_config=False
    )
    return configuration


def _ssl_context(configuration: Configuration) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
    if configuration.cert_file:
        context.load_cert_chain(configuration.cert_file, configuration.key_file)
    if not configuration.verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
