"""The text of a metrics page → what it says about requests: the Prometheus text format, and OpenMetrics.

A page comes in pieces and is never held as a whole. Only lines of series that the profile names are parsed, and what a
series means is remembered from page to page: to parse the labels of a line takes forty times as long as all the rest.
"""

import re
from collections.abc import Iterable, Mapping

from prometheus_client.parser import text_string_to_metric_families as parsed
from prometheus_client.samples import Sample

from fairlead.api.metrics import Counters, MetricsProfile
from fairlead.observe.said import Said, Tally
from fairlead.observe.series import Meanings, Series, Unreadable

LONGEST_PAGE = 4 << 20  # bytes
LONGEST_LINE = 16 << 10
MOST_LINES = 5_000  # of series that the profile names

OPENMETRICS = "application/openmetrics-text"
_EOF = b"# EOF"
_NAME = re.compile(rb"[^\s{]*")
_HEAD = re.compile(rb'[^\s{]+[ \t]*(?:\{[^"{}]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^"{}]*)*\})?')
"""Name and labels of a line. A label's value may hold braces."""


class Reader:
    """Reads pages by one profile, and for objectives that have counters of their own."""

    def __init__(self, profile: MetricsProfile, pairs: Mapping[str, Counters] | None = None) -> None:
        self._meanings = Meanings(profile, pairs)
        self._texts: dict[bytes, Series | None] = {}
        self._beginnings = tuple(f"{name}{end}".encode() for name in self._meanings.names for end in "{ \t")

    def page(self, content_type: str = "") -> "Page":
        """An empty page, to be fed."""
        if len(self._texts) > MOST_LINES:
            self._texts.clear()
            self._meanings.forget()
        return Page(self, openmetrics=content_type == OPENMETRICS)

    def named(self, lines: Iterable[bytes]) -> list[bytes]:
        """The lines of series that the profile names."""
        return [line for line in lines if line.startswith(self._beginnings)]

    def line(self, line: bytes) -> tuple[Series | None, float]:
        """A series, None when its labels do not match, and its value: `name{labels} value [timestamp] [# exemplar]`."""
        head = _HEAD.match(line)
        if head is None:
            raise _garbled(line)
        text, numbers = head[0], line[head.end() :].partition(b" # ")[0].split()
        if not 1 <= len(numbers) <= 2 or b"_" in numbers[0]:  # which Python would take for a number
            raise _garbled(line)
        if text not in self._texts:
            sample = _sample(text, line)
            self._texts[text] = self._meanings.of(sample.name, sample.labels)
        try:
            return self._texts[text], float(numbers[0])
        except ValueError:
            raise _garbled(line) from None


class Page:
    """One page on its way. Feeding and asking it raises Unreadable."""

    def __init__(self, reader: Reader, *, openmetrics: bool) -> None:
        self._reader = reader
        self._openmetrics = openmetrics
        self._length = self._lines = 0
        self._rest = self._last = b""
        self._tally = Tally()

    def feed(self, piece: bytes) -> None:
        """The next piece of the page."""
        self._length += len(piece)
        if self._length > LONGEST_PAGE:
            raise Unreadable(f"the page is longer than {LONGEST_PAGE >> 20} MiB")
        *lines, self._rest = (self._rest + piece).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise Unreadable(f"a line is longer than {LONGEST_LINE >> 10} KiB")
        self._take(lines)

    def said(self) -> Said:
        """What the whole page says."""
        self._take([self._rest])
        if self._openmetrics and self._last.rstrip() != _EOF:
            raise Unreadable("the page breaks off before its end")
        return self._tally.said()

    def _take(self, lines: list[bytes]) -> None:
        named = self._reader.named(lines)
        self._lines += len(named)
        if self._lines > MOST_LINES:
            raise Unreadable(f"more than {MOST_LINES} lines are of series that the metrics profile names")
        for line in named:
            series, value = self._reader.line(line)
            if series is not None:
                self._tally.count(series, value)
        self._last = next((line for line in reversed(lines) if line), self._last)


def read(
    page: str, profile: MetricsProfile, content_type: str = "", pairs: Mapping[str, Counters] | None = None
) -> Said:
    """What a whole page says. Raises Unreadable."""
    reading = Reader(profile, pairs).page(content_type)
    reading.feed(page.encode())
    return reading.said()


def _sample(series: bytes, line: bytes) -> Sample:
    """The name and the labels of a series; both formats write them in the same way."""
    try:
        (sample,) = (sample for family in parsed(f"{series.decode(errors='replace')} 0\n") for sample in family.samples)
    except (ValueError, IndexError, KeyError, TypeError):  # what the parser raises for garbage
        raise _garbled(line) from None
    return sample


def _garbled(line: bytes) -> Unreadable:
    """Names the series and no more: the rest holds a counter, and the message would change with every sweep."""
    name = _NAME.match(line)
    return Unreadable(f"a line of {name[0][:200].decode(errors='replace') if name else ''} cannot be read")
