"""Which revision serves production, as far as can be known, and since when."""

from datetime import datetime

from fairlead.api.revision import Revision
from fairlead.situation import Situation, revision_named


def stable_revision(situation: Situation) -> Revision | None:
    """The revision that status remembers, or the one that the Service selects.

    What status remembers has the last word, except against what is plain to see: a revision that the Service selects
    and that has pods available is not given up for one that has none. So neither a lost status nor a stale one costs
    users their service.
    """
    remembered, selected = _remembered(situation), _selected(situation)
    if selected is None or not situation.serving_pods(selected.name):
        return remembered
    return remembered if remembered and situation.serving_pods(remembered.name) else selected


def stable_since(situation: Situation, stable: Revision) -> datetime:
    """When a revision took over; now, if it does so by this decision."""
    before = situation.status.stable if situation.status else None
    known = before is not None and before.revision == stable.name
    return min(before.since or situation.now, situation.now) if before is not None and known else situation.now


def _remembered(situation: Situation) -> Revision | None:
    before = situation.status.stable if situation.status else None
    return revision_named(situation.revisions, before.revision) if before else None


def _selected(situation: Situation) -> Revision | None:
    return revision_named(situation.revisions, situation.selected())
