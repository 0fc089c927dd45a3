"""A process that wants to be the leader, and writes to a ServiceAccount of its name ten times a second while it is.

    python candidate.py KUBECONFIG NAMESPACE IDENTITY

Prints `leading` when it has written for the first time and `done` when it has ended in order.
"""

import asyncio
import contextlib
import signal
import sys

from fairlead.cluster.access import from_kubeconfig
from fairlead.cluster.client import Client
from fairlead.cluster.connection import Connection
from fairlead.cluster.errors import ApiError
from fairlead.cluster.lease import Lease
from fairlead.cluster.metrics import Metrics


async def main(kubeconfig: str, namespace: str, identity: str) -> None:
    connection = Connection(from_kubeconfig(kubeconfig))
    lease = Lease(connection=connection, namespace=namespace, name="fairlead", identity=identity)
    client = Client(connection, may_write=lease.held, metrics=Metrics())

    async def work() -> None:
        number, written = 0, 0
        while True:
            number += 1
            account = {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"namespace": namespace, "name": identity, "annotations": {"writes": str(number)}},
            }
            with contextlib.suppress(ApiError):
                await client.apply(account)
                written += 1
                if written == 1:
                    print("leading", flush=True)
            await asyncio.sleep(0.1)

    running = asyncio.create_task(lease.run(work))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await connection.close()
    print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
