"""One pass over one model: look, decide, act, once each and in this order."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from fairlead.api.parse import Invalid
from fairlead.api.reasons import ConditionType, Phase, Reason
from fairlead.apply.execute import Writer
from fairlead.cluster.errors import Refused
from fairlead.cluster.rollout_metrics import RolloutMetrics, Standing, Verdict
from fairlead.cluster.store import Key
from fairlead.logs import about
from fairlead.observe.look import Observer
from fairlead.plan import Plan
from fairlead.reconcile import reconcile
from fairlead.report.history import DECISIONS
from fairlead.situation import Situation

AS_ASKED = (Reason.PAUSED, Reason.SCALED_TO_ZERO, Reason.ERROR_BUDGET_SPENT)
"""Why Ready may be False for as long as its owner likes."""


class Worker:
    """Brings one model to where it should be."""

    def __init__(self, observer: Observer, writer: Writer, metrics: RolloutMetrics) -> None:
        self._observer = observer
        self._writer = writer
        self._metrics = metrics

    async def __call__(self, key: Key) -> timedelta | None:
        """Returns after how long to look again even if nothing happens.

        Raises ApiError when the cluster does not let us; Refused when it refuses an object: the rules that refuse it
        may change, and no event will tell. What else waits for its time must not wait for that.
        """
        situation = self._observer.look(key)
        if situation is None:
            self._metrics.stands(key, None)
            return None
        began = time.thread_time()
        plan = reconcile(situation)
        if judged(situation, plan):
            self._metrics.judge_cpu.observe(time.thread_time() - began)
        with about(revision=plan.revision):
            refusals = await self._writer.carry_out(plan.steps, situation.identity)
            if refusals:
                # What was refused is part of the situation: nothing may be told that rests on it.
                plan = reconcile(replace(situation, refusals=refusals))
            self._observer.keep(key, plan.trial)
            # Told first, and then written that it was told: whoever ends in between leaves it to the next one.
            await self._tell(plan, situation)
            await self._writer.write_status(plan, situation.identity)
        self._metrics.stands(key, standing(situation, plan))
        if refusals:
            raise Refused(refusals[0].message, look_again=plan.look_again)
        return plan.look_again

    async def _tell(self, plan: Plan, situation: Situation) -> None:
        self._writer.log(plan.log)
        for line in plan.log:
            self._metrics.decisions.labels(line.fields["outcome"], line.fields["reason"]).inc()
        await self._writer.tell(plan.events, situation.identity, situation.now)


def judged(situation: Situation, plan: Plan) -> bool:
    """Whether this look has brought new evidence."""
    before, now = situation.trial, plan.trial
    return now is not None and (before is None or now.looked > before.looked)


def standing(situation: Situation, plan: Plan) -> Standing:
    """How the model stands by this plan, for the metrics: by its status, which says the same to people."""
    conditions = {each["type"]: each for each in plan.status["conditions"]}
    reason = Reason(conditions[ConditionType.READY]["reason"])
    rollout = plan.status.get("rollout") or {"phase": None}  # a model that cannot be read, and never could
    return Standing(
        phase=Phase(rollout["phase"]) if rollout["phase"] else None,
        reason=reason,
        evidence=_evidence(plan, reason, rollout),
        stuck=_stuck(situation, reason, rollout, conditions.get(ConditionType.STALLED)),
        asked=_asked(reason, rollout),
        verdict=_verdict(plan),
    )


def _verdict(plan: Plan) -> Verdict | None:
    """What the status tells of as the last decision. Orders of people, such as a pause, are none."""
    for record in plan.status.get("history", ()):
        if record["outcome"] in DECISIONS:
            time = datetime.fromisoformat(record["time"])
            return Verdict(time=time, revision=record["revision"], outcome=record["outcome"], reason=record["reason"])
    return None


def _evidence(plan: Plan, reason: Reason, rollout: Mapping[str, Any]) -> datetime | None:
    if rollout.get("weight") is None or reason == Reason.SCALED_TO_ZERO:  # nothing is on trial, or has traffic
        return None
    # A trial that cannot begin has had no evidence since its phase began.
    return plan.trial.looked if plan.trial else datetime.fromisoformat(rollout["since"])


def _stuck(
    situation: Situation, reason: Reason, rollout: Mapping[str, Any], stalled: Mapping[str, Any] | None
) -> datetime | None:
    """From when on it is stuck. What was rolled back is not: that has come to its end, and has been told."""
    if reason == Reason.ROLLED_BACK:
        return None
    if stalled is not None:
        return datetime.fromisoformat(stalled["lastTransitionTime"])
    if reason in AS_ASKED or isinstance(situation.model, Invalid):
        return None
    if reason == Reason.FETCHING:  # that may take its time
        return None
    may_take = situation.model.spec.rollout
    match rollout["phase"]:
        case Phase.STOPPING | Phase.STARTING | Phase.WAITING | Phase.PROMOTING:
            return datetime.fromisoformat(rollout["since"]) + may_take.progress_deadline
        case Phase.JUDGING:
            return datetime.fromisoformat(rollout["since"]) + may_take.max_duration
        case _:
            return None


def _asked(reason: Reason, rollout: Mapping[str, Any]) -> datetime | None:
    if rollout["phase"] != Phase.AWAITING_APPROVAL and reason != Reason.PAUSED:
        return None
    # A pause in the spec has no time of its own.
    by_order = rollout.get("paused") if reason == Reason.PAUSED else None
    return datetime.fromisoformat((by_order or rollout)["since"])
