"""cli/report.py: the page says what was decided and shows its course, and needs nothing else to be read."""

import re
import sys
from html.parser import HTMLParser
from typing import Any

import pytest

from canary_world import CanaryWorld
from fairlead.cli.errors import CommandError
from fairlead.cli.plots import wilson
from fairlead.cli.report import report
from unit.test_canary import on_trial, until_phase

VOID = {"meta"}


class Page(HTMLParser):
    """Which elements there are, with their texts; fails for one that is not closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in self.open[-1:]:
            self.texts.setdefault(tag, []).append(data)

    def ids(self) -> list[str]:
        return [found["id"] or "" for _, found in self.found if "id" in found]

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.found)


def model(world: CanaryWorld) -> dict[str, Any]:
    return {**world.model, "status": world.status}


def rolled_back() -> CanaryWorld:
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    return world


def test_a_rollback_is_a_page_with_three_plots_its_numbers_and_its_record():
    world = rolled_back()
    page = Page(report(model(world)))
    (gist,) = page.texts["h1"]
    assert "(version 2) was rolled back at 2026-01-05T09:" in gist
    assert page.texts["title"] == [gist]
    assert [name for name in page.ids() if name in ("weight", "shares", "e-values")] == ["weight", "shares", "e-values"]
    assert page.count("svg") == 3
    cells = {cell["name"] for cell in (world.status or {})["history"][0]["evidence"]["cells"]}
    assert cells <= set(page.texts["td"])
    assert "RolledBack" in page.texts["td"]
    assert any("from 20 on it is rolled back" in text for text in page.texts["p"])


def test_a_trial_that_is_on_is_a_page_too():
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(10)
    page = Page(report(model(world)))
    assert "is on trial, with 20 % of the traffic" in page.texts["h1"][0]
    assert page.count("svg") == 3
    assert "None so far." in page.texts["p"]


def test_plots_have_titles_units_limits_and_legends():
    page = Page(report(model(rolled_back())))
    texts = set(page.texts["text"])
    assert {
        "traffic to the canary, %",
        "bad requests, %",
        "errors",
        "Latency longer than 250ms",
        "e-value",
        "time since the trial began, min:s",
        "against it",
        "good enough: errors",
        "limit of both: 20",
        "stable revision, with its 95 % interval",
    } <= texts


def test_it_is_the_same_page_for_the_same_status():
    world = rolled_back()
    assert report(model(world)) == report(model(world))


def test_it_loads_nothing_and_no_identifier_is_used_twice():
    text = report(model(rolled_back()))
    assert not re.search(r"<script|<link|<img|\bsrc=|@import|url\((?!#)", text)
    assert not re.search(r'href="(?!#)', text)
    ids = Page(text).ids()
    assert len(ids) == len(set(ids))
    used = {one or other for one, other in re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', text)}
    assert used <= set(ids)
    assert used


def test_any_record_is_a_page():
    world = on_trial()
    until_phase(world, "Judging")
    until_phase(world, "Stable")
    world.bad["3"] = 0.2
    world.change(model={"uri": "pvc://models/fraud", "version": "3"})
    until_phase(world, "RolledBack")
    assert "(version 2) took over" in Page(report(model(world), record=2)).texts["h1"][0]
    with pytest.raises(CommandError, match="no record 3"):
        report(model(world), record=3)


def test_what_failed_before_it_got_a_request_has_no_plots():
    world = on_trial()
    world.crashing.add("2")
    until_phase(world, "RolledBack")
    page = Page(report(model(world)))
    assert page.count("svg") == 0
    assert "Nothing was measured: there was no trial." in page.texts["p"]


def test_words_of_others_are_no_markup():
    world = rolled_back()
    status = dict(world.status or {})
    status["history"] = [{**status["history"][0], "message": "<script>alert(1)</script>"}]
    text = report({**model(world), "status": status})
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_nothing_decided_is_told():
    world = CanaryWorld()
    world.settle()
    with pytest.raises(CommandError, match="nothing was decided about fraud so far"):
        report(model(world))


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delitem(sys.modules, "fairlead.cli.plots", raising=False)
    monkeypatch.delattr("fairlead.cli.plots", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(CommandError, match=r"pip install '\.\[report\]'"):
        report(model(rolled_back()))


@pytest.mark.parametrize(
    ("requests", "bad", "low", "high"), [(0, 0, 0, 100), (100, 0, 0, 3.7), (100, 10, 5.52, 17.44), (10, 10, 72.25, 100)]
)
def test_intervals_are_those_of_wilson(requests: int, bad: int, low: float, high: float):
    assert wilson(requests, bad) == (pytest.approx(low, abs=0.01), pytest.approx(high, abs=0.01))
