"""cluster/optional.py: add-ons that are there or not, and that come and go."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from fairlead.api.kinds import HTTP_ROUTE, Kind
from fairlead.cluster.optional import OptionalKinds
from fairlead.cluster.use import Use

SOON = timedelta(milliseconds=1)
USABLE, ABSENT = Use.USABLE, Use.ABSENT


class Server:
    """What it answers, one after the other; the last for ever."""

    def __init__(self, *answers: Use | None) -> None:
        self.answers = list(answers)

    async def usable(self, kind: Kind, namespaces: Sequence[str]) -> Use | None:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def kinds(*answers: Use | None) -> OptionalKinds:
    return OptionalKinds(Server(*answers), (HTTP_ROUTE,), look_again=SOON)


async def test_what_is_not_served_is_not_there():
    assert await kinds(ABSENT).found(()) == {HTTP_ROUTE: ABSENT}
    assert await kinds(USABLE).found(()) == {HTTP_ROUTE: USABLE}


async def test_a_server_that_does_not_say_is_waited_for():
    assert await asyncio.wait_for(kinds(None, None, USABLE).found(()), 10) == {HTTP_ROUTE: USABLE}


async def test_an_add_on_that_comes_or_goes_is_noticed():
    for before in Use:
        for after in Use:
            if after != before:
                change = kinds(before, after, after).wait_for_change({HTTP_ROUTE: before}, ())
                assert await asyncio.wait_for(change, 10) == HTTP_ROUTE


async def test_a_server_that_has_just_started_is_no_change():
    server = Server(USABLE, ABSENT, USABLE, None, USABLE)
    waiting = asyncio.create_task(
        OptionalKinds(server, (HTTP_ROUTE,), look_again=SOON).wait_for_change({HTTP_ROUTE: USABLE}, ())
    )
    async with asyncio.timeout(10):
        while len(server.answers) > 1:  # noqa: ASYNC110 - the answers are what is waited for
            await asyncio.sleep(0.001)
    assert not waiting.done()
    waiting.cancel()
