"""evidence/trial.py and cells.py: sweeps of metrics in, evidence out."""

from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import numpy as np
import pytest

from fairlead.api.metrics import Counters, Gauge, Histogram, Metric, MetricsProfile, Series
from fairlead.api.slo import Objective
from fairlead.evidence.cells import ENOUGH, cells, dropped, lacking, metrics_of, snapped, uncounted
from fairlead.evidence.findings import findings
from fairlead.evidence.sweep import PodMetrics, Sweep
from fairlead.evidence.terms import Terms
from fairlead.evidence.trial import Trial, advance, as_of, begin_trial, blind, missing, unseen

START = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
TICK = timedelta(seconds=5)
EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


def histogram(requests: float, slower: float = 0) -> dict[float, float]:
    """All requests take 40 ms, but for some that take 800."""
    return {edge: requests if edge >= 1 else requests - slower if edge >= 0.05 else 0 for edge in (*EDGES, inf)}


def pod(name: str, requests: float, bad: float = 0, slower: float = 0, since: datetime = START - TICK) -> PodMetrics:
    return PodMetrics(
        process=name, since=since, errors=(requests, bad), histograms={"Latency": histogram(requests, slower)}
    )


def sweep(tick: int, canary: list[PodMetrics], stable: list[PodMetrics], **more: Any) -> Sweep:
    arms = {"fraud-2": {each.process: each for each in canary}, "fraud-1": {each.process: each for each in stable}}
    return Sweep(at=START + tick * TICK, pods=arms, **more)


OBJECTIVES = (
    Objective.model_validate({"name": "availability", "target": "99", "metric": "Errors"}),
    Objective.model_validate({"name": "latency", "target": "95", "metric": "Latency", "threshold": "300ms"}),
)


def begun(*, objectives: tuple[Objective, ...] = OBJECTIVES) -> Trial:
    stable = [pod("s1", 5000, 10, 20), pod("s2", 5000, 12, 25)]
    terms = Terms(cells=cells(objectives, "Standard", stable))
    return begin_trial("fraud-2", "fraud-1", terms, sweep(0, [pod("c1", 3)], stable))


def going(trial: Trial, ticks: int, *, errors: float = 0, slower: float = 0, first: int = 1) -> Trial:
    """Each tick the canary gets 10 requests, and each of two stable pods 100."""
    for tick in range(first, first + ticks):
        canary = [pod("c1", 3 + 10 * tick, errors * tick, slower * tick)]
        stable = [pod("s1", 5000 + 100 * tick, 10, 20), pod("s2", 5000 + 100 * tick, 12, 25)]
        trial = advance(trial, sweep(tick, canary, stable))
    return trial


def test_the_cells_are_errors_and_the_edges_around_the_objective():
    trial = begun()
    assert [cell.name for cell in trial.cells] == [
        "errors", "Latency>50ms", "Latency>100ms", "Latency>250ms", "Latency>500ms", "Latency>1s",
    ]  # fmt: skip
    assert sum(cell.weight + cell.objective_weight for cell in trial.cells) == pytest.approx(1)
    assert [cell.name for cell in trial.cells if cell.promotion] == ["errors", "Latency>500ms"]
    assert {cell.name: cell.objective for cell in trial.cells if cell.objective} == pytest.approx(
        {"errors": 0.01, "Latency>500ms": 0.05}
    )


def test_without_objectives_slow_is_what_few_requests_of_the_stable_revision_are():
    assert [cell.name for cell in begun(objectives=()).cells if cell.promotion] == ["errors", "Latency>50ms"]


def test_a_threshold_is_rounded_up_to_an_edge():
    assert snapped(0.3, (0.1, 0.25, 0.5, inf)) == 0.5
    assert snapped(0.25, (0.1, 0.25, 0.5, inf)) == 0.25
    assert snapped(3, (0.1, 0.25, 0.5, inf)) is None


def test_nothing_measured_gives_nothing_to_judge_by():
    assert cells(OBJECTIVES, "Standard", [PodMetrics(process="s1", since=START)]) == ()


BOTH: tuple[Metric, ...] = ("Errors", "Latency")


def test_a_few_requests_are_not_enough_to_choose_edges_from():
    few = [pod("s1", ENOUGH / 2), pod("s2", ENOUGH / 2 - 1)]
    assert cells(OBJECTIVES, "Standard", few) == ()
    assert lacking(OBJECTIVES, BOTH, few) == "fewer than 100 requests are counted so far for Errors, Latency"
    assert lacking((), BOTH, []) == lacking(OBJECTIVES, BOTH, few), "no number that changes with every sweep"
    assert lacking(OBJECTIVES, BOTH, [pod("s1", ENOUGH)]) is None


