"""A process that lets Kopf watch the ConfigMaps of a namespace over a session of ours.

    python watcher.py SERVER TOKEN_FILE NAMESPACE

Prints `login` whenever Kopf logs in, and the name of each object that it is told of.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

import kopf

from fairlead.cluster.access import Access
from fairlead.cluster.connection import Connection


async def main(server: str, token_file: str, namespace: str) -> None:
    connection = Connection(Access(server=server, authorization=lambda: f"Bearer {Path(token_file).read_text()}"))
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.networking.error_backoffs = [0.1]
    settings.watching.server_timeout = 1  # so that each watch soon asks to be let in again

    @kopf.on.login()
    async def login(**_: Any) -> kopf.AiohttpSession:
        print("login", flush=True)
        return kopf.AiohttpSession(server=connection.server, aiohttp_session=connection.session)

    @kopf.on.event("v1", "configmaps")
    async def event(name: str, **_: Any) -> None:
        print(name, flush=True)

    await kopf.operator(settings=settings, namespaces=[namespace], standalone=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
