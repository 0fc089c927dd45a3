"""cluster/namespaces.py: one namespace that is missing does not keep the others from being served."""

import asyncio
import logging
from datetime import timedelta

import pytest

from fairlead.api.kinds import Kind
from fairlead.cluster.namespaces import Namespaces

SOON = timedelta(milliseconds=1)


class Server:
    """What it answers about each namespace, and how often it was asked."""

    def __init__(self, **answers: bool | None) -> None:
        self.answers = answers
        self.asked = 0

    async def may_list(self, kind: Kind, namespace: str) -> bool | None:
        self.asked += 1
        return self.answers[namespace]


async def asked_again(server: Server) -> None:
    """Returns when it has been asked about everything, and once more at least."""
    enough = server.asked + 2 * len(server.answers)
    async with asyncio.timeout(10):
        while server.asked < enough:  # noqa: ASYNC110 - it is another's work that is waited for
            await asyncio.sleep(0.001)


async def test_those_that_are_missing_are_left_out():
    server = Server(risk=True, demo=False, search=True)
    assert await Namespaces(server, ("risk", "demo", "search")).present() == ("risk", "search")


async def test_a_server_that_does_not_say_is_waited_for():
    server = Server(risk=True, demo=None)
    waiting = asyncio.create_task(Namespaces(server, ("risk", "demo"), look_again=SOON).present())
    await asked_again(server)
    assert not waiting.done(), "demo would not be served until the next restart"
    server.answers["demo"] = True
    assert await asyncio.wait_for(waiting, 10) == ("risk", "demo")


async def test_where_none_is_there_one_is_waited_for():
    server = Server(demo=False)
    waiting = asyncio.create_task(Namespaces(server, ("demo",), look_again=SOON).present())
    await asked_again(server)
    assert not waiting.done()
    server.answers["demo"] = True
    assert await asyncio.wait_for(waiting, 10) == ("demo",)


async def test_one_that_comes_is_noticed():
    server = Server(risk=True, demo=False, gone=None)
    waiting = asyncio.create_task(
        Namespaces(server, ("risk", "demo", "gone"), look_again=SOON).wait_for_change(("risk",))
    )
    await asked_again(server)
    assert not waiting.done()
    server.answers["demo"] = True
    assert await asyncio.wait_for(waiting, 10) == "demo"


async def test_one_that_goes_is_noticed_and_a_moment_is_none():
    server = Server(risk=True, demo=True)
    answers = [False, False, None, False, False, True, False, False, False]

    async def may_list(kind: Kind, namespace: str) -> bool | None:
        return answers.pop(0) if namespace == "demo" else True

    server.may_list = may_list  # type: ignore[method-assign]
    wanted = ("risk", "demo")
    assert await asyncio.wait_for(Namespaces(server, wanted, look_again=SOON).wait_for_change(wanted), 10) == "demo"
    assert not answers


async def test_it_is_told_once_a_minute(caplog: pytest.LogCaptureFixture):
    now = 0.0
    namespaces = Namespaces(Server(risk=True, demo=False), ("risk", "demo"), clock=lambda: now)
    caplog.set_level(logging.WARNING)
    for second in (0, 10, 59, 60, 119, 120):
        now = float(second)
        await namespaces.present()
    told = (
        "namespace demo is watched, but it does not exist or its Role is missing; create it, or remove it from "
        "watchNamespaces"
    )
    assert [record.message for record in caplog.records] == [told] * 3
