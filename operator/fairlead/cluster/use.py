"""Whether a kind of an add-on can be used."""

from enum import StrEnum


class Use(StrEnum):
    """What the API server says of a kind."""

    USABLE = "is there"
    FORBIDDEN = "is there, but may not be read"
    ABSENT = "is not served here"
