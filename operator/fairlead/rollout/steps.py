"""Fixed weights, one after the other, where spec.rollout.steps sets them. The evidence still decides about the end.

Steps ascend, so the weight says which step it is. Time counts at a step while the evidence can be read and nobody has
paused: a step is time for evidence, and no mere waiting.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from fairlead.api.rollout import Step
from fairlead.evidence.trial import Trial


def step_of(trial: Trial, steps: Sequence[Step]) -> int:
    """At which step a trial is, from 1 on; 0 before the first."""
    return sum(step.weight / 100 <= trial.weight + 1e-9 for step in steps)


def after_last(trial: Trial, steps: Sequence[Step]) -> bool:
    """Whether all steps have had their time; always where there are none."""
    return not steps or (step_of(trial, steps) == len(steps) and trial.at_weight >= steps[-1].duration)


def waited(trial: Trial, before: Trial, at_most: timedelta) -> Trial:
    """The trial with the time since the look before, in which it had this weight and could be judged.

    More than `at_most` does not count of it: what was not looked at was no time for evidence.
    """
    passed = min(trial.looked - before.looked, at_most) if trial.tried else timedelta(0)
    return replace(trial, at_weight=trial.at_weight + passed)


def next_step(trial: Trial, steps: Sequence[Step]) -> Trial:
    """The trial at its next step if the one that it is at has had its time. A weight never shrinks."""
    at = step_of(trial, steps)
    if at == len(steps) or (at > 0 and trial.at_weight < steps[at - 1].duration):
        return trial
    return replace(trial, weight=steps[at].weight / 100, at_weight=timedelta(0))
