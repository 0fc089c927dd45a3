"""Processes of the tests, and what they say."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import fairlead

Process = asyncio.subprocess.Process
Spawn = Callable[..., Awaitable[Process]]
"""Starts a script of this folder with arguments."""

SOON = timedelta(seconds=10)


@contextlib.asynccontextmanager
async def spawning() -> AsyncIterator[Spawn]:
    """Starts processes, and kills those that are left at the end."""
    started: list[Process] = []

    async def spawn(script: str, *arguments: str) -> Process:
        source_root = Path(next(iter(fairlead.__path__))).parent
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(Path(__file__).with_name(script)),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(source_root)},
        )
        started.append(process)
        return process

    yield spawn
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def says(process: Process, word: str, within: timedelta = SOON) -> list[str]:
    """Waits until the process says a word; returns the lines that it said before."""
    assert process.stdout is not None
    lines: list[str] = []
    async with asyncio.timeout(within.total_seconds()):
        while (line := (await process.stdout.readline()).decode().strip()) != word:
            assert line, f"the process ended without saying {word!r}"
            lines.append(line)
    return lines
