"""evidence/persisted.py: a new leader goes on from what the old one wrote."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fairlead.evidence.counters import Count
from fairlead.evidence.findings import findings
from fairlead.evidence.memory import Memory
from fairlead.evidence.persisted import LONGEST, Unreadable, trial_from, trial_text
from fairlead.evidence.terms import Cell, Margin, Terms
from fairlead.evidence.trial import Trial
from unit.evidence.test_trial import begun, going


def test_a_trial_that_is_written_and_read_again_goes_on_as_if_nothing_had_been():
    trial = going(begun(), 5, errors=0.2)
    on, again = going(trial, 3, first=6), going(trial_from(trial_text(trial)), 3, first=6)
    assert (again.known, again.looked, again.tried, again.terms) == (on.known, on.looked, on.tried, on.terms)
    for what in ("against", "worse", "beyond", "better", "unsteady"):
        expected = getattr(findings(on.memory, on.terms), what)
        np.testing.assert_allclose(getattr(findings(again.memory, on.terms), what), expected, rtol=1e-4)


def test_writing_it_again_changes_nothing():
    text = trial_text(going(begun(), 5))
    assert trial_text(trial_from(text)) == text


def test_it_is_small():
    assert len(trial_text(going(begun(), 50))) < 10_000


def big(pods: int, requests: float, cells: int = 25) -> Trial:
    """A trial with as many pods and cells as it takes."""
    margin = Margin(factor=1.25, offset=0.005)
    held_to = tuple(
        Cell(name=f"InterTokenLatency>{n}ms", rollback=margin, promotion=margin, weight=0.04, objective=0.01)
        for n in range(100, 100 + cells)
    )
    known = {f"{n:012x}": {cell.name: Count(requests + n, requests / 2) for cell in held_to} for n in range(pods)}
    return replace(begun(), terms=Terms(cells=held_to), memory=Memory.blank(len(held_to)), known=known)


def test_many_pods_with_many_cells_still_go_into_a_status():
    trial = big(pods=400, requests=100)
    assert trial_from(trial_text(trial)).known == trial.known
    assert len(trial_text(trial)) <= LONGEST


def test_counters_that_would_be_too_long_are_left_out_and_the_rest_is_kept():
    trial = big(pods=400, requests=123_456_789)
    again = trial_from(trial_text(trial))
    assert len(trial_text(trial)) <= LONGEST
    assert again.known == {}
    assert (again.looked, again.terms) == (trial.looked, trial.terms)


def test_counters_are_exact_and_silence_is_kept():
    known = {"a": {"errors": Count(123_456_789_012, 7)}, "b": {}}
    assert trial_from(trial_text(replace(begun(), known=known))).known == known


def broken(**changes: Any) -> str:
    return json.dumps({**json.loads(trial_text(begun())), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "{}",
        broken(memory={}),
        broken(memory="much"),
        broken(known={"a": {"errors": [1]}}),
        broken(known={"a": [1, 2, 3]}),
        broken(known={"a": [1, 2]}),
        broken(began="yesterday"),
        broken(terms={"cells": []}),
        broken(memory={"windows": [1, 2]}),
    ],
)
def test_nonsense_is_told(text: str):
    with pytest.raises(Unreadable):
        trial_from(text)
