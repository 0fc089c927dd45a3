import dataclasses
import subprocess
import time
from pathlib import Path

import pytest

from localcluster import processes
from localcluster.processes import ComponentError
from localcluster.waiting import until

AS_A_CHILD = ("sh", "-c", '"$@"; exit $?', "sh")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(processes, "LOGS", tmp_path / "logs")


def test_a_started_process_is_recorded_until_it_is_killed() -> None:
    started = processes.start("sleeper", "sleep", "60")
    assert processes.recorded() == {"sleeper": started}
    assert processes.alive(started)

    processes.kill(started)
    assert processes.recorded() == {}
    assert not processes.alive(started)


def test_a_process_that_has_only_the_same_number_is_left_alone() -> None:
    ours = processes.start("sleeper", "sleep", "60")
    processes.kill(ours)
    time.sleep(0.02)  # the kernel's clock of starts ticks a hundred times a second
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        processes.kill(dataclasses.replace(ours, pid=stranger.pid))
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_only_one_that_was_started_has_died() -> None:
    ended = processes.start("short", "true")
    until(lambda: processes.died("short", "never started"), "it ends", seconds=10)
    assert not processes.died("never started")
    processes.kill(ended)
    assert not processes.died("short"), "it was meant to end"


def test_killing_what_is_gone_is_no_error() -> None:
    ended = processes.start("short", "true")
    until(lambda: not processes.alive(ended), "it ends", seconds=10)
    processes.kill(ended)
    processes.kill(ended)


def test_one_that_was_started_but_not_written_down_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "RUN", tmp_path)  # the mark of this test's own processes
    forgotten = processes.start("sleeper", "sleep", "60")
    (tmp_path / "records" / "sleeper.json").unlink()
    processes.kill_unrecorded()
    assert not processes.alive(forgotten)


def test_within_a_command_it_is_the_child_that_is_recorded() -> None:
    started = processes.start("sleeper", "sleep", "60", within=AS_A_CHILD)
    try:
        assert Path(f"/proc/{started.pid}/cmdline").read_bytes() == b"sleep\x0060\x00"
    finally:
        processes.kill(started)


def test_a_restarted_process_is_another_one_with_the_same_command() -> None:
    first = processes.start("sleeper", "sleep", "60", within=AS_A_CHILD)
    second = processes.restart(first)
    try:
        assert (second.command, second.within) == (first.command, first.within)
        assert second.pid != first.pid
        assert processes.alive(second)
        assert not processes.alive(first)
    finally:
        processes.kill(second)


def test_whoever_waits_for_a_process_that_ends_is_shown_its_last_words() -> None:
    doomed = processes.start("doomed", "sh", "-c", "echo no such disk >&2; exit 3")
    with pytest.raises(ComponentError, match=r"(?s)doomed: ended.*no such disk"):
        processes.wait_for(doomed, lambda: False)


def test_a_companion_that_ends_is_named() -> None:
    doomed = processes.start("doomed", "false")
    sleeper = processes.start("sleeper", "sleep", "60")
    try:
        with pytest.raises(ComponentError, match="doomed: ended"):
            processes.wait_for(sleeper, lambda: False, doomed)
    finally:
        processes.kill(sleeper)


def test_whoever_waits_too_long_is_shown_the_log() -> None:
    stuck = processes.start("stuck", "sh", "-c", "echo still loading; exec sleep 60")
    try:
        until(lambda: processes.log_of("stuck").read_text(), "it has said something", seconds=10)
        with pytest.raises(ComponentError, match=r"(?s)stuck: not ready after 0 s.*still loading"):
            processes.wait_for(stuck, lambda: False, seconds=0)
    finally:
        processes.kill(stuck)


def test_one_that_fails_inside_its_namespace_is_shown_too() -> None:
    with pytest.raises(ComponentError, match=r"(?s)ended at once with status 127.*not found"):
        processes.start("missing", "no-such-program", within=AS_A_CHILD)
