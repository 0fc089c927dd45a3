"""/healthz, /readyz and /metrics: what the kubelet and Prometheus ask the operator."""

import socket
from collections.abc import Callable

from aiohttp import web

from fairlead.cluster.metrics import Metrics

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Endpoints:
    """A small HTTP server. Port 0 takes a free port; `port` tells which."""

    def __init__(self, port: int, metrics: Metrics, *, ready: Callable[[], bool]) -> None:
        self.port = port
        self._metrics = metrics
        self._ready = ready
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Begins to listen. Raises OSError when the port is taken."""
        application = web.Application()
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._answer_metrics),
            ]
        )
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        # One socket for IPv4 and IPv6: with one for each, port 0 would be two different ports.
        family, address = (socket.AF_INET6, "::") if socket.has_dualstack_ipv6() else (socket.AF_INET, "0.0.0.0")
        listening = socket.create_server((address, self.port), family=family, dualstack_ipv6=family == socket.AF_INET6)
        await web.SockSite(self._runner, listening).start()
        self.port = listening.getsockname()[1]

    async def stop(self) -> None:
        """Stops listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthz(self, request: web.Request) -> web.Response:
        # Whoever hangs does not answer; what is wrong with the cluster is no reason to restart the operator.
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        if self._ready():
            return web.Response(text="ok\n")
        return web.Response(status=503, text="the caches are not filled yet\n")

    async def _answer_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": TEXT})
