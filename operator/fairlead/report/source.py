"""status.source: what the model's reference meant when the revision was made, and what it means by now."""

from fairlead.api.lookup import SourceStatus
from fairlead.api.modeluri import is_floating
from fairlead.situation import Situation
from fairlead.sources.lookup import Lookup

LONGEST = 1000  # characters of a problem; the schema allows more


def source_status(situation: Situation, lookup: Lookup) -> SourceStatus | None:
    """About the revision that the spec asks for, once it is recorded; None where its source was not looked up."""
    revision = lookup.known
    record = revision.snapshot.source if revision else None
    if revision is None or record is None:
        return None
    before = situation.status.source if situation.status else None
    known = before if before is not None and before.revision == revision.name else None
    told = SourceStatus(
        revision=revision.name,
        uri=record.uri,
        resolved=record.resolved,
        unresolved=record.unresolved,
        files=record.files,
        bytes=record.bytes,
        checked=situation.now if is_floating(record.uri) else None,
    )
    if not lookup.fresh:
        if known is None:
            return told
        return told.model_copy(
            update={
                "checked": known.checked and min(known.checked, situation.now),
                "latest": known.latest,
                "problem": known.problem,
            }
        )
    if lookup.found is None:
        return told.model_copy(update={"latest": known and known.latest, "problem": lookup.failure[:LONGEST]})
    # What was not pinned has not moved: nobody knows what it was.
    moved = record.resolved is not None and lookup.found.uri != record.resolved
    return told.model_copy(update={"latest": lookup.found.uri if moved else None})
