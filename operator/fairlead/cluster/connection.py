"""One request to the API server and its answer, over the one HTTP session of the process."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import aiohttp

from fairlead.cluster.access import Access, Authorization
from fairlead.cluster.errors import ApiError, ServerFault, Throttled, error_from

TIMEOUT = timedelta(seconds=10)
PATIENCE = timedelta(seconds=2)
"""A `Retry-After` up to this long is waited out here; a longer one is the work queue's business."""
RETRIES = 2


def _always() -> None:
    """The default for `allowed`."""


class Connection:
    """The API server, as far as HTTP goes. Knows no kinds.

    Kopf shares the session: its login handler returns `kopf.AiohttpSession(server=connection.server,
    aiohttp_session=connection.session)`. When Kopf loses trust in its credentials it closes the session and logs in
    again; `session` is a new one by then, and requests that were under way end in a ServerFault.
    """

    def __init__(self, access: Access) -> None:
        self._access = access
        self._session: aiohttp.ClientSession | None = None

    @property
    def server(self) -> str:
        """The server's URL, without a slash at the end."""
        return self._access.server

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session; to be asked for each time, inside the event loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                # Watches hold a connection each for as long as they last, so a limit could starve the writes.
                connector=aiohttp.TCPConnector(limit=0, ssl=self._access.ssl_context),
                headers={"User-Agent": "fairlead"},
                middlewares=(Authorization(self._access.authorization),),
                proxy=self._access.proxy,
            )
        return self._session

    async def close(self) -> None:
        """Closes the session."""
        if self._session is not None:
            await self._session.close()

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | list[Any] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        params: Mapping[str, str] | None = None,
        allowed: Callable[[], None] = _always,
        timeout: timedelta = TIMEOUT,  # noqa: ASYNC109 - of one attempt, while the caller's own would span the retries
    ) -> dict[str, Any]:
        """Sends one request and returns the JSON of its answer. Raises ApiError, and nothing else, for all that fails.

        An answer of 429 is retried at most twice, since the server carried nothing out; all else is not. `allowed` is
        asked right before each attempt, and raises where there must be none.
        """
        headers = {"Accept": accept, "Content-Type": content_type}
        data = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        for retries_left in range(RETRIES, -1, -1):
            allowed()
            try:
                return await self._once(method, path, data, headers, params, timeout)
            except Throttled as throttled:
                if not retries_left or throttled.retry_after > PATIENCE:
                    raise
                await asyncio.sleep(throttled.retry_after.total_seconds())
        raise AssertionError("the last attempt returns or raises")

    async def _once(
        self,
        method: str,
        path: str,
        data: bytes | None,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
        limit: timedelta,
    ) -> dict[str, Any]:
        client_timeout = aiohttp.ClientTimeout(total=limit.total_seconds())
        try:
            async with self.session.request(
                method, self.server + path, data=data, headers=headers, params=params, timeout=client_timeout
            ) as response:
                answer = _parsed(await response.read())
                if response.status >= 400:
                    raise error_from(response.status, answer, response.headers.get("Retry-After"))
        except ApiError:
            raise
        except TimeoutError as error:
            raise ServerFault(f"{method} {path}: no answer within {limit.total_seconds():g} s") from error
        # RuntimeError: Kopf has closed the session in the middle of it.
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            raise ServerFault(f"{method} {path}: {error!r}") from error
        if not isinstance(answer, dict):
            raise ServerFault(f"{method} {path}: the answer is not a JSON object")
        return answer


def _parsed(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")[:200]
