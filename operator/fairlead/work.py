"""One pass over one model: look, decide, act, once each and in this order."""

from dataclasses import replace
from datetime import timedelta

from fairlead.apply.execute import Writer
from fairlead.cluster.errors import Rejected
from fairlead.cluster.store import Key
from fairlead.logs import about
from fairlead.observe.look import Observer
from fairlead.reconcile import reconcile


class Worker:
    """Brings one model to where it should be."""

    def __init__(self, observer: Observer, writer: Writer) -> None:
        self._observer = observer
        self._writer = writer

    async def __call__(self, key: Key) -> timedelta | None:
        """Returns after how long to look again even if nothing happens.

        Raises ApiError when the cluster does not let us; Rejected, too, when an object was refused: the rules that
        refuse it may change, and no event will tell. What else waits for its time must not wait for that.
        """
        situation = self._observer.look(key)
        if situation is None:
            return None
        plan = reconcile(situation)
        with about(revision=plan.revision):
            refusals = await self._writer.carry_out(plan.steps, situation.identity)
            if refusals:
                # What was refused is part of the situation: nothing may be told that rests on it.
                plan = reconcile(replace(situation, refusals=refusals))
            self._observer.keep(key, plan.trial)
            if await self._writer.write_status(plan, situation.identity):
                self._writer.log(plan.log)
                await self._writer.tell(plan.events, situation.identity, situation.now)
        if refusals:
            raise Rejected(refusals[0].message, look_again=plan.look_again)
        return plan.look_again
