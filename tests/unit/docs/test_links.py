"""Every page is found from the index, and every link leads somewhere."""

import re
from pathlib import Path

import pytest

from unit.docs.pages import DOCS, PAGES, anchors, name, prose

LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_relative_link_resolves(page: Path):
    assert [target for target in _relative(page) if not _resolves(page, target)] == []


def test_the_index_links_every_page():
    index = DOCS / "README.md"
    linked = {(index.parent / target.partition("#")[0]).resolve() for target in _relative(index)}
    assert [name(page) for page in PAGES if page != index and page.resolve() not in linked] == []


def _relative(page: Path) -> list[str]:
    return [target for target in LINK.findall(prose(page)) if "://" not in target]


def _resolves(page: Path, target: str) -> bool:
    path, _, anchor = target.partition("#")
    file = page.parent / path if path else page
    return file.exists() and (not anchor or anchor in anchors(file))