def test_each_metric_of_the_profile_has_to_be_there():
    silent = [PodMetrics(process="s1", since=START, errors=(5000, 3))]
    assert lacking((), BOTH, silent) == "fewer than 100 requests are counted so far for Latency"
    assert [cell.name for cell in cells((), "Standard", silent)] == ["errors"]


def test_an_objective_that_the_profile_has_no_series_for_is_named():
    told = lacking(OBJECTIVES, ("Errors",), [pod("s1", 5000)])
    assert told == "the metrics profile has no series for Latency, as objective latency needs it"


def test_a_profile_that_counts_no_requests_is_nothing_to_judge_by():
    gauges = MetricsProfile(queue_depth=Gauge(series="requests_deferred"))
    told = "its server counts neither errors nor times by its metrics profile, and no objective has counters or queries"
    assert str(uncounted(OBJECTIVES, gauges)).startswith(told)
    assert str(uncounted((), None)).startswith("its runtime has no metrics profile")
    assert uncounted((GUARDRAIL,), gauges) is None
    assert uncounted((), MetricsProfile(latency=Histogram(series="seconds"))) is None


def test_what_a_profile_counts():
    one = (Series(series="requests_total"),)
    profile = MetricsProfile(errors=Counters(bad=one, total=one), inter_token_latency=Histogram(series="seconds"))
    assert metrics_of(profile) == ("Errors", "InterTokenLatency")
    assert metrics_of(None) == ()


def objective(threshold: str) -> Objective:
    return Objective.model_validate({"name": "latency", "target": "95", "metric": "Latency", "threshold": threshold})


def test_an_objective_beyond_the_last_edge_is_named():
    stable = [pod("s1", 5000)]
    assert dropped(OBJECTIVES, stable) is None
    told = "objective latency is not judged: 10s is beyond the last edge of its histogram"
    assert dropped((objective("10s"),), stable) == told


def test_an_edge_that_nearly_all_requests_exceed_is_held_to_its_objective_only():
    stable = [pod("s1", 5000, slower=4000)]
    found = {cell.name: cell for cell in cells((objective("250ms"),), "Standard", stable)}
    at_objective = found["Latency>250ms"]
    assert (at_objective.objective, at_objective.promotion, at_objective.weight) == (pytest.approx(0.05), None, 0)
    assert [name for name, cell in found.items() if cell.promotion] == ["errors", "Latency>1s"]
    assert sum(cell.weight + cell.objective_weight for cell in found.values()) == pytest.approx(1)
    assert dropped((objective("250ms"),), stable) is None


def test_a_histogram_that_nearly_all_requests_are_beyond_gives_no_cells_and_is_named():
    slow = [PodMetrics(process="s1", since=START, errors=(500, 0), histograms={"Latency": {0.1: 9, 0.5: 20, inf: 500}})]
    why = "is not judged: most requests take longer than the last edge of its histogram"
    assert [cell.name for cell in cells((objective("100ms"),), "Standard", slow)] == ["errors"]
    assert dropped((objective("100ms"),), slow) == f"objective latency {why}"
    assert dropped((), slow) == f"Latency {why}"


GUARDRAIL = Objective.model_validate(
    {
        "name": "guardrail",
        "target": "95",
        "counters": {
            "bad": [{"series": "checks_total", "labels": {"verdict": "blocked"}}],
            "total": [{"series": "checks_total"}],
        },
    }
)
ABORTS = Objective.model_validate({"name": "patience", "target": "90", "metric": "Aborts"})


def paired(name: str, requests: float, **bad: float) -> PodMetrics:
    """A pod that counts requests by pairs, and no times."""
    keys = {"aborts": "Aborts", "guardrail": str(GUARDRAIL.pair)}
    pairs = {keys[pair]: (requests, number) for pair, number in bad.items()}
    return PodMetrics(process=name, since=START - TICK, errors=(requests, 0), pairs=pairs)


