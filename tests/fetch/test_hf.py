"""Models of the Hugging Face Hub, from a stand-in of its documented endpoints."""

from pathlib import Path

import pytest

from fetch.hub import Hub
from fetch.running import Fetcher, content, nothing_came
from fetch.web_server import Site
from fetch.wire import Proxy, Wires

FIRST = {"config.json": b'{"n": 1}', "onnx/model.onnx": b"o" * 2_000_000, "model.safetensors": b"1" * 9_000_000}
SECOND = FIRST | {"config.json": b'{"n": 2}'}
SIZE = sum(map(len, FIRST.values()))


@pytest.fixture
def hub(site: Site, https: int, fetcher: Fetcher) -> Hub:
    """With one commit on the branch `main`, and the fetcher told where it is."""
    hub = Hub()
    hub.commit(FIRST, "main", "v1")
    site.other = hub.answer
    fetcher.environment["HF_ENDPOINT"] = f"https://localhost:{https}"
    return hub


def test_a_branch_is_resolved_to_a_commit(fetcher: Fetcher, hub: Hub, to: Path) -> None:
    resolved = fetcher.resolve("hf://org/model").figures
    assert resolved == {"uri": f"hf://org/model@{hub.names['main']}", "files": 3, "bytes": SIZE}
    assert fetcher.resolve(resolved["uri"]).uri == resolved["uri"]
    assert fetcher.fetch(resolved["uri"], to).figures == {"files": 3, "bytes": SIZE}
    assert content(to) == FIRST


def test_after_the_branch_has_moved_the_old_bytes_come(fetcher: Fetcher, hub: Hub, to: Path) -> None:
    old = fetcher.resolve("hf://org/model@main").uri
    hub.commit(SECOND, "main", "refs/pr/1")
    assert fetcher.resolve("hf://org/model@main").uri != old
    assert fetcher.resolve("hf://org/model@refs/pr/1").uri != old
    assert fetcher.resolve("hf://org/model@v1").uri == old
    fetcher.fetch(old, to)
    assert content(to) == FIRST


def test_patterns_choose(fetcher: Fetcher, hub: Hub, to: Path) -> None:
    fetcher.fetch("hf://org/model", to, "--exclude", "onnx/")
    assert content(to).keys() == {"config.json", "model.safetensors"}


@pytest.mark.parametrize(("file", "kind"), [("model.safetensors", "SHA-256"), ("config.json", "Git")])
def test_other_bytes_than_announced_are_refused(fetcher: Fetcher, hub: Hub, to: Path, file: str, kind: str) -> None:
    hub.corrupt = file
    hub.commit({"config.json": b"12345678", "model.safetensors": b"12" * 1000}, "main")
    sentence = fetcher.fetch("hf://org/model", to).refused()
    assert sentence.startswith(f"{file} of hf://org/model has the wrong {kind} checksum: ")
    assert nothing_came(to)


def test_a_killed_fetch_is_gone_on_with(fetcher: Fetcher, hub: Hub, https: int, to: Path, wires: Wires) -> None:
    wire, port = wires.to(https)
    wire.hold_at = SIZE * 3 // 4
    fetcher.environment["HF_ENDPOINT"] = f"https://localhost:{port}"
    there = fetcher.killed("hf://org/model", to, wire, after=SIZE // 2)
    before = wire.received
    fetcher.fetch("hf://org/model", to)
    assert content(to) == FIRST
    assert wire.received - before < SIZE - there + 100_000


def test_a_token_opens_and_is_never_said(fetcher: Fetcher, hub: Hub, https: int, to: Path) -> None:
    hub.token, hub.gated = "hf_verysecrettoken", True
    host = f"localhost:{https}"
    assert fetcher.resolve("hf://org/model").refused() == (
        f"{host} gives org/model only to those who have accepted its conditions: accept them on its page, and give "
        "that account's token as the key HF_TOKEN of the Secret that the model names"
    )
    fetcher.give(HF_TOKEN=hub.token)
    done = fetcher.fetch("hf://org/model", to)
    assert content(to) == FIRST
    assert hub.token not in done.log + done.report


def test_what_is_not_there(fetcher: Fetcher, hub: Hub, https: int) -> None:
    host = f"localhost:{https}"
    assert fetcher.resolve("hf://org/model@v9").refused() == (
        f"{host} has no revision v9 of org/model: correct the address"
    )
    assert fetcher.resolve("hf://org/other").refused() == (
        f"{host} has no model org/other, or none that may be read so: correct the name, or give a token that may read "
        "it as the key HF_TOKEN of the Secret that the model names"
    )


def test_nothing_is_said_to_anybody_else(
    fetcher: Fetcher, hub: Hub, https: int, to: Path, proxy: tuple[Proxy, str]
) -> None:
    """All that leaves the process goes through the proxy, and only to the endpoint that was given."""
    through, address = proxy
    fetcher.environment["HF_ENDPOINT"] = f"https://hub.test:{https}"
    fetcher.fetch("hf://org/model", to, HTTPS_PROXY=address, HTTP_PROXY=address)
    assert content(to) == FIRST
    assert set(through.asked) == {f"CONNECT hub.test:{https}"}
