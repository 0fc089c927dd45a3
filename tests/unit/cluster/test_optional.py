"""cluster/optional.py: add-ons that are there or not, and that come and go."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from fairlead.api.kinds import HTTP_ROUTE, Kind
from fairlead.cluster.optional import OptionalKinds

SOON = timedelta(milliseconds=1)


class Server:
    """What it answers, one after the other; the last for ever."""

    def __init__(self, *answers: bool | None) -> None:
        self.answers = list(answers)

    async def may_use(self, kind: Kind, namespaces: Sequence[str]) -> bool | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def kinds(*answers: bool | None) -> OptionalKinds:
    return OptionalKinds(Server(*answers), (HTTP_ROUTE,), look_again=SOON)


async def test_what_is_not_served_is_not_there():
    assert await kinds(False).present(()) == frozenset()
    assert await kinds(True).present(()) == {HTTP_ROUTE}


async def test_a_server_that_does_not_say_is_waited_for():
    assert await asyncio.wait_for(kinds(None, None, True).present(()), 10) == {HTTP_ROUTE}


async def test_an_add_on_that_comes_or_goes_is_noticed():
    present = frozenset({HTTP_ROUTE})
    assert await asyncio.wait_for(kinds(True, False, False).wait_for_change(present, ()), 10) == HTTP_ROUTE
    assert await asyncio.wait_for(kinds(False, True, True).wait_for_change(frozenset(), ()), 10) == HTTP_ROUTE


async def test_a_server_that_has_just_started_is_no_change():
    server = Server(True, False, True, None, True)
    waiting = asyncio.create_task(
        OptionalKinds(server, (HTTP_ROUTE,), look_again=SOON).wait_for_change(frozenset({HTTP_ROUTE}), ())
    )
    while len(server.answers) > 1:  # noqa: ASYNC110 - the answers are what is waited for
        await asyncio.sleep(0.001)
    assert not waiting.done()
    waiting.cancel()
