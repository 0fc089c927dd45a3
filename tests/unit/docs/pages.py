"""The pages of docs/, and what is in them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DOCS = Path(__file__).parents[3] / "docs"
PAGES = sorted(DOCS.rglob("*.md"))

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4}.*$", re.MULTILINE)


def name(page: Path) -> str:
    """The page as seen from docs/."""
    return page.relative_to(DOCS).as_posix()


def yaml_documents(page: Path) -> Iterator[Any]:
    """Every document in every YAML block of a page."""
    for language, text in _FENCED.findall(page.read_text()):
        if language == "yaml":
            yield from (document for document in yaml.safe_load_all(text) if document is not None)


def prose(page: Path) -> str:
    """The page without its blocks of code."""
    return _INDENTED.sub("", _FENCED.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """What a link into the page may name, by GitHub's rules."""
    headings = re.findall(r"^#+ (.*)$", _FENCED.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
