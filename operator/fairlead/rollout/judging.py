"""What the evidence says about a canary after one more look: a trial that goes on, a verdict, and a weight."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from fairlead.api.gatewaymetrics import GatewayMetrics
from fairlead.api.modeldeployment import ModelDeploymentSpec
from fairlead.api.reasons import Phase
from fairlead.api.revision import Revision
from fairlead.api.rollout import Rollout, Step
from fairlead.evidence.cells import TIMES, cells, dropped, lacking, metrics_of, uncounted
from fairlead.evidence.findings import Findings, findings
from fairlead.evidence.judgement import Judged
from fairlead.evidence.sweep import FRESH_FOR, Sweep
from fairlead.evidence.terms import Terms
from fairlead.evidence.trial import Trial, advance, as_of, begin_trial, blind, missing, unseen
from fairlead.evidence.verdict import SUSPICIOUS, Case, Verdict, next_weight, verdicts
from fairlead.rollout.steps import after_last, next_step, waited
from fairlead.situation import Situation


def judge(
    situation: Situation, spec: ModelDeploymentSpec, stable: Revision, canary: Revision, *, may_grow: bool
) -> Judged:
    """What follows from the last sweep of metrics. A canary that may not grow stays at its weight."""
    sweep = situation.sweep
    trial = trial_of(situation, stable.name, canary.name)
    if trial is None or not _counts_the_same(trial, situation, spec):
        return _begun(situation, spec, stable, canary)
    trial = as_of(trial, situation.now)
    now = advance(trial, sweep) if sweep is not None else trial
    terms = live_terms(now.terms, spec.rollout)
    found = findings(now.memory, terms)
    case = Case(findings=found, terms=terms, lasted=now.lasted, waited=_waited(situation, now.tried, canary.name))
    verdict = Verdict(int(verdicts(case)))
    told = _missing(now, sweep, situation.now, spec)
    steps = spec.rollout.steps
    grows = may_grow and told is None and not _is_waited_for(situation, canary, trial) and now.looked > trial.looked
    if grows:
        now = waited(now, trial, FRESH_FOR[spec.rollout.evidence.source])
    # What is known speaks for it, but not everything is known; or it has steps before it.
    if verdict == Verdict.PROMOTE and (told is not None or not after_last(now, steps)):
        verdict = Verdict.CONTINUE
    # While what serves is broken a canary stays at its weight; without any it could never show that it is the remedy.
    first = verdict == Verdict.BREACHING and trial.weight == 0
    if grows and (verdict == Verdict.CONTINUE or first):
        now = _grown(now, terms, found, steps)
    source = sweep.source if sweep else "the pods"
    return Judged(verdict=verdict, trial=now, findings=found, missing=told, source=source)


def _grown(trial: Trial, terms: Terms, found: Findings, steps: Sequence[Step]) -> Trial:
    """The trial with the weight until the next look."""
    if steps:
        # The first step is always taken: without traffic nothing more would be learned.
        return next_step(trial, steps) if found.against < SUSPICIOUS or trial.weight == 0 else trial
    weight = next_weight(trial.memory, terms, found.against, np.array(trial.weight))
    return replace(trial, weight=float(weight))


def _is_waited_for(situation: Situation, canary: Revision, trial: Trial) -> bool:
    """Whether the canary stays at its weight until a person approves it.

    A trial that has had to begin anew meanwhile needs some traffic all the same, or it could never end.
    """
    return _phase(situation, canary.name) == Phase.AWAITING_APPROVAL and trial.weight > 0


def _phase(situation: Situation, canary: str) -> Phase | None:
    rollout = situation.status.rollout if situation.status else None
    return rollout.phase if rollout is not None and rollout.revision == canary else None


def _waited(situation: Situation, tried: datetime | None, canary: str) -> timedelta:
    """How long the canary has been on trial by the clock, whether or not there was evidence."""
    rollout = situation.status.rollout if situation.status else None
    since, phase = tried or situation.now, _phase(situation, canary)
    if tried is None and rollout is not None and phase in (Phase.JUDGING, Phase.HELD):
        # The time before it was held counts, too, or it would begin anew.
        since = (rollout.started if phase == Phase.HELD else None) or rollout.since
    return max(situation.now - since, timedelta(0))


def trial_of(situation: Situation, stable: str, canary: str) -> Trial | None:
    """The trial that is on between these two."""
    trial = situation.trial
    return trial if trial is not None and (trial.stable, trial.canary) == (stable, canary) else None


def _counts_the_same(trial: Trial, situation: Situation, spec: ModelDeploymentSpec) -> bool:
    """Whether the trial has counted what is counted now, and where; else it begins anew."""
    if trial.terms.gateway != _digest(_gateway(situation, spec)):
        return False
    counted = {"Errors", "Aborts", *TIMES, *(each.pair for each in spec.slo.objectives)}
    return all(cell.metric in counted for cell in trial.cells)


def new_terms(spec: ModelDeploymentSpec, sweep: Sweep, stable: str, gateway: str = "") -> Terms:
    """What a trial that begins now is held to; without cells where the stable pods tell nothing to compare by."""
    rollout = spec.rollout
    found = cells(spec.slo.objectives, rollout.sensitivity, sweep.told_of(stable).values())
    bound = rollout.error_bound
    terms = Terms(cells=found, alpha=bound, beta=bound, gateway=gateway, late_until=rollout.max_duration)
    return live_terms(terms, rollout)


def live_terms(terms: Terms, rollout: Rollout) -> Terms:
    """The terms with what may be changed while a trial is on. What the error bounds rest on stays as it was."""
    return replace(
        terms,
        min_duration=rollout.min_duration,
        max_duration=rollout.max_duration,
        max_weight=rollout.max_weight / 100,
        min_weight=min(terms.min_weight, rollout.max_weight / 100),
        budget=float(rollout.bad_request_budget),
    )


def _begun(situation: Situation, spec: ModelDeploymentSpec, stable: Revision, canary: Revision) -> Judged:
    """A trial that begins with this sweep, or what it lacks to begin."""
    sweep = situation.sweep
    late = _waited(situation, None, canary.name) >= spec.rollout.max_duration
    verdict = Verdict.INCONCLUSIVE if late else Verdict.CONTINUE
    never, gateway = _never(situation, spec, stable), _gateway(situation, spec)
    if never is not None:
        return Judged(verdict=verdict, missing=never)
    if sweep is None:
        return Judged(verdict=verdict, missing=f"{_whose(spec)} have not been read yet")
    pods = sweep.told_of(stable.name).values()
    terms = new_terms(spec, sweep, stable.name, _digest(gateway))
    told = lacking(spec.slo.objectives, metrics_of(stable.snapshot.metrics, gateway), pods)
    if told is None and terms.cells:
        left_out = dropped(spec.slo.objectives, pods)
        trial = begin_trial(canary.name, stable.name, terms, sweep, unjudged=left_out)
        found = findings(trial.memory, terms)
        return Judged(verdict=Verdict.CONTINUE, trial=trial, findings=found, source=sweep.source)
    silent = next(iter(sorted(set(sweep.silent.values()))), None)
    why = told or f"the pods of {stable.name} measure nothing to compare by"
    return Judged(verdict=verdict, missing=why if pods or silent is None else silent)


def _gateway(situation: Situation, spec: ModelDeploymentSpec) -> GatewayMetrics | None:
    """What the Gateway counts, where the model wants to be judged by that."""
    return situation.site.gateway if spec.rollout.evidence.source == "Gateway" else None


def _digest(gateway: GatewayMetrics | None) -> str:
    return gateway.digest if gateway is not None else ""


def _never(situation: Situation, spec: ModelDeploymentSpec, stable: Revision) -> str | None:
    """Why nothing will ever be counted, and what to do, in words; None where something is."""
    if spec.rollout.evidence.source == "Gateway":
        return None  # who counts there, and who does not, whoever asks it says
    never = uncounted(spec.slo.objectives, stable.snapshot.metrics)
    return never and (
        f"{never}; have a Gateway count them (spec.rollout.evidence.source Gateway), or Prometheus where they pass "
        "(spec.slo.objectives with queries), let a person decide "
        f"(`fairlead promote {situation.identity.name}`), or choose spec.rollout.strategy BlueGreen"
    )


def _missing(trial: Trial, sweep: Sweep | None, now: datetime, spec: ModelDeploymentSpec) -> str | None:
    fresh_for = FRESH_FOR[spec.rollout.evidence.source]
    if now - trial.looked <= fresh_for:
        silent = unseen(trial) if trial.lasted > fresh_for else ()
        if silent:
            who = "neither the Gateway nor a" if spec.rollout.evidence.source == "Gateway" else "no"
            return f"{who} pod of {trial.canary} counts {', '.join(silent)}"
        return blind(trial, sweep) if sweep is not None else None
    stale = f"{_whose(spec)} are not read any more"
    return stale if sweep is None else missing(trial, sweep) or stale


def _whose(spec: ModelDeploymentSpec) -> str:
    return f"the metrics of the {'Gateway' if spec.rollout.evidence.source == 'Gateway' else 'pods'}"