def test_aborts_and_objectives_with_counters_of_their_own_are_cells():
    stable = [paired("s1", 5000, aborts=50, guardrail=100)]
    found = {cell.name: cell for cell in cells((GUARDRAIL, ABORTS), "Standard", stable)}
    assert set(found) == {"errors", "aborts", "guardrail"}
    assert {name: cell.objective for name, cell in found.items()} == {
        "errors": None,
        "aborts": pytest.approx(0.1),
        "guardrail": pytest.approx(0.05),
    }
    margins = {(cell.rollback.factor, cell.rollback.offset) for name, cell in found.items() if name != "errors"}
    assert margins == {(1.1, 0.01)}
    assert all(cell.promotion is not None for cell in found.values())
    assert sum(cell.weight + cell.objective_weight for cell in found.values()) == pytest.approx(1)
    assert found["aborts"].weight + found["guardrail"].weight < found["errors"].weight


def test_what_the_stable_pods_have_not_counted_enough_of_is_named_before_a_trial_begins():
    quiet = [PodMetrics(process="s1", since=START, errors=(5000, 0), pairs={str(GUARDRAIL.pair): (99, 0)})]
    counted: tuple[Metric, ...] = ("Errors", "Aborts")
    assert lacking((GUARDRAIL,), counted, quiet) == (
        "fewer than 100 requests are counted so far for Aborts, objective guardrail"
    )
    assert [cell.name for cell in cells((GUARDRAIL,), "Standard", quiet)] == ["errors"]
    assert lacking((GUARDRAIL,), ("Errors",), [paired("s1", 100, guardrail=0)]) is None


def test_an_objective_of_another_definition_is_another_pair():
    other = GUARDRAIL.model_dump(by_alias=True, exclude_none=True, mode="json")
    other["counters"]["bad"][0]["labels"]["verdict"] = "blocked|redacted"
    assert Objective.model_validate(other).pair != GUARDRAIL.pair
    assert ABORTS.pair is None


def test_a_canary_that_is_blocked_more_often_is_evidence_against_it():
    stable = [paired("s1", 5000, aborts=50, guardrail=100)]
    terms = Terms(cells=cells((GUARDRAIL, ABORTS), "Standard", stable))
    trial = begin_trial("fraud-2", "fraud-1", terms, sweep(0, [paired("c1", 0, aborts=0, guardrail=0)], stable))
    for tick in range(1, 31):
        n = 5000 + 100 * tick
        stable = [paired("s1", n, aborts=n / 100, guardrail=n / 50)]
        trial = advance(trial, sweep(tick, [paired("c1", 10 * tick, aborts=0, guardrail=2 * tick)], stable))
    found = findings(trial.memory, trial.terms)
    assert found.against > 20
    assert trial.cells[int(np.argmax(found.worse))].name == "guardrail"


def test_what_was_counted_before_the_trial_says_what_to_expect_and_proves_nothing():
    trial = begun()
    assert trial.memory.history[0].tolist() == [10_000, 22]
    assert findings(trial.memory, trial.terms).against == pytest.approx(1)
    assert trial.tried is None


def test_a_canary_that_fails_is_evidence_against_it_and_one_that_does_not_is_for_it():
    bad = going(begun(), 12, errors=1)
    assert findings(bad.memory, bad.terms).against > 20
    good = going(begun(), 60)
    assert findings(good.memory, good.terms).against < 1.5
    assert findings(good.memory, good.terms).better[0] > 3


def test_the_edge_that_moved_is_told():
    slow = going(begun(), 12, slower=4)
    worse = findings(slow.memory, slow.terms).worse
    assert slow.cells[int(np.argmax(worse))].name in {"Latency>50ms", "Latency>100ms", "Latency>250ms", "Latency>500ms"}
    assert worse[0] < 2


def test_the_same_sweep_twice_is_the_same_trial():
    trial = going(begun(), 3)
    again = sweep(3, [pod("c1", 99)], [pod("s1", 9999)])
    assert advance(trial, again) is trial


def test_a_sweep_without_an_arm_is_no_window_and_loses_nothing():
    trial = going(begun(), 3)
    blind = sweep(4, [], [pod("s1", 5400, 10, 20)], silent={"c1": "timed out"})
    assert missing(trial, blind) == "no metrics of fraud-2: timed out"
    assert advance(trial, blind) is trial
    after = going(trial, 1, first=5)
    assert after.memory.canary[0].tolist() == [50, 0]
    assert after.looked == START + 5 * TICK


def test_requests_count_towards_promotion_only_after_slow_ones_had_time_to_end():
    first = going(begun(), 1)
    assert first.tried == START + TICK
    assert findings(first.memory, first.terms).better[0] == pytest.approx(1)
    assert findings(going(begun(), 2).memory, first.terms).better[0] > 1


