"""Waiting inside the event loop: for what must come true, and for what must stay so."""

import asyncio
from collections.abc import Callable
from datetime import timedelta


async def until(condition: Callable[[], bool], within: float = 5.0) -> None:
    """Returns as soon as the condition holds. Raises TimeoutError when it does not in time."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what tests wait for sets no event
            await asyncio.sleep(0.02)


async def stays(condition: Callable[[], bool], during: timedelta) -> None:
    """Fails as soon as the condition does not hold, within this time."""
    try:
        await until(lambda: not condition(), during.total_seconds())
    except TimeoutError:
        return
    raise AssertionError("it did not stay so")
