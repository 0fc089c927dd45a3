"""The picture that `fairlead watch` draws: how a model stands, with bars for weight and evidence."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from math import log

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fairlead.api.fields import format_duration
from fairlead.api.history import EvidenceStatus, written_every
from fairlead.cli.standing import Standing
from fairlead.cli.told import e_value, share

WIDTH = 32


def picture(found: Standing, now: datetime, trouble: str | None = None) -> RenderableType:
    """How a model stands at this time; `trouble` says why nothing newer is known."""
    parts: list[RenderableType] = [_revisions(found, now)]
    if found.evidence is not None:
        parts += [Text(), _bars(found, found.evidence), Text(), _cells(found.evidence)]
    parts += [Text(), Text(found.message), Text(_clock(found, now), style="dim")]
    if trouble is not None:
        parts.append(Text(f"{trouble}; trying again", style="bold yellow"))
    title = Text(f"{found.namespace}/{found.name}", style="bold")
    return Panel(Group(*parts), title=title, title_align="left", padding=(1, 2))


def along(e_value: float, limit: float) -> float:
    """How far an e-value is on its way from 1, which says nothing, to its limit: from 0 to 1, by its logarithm."""
    return min(max(log(e_value) / log(limit), 0.0), 1.0) if e_value > 0 and limit > 1 else 0.0


def _revisions(found: Standing, now: datetime) -> Table:
    rows = Table.grid(padding=(0, 2))
    rollout, stable = found.status.rollout, found.status.stable
    since = f" for {_lasted(now - rollout.since)}" if rollout else ""
    rows.add_row("phase", Text(f"{found.phase}{since}", style="bold"))
    if stable is not None:
        weight = "" if found.weight is None else f", with {100 - found.weight:.3g} % of the traffic"
        rows.add_row("serves", f"{found.named(stable.revision)}{weight}")
    if found.canary is not None:
        role = "failed" if rollout is None or rollout.revision is None else "on its way"
        rows.add_row(role, found.named(found.canary))
    return rows


def _bars(found: Standing, evidence: EvidenceStatus) -> Table:
    rows = Table.grid(padding=(0, 2))
    weight = found.weight or 0.0
    rows.add_row("weight", _bar(weight / 100, "blue"), f"{weight:.3g} %, at most {found.most} % on trial")
    against, limit = float(evidence.against), float(evidence.against_limit)
    told = f"{e_value(evidence.against)}; from {evidence.against_limit} on it is rolled back"
    rows.add_row("against it", _bar(along(against, limit), "red"), told)
    for cell in evidence.cells:
        if cell.better is not None:
            reached = along(float(cell.better), float(evidence.better_limit))
            told = f"{e_value(cell.better)}; it takes {evidence.better_limit}"
            rows.add_row(f"good enough: {cell.name}", _bar(reached, "green"), told)
    return rows


def _bar(part: float, colour: str) -> Text:
    """Heavy and light lines: what is done can be told from what is not without colours, too."""
    done = round(WIDTH * min(part, 1.0))
    return Text.assemble(("━" * done, colour), ("─" * (WIDTH - done), "dim"))


def _cells(evidence: EvidenceStatus) -> Table:
    table = Table("bad requests", "canary", "stable", box=None, padding=(0, 2, 0, 0), header_style="dim")
    for cell in evidence.cells:
        table.add_row(cell.name, share(cell.canary), share(cell.stable))
    return table


def _clock(found: Standing, now: datetime) -> str:
    """How old the evidence is, and when there will be more."""
    return " · ".join((*_ages(found, now), "Ctrl-C ends"))


def _ages(found: Standing, now: datetime) -> Iterator[str]:
    if found.evidence is not None:
        age = max(now - found.evidence.looked, timedelta(0))
        yield f"evidence of {_lasted(age)} ago"
        ready = found.condition("Ready")
        left = written_every(ready.reason if ready else None) - age
        yield f"the next in {_lasted(left)}" if left > timedelta(0) else "the next is due"


def _lasted(time: timedelta) -> str:
    return format_duration(max(time, timedelta(0)))
