"""Regular expressions for label values: what RE2 and Python's `re` have in common, as long as it is quick in both.

RE2 takes linear time whatever it is given, `re` does not: `(a+)+$` against a label of thirty letters would hold up the
operator for minutes, and with it all models of a cluster. So the ways in which an expression can match are counted when
it is parsed: the more it leaves open (`*`, `?`, `|`), the more of them there are to try.
"""

import re
from functools import lru_cache

LONGEST_VALUE = 256
"""Characters of a label value; a longer one matches nothing."""
MOST_WAYS = LONGEST_VALUE**2
"""As many as two `.*` in a row: less than a millisecond."""

_ESCAPE = r"\\(?:[dDwW]|[!-/:-@\[-^`{-~])"
_CLASS = re.compile(rf"\[\^?(?:{_ESCAPE}|[^\[\]\\])+\]")
_SINGLE = re.compile(rf"{_ESCAPE}|[^\\.\[\](){{}}*+?|^$]|\.")
_GROUP = re.compile(r"\((?:\?:)?(?!\?)")
_REPEAT = re.compile(r"[*+?]|\{([0-9]{1,3})(,([0-9]{1,3})?)?\}")
_FUTURE_OPERATORS = re.compile(r"--|&&|\|\||~~")
"""Between brackets, `re` keeps them for set operations."""


class NoPattern(ValueError):
    """Why a text is no expression that is taken."""


def matches(pattern: str, value: str, longest: int = LONGEST_VALUE) -> bool:
    """Whether a label's whole value matches; the value of an absent label is empty. What is too long does not."""
    return len(value) <= longest and _compiled(pattern).fullmatch(value) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII | re.DOTALL)  # as Prometheus reads them


def pattern_problem(pattern: str) -> str | None:
    """Why a text is not taken as a pattern, as a sentence; None when it is."""
    try:
        ways = _Parse(pattern).whole()
        re.compile(pattern)
    except NoPattern as problem:
        return f"must be a simple regular expression such as 5.. or stop|length: {problem}"
    except re.error as problem:
        return f"must be a simple regular expression such as 5.. or stop|length: {problem.msg}"
    if ways > MOST_WAYS:
        return "must leave less open: there are too many ways to match it; use fewer of * + ? {} and |"
    return None


class _Parse:
    """Reads a pattern from left to right, and counts in how many ways it can match a value."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def whole(self) -> int:
        ways = self._alternatives()
        if self._at < len(self._pattern):
            raise self._unknown()
        return ways

    def _alternatives(self) -> int:
        ways = self._sequence()
        while self._pattern.startswith("|", self._at):
            self._at += 1
            ways += self._sequence()
        return ways

    def _sequence(self) -> int:
        ways = 1
        while self._at < len(self._pattern) and self._pattern[self._at] not in "|)":
            ways *= self._repeated()
        return ways

    def _repeated(self) -> int:
        """A character or a group, and how often it is there."""
        group = self._take(_GROUP)
        ways = self._group() if group else self._character()
        repeat = self._take(_REPEAT)
        if repeat is None:
            return ways
        if repeat[0] == "?":
            return ways + 1
        if group:
            raise NoPattern("only single characters can be repeated, not what stands in parentheses")
        return _lengths(repeat)

    def _group(self) -> int:
        ways = self._alternatives()
        if not self._pattern.startswith(")", self._at):
            raise NoPattern("a parenthesis is not closed")
        self._at += 1
        return ways

    def _character(self) -> int:
        if self._take(_SINGLE) is None:
            found = self._take(_CLASS)
            if found is None:
                raise self._unknown()
            if _FUTURE_OPERATORS.search(found[0]):
                raise NoPattern(f"{found[0]!r} means different things to different programs")
        return 1

    def _take(self, what: re.Pattern[str]) -> re.Match[str] | None:
        found = what.match(self._pattern, self._at)
        self._at = found.end() if found else self._at
        return found

    def _unknown(self) -> NoPattern:
        rest = self._pattern[self._at :]
        if rest[0] in "^$":
            return NoPattern(f"leave out {rest[0]!r}, it is about the whole value anyway")
        return NoPattern(f"{rest[:20]!r} is not understood; a character that means itself needs a backslash before it")


def _lengths(repeat: re.Match[str]) -> int:
    """How many lengths a repetition can have."""
    if repeat[0] in ("*", "+"):
        return LONGEST_VALUE
    least = int(repeat[1])
    most = least if repeat[2] is None else int(repeat[3]) if repeat[3] else max(LONGEST_VALUE, least)
    if least > most or most > LONGEST_VALUE:
        raise NoPattern(f"{repeat[0]!r} is no number of times up to {LONGEST_VALUE}")
    return most - least + 1
