"""Where a rollout may stand, and which phase may follow which: the whole state machine as one table.

rollout/ changes phases; it is held to this table by tests, and docs/reference/phases.md is drawn from it.
"""

from dataclasses import dataclass

from fairlead.api.reasons import Phase

BEFORE_TRAFFIC = frozenset({Phase.STARTING, Phase.WAITING})
"""A canary has pods on their way, and no traffic yet."""

ON_TRIAL = frozenset({Phase.JUDGING, Phase.HELD, Phase.AWAITING_APPROVAL, Phase.PROMOTING})
"""A canary may have part of the traffic, and is judged. Held is one of them where a revision is on its way."""


@dataclass(frozen=True)
class Move:
    """One phase follows another, and what makes it so."""

    before: Phase
    after: Phase
    when: str


TRIAL = (
    Move(Phase.STARTING, Phase.WAITING, "its pods find no room"),
    Move(Phase.WAITING, Phase.STARTING, "its pods have found room, or (Swap) a place, or there is error budget"),
    Move(Phase.STARTING, Phase.JUDGING, "a pod is available and has answered"),
    Move(Phase.WAITING, Phase.JUDGING, "a pod is available and has answered"),
    Move(Phase.STARTING, Phase.PROMOTING, "a person promotes it"),
    Move(Phase.WAITING, Phase.PROMOTING, "a person promotes it"),
    Move(Phase.STARTING, Phase.AWAITING_APPROVAL, "a person promotes it, and none has approved"),
    Move(Phase.WAITING, Phase.AWAITING_APPROVAL, "a person promotes it, and none has approved"),
    Move(Phase.STARTING, Phase.ROLLED_BACK, "crash loop, deadline, or a person aborts it"),
    Move(Phase.WAITING, Phase.ROLLED_BACK, "crash loop, a person aborts it, or Swap and its deadline is over"),
    Move(Phase.JUDGING, Phase.PROMOTING, "the evidence is for it, or a person promotes it"),
    Move(Phase.JUDGING, Phase.AWAITING_APPROVAL, "the evidence is for it, and nobody has approved"),
    Move(Phase.JUDGING, Phase.HELD, "no verdict within maxDuration, or Swap and replicas is 0"),
    Move(Phase.JUDGING, Phase.ROLLED_BACK, "evidence against it, crash loop, or a person aborts it"),
    Move(Phase.JUDGING, Phase.STARTING, "all of its pods have gone"),
    Move(Phase.JUDGING, Phase.WAITING, "all of its pods have gone, without room for new ones"),
    Move(Phase.HELD, Phase.JUDGING, "maxDuration is raised, or the stable revision fails"),
    Move(Phase.HELD, Phase.PROMOTING, "the evidence is for it, or a person promotes it"),
    Move(Phase.HELD, Phase.AWAITING_APPROVAL, "the evidence is for it, and nobody has approved"),
    Move(Phase.HELD, Phase.ROLLED_BACK, "evidence against it, crash loop, or a person aborts it"),
    Move(Phase.HELD, Phase.STARTING, "all of its pods have gone"),
    Move(Phase.HELD, Phase.WAITING, "all of its pods have gone, without room for new ones"),
    Move(Phase.AWAITING_APPROVAL, Phase.PROMOTING, "a person approves this revision"),
    Move(Phase.AWAITING_APPROVAL, Phase.ROLLED_BACK, "evidence against it, crash loop, or a person aborts it"),
    Move(Phase.AWAITING_APPROVAL, Phase.STARTING, "all of its pods have gone"),
    Move(Phase.AWAITING_APPROVAL, Phase.WAITING, "all of its pods have gone, without room for new ones"),
    Move(Phase.AWAITING_APPROVAL, Phase.HELD, "Swap: replicas is 0"),
    Move(Phase.PROMOTING, Phase.AWAITING_APPROVAL, "approval is asked for before its traffic has moved"),
    Move(Phase.PROMOTING, Phase.HELD, "Swap: replicas is 0"),
    Move(Phase.PROMOTING, Phase.WAITING, "Swap: all of its pods have gone, without room for new ones"),
    Move(Phase.PROMOTING, Phase.GUARDING, "it has all traffic"),
    Move(Phase.PROMOTING, Phase.ROLLED_BACK, "evidence against it, crash loop, or a person aborts it"),
    Move(Phase.GUARDING, Phase.DRAINING, "the guard period is over"),
    Move(Phase.GUARDING, Phase.ROLLED_BACK, "it fails, or a person aborts it"),
    Move(Phase.DRAINING, Phase.STABLE, "the drain time is over"),
    Move(Phase.ROLLED_BACK, Phase.STARTING, "a person retries it"),
    Move(Phase.ROLLED_BACK, Phase.WAITING, "a person retries it, and its pods find no room"),
)
"""The way of a canary."""

WITHOUT_TRIAL = (
    Move(Phase.STOPPING, Phase.STARTING, "Recreate: the old pods have ended"),
    Move(Phase.STOPPING, Phase.STABLE, "Recreate: the old pods have ended, and it runs already"),
    Move(Phase.STARTING, Phase.STABLE, "nothing served before, or nothing is to drain"),
    Move(Phase.STARTING, Phase.DRAINING, "BlueGreen: it has all traffic"),
    *(
        Move(phase, Phase.GUARDING, "nothing is there to be compared with, or it has served before")
        for phase in (Phase.STARTING, Phase.WAITING, Phase.JUDGING, Phase.HELD, Phase.AWAITING_APPROVAL)
    ),
    *(
        Move(phase, Phase.DRAINING, "it has all traffic, and guard is 0s, or capacity is Swap")
        for phase in (Phase.WAITING, Phase.JUDGING, Phase.HELD, Phase.AWAITING_APPROVAL, Phase.PROMOTING)
    ),
    *(
        Move(phase, Phase.STABLE, "it has all traffic, and guard (unless Swap) and drain are 0s")
        for phase in (Phase.WAITING, Phase.JUDGING, Phase.HELD, Phase.AWAITING_APPROVAL, Phase.PROMOTING)
    ),
    Move(Phase.GUARDING, Phase.STABLE, "the guard period is over, and nothing is to drain"),
    Move(Phase.DRAINING, Phase.GUARDING, "guard is raised"),
    Move(Phase.PROMOTING, Phase.STARTING, "BlueGreen and Swap: its pods went away on the way"),
)
"""What else may happen: other strategies, nothing to compare with, no time to guard or drain."""

MOVES = (*TRIAL, *WITHOUT_TRIAL)


def may_follow(before: Phase, after: Phase) -> bool:
    """Whether a phase may follow another while the spec asks for the same revision.

    Into Held and out of it there is a way from everywhere: what the spec asks for may become impossible, and possible.
    """
    return (
        before == after or Phase.HELD in (before, after) or any((m.before, m.after) == (before, after) for m in MOVES)
    )