def test_a_cell_that_no_pod_tells_anything_about_is_named():
    trial = begun()
    silent = [PodMetrics(process="c1", since=START - TICK, errors=(50, 0))]
    assert unseen(trial) == ()
    after = advance(trial, sweep(1, silent, [pod("s1", 5100, 10, 20), pod("s2", 5100, 12, 25)]))
    assert "Latency>500ms" in unseen(after)
    assert "errors" not in unseen(after)


def test_edges_that_the_canary_does_not_have_are_named_and_the_others_are_judged():
    """Its server may be another version, or started with other edges."""
    trial = begun()
    other = {0.1: 40.0, 0.25: 45.0, 1.0: 50.0, inf: 50.0}
    canary = [PodMetrics(process="c1", since=START - TICK, errors=(50, 0), histograms={"Latency": other})]
    after = advance(trial, sweep(1, canary, [pod("s1", 5100, 10, 20), pod("s2", 5100, 12, 25)]))
    assert unseen(after) == ("Latency>50ms", "Latency>500ms")
    counted = {cell.name: after.memory.canary[n].tolist() for n, cell in enumerate(after.cells)}
    assert counted["Latency>100ms"] == [47, 10]


def test_processes_that_are_gone_are_forgotten():
    trial = going(begun(), 2)
    assert set(trial.known) == {"c1", "s1", "s2"}
    after = advance(trial, sweep(3, [pod("c2", 5, since=START + 2.5 * TICK)], [pod("s2", 5300, 12, 25)]))
    assert set(after.known) == {"c2", "s2"}
    assert after.memory.canary[0].tolist() == [25, 0]


def test_a_process_that_is_there_but_not_read_stays_known():
    trial = going(begun(), 2)
    rest = [pod("s1", 5300, 10, 20), pod("s2", 5300, 12, 25)]
    unready = sweep(3, [pod("c2", 0, since=START + 2.5 * TICK)], rest, running=frozenset({"c1", "c2", "s1", "s2"}))
    after = advance(advance(trial, unready), sweep(4, [pod("c1", 33, 9), pod("c2", 0)], rest))
    assert after.memory.canary[0].tolist() == [30, 9]


def test_a_process_that_is_gone_is_forgotten_although_another_pod_is_silent():
    there = frozenset({"c1", "c2", "s1"})
    silent = sweep(3, [pod("c1", 33)], [pod("s1", 5300, 10, 20)], silent={"c2": "timed out"}, running=there)
    assert set(advance(going(begun(), 2), silent).known) == {"c1", "s1"}


def test_a_pod_of_the_canary_that_is_silent_is_told_and_what_the_others_say_counts():
    trial = going(begun(), 3)
    rest = [pod("s1", 5400, 10, 20), pod("s2", 5400, 12, 25)]
    silent = {"c3": "timed out", "c2": "answered 500", "s3": "failed"}
    of = {"c3": "fraud-2", "c2": "fraud-2", "s3": "fraud-1"}
    partly = sweep(4, [pod("c1", 43, 4)], rest, silent=silent, silent_of=of)
    assert missing(trial, partly) is None
    assert blind(trial, partly) == "2 of 3 pods of fraud-2 cannot be read: c2: answered 500"
    assert advance(trial, partly).memory.canary[0].tolist() == [40, 4]
    assert blind(trial, sweep(4, [pod("c1", 43)], rest, silent={"s3": "failed"}, silent_of=of)) is None


def test_why_an_arm_is_missing_is_what_its_own_pods_are_silent_about():
    trial = going(begun(), 3)
    silent = {"s1": "answered 500", "c1": "timed out"}
    arms = sweep(4, [], [pod("s2", 5400)], silent=silent, silent_of={"s1": "fraud-1", "c1": "fraud-2"})
    assert missing(trial, arms) == "no metrics of fraud-2: timed out"
    assert missing(trial, sweep(4, [], [pod("s2", 5400)])) == "no metrics of fraud-2: no pod of it runs"


def test_a_trial_of_a_clock_that_was_ahead_goes_on():
    trial = going(begun(), 3)
    assert as_of(trial, trial.looked) is trial
    back = START + 1.5 * TICK
    now = as_of(trial, back)
    assert (now.began, now.tried, now.looked) == (START, START + TICK, back)
    assert as_of(trial, START - TICK).began == START - TICK
    assert going(now, 1, first=4).memory.canary[0].tolist() == [40, 0], "nothing is lost, and nothing counted twice"
