"""Rows of texts as aligned lines."""

from collections.abc import Iterator, Sequence


def lines(rows: Sequence[Sequence[str]], gap: str = "  ") -> Iterator[str]:
    """One line per row; every column is as wide as its longest text."""
    widths = [max(len(text) for text in column) for column in zip(*rows, strict=True)]
    for row in rows:
        yield gap.join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
