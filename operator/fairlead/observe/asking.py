"""How a pod is asked over HTTP: at its own address, or through the API server's pod proxy.

The proxy works from outside the pod network, for the price of the right to `get pods/proxy`.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
from yarl import URL

from fairlead.api.kinds import POD
from fairlead.cluster.connection import Connection

Pod = Mapping[str, Any]


class NoAnswer(Exception):
    """Why there was no answer, as the end of a sentence that begins with what was asked."""


class Asking:
    """Requests to pods. Those that are asked directly must never see the API server's credentials: another session."""

    def __init__(self, connection: Connection, access: Literal["Direct", "Proxy"]) -> None:
        self._connection = connection
        self._access = access
        self._direct: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def get(
        self, pod: Pod, port: int, path: str, *, within: float, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Sends a GET; the answer is to be read inside, `within` so many seconds in all.

        Raises NoAnswer for whatever a pod may do, also while it is read. A redirect is an answer like any other.
        """
        # As it is: `..` must not lead to another pod, and the path was checked for it at admission already.
        url = URL(self._url(pod, port, path), encoded=True)
        timeout = aiohttp.ClientTimeout(total=within)
        try:
            async with self._session().get(url, timeout=timeout, headers=headers, allow_redirects=False) as response:
                yield response
        except TimeoutError:
            raise NoAnswer(f" was not answered within {within:g} s") from None
        # RuntimeError: Kopf has closed the API server's session in the middle of it.
        except (aiohttp.ClientError, OSError, RuntimeError) as failure:
            raise NoAnswer(f" failed: {type(failure).__name__}") from failure

    async def close(self) -> None:
        """Ends the connections to pods."""
        if self._direct is not None:
            await self._direct.close()

    def _url(self, pod: Pod, port: int, path: str) -> str:
        metadata, address = pod["metadata"], str(pod["status"]["podIP"])
        if self._access == "Proxy":
            return f"{self._connection.server}{POD.path(metadata['namespace'], metadata['name'])}:{port}/proxy{path}"
        return f"http://{f'[{address}]' if ':' in address else address}:{port}{path}"

    def _session(self) -> aiohttp.ClientSession:
        if self._access == "Proxy":
            return self._connection.session
        if self._direct is None:
            self._direct = aiohttp.ClientSession(
                # Whoever asks bounds how much; no pod that hangs may take another one's place here.
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "fairlead"},
            )
        return self._direct


def is_ready(pod: Pod) -> bool:
    """Whether a pod takes requests, and is not about to go."""
    status = pod.get("status") or {}
    ready = any(c.get("type") == "Ready" and c.get("status") == "True" for c in status.get("conditions") or ())
    return ready and bool(status.get("podIP")) and not pod["metadata"].get("deletionTimestamp")
