"""A trial as text and back: it lives in the status of the resource, so that a new leader goes on from it.

Seven digits are kept of what was weighed: a logarithm of wealth is exact to a millionth, and the text stays small.
Counters are kept as they are, since only their differences matter.
"""

from collections.abc import Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Annotated

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from fairlead.evidence.counters import Count
from fairlead.evidence.evalues import Floats
from fairlead.evidence.memory import Memory
from fairlead.evidence.terms import Terms
from fairlead.evidence.trial import Trial, names

LONGEST = 200_000
"""Characters. The API server takes an object of at most 1.5 MiB, and the text is not all that is in it."""


class Unreadable(Exception):
    """What was kept cannot be read: it was edited by hand, or an older Fairlead wrote it."""


class _Kept(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    canary: str
    stable: str
    began: AwareDatetime
    looked: AwareDatetime
    tried: AwareDatetime | None = None
    weight: float = Field(ge=0, le=1)
    at_weight: timedelta = timedelta(0)
    unjudged: str | None = None
    terms: Terms
    memory: dict[str, tuple[Annotated[float, Field(allow_inf_nan=False)] | None, ...]]  # None is minus infinity
    known: dict[str, tuple[Annotated[int | float, Field(allow_inf_nan=False)] | None, ...]]
    """Process → requests and bad ones of each cell, in their order; None where it has said nothing."""


def trial_text(trial: Trial) -> str:
    """A trial as JSON. Where that would be too long, the counters are left out: whoever reads it begins at the next."""
    kept = _kept(trial)
    text = kept.model_dump_json()
    return text if len(text) <= LONGEST else kept.model_copy(update={"known": {}}).model_dump_json()


def _kept(trial: Trial) -> _Kept:
    memory = {each.name: tuple(_short(n) for n in getattr(trial.memory, each.name).flat) for each in fields(Memory)}
    return _Kept(
        canary=trial.canary,
        stable=trial.stable,
        began=trial.began,
        looked=trial.looked,
        tried=trial.tried,
        weight=float(f"{trial.weight:.7g}"),
        at_weight=trial.at_weight,
        unjudged=trial.unjudged,
        terms=trial.terms,
        memory=memory,
        known={process: _flat(counts, trial) for process, counts in trial.known.items()},
    )


def trial_from(text: str) -> Trial:
    """The trial of that text. Raises Unreadable."""
    try:
        kept = _Kept.model_validate_json(text)
        blank = Memory.blank(len(kept.terms.cells))
        known = {process: _counts(numbers, names(kept.terms)) for process, numbers in kept.known.items()}
        arrays = {each.name: _array(kept.memory[each.name], getattr(blank, each.name)) for each in fields(Memory)}
    except (ValidationError, KeyError, ValueError) as wrong:
        raise Unreadable(str(wrong)) from wrong
    return Trial(
        canary=kept.canary,
        stable=kept.stable,
        began=kept.began,
        looked=kept.looked,
        tried=kept.tried,
        weight=kept.weight,
        at_weight=kept.at_weight,
        unjudged=kept.unjudged,
        terms=kept.terms,
        memory=Memory(**arrays),
        known=known,
    )


def _flat(counts: Mapping[str, Count], trial: Trial) -> tuple[int | float | None, ...]:
    of_cells = (counts.get(name) or (None, None) for name in names(trial.terms))
    return tuple(_exact(number) for count in of_cells for number in count)


def _counts(numbers: tuple[int | float | None, ...], cells: tuple[str, ...]) -> dict[str, Count]:
    pairs = zip(cells, zip(numbers[::2], numbers[1::2], strict=True), strict=True)
    return {name: Count(requests, bad) for name, (requests, bad) in pairs if requests is not None and bad is not None}


def _exact(number: float | None) -> int | float | None:
    """Without the ".0" of a whole number, which is most of the length of a small one."""
    return int(number) if number is not None and number == int(number) else number


def _array(values: tuple[float | None, ...], like: Floats) -> Floats:
    return np.array([-np.inf if value is None else value for value in values], dtype=float).reshape(like.shape)


def _short(number: float) -> float | None:
    return None if np.isneginf(number) else float(f"{number:.7g}")
