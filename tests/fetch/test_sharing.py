"""The folder: shared by several, too small, forbidden, or left by one who was killed. And who asks how far it is."""

import gzip
import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fetch.layers import tar
from fetch.running import Fetcher, content, nothing_came, unfinished
from fetch.web_server import Site
from fetch.wire import Wires, free_port
from waiting import until

MODEL = b"m" * 8_000_000


def test_of_two_on_one_folder_one_works(fetcher: Fetcher, site: Site, https: int, to: Path, wires: Wires) -> None:
    site.files["/model.bin"] = MODEL
    wire, port = wires.to(https)
    wire.hold_at = len(MODEL) // 2
    uri = f"https://localhost:{port}/model.bin"
    first = fetcher.start("fetch", uri, to)
    until(wire.is_held)
    second = fetcher.start("fetch", uri, to)
    until(lambda: "another process is fetching into" in second.log.read_text())
    wire.release()
    assert first.outcome().figures == second.outcome().figures == {"files": 1, "bytes": len(MODEL)}
    assert content(to) == {"model.bin": MODEL}
    assert wire.received < len(MODEL) + 100_000


def test_when_the_one_that_works_is_killed_the_other_goes_on(
    fetcher: Fetcher, site: Site, https: int, to: Path, wires: Wires
) -> None:
    site.files["/model.bin"] = MODEL
    wire, port = wires.to(https)
    wire.hold_at = len(MODEL) // 2
    uri = f"https://localhost:{port}/model.bin"
    first = fetcher.start("fetch", uri, to)
    until(lambda: wire.is_held() and unfinished(to) > len(MODEL) // 3)
    second = fetcher.start("fetch", uri, to)
    until(lambda: "another process is fetching into" in second.log.read_text())
    first.kill()
    wire.release()
    assert second.outcome().figures["bytes"] == len(MODEL)
    assert "are there" in second.log.read_text()


def test_how_far_it_is(fetcher: Fetcher, site: Site, https: int, to: Path, wires: Wires) -> None:
    site.files["/model.bin"] = MODEL
    wire, port = wires.to(https)
    wire.hold_at = len(MODEL) // 2
    at, waiting_at = free_port(), free_port()
    uri = f"https://localhost:{port}/model.bin"
    working = fetcher.start("fetch", uri, to, "--listen", str(at))
    until(wire.is_held)
    waiting = fetcher.start("fetch", uri, to, "--listen", str(waiting_at))
    for each in (at, waiting_at):
        until(lambda each=each: _progress(each)["bytes"] > len(MODEL) // 3)  # type: ignore[misc]
        assert _progress(each)["total"] == len(MODEL)
        assert _progress(each)["bytes"] < len(MODEL)
    wire.release()
    assert working.outcome().code == waiting.outcome().code == 0
    assert ": 1 file, 7.6 MiB" in working.log.read_text()


def test_too_little_space_is_said_before(fetcher: Fetcher, site: Site, https: int, tmp_path: Path) -> None:
    site.files["/model.bin"] = MODEL
    with small(tmp_path / "small", 4 << 20) as volume:
        assert fetcher.fetch(f"https://localhost:{https}/model.bin", volume).refused() == (
            f"no space in {volume}: 7.6 MiB more are needed, and 4.0 MiB are free. Give the volume more, or leave "
            "files out with exclude"
        )
        assert unfinished(volume) == 0


def test_too_little_space_on_the_way(fetcher: Fetcher, site: Site, https: int, tmp_path: Path, wires: Wires) -> None:
    """Somebody else fills the volume meanwhile."""
    site.files["/model.bin"] = MODEL
    wire, port = wires.to(https)
    wire.hold_at = len(MODEL) // 4
    with small(tmp_path / "small", 10 << 20) as volume:
        running = fetcher.start("fetch", f"https://localhost:{port}/model.bin", volume)
        until(lambda: unfinished(volume) > 0)
        (volume / "other").write_bytes(bytes(6 << 20))
        wire.release()
        assert running.outcome().refused() == (
            f"no space in {volume}/partial/files (No space left on device, with 0 B free): give the volume more, or "
            "leave files out with exclude"
        )
        assert nothing_came(volume)


def test_an_archive_needs_twice_its_space(fetcher: Fetcher, site: Site, https: int, tmp_path: Path) -> None:
    site.files["/model.tar"] = tar(("model.bin", MODEL))
    with small(tmp_path / "small", 12 << 20) as volume:
        sentence = fetcher.fetch(f"https://localhost:{https}/model.tar", volume).refused()
        assert f"no space in {volume}: 15.3 MiB more are needed, and 12.0 MiB are free" in sentence


def test_an_unpacking_that_was_cut_is_done_again(fetcher: Fetcher, site: Site, https: int, tmp_path: Path) -> None:
    """The archive stays until it is unpacked: it is not fetched twice."""
    site.files["/model.tar.gz"] = packed = _packed(MODEL)
    uri = f"https://localhost:{https}/model.tar.gz"
    with small(tmp_path / "small", 6 << 20) as volume:
        assert "no space to unpack model.tar.gz of" in fetcher.fetch(uri, volume).refused()
        subprocess.run(["mount", "-o", "remount,size=16m", str(volume)], check=True)
        site.files["/model.tar.gz"] = packed  # as it was
        done = fetcher.fetch(uri, volume)
        assert content(volume) == {"model.bin": MODEL}
        assert "are there" in done.log


def test_a_folder_that_may_not_be_written_to(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    """Root without the right to write anywhere."""
    site.files["/model.bin"] = MODEL
    to.mkdir(0o555)
    fetcher.before = ("setpriv", "--bounding-set=-dac_override", "--inh-caps=-all") if os.getuid() == 0 else ()
    assert fetcher.fetch(f"https://localhost:{https}/model.bin", to).refused() == (
        f"{to} cannot be written to by the user {os.getuid()} (Permission denied): make the volume writable, say with "
        "fsGroup in the pod's security context"
    )


def test_a_checksum_is_for_one_file(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/model.bin"] = MODEL
    uri = f"https://localhost:{https}/model.bin"
    assert fetcher.fetch(uri, to, "--checksum", "md5:abc").refused() == (
        "the checksum 'md5:abc' is none: it has to be sha256: and 64 hexadecimal digits"
    )


def test_what_another_order_left_is_not_mixed_in(
    fetcher: Fetcher, site: Site, https: int, to: Path, wires: Wires
) -> None:
    site.files["/model.bin"] = MODEL
    wire, port = wires.to(https)
    wire.hold_at = len(MODEL) // 2
    uri = f"https://localhost:{port}/model.bin"
    fetcher.killed(uri, to, wire, after=0)
    site.files["/model.bin"] = MODEL[::-1] + b"!"
    done = fetcher.fetch(uri, to)
    assert content(to) == {"model.bin": MODEL[::-1] + b"!"}
    assert "are there" not in done.log


@contextmanager
def small(folder: Path, size: int) -> Iterator[Path]:
    """A volume of so many bytes."""
    if os.getuid():
        pytest.skip("only root can mount a small volume")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _packed(content: bytes) -> bytes:
    return gzip.compress(tar(("model.bin", content)))


def _progress(port: int) -> dict[str, int]:
    """No bytes while nobody answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"http://127.0.0.1:{port}/progress", timeout=5) as answer:
            found: dict[str, int] = json.load(answer)
    except OSError:
        return {"bytes": 0}
    return found
