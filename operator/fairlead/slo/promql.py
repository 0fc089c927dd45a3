"""The pieces of PromQL that rules are made of."""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Literal

from fairlead.api.metrics import Series
from fairlead.api.names import SERIES_MODEL, SERIES_REVISION

OF_MODEL = ("namespace", SERIES_MODEL)
OF_REVISION = (*OF_MODEL, SERIES_REVISION)
OF_OBJECTIVE = (*OF_MODEL, "objective")
"""What series are summed by. Never by pod: pods come and go, and so would the series."""

OF_SCRAPE = (*OF_REVISION, "pod", "container", "job", "instance", "endpoint")
"""Labels that the scrape gives. What a page has by one of these names, Prometheus calls exported_… ."""

_NAME = "fairlead_series"
"""Label that keeps series of different names apart once rate() has taken their names away."""


def quoted(text: str) -> str:
    """The text as a string of PromQL."""
    return json.dumps(text, ensure_ascii=False)


def selector(name: str, *matchers: str) -> str:
    """`requests_total{code=~"5.."}`."""
    return f"{name}{{{','.join(matchers)}}}"


def equals(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Matchers for exactly these values."""
    return tuple(f"{label}={quoted(value)}" for label, value in labels.items())


def like(labels: Mapping[str, str]) -> tuple[str, ...]:
    """Matchers for the whole value, of labels as the server writes them."""
    return tuple(
        f"{f'exported_{label}' if label in OF_SCRAPE else label}=~{quoted(pattern)}"
        for label, pattern in labels.items()
    )


def summed(by: Iterable[str], what: str) -> str:
    """`sum by (…) (…)`."""
    return f"sum by ({', '.join(by)}) ({what})"


def rates(
    counted: Iterable[Series], over: str, matchers: tuple[str, ...], function: Literal["rate", "irate"] = "rate"
) -> str:
    """Per second, each series that one of these matches, and none twice."""
    found = tuple(counted)
    several = len({each.series for each in found}) > 1
    parts = []
    for each in found:
        part = f"{function}({selector(each.series, *matchers, *like(each.labels))}[{over}])"
        # `or` takes series for the same when their labels are, and rate() has dropped their names.
        parts.append(f'label_replace({part}, "{_NAME}", "{each.series}", "", "")' if several else part)
    return " or ".join(dict.fromkeys(parts))


def spellings(edge: float) -> str:
    """All ways in which a bucket's edge may be written in `le`, as a regular expression.

    Go writes `1` and `1e+06`, Python `1.0` and `1e+06`, and Prometheus 3 makes `1.0` of them when it scrapes.
    """
    plain = format(Decimal(repr(edge)).normalize(), "f")
    mantissa, _, exponent = f"{Decimal(repr(edge)).normalize():e}".partition("e")
    written = [plain, f"{mantissa}e{int(exponent):+03d}"] if abs(int(exponent or 0)) >= 4 else [plain]
    whole = [f"{each.partition('e')[0]}.0{each[len(each.partition('e')[0]) :]}" for each in written if "." not in each]
    return "|".join(re.escape(each).replace("\\-", "-") for each in (*written, *whole))


@cache
def duration(value: timedelta) -> str:
    """`5m`, `1h`, `3d`: in the largest unit of which it is a whole number."""
    seconds = int(value.total_seconds())
    unit, size = next(
        (unit, size) for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)) if not seconds % size
    )
    return f"{seconds // size}{unit}"
