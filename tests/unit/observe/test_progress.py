"""observe/progress.py: a pod that fetches its model is asked how far it is, whatever it answers."""

import asyncio
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from fairlead.observe.asking import Asking
from fairlead.observe.progress import Fetches
from fairlead.situation import Progress
from serving import serving

KEY = ("risk", "fraud")


def a_pod(**status: Any) -> dict[str, Any]:
    """It fetches its model."""
    return {
        "metadata": {"uid": "1", "name": "p", "namespace": "risk", "labels": {"fairlead.dev/revision": "fraud-1"}},
        "status": {
            "podIP": "127.0.0.1",
            "initContainerStatuses": [{"name": "fetch", "state": {"running": {}}, **status}],
        },
    }


@asynccontextmanager
async def followed(answer: str):
    """What a pod that answers so is asked; yields the questions, and an event that is set when there is news."""

    async def handle(request: web.Request) -> web.Response:
        assert request.path == "/progress"
        return web.Response(text=answer)

    news = asyncio.Event()
    asking = Asking(connection=None, access="Direct")  # type: ignore[arg-type]  # pods are asked directly
    async with serving(handle) as port:
        fetches = Fetches(asking, lambda key: news.set(), again=0.01, port=port)
        yield fetches, news
        await fetches.close()
        await asking.close()


async def test_it_is_told_in_steps_of_five_percent():
    async with followed('{"bytes": 499, "total": 1000}') as (fetches, news):
        pods: tuple[Mapping[str, Any], ...] = (a_pod(),)
        assert fetches.progress(KEY, lambda: pods) == ()
        await asyncio.wait_for(news.wait(), 5)
        assert fetches.progress(KEY, lambda: pods) == (Progress(revision="fraud-1", percent=45, total=1000),)
        pods = ()
        assert fetches.progress(KEY, lambda: pods) == (), "nothing is told of a pod that fetches no more"


@pytest.mark.parametrize("answer", ["surprise", "[]", "{}", '{"bytes": null, "total": 3}'])
async def test_an_answer_that_nobody_can_read_is_none(answer: str):
    async with followed(answer) as (fetches, news):
        pod = a_pod()
        fetches.progress(KEY, lambda: (pod,))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(news.wait(), 0.2)


async def test_how_much_it_is_in_all_need_not_be_known():
    async with followed('{"bytes": 7, "total": null}') as (fetches, news):
        pod = a_pod()
        fetches.progress(KEY, lambda: (pod,))
        await asyncio.wait_for(news.wait(), 5)
        assert fetches.progress(KEY, lambda: (pod,)) == (Progress(revision="fraud-1", percent=0),)


def test_a_pod_that_tries_in_vain_is_not_waited_for():
    assert (
        Fetches(None, lambda key: None).progress(
            KEY, lambda: (a_pod(restartCount=1, lastState={"terminated": {"exitCode": 65}}),)
        )
        == ()
    )  # type: ignore[arg-type]
