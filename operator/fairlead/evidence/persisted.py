"""A trial as text and back: it lives in the status of the resource, so that a new leader goes on from it.

Seven digits are kept: a logarithm of wealth is exact to a millionth, and the text stays small.
"""

from dataclasses import fields
from typing import Annotated

import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from fairlead.evidence.counters import Count
from fairlead.evidence.evalues import Floats
from fairlead.evidence.memory import Memory
from fairlead.evidence.terms import Terms
from fairlead.evidence.trial import Trial


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
    terms: Terms
    memory: dict[str, tuple[Annotated[float, Field(allow_inf_nan=False)] | None, ...]]  # None is minus infinity
    known: dict[str, dict[str, Count]]


def trial_text(trial: Trial) -> str:
    """A trial as JSON."""
    memory = {each.name: tuple(_short(n) for n in getattr(trial.memory, each.name).flat) for each in fields(Memory)}
    kept = _Kept(
        canary=trial.canary,
        stable=trial.stable,
        began=trial.began,
        looked=trial.looked,
        tried=trial.tried,
        weight=float(f"{trial.weight:.7g}"),
        terms=trial.terms,
        memory=memory,
        known={process: dict(counts) for process, counts in trial.known.items()},
    )
    return kept.model_dump_json(exclude_none=False)


def trial_from(text: str) -> Trial:
    """The trial of that text. Raises Unreadable."""
    try:
        kept = _Kept.model_validate_json(text)
        blank = Memory.blank(len(kept.terms.cells))
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
        terms=kept.terms,
        memory=Memory(**arrays),
        known=kept.known,
    )


def _array(values: tuple[float | None, ...], like: Floats) -> Floats:
    return np.array([-np.inf if value is None else value for value in values], dtype=float).reshape(like.shape)


def _short(number: float) -> float | None:
    return None if np.isneginf(number) else float(f"{number:.7g}")
