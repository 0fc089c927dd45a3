"""evidence/persisted.py: a new leader goes on from what the old one wrote."""

import json
from typing import Any

import numpy as np
import pytest

from fairlead.evidence.findings import findings
from fairlead.evidence.persisted import Unreadable, trial_from, trial_text
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
        broken(began="yesterday"),
        broken(terms={"cells": []}),
        broken(memory={"windows": [1, 2]}),
    ],
)
def test_nonsense_is_told(text: str):
    with pytest.raises(Unreadable):
        trial_from(text)
