"""A real HTTP server before the real API server, which fails when told to."""

import asyncio
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web

from fairlead.cluster.connection import Connection


@dataclass
class Fault:
    """What happens to the next request whose path or query holds `path`.

    A pause of `hang`, and then an answer with `status`, or a cut connection for 0.
    """

    path: str = ""
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    hang: timedelta = timedelta(0)


class FaultyProxy:
    """A real HTTP server before the real API server: passes on all but the requests that it has a fault for."""

    def __init__(self, behind: Connection) -> None:
        self._behind = behind
        self.server = ""
        self.faults: deque[Fault] = deque()
        self.seen: list[tuple[str, str]] = []
        self.down = False
        self.token: str | None = None
        """The only bearer token that is let in; None: everybody is."""

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path))
        while self.down:  # noqa: ASYNC110 - a server that is cut off tells nobody when it is back
            await asyncio.sleep(0.1)
        if self.token is not None and request.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"kind": "Status", "reason": "Unauthorized"}, status=401)
        if self.faults and self.faults[0].path in request.path_qs:
            fault = self.faults.popleft()
            await asyncio.sleep(fault.hang.total_seconds())
            if not fault.status:
                if request.transport is not None:  # else whoever asked has gone already
                    request.transport.close()
                return web.Response()
            return web.json_response({"kind": "Status"}, status=fault.status, headers=fault.headers)
        kept = {name: request.headers[name] for name in ("Accept", "Content-Type") if name in request.headers}
        url = self._behind.server + request.path_qs
        async with self._behind.session.request(
            request.method, url, data=await request.read() or None, headers=kept
        ) as response:
            answer = web.StreamResponse(status=response.status, headers={"Content-Type": response.content_type})
            await answer.prepare(request)
            async for part in response.content.iter_any():  # a watch never ends
                await answer.write(part)
            return answer
