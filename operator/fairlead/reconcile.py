"""Situation → Plan: the whole of Fairlead's judgement, one line per stage. Pure: the same look gives the same plan."""

from datetime import timedelta

from fairlead.api.kinds import AUTOSCALERS, JOB
from fairlead.api.parse import Invalid
from fairlead.api.status import Status
from fairlead.decision import Decision
from fairlead.desired.objects import steps, traffic_steps
from fairlead.desired.revision import lookup_of, wanted_revision
from fairlead.plan import Delete, Plan, Step
from fairlead.report.events import events
from fairlead.report.log import log_lines
from fairlead.report.status import status, unreadable_status
from fairlead.rollout.decide import decide
from fairlead.rollout.serving import SOON, soonest
from fairlead.rollout.unreadable import as_it_runs, unreadable
from fairlead.situation import Situation


def reconcile(situation: Situation) -> Plan:
    """What to write, in order, and when to look again. Never raises for anything that a user can write."""
    model = situation.model
    if isinstance(model, Invalid):
        spec = as_it_runs(situation, model)
        decision = decide(situation, spec, unreadable(model))
        told = unreadable_status(situation, spec, decision)
        return _plan(situation, decision, told, traffic_steps(situation, spec, decision))
    lookup = lookup_of(situation, model)
    decision = decide(situation, model.spec, wanted_revision(situation, model, lookup))
    told = status(situation, model.spec, decision, lookup)
    return _plan(situation, decision, told, steps(situation, model.spec, decision, lookup), lookup.look_again)


def _plan(
    situation: Situation, decision: Decision, told: Status, todo: tuple[Step, ...], look_again: timedelta | None = None
) -> Plan:
    return Plan(
        steps=todo,
        status=told.data(),
        events=events(situation.status, told),
        log=log_lines(situation.status, told),
        # What is told follows from the status that is written now, and no event tells of one's own writing.
        look_again=soonest(
            decision.look_again, look_again, SOON if told.untold or _makes_way(situation, todo) else None
        ),
        revision=decision.serving.name if decision.serving else None,
        # What has ended is not gone on with: whoever tries the same revision again begins anew.
        trial=decision.judged.trial if decision.judged and decision.candidate else None,
    )


def _makes_way(situation: Situation, steps: tuple[Step, ...]) -> bool:
    """Whether something goes after which another one may be made. No event tells of what is gone at once."""
    goes = any(isinstance(step, Delete) and step.kind in (*AUTOSCALERS, JOB) for step in steps)
    return goes and not situation.refusals
