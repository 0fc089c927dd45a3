"""status.source and status.lookup: what model.uri meant when a revision was made, or why nobody knows."""

from pydantic import Field

from fairlead.api.fields import Part
from fairlead.api.forms import RevisionName
from fairlead.api.times import Time


class SourceStatus(Part):
    """Where the files of the revision that the spec asks for come from."""

    revision: RevisionName = Field(description="The revision.")
    uri: str = Field(max_length=1024, description="What the spec says.")
    resolved: str | None = Field(
        default=None,
        max_length=1200,
        description="What that meant when the revision was made: its pods get just this, whenever they start.",
    )
    unresolved: str | None = Field(
        default=None,
        max_length=1024,
        description="Why that could not be found out; pods get what it means when they start.",
    )
    files: int | None = Field(default=None, ge=0, description="How many files it has.")
    bytes: int | None = Field(default=None, ge=0, description="How many bytes they have together.")
    latest: str | None = Field(
        default=None,
        max_length=1200,
        description="What it means by now, where that is something else. Nothing follows from it by itself: a new "
        "revision, such as by another spec.model.version, looks it up anew.",
    )
    checked: Time | None = Field(
        default=None, description="When that was looked up last; absent for what cannot change."
    )
    problem: str | None = Field(default=None, max_length=1024, description="Why it could not be looked up then.")


class LookupStatus(Part):
    """That what model.uri means cannot be found out, and how often that was tried."""

    uri: str = Field(max_length=1024, description="What the spec says.")
    job: str = Field(max_length=63, description="The Job that has looked it up; another one asks anything else.")
    failures: int = Field(ge=1, le=100, description="How many times.")
    time: Time = Field(description="When it failed last.")
    problem: str = Field(max_length=1024, description="Why.")
