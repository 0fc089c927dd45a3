"""cluster/controller.py: when a model is looked at again. With a real API server: tests/cluster/machinery."""

import asyncio
from datetime import timedelta
from typing import Any

from fairlead.api.kinds import MODEL_DEPLOYMENT
from fairlead.cluster.alone import Alone
from fairlead.cluster.client import Listing
from fairlead.cluster.controller import Controller
from fairlead.cluster.errors import Rejected
from fairlead.cluster.metrics import Metrics
from fairlead.cluster.queue import FIRST_RETRY, WorkQueue
from fairlead.cluster.store import Key, Store, key_of

MODEL = {"metadata": {"namespace": "risk", "name": "fraud", "uid": "1", "resourceVersion": "7"}}


class OneModel:
    """A client that knows of one model."""

    async def list_metadata(self, *_: Any, **__: Any) -> Listing:
        key = key_of(MODEL)
        return Listing(uids={key: "1"}, versions={key: 7}, version=7)


async def test_a_refusal_does_not_put_off_what_is_due_earlier():
    models = Store(MODEL_DEPLOYMENT, slim=lambda obj: obj, owner_of=key_of)
    models.observe("ADDED", MODEL)
    looks: list[float] = []
    twice = asyncio.Event()

    async def reconcile(key: Key) -> None:
        looks.append(asyncio.get_running_loop().time())
        if len(looks) > 1:
            twice.set()
            return
        raise Rejected("the name is taken", look_again=timedelta(milliseconds=20))

    controller = Controller(
        stores=(models,),
        reconcile=reconcile,  # type: ignore[arg-type]
        client=OneModel(),  # type: ignore[arg-type]
        lease=Alone(),
        queue=WorkQueue(jitter=lambda: 1.0),
        metrics=Metrics(),
    )
    running = asyncio.create_task(controller.run())
    try:
        async with asyncio.timeout(10):
            await twice.wait()
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert looks[1] - looks[0] < FIRST_RETRY.total_seconds()
