"""The memory of a trial as text and back: it lives in the status of the resource, so that a new leader goes on from it.

Seven digits are kept: a logarithm of wealth is exact to a millionth, and the text stays small.
"""

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from fairlead.evidence.counters import Count, Known
from fairlead.evidence.evalues import Floats
from fairlead.evidence.memory import Memory


class Unreadable(Exception):
    """What was kept cannot be read: it was edited by hand, or belongs to other cells."""


def memory_text(memory: Memory) -> str:
    """A memory without leading dimensions as JSON: name → flat list of numbers, null for minus infinity."""
    return _compact({each.name: [_short(n) for n in getattr(memory, each.name).flat] for each in fields(memory)})


def memory_from(text: str, cells: int) -> Memory:
    """The memory of so many cells. Raises Unreadable."""
    found = _parsed(text)
    shapes = Memory.blank(cells)
    try:
        arrays = {each.name: _array(found[each.name], getattr(shapes, each.name).shape) for each in fields(shapes)}
    except (KeyError, TypeError, ValueError) as wrong:
        raise Unreadable(f"the kept evidence is not that of {cells} cells: {wrong}") from wrong
    return Memory(**arrays)


def known_text(known: Known) -> str:
    """What is known of every process as JSON: process → cell → [requests, bad]."""
    return _compact(
        {process: {cell: list(map(_short, count)) for cell, count in k.items()} for process, k in known.items()}
    )


def known_from(text: str) -> Known:
    """The same from JSON. Raises Unreadable."""
    try:
        return {
            str(process): {str(cell): Count(float(requests), float(bad)) for cell, (requests, bad) in counts.items()}
            for process, counts in _parsed(text).items()
        }
    except (AttributeError, TypeError, ValueError) as wrong:
        raise Unreadable(f"the kept counters are no counters: {wrong}") from wrong


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as wrong:
        raise Unreadable(f"it is no JSON: {wrong}") from wrong
    if not isinstance(found, dict):
        raise Unreadable("it is no JSON object")
    return found


def _array(values: list[float | None], shape: tuple[int, ...]) -> Floats:
    array = np.array([-np.inf if value is None else value for value in values], dtype=float).reshape(shape)
    if np.isnan(array).any() or np.isposinf(array).any():
        raise ValueError("a number is missing")
    return array


def _short(number: float) -> float | int | None:
    if np.isneginf(number):
        return None
    return int(number) if number == int(number) else float(f"{number:.7g}")


def _compact(value: Mapping[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
