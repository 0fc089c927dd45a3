"""cli/changes.py and cli/live.py: what is seen of a rollout, as lines and as a picture."""

import sys
from datetime import timedelta
from io import StringIO

import pytest
from rich.console import Console

from canary_world import CanaryWorld
from fairlead.cli.changes import change
from fairlead.cli.live import along, picture
from fairlead.cli.standing import Standing, standing
from fairlead.cli.told import e_value
from fairlead.cli.watch import in_lines, on_a_terminal
from unit.test_canary import on_trial, until_phase


def seen(world: CanaryWorld) -> Standing:
    return standing({**world.model, "status": world.status})


def drawn(world: CanaryWorld, trouble: str | None = None) -> str:
    console = Console(file=StringIO(), width=110)
    console.print(picture(seen(world), world.now + timedelta(seconds=4), trouble))
    text: str = console.file.getvalue()  # type: ignore[attr-defined] # it is a StringIO
    return text


def on_its_way(ticks: int) -> CanaryWorld:
    world = on_trial()
    until_phase(world, "Judging")
    world.tick(ticks)
    return world


def test_a_trial_is_a_line_of_numbers_that_changes_with_them():
    world = on_its_way(6)
    line = change(seen(world))
    assert line.startswith(f"Judging    {world.rollout['revision']} (2)  20 % of the traffic | against ")
    assert "of 20 | good enough errors " in line
    assert "| bad errors 1/600 beside 4/3400, Latency>250ms 6/600 beside " in line
    assert change(seen(world)) == line
    world.tick(6)
    assert change(seen(world)) != line


def test_what_holds_a_trial_is_told_in_words():
    world = on_its_way(3)
    world.cut = True
    world.tick(10)
    assert "cannot be judged: no metrics of" in change(seen(world))


def test_a_story_is_a_few_lines():
    world = on_trial()
    world.bad["2"] = 0.2
    lines: list[str] = []
    for _ in range(40):
        world.tick()
        if not lines or lines[-1] != change(seen(world)):
            lines.append(change(seen(world)))
    phases = [line.split()[0] for line in lines]
    assert list(dict.fromkeys(phases)) == ["Starting", "Judging", "RolledBack"]
    assert len(lines) <= 8
    assert "was rolled back: errors:" in lines[-1]


def test_a_trial_is_drawn_with_its_bars():
    told = drawn(on_its_way(8))
    assert "Judging for" in told
    assert "with 80 % of the traffic" in told
    assert "20 %, at most 25 % on trial" in told
    assert "from 20 on it is rolled back" in told
    assert "good enough: errors" in told
    assert "evidence of 9s ago · the next in 6s" in told


def test_what_was_rolled_back_is_drawn_without_bars():
    world = on_trial()
    world.bad["2"] = 0.2
    until_phase(world, "RolledBack")
    told = drawn(world)
    assert "failed" in told
    assert "━" not in told


def test_why_nothing_newer_is_known_is_drawn():
    assert "cannot be reached; trying again" in drawn(on_its_way(3), trouble="the API server cannot be reached")


@pytest.mark.parametrize(("e_value", "part"), [(0, 0), (0.5, 0), (1, 0), (20**0.5, 0.5), (20, 1), (1e9, 1)])
def test_a_bar_goes_from_nothing_to_the_limit_by_the_logarithm(e_value: float, part: float):
    assert along(e_value, 20) == pytest.approx(part)


@pytest.mark.parametrize(
    ("number", "shown"),
    [("5.71e-131", "<0.001"), ("0.69", "0.69"), ("16.7", "16.7"), ("1.21e+03", "1,210"), ("1e+09", ">1,000,000")],
)
def test_e_values_are_told_as_far_as_they_tell_something(number: str, shown: str):
    assert e_value(number) == shown


def test_without_rich_there_are_lines_and_a_word_about_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "rich.live", None)
    with on_a_terminal() as show:
        show(seen(on_its_way(6)), None)
    shown = capsys.readouterr()
    assert " Judging    fraud-" in shown.out
    assert "pip install '.[cli]'" in shown.err


def test_a_line_is_printed_when_something_is_different_from_before(capsys: pytest.CaptureFixture[str]):
    first, second = seen(on_its_way(3)), seen(on_its_way(8))
    with in_lines() as show:
        for found, trouble in ((first, None), (first, None), (second, None), (first, None), (first, "no answer")):
            show(found, trouble)
        show(first, "no answer")
        show(first, None)
    told = [line.partition(" ")[2] for line in capsys.readouterr().out.splitlines()]
    assert told == [change(first), change(second), change(first), "no answer"]
