"""evidence/judge.py and verdict.py: whole trials, window by window, with counts as they come in production."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from fairlead.evidence.findings import Findings, findings
from fairlead.evidence.judge import Counted, begin, weigh
from fairlead.evidence.memory import Memory
from fairlead.evidence.mixture import starting_mass, unspent
from fairlead.evidence.scatter import scatter_between_windows, shrinkage
from fairlead.evidence.terms import Cell, Margin, Terms
from fairlead.evidence.verdict import ORDER, Case, Verdict, next_weight, verdicts

TICK = timedelta(seconds=5)
ERRORS = Cell(
    name="errors",
    rollback=Margin(factor=1.1, offset=0.0002),
    promotion=Margin(factor=2, offset=0.003),
    weight=0.7,
    objective=0.01,
    objective_weight=0.3,
    in_budget=True,
)
TERMS = Terms(cells=(ERRORS,))


def counted(*pods: tuple[float, float]) -> Counted:
    """(requests, bad) of each pod."""
    return Counted(requests=np.array([[n] for n, _ in pods]), bad=np.array([[x] for _, x in pods]))


def trial(
    canary: Counted, stable: Counted, windows: int, memory: Memory | None = None, terms: Terms = TERMS
) -> tuple[Memory, Verdict]:
    """The same window again and again, until there is a verdict."""
    memory = begin(Memory.blank(1), np.array([10_000.0]), np.array([20.0])) if memory is None else memory
    verdict = Verdict.CONTINUE
    for window in range(1, windows + 1):
        memory = weigh(memory, terms, canary, stable, TICK)
        verdict = judged(memory, window * TICK, terms)
        if verdict in (Verdict.ROLLBACK, Verdict.PROMOTE, Verdict.INCONCLUSIVE):
            break
    return memory, verdict


def judged(memory: Memory, lasted: timedelta, terms: Terms = TERMS) -> Verdict:
    return Verdict(int(verdicts(Case(findings=findings(memory, terms), terms=terms, lasted=lasted, waited=lasted))))


STABLE = counted((250, 0), (250, 1))


def test_a_bad_canary_is_rolled_back_after_few_bad_requests():
    memory, verdict = trial(counted((5, 1)), STABLE, 100)
    assert verdict == Verdict.ROLLBACK
    assert memory.canary[0, 1] <= 6


def test_a_good_canary_is_promoted_but_not_before_its_time():
    memory, verdict = trial(counted((100, 0)), STABLE, 100)
    assert verdict == Verdict.PROMOTE
    assert memory.windows[0] * TICK >= TERMS.min_duration


def test_a_canary_without_traffic_proves_nothing():
    memory, verdict = trial(counted((0, 0)), STABLE, 100)
    assert verdict == Verdict.CONTINUE
    assert findings(memory, TERMS).against == pytest.approx(1)
    assert findings(memory, TERMS).better == pytest.approx(1)


def test_time_alone_promotes_nothing():
    few = counted((1, 0))
    assert trial(few, counted((5, 0), (5, 0)), 100)[1] == Verdict.CONTINUE
    assert trial(few, counted((5, 0), (5, 0)), 800)[1] in (Verdict.PROMOTE, Verdict.INCONCLUSIVE)


def test_when_both_are_bad_the_canary_is_not_blamed():
    both = trial(counted((50, 5)), counted((250, 25), (250, 25)), 60)
    assert both[1] == Verdict.BREACHING
    assert findings(both[0], TERMS).against < 20


def test_what_was_held_against_the_canary_while_both_were_bad_is_forgotten():
    memory, _ = trial(counted((50, 5)), counted((250, 25), (250, 25)), 60)
    memory, verdict = trial(counted((50, 0)), counted((250, 0), (250, 0)), 60, memory)
    assert not findings(memory, TERMS).breaching
    assert verdict != Verdict.ROLLBACK


def test_the_remedy_is_not_held_back_since_what_it_mends_is_broken():
    memory, verdict = trial(counted((50, 0)), counted((250, 25), (250, 25)), 60)
    assert not findings(memory, TERMS).breaching
    assert verdict == Verdict.PROMOTE


def test_a_canary_that_has_not_shown_that_it_is_the_remedy_waits():
    assert trial(counted((1, 0)), counted((250, 25), (250, 25)), 20)[1] == Verdict.BREACHING


def test_a_remedy_that_fails_as_well_is_held():
    memory, _ = trial(counted((50, 0)), counted((250, 25), (250, 25)), 20)
    assert trial(counted((50, 5)), counted((250, 25), (250, 25)), 20, memory)[1] == Verdict.BREACHING


def test_a_canary_that_is_worse_than_a_bad_stable_is_rolled_back_all_the_same():
    assert trial(counted((50, 40)), counted((250, 25), (250, 25)), 60)[1] == Verdict.ROLLBACK


def test_a_regression_that_begins_late_is_found():
    terms = replace(TERMS, min_duration=timedelta(hours=1))
    memory, verdict = trial(counted((100, 0)), STABLE, 400, terms=terms)
    assert verdict == Verdict.CONTINUE
    later, verdict = trial(counted((100, 20)), STABLE, 10, memory, terms)
    assert verdict == Verdict.ROLLBACK
    assert later.windows[0] - memory.windows[0] <= 2


def test_pods_of_the_stable_revision_that_differ_are_no_measure():
    memory, verdict = trial(counted((20, 0)), counted((250, 25), (250, 0)), 100, terms=replace(TERMS, cells=(LOOSE,)))
    assert verdict == Verdict.UNSTEADY
    assert findings(memory, TERMS).unsteady >= 20


LOOSE = replace(ERRORS, objective=None, weight=1.0)


def test_bursts_count_less_than_the_same_errors_one_by_one():
    burst = [counted((250, 30), (250, 0)), *[counted((250, 0), (250, 0))] * 29]
    spread = [counted((250, 1), (250, 0)), counted((250, 0), (250, 1))] * 15
    found = {}
    for name, windows in (("burst", burst), ("spread", spread)):
        memory = begin(Memory.blank(1), np.array([10_000.0]), np.array([20.0]))
        for stable in windows * 2:
            memory = weigh(memory, TERMS, counted((10, 0)), stable, TICK)
        found[name] = findings(weigh(memory, TERMS, counted((10, 3)), STABLE, TICK), TERMS).against
    assert found["burst"] < found["spread"]


def test_while_nothing_is_known_of_bursts_no_window_alone_leads_to_a_rollback():
    calm, burst = counted((250, 0), (250, 0)), counted((10, 10))
    memory = begin(Memory.blank(1), np.array([10_000.0]), np.array([20.0]))
    memory = weigh(memory, TERMS, burst, calm, TICK)
    assert judged(memory, TICK) == Verdict.CONTINUE
    assert (
        judged(weigh(weigh(memory, TERMS, burst, calm, TICK), TERMS, burst, calm, TICK), 3 * TICK) == Verdict.ROLLBACK
    )


def test_where_single_bad_events_are_known_to_be_usual_one_window_is_enough():
    memory = begin(Memory.blank(1), np.array([10_000.0]), np.array([20.0]))
    for window in range(60):
        memory = weigh(memory, TERMS, counted((0, 0)), counted((250, window % 2), (250, 1 - window % 2)), TICK)
    assert judged(weigh(memory, TERMS, counted((10, 10)), STABLE, TICK), TICK) == Verdict.ROLLBACK


def test_promotion_evidence_can_be_left_out():
    memory = weigh(Memory.blank(1), TERMS, counted((100, 0)), STABLE, TICK, settled=np.array([False]))
    assert findings(memory, TERMS).better == pytest.approx(1)
    assert memory.windows == 1


def test_the_first_weight_is_what_the_budget_pays_for_and_grows_with_knowledge():
    memory = replace(Memory.blank(1), traffic=np.array([6000.0, 60.0]))  # 100 per second
    first = next_weight(memory, TERMS, np.array(1.0), np.array(0.0))
    assert first == pytest.approx(TERMS.min_weight)
    quiet = replace(memory, traffic=np.array([60.0, 60.0]))
    assert next_weight(quiet, TERMS, np.array(1.0), np.array(0.0)) == pytest.approx(5 / 30)
    known, _ = trial(counted((5, 0)), STABLE, 20)
    assert first < next_weight(known, TERMS, np.array(1.0), first) <= 3 * first
    assert next_weight(known, TERMS, np.array(2.0), first) == first


def test_where_the_traffic_is_not_known_the_canary_begins_with_the_least():
    assert next_weight(Memory.blank(1), TERMS, np.array(1.0), np.array(0.0)) == pytest.approx(TERMS.min_weight)


def test_the_weight_never_shrinks_and_never_passes_its_maximum():
    memory, _ = trial(counted((50, 50)), STABLE, 1)
    assert next_weight(memory, TERMS, np.array(1.0), np.array(0.2)) == pytest.approx(0.2)
    good, _ = trial(counted((100, 0)), STABLE, 100)
    assert next_weight(good, TERMS, np.array(1.0), np.array(0.2)) == pytest.approx(TERMS.max_weight)


def test_what_speaks_against_the_canary_comes_first():
    assert [verdict for verdict, _ in ORDER] == [
        Verdict.ROLLBACK,
        Verdict.PROMOTE,
        Verdict.INCONCLUSIVE,
        Verdict.UNSTEADY,
        Verdict.BREACHING,
    ]
    everything = Findings(
        against=np.array(100.0),
        worse=np.array([100.0]),
        beyond=np.array([100.0]),
        better=np.array([100.0]),
        unsteady=np.array(1.0),
        breaching=np.array(True),
    )
    case = Case(findings=everything, terms=TERMS, lasted=timedelta(hours=2), waited=timedelta(hours=2))
    assert verdicts(case) == Verdict.ROLLBACK
    doubtful = replace(everything, unsteady=np.array(30.0))
    early = replace(case, findings=doubtful, waited=timedelta(minutes=30))
    assert verdicts(early) == Verdict.UNSTEADY
    assert verdicts(replace(early, findings=replace(doubtful, unsteady=np.array(1.0), against=np.array(1.0)))) == (
        Verdict.BREACHING
    )
    assert verdicts(replace(case, findings=doubtful)) == Verdict.INCONCLUSIVE, "nothing goes on for ever"
    good = replace(everything, against=np.array(1.0), breaching=np.array(False))
    assert verdicts(replace(case, findings=good)) == Verdict.PROMOTE


def test_many_trials_at_once_are_judged_like_one():
    one, _ = trial(counted((20, 1)), STABLE, 7)
    many = begin(Memory.blank(1, (3,)), np.full((3, 1), 10_000.0), np.full((3, 1), 20.0))
    for _ in range(int(one.windows[0])):
        canary, stable = counted((20, 1)), STABLE
        many = weigh(
            many,
            TERMS,
            Counted(requests=np.stack([canary.requests] * 3), bad=np.stack([canary.bad] * 3)),
            Counted(requests=np.stack([stable.requests] * 3), bad=np.stack([stable.bad] * 3)),
            TICK,
        )
    np.testing.assert_allclose(findings(many, TERMS).against, np.full(3, findings(one, TERMS).against))
    np.testing.assert_allclose(many.only(slice(0, 1)).worse[0], one.worse)


def test_a_moment_that_was_bad_for_all_pods_is_not_taken_for_bursts_for_long():
    calm, bad = np.array([[300.0, 0.0]]), np.array([[300.0, 93.0]])
    quiet = np.array([[300.0, 3.0]])
    step = scatter_between_windows(calm, bad) + scatter_between_windows(bad, calm)
    minutes = sum(scatter_between_windows(quiet, quiet + np.array([[0.0, n % 3]])) for n in range(60))
    assert shrinkage(np.stack([np.zeros((1, 2)), step + minutes], axis=-2))[0] > 1 / 3


def test_bursts_are_seen_as_what_they_are():
    none, burst = np.array([[500.0, 0.0]]), np.array([[500.0, 10.0]])
    found = sum(scatter_between_windows(none, burst if n % 4 == 0 else none) for n in range(400))
    assert shrinkage(np.stack([np.zeros((1, 2)), found], axis=-2))[0] < 1 / 5


@pytest.mark.parametrize("horizon", [2, 12, 720])
def test_the_coin_is_staked_once_however_long_it_takes(horizon: int):
    assert 0.9 <= starting_mass(np.arange(2_000_000.0), horizon).sum() <= 1


def test_somebody_begins_to_bet_at_any_time():
    assert (starting_mass(np.array([720.0, 7_200.0, 100_000.0]), 720) > 1e-9).all()


@pytest.mark.parametrize("horizon", [2, 12, 720])
def test_what_has_not_begun_is_not_more_than_is_left(horizon: int):
    windows = np.arange(2_000_000.0)
    begun = np.concatenate([[0.0], np.cumsum(starting_mass(windows, horizon))[:-1]])
    left = unspent(windows, horizon)
    assert (left <= 1 - begun + 1e-9).all()
    assert (left[:horizon] >= 1 - begun[:horizon] - 1e-9).all()
