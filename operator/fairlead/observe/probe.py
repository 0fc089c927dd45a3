"""Fairlead's own request to a new revision: does it answer, and not only its readiness probe."""

from collections.abc import Mapping
from typing import Any, Literal

import aiohttp

from fairlead.api.kinds import POD
from fairlead.api.revision import Revision
from fairlead.cluster.connection import Connection
from fairlead.situation import ProbeAnswer

TIMEOUT = aiohttp.ClientTimeout(total=5)


class Prober:
    """Asks pods over HTTP: at their own address, or through the API server's pod proxy.

    The proxy works from outside the pod network, for the price of the right to `get pods/proxy`. Pods that are asked
    directly are asked by a session of their own: they must never see the API server's credentials.
    """

    def __init__(self, connection: Connection, access: Literal["Direct", "Proxy"]) -> None:
        self._connection = connection
        self._access = access
        self._direct: aiohttp.ClientSession | None = None

    async def ask(self, revision: Revision, pods: tuple[Mapping[str, Any], ...]) -> ProbeAnswer | None:
        """What one ready pod answers; None when there is none to ask. Never raises for what a pod does."""
        pod = next((pod for pod in pods if _is_ready(pod)), None)
        if pod is None:
            return None
        port, path = revision.snapshot.ports.http, revision.snapshot.serving_path
        asked = f"GET {path or '/'} on port {port}"
        try:
            status = await self._status(pod, port, path or "/")
        except (aiohttp.ClientError, TimeoutError, OSError) as failure:
            return ProbeAnswer(revision=revision.name, answered=False, detail=f"{asked}: {type(failure).__name__}")
        # Without a path of its own to ask, any answer but a server's error shows that HTTP is spoken.
        good = 200 <= status < (300 if path else 500)
        return ProbeAnswer(revision=revision.name, answered=good, detail=f"{asked} answered {status}")

    async def close(self) -> None:
        """Closes the session."""
        if self._direct is not None:
            await self._direct.close()

    async def _status(self, pod: Mapping[str, Any], port: int, path: str) -> int:
        metadata, address = pod["metadata"], str(pod["status"]["podIP"])
        if self._access == "Proxy":
            url = f"{self._connection.server}{POD.path(metadata['namespace'], metadata['name'])}:{port}/proxy{path}"
            session = self._connection.session
        else:
            url = f"http://{f'[{address}]' if ':' in address else address}:{port}{path}"
            session = self._direct = self._direct or aiohttp.ClientSession(headers={"User-Agent": "fairlead"})
        async with session.get(url, timeout=TIMEOUT, allow_redirects=False) as response:
            return response.status


def _is_ready(pod: Mapping[str, Any]) -> bool:
    status = pod.get("status") or {}
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    return ready and bool(status.get("podIP")) and not pod["metadata"].get("deletionTimestamp")
