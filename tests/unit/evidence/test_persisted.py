"""evidence/persisted.py: a new leader goes on from what the old one wrote."""

import numpy as np
import pytest

from fairlead.evidence.counters import Count
from fairlead.evidence.findings import findings
from fairlead.evidence.judge import weigh
from fairlead.evidence.memory import Memory
from fairlead.evidence.persisted import Unreadable, known_from, known_text, memory_from, memory_text
from unit.evidence.test_judge import STABLE, TERMS, TICK, counted, trial


def test_a_trial_that_is_written_and_read_again_goes_on_as_if_nothing_had_been():
    memory, _ = trial(counted((20, 1)), STABLE, 5)
    again = memory_from(memory_text(memory), 1)
    for _ in range(3):
        memory = weigh(memory, TERMS, counted((20, 1)), STABLE, TICK)
        again = weigh(again, TERMS, counted((20, 1)), STABLE, TICK)
    np.testing.assert_allclose(findings(again, TERMS).against, findings(memory, TERMS).against, rtol=1e-4)
    np.testing.assert_allclose(findings(again, TERMS).better, findings(memory, TERMS).better, rtol=1e-4)


def test_a_memory_without_bets_can_be_written():
    assert memory_text(memory_from(memory_text(Memory.blank(2)), 2)) == memory_text(Memory.blank(2))


def test_counters_are_kept_whole():
    known = {"containerd://abc": {"errors": Count(12345678, 3), "slow": Count(0, 0)}}
    assert known_from(known_text(known)) == known


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "{}", '{"windows": "many"}', '{"windows": [1, 2]}'])
def test_nonsense_is_told(text: str):
    with pytest.raises(Unreadable):
        memory_from(text, 1)


def test_the_memory_of_other_cells_is_told():
    with pytest.raises(Unreadable, match="2 cells"):
        memory_from(memory_text(Memory.blank(1)), 2)


@pytest.mark.parametrize("text", ["", "[]", '{"a": 1}', '{"a": {"errors": [1]}}', '{"a": {"errors": ["x", 0]}}'])
def test_counters_that_are_nonsense_are_told(text: str):
    with pytest.raises(Unreadable):
        known_from(text)
