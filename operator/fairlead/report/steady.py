"""Which words are no news: a server that fails over and over says nearly the same every time."""

import re

_VARYING = "|".join(
    (
        r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b",  # UUIDs
        r"\b0x[0-9a-f]{6,}\b",  # places in memory
        r"\b(?=[a-f]*[0-9])(?=[0-9]*[a-f])[0-9a-f]{8,}\b",  # identifiers of requests, traces and containers
        r"-[bcdfghjklmnpqrstvwxz2456789]{6,10}-[bcdfghjklmnpqrstvwxz2456789]{5}\b",  # the end of a pod's name
        r"[0-9]{4}[-/][0-9]{2}[-/][0-9]{2}",  # dates
        r"\b[IWEF][0-9]{4}(?= +[0-9]{2}:)",  # the date of a Go program: E0105
        r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]+)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?",  # times of day
        r"(?<![0-9=])1[0-9]{9}(?:[0-9]{3}){0,3}(?:\.[0-9]+)?(?![0-9])",  # seconds since 1970, or parts of them
        r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?::[0-9]+)?",  # addresses
        r"\[[0-9a-f:]*:[0-9a-f:]*\](?::[0-9]+)?",
    )
)


def says_the_same(message: str, before: str) -> bool:
    """Whether two messages differ, if at all, in quoted words that vary by themselves: times, addresses, identifiers.

    What a message says of its own comes before the first colon and counts to the letter. So do all other numbers:
    an exit code, an HTTP status or a quota that has changed is news.
    """
    own, _, quoted = message.partition(": ")
    own_before, _, quoted_before = before.partition(": ")
    return own == own_before and _constant(quoted) == _constant(quoted_before)


def _constant(quoted: str) -> str:
    return re.sub(_VARYING, "#", quoted)
