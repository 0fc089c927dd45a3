"""The page of `fairlead report`: one HTML file without scripts that needs nothing from anywhere."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from fairlead.api.history import Decided, EvidenceStatus
from fairlead.api.times import format_time
from fairlead.cli.told import HEADINGS, Told, conclusions, counted, row

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 0; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5em; }
h1 { font-size: 1.4em; line-height: 1.3; margin: 0 0 .5em; }
h2 { font-size: 1.1em; margin: 2em 0 .5em; }
.where { color: #555; margin: 0; }
figure { margin: 1em 0; break-inside: avoid; }
figure svg { width: 100%; height: auto; }
figcaption { color: #444; font-size: .9em; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9em; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25em .75em .25em 0; border-bottom: 1px solid #ddd; vertical-align: top; }
thead th { border-bottom: 2px solid #999; }
.numbers td, .records td:nth-child(-n+4) { white-space: nowrap; }
@media print {
  body { font-size: 12px; }
  main { max-width: none; padding: 0; }
  h2 { break-after: avoid; }
  tr { break-inside: avoid; }
  table { font-size: 9px; }
  .scroll { overflow: visible; }
}
"""

CAPTIONS = {
    "weight": "The canary's share of the traffic.",
    "shares": "The share of bad requests since the trial began, in both revisions, with 95 % intervals (Wilson). They "
    "are for the eye: the decision rests on the e-values, which may be looked at after every reading.",
    "e-values": "An e-value is what a bet against a hypothesis has made of 1. Against it: the canary is rolled back "
    "where this line reaches its limit. Good enough: it is promoted when each of these lines has reached its limit.",
}

Plots = Mapping[str, str]
"""SVG elements by the names of CAPTIONS."""


def page(where: str, found: Told, history: Sequence[Decided], plots: Plots) -> str:
    """The whole page; `where` names the model."""
    gist, *more = found.sentences
    parts = [
        f'<p class="where">{escape(where)}</p>',
        f"<h1>{escape(gist)}</h1>",
        *(f"<p>{escape(sentence)}</p>" for sentence in more),
        *_course(plots),
        *(_numbers(found.evidence) if found.evidence else ("<p>Nothing was measured: there was no trial.</p>",)),
        *_history(history),
    ]
    lines = (
        "<!doctype html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>{escape(gist)}</title>",
        f"<style>{STYLE}</style></head>",
        "<body><main>",
        *parts,
        "</main></body>",
        "</html>",
    )
    return "".join(f"{line}\n" for line in lines)


def _course(plots: Plots) -> Iterator[str]:
    if not plots:
        return
    yield "<h2>What happened</h2>"
    for name, svg in plots.items():
        label = escape(CAPTIONS[name], quote=True)
        named = svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
        yield f'<figure id="{name}">\n{named}\n<figcaption>{escape(CAPTIONS[name])}</figcaption>\n</figure>'


def _numbers(found: EvidenceStatus) -> Iterator[str]:
    yield "<h2>The numbers</h2>"
    yield f"<p>{escape(counted(found))}</p>"
    yield _table("numbers", HEADINGS, [row(cell) for cell in found.cells])
    yield from (f"<p>{escape(sentence)}</p>" for sentence in conclusions(found))


def _history(history: Sequence[Decided]) -> Iterator[str]:
    yield "<h2>All decisions that are remembered</h2>"
    if not history:
        yield "<p>None so far.</p>"
        return
    headings = ("", "when", "what", "revision", "beside", "weight", "lasted", "by", "because")
    yield _table("records", headings, [_record(number, decided) for number, decided in enumerate(history, start=1)])


def _record(number: int, decided: Decided) -> tuple[str, ...]:
    return (
        str(number),
        format_time(decided.time),
        decided.outcome,
        f"{decided.revision} ({decided.model_version})" if decided.model_version else decided.revision,
        decided.stable or "",
        f"{decided.weight} %" if decided.weight else "",
        decided.lasted or "",
        decided.by or "Fairlead",
        f"{decided.message} ({decided.reason})",
    )


def _table(name: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(text)}</th>" for text in headings)
    body = "\n".join(f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in cells)}</tr>" for cells in rows)
    table = f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>"
    return f'<div class="scroll"><table class="{name}">\n{table}\n</table></div>'
