"""Tests that mostly wait, side by side: each tells a story in a place of its own, and all are begun at once."""

import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

Told = dict[str, Future[None]]
"""The end of each story, by its name."""


def by_name(*stories: Callable[..., None]) -> dict[str, Callable[..., None]]:
    return {story.__name__: story for story in stories}


def named(stories: Mapping[str, Callable[..., None]]) -> pytest.MarkDecorator:
    """A test for each story, whose name is its parameter `story`."""
    return pytest.mark.parametrize("story", list(stories))


@contextmanager
def begun(
    request: pytest.FixtureRequest,
    folder: Path,
    stories: Mapping[str, Callable[..., None]],
    tell: Callable[[Callable[..., None], Path], None],
    at_once: int,
) -> Iterator[Told]:
    """Begins those that the chosen tests of this module ask for: in their order, so many at once, a folder for each."""
    asked = {
        item.callspec.params.get("story")
        for item in request.session.items
        if item.path == request.path and hasattr(item, "callspec")
    }
    pool = ThreadPoolExecutor(at_once)
    try:
        yield {
            name: pool.submit(tell, story, _made(folder / re.sub(r"\W", "-", name)))
            for name, story in stories.items()
            if name in asked
        }
    finally:
        pool.shutdown(cancel_futures=True)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
