"""A real HTTP proxy before the real API server: counts what the operator writes, and lets requests fail on command."""

import asyncio
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import yaml
from aiohttp import web

from fairlead.cluster.access import Access, from_kubeconfig

WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
HOP_BY_HOP = frozenset({"connection", "content-encoding", "content-length", "host", "keep-alive", "transfer-encoding"})


@dataclass(frozen=True)
class Write:
    """A write that was sent on to the server; those to the Lease are left out."""

    method: str
    path: str
    user_agent: str
    at: float


@dataclass(frozen=True)
class Fault:
    """What happens to a request instead of, or after, its way to the server.

    `before` and `after` are called around it (to kill somebody, say); `status` answers in the server's place; `hang`
    holds the answer back for so many seconds; `cut` drops the connection without an answer.
    """

    status: int = 0
    hang: float = 0.0
    cut: bool = False
    before: Callable[[], None] | None = None
    after: Callable[[], None] | None = None
    headers: dict[str, str] = field(default_factory=dict)


Rule = Callable[[str, str], Fault | None]
"""(method, path with query) → what is to happen, or None."""


class ApiProxy:
    """Listens on a free port of the loopback, in a thread of its own."""

    def __init__(self, kubeconfig: Path) -> None:
        self._upstream: Access = from_kubeconfig(str(kubeconfig))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api proxy", daemon=True)
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None
        self._streams: set[asyncio.Task[object]] = set()
        self.writes: list[Write] = []
        self.rules: list[Rule] = []
        self.url = ""

    def start(self) -> None:
        """Begins to listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)

    def stop(self) -> None:
        """Ends."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def close_watches(self) -> int:
        """Cuts all watches that are open; tells how many."""
        streams = list(self._streams)
        for stream in streams:
            self._loop.call_soon_threadsafe(stream.cancel)
        return len(streams)

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig that leads through the proxy."""
        path = folder / f"proxy-{self.url.rpartition(':')[2]}.yaml"
        user = {"name": "proxy", "user": {}}
        cluster = {"name": "proxy", "cluster": {"server": self.url}}
        context = {"name": "proxy", "context": {"cluster": "proxy", "user": "proxy"}}
        whole = {"apiVersion": "v1", "kind": "Config", "current-context": "proxy"}
        path.write_text(yaml.safe_dump({**whole, "users": [user], "clusters": [cluster], "contexts": [context]}))
        return path

    @contextmanager
    def rule(self, rule: Rule) -> Iterator[None]:
        """A rule for a while."""
        self.rules.append(rule)
        try:
            yield
        finally:
            self.rules.remove(rule)

    async def _start(self) -> None:
        tls = self._upstream.ssl_context
        connector = aiohttp.TCPConnector(limit=0, ssl=tls if isinstance(tls, ssl.SSLContext) else True)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _stop(self) -> None:
        assert self._runner is not None
        assert self._session is not None
        for stream in self._streams:
            stream.cancel()
        await self._runner.cleanup()
        await self._session.close()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        fault = next((found for rule in self.rules if (found := rule(request.method, request.path_qs))), None)
        if fault is None:
            return await self._pass(request)
        if fault.before:
            fault.before()
        if fault.hang:
            await asyncio.sleep(fault.hang)
        if fault.cut and request.transport is not None:
            request.transport.close()
        if fault.cut or fault.status:
            return web.json_response(_status(fault.status), status=fault.status or 500, headers=fault.headers)
        if fault.before:  # whoever was killed sends nothing
            return web.Response(status=500)
        response = await self._pass(request)
        if fault.after:
            fault.after()
        return response

    async def _pass(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._exchange(request)
        except aiohttp.ClientError:  # whoever asked has gone, or the API server has: neither is an error of the proxy
            if request.transport is not None:
                request.transport.close()
            return web.Response(status=502)

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        authorization = self._upstream.authorization()
        if authorization and "Authorization" not in headers:
            headers["Authorization"] = authorization
        body = await request.read()
        url = self._upstream.server + request.path_qs
        self._count(request)  # before anybody can see what comes of it
        async with self._session.request(request.method, url, headers=headers, data=body or None) as upstream:
            response = web.StreamResponse(status=upstream.status)
            for name, value in upstream.headers.items():
                if name.lower() not in HOP_BY_HOP - {"content-encoding"}:
                    response.headers[name] = value
            if "watch=true" not in request.query_string and "watch=1" not in request.query_string:
                content = await upstream.read()
                await response.prepare(request)
                await response.write(content)
                return response
            return await self._stream(request, upstream, response)

    async def _stream(
        self, request: web.Request, upstream: aiohttp.ClientResponse, response: web.StreamResponse
    ) -> web.StreamResponse:
        task = asyncio.current_task()
        assert task is not None
        self._streams.add(task)
        try:
            await response.prepare(request)
            async for chunk in upstream.content.iter_any():
                await response.write(chunk)
        finally:
            self._streams.discard(task)
        return response

    def _count(self, request: web.Request) -> None:
        if request.method in WRITES and "/leases" not in request.path:
            agent = request.headers.get("User-Agent", "")
            self.writes.append(Write(request.method, request.path, agent, time.monotonic()))


@contextmanager
def proxied(kubeconfig: Path) -> Iterator[ApiProxy]:
    """A proxy for a while."""
    proxy = ApiProxy(kubeconfig)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


def _status(code: int) -> dict[str, object]:
    reasons = {409: "Conflict", 422: "Invalid", 429: "TooManyRequests", 500: "InternalError"}
    message = f"injected by the test: {code}"
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "message": message,
        "reason": reasons.get(code, ""),
    }


def writes_to(pattern: str) -> Callable[[str, str], bool]:
    """Whether a request is a write to a path that matches, the Lease left out."""

    def matches(method: str, path: str) -> bool:
        return method in WRITES and "/leases" not in path and re.search(pattern, path) is not None

    return matches
