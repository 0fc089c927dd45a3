"""Containers of Azure, in an emulator: what differs from S3 is how it lists, signs and refuses."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fetch.azurite import Azure, azurite
from fetch.running import Fetcher, content, nothing_came
from fetch.wire import Wires

FILES = {"config.json": b"{}", "shards/one two.bin": b"1" * 6_000_000}
SIZE = sum(map(len, FILES.values()))


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Azure]:
    """An emulated account with the container `models`."""
    if not shutil.which("npm"):
        pytest.skip("the emulator comes from npm, which is not installed")
    with azurite(tmp_path_factory.mktemp("azurite")) as azure:
        yield azure


@pytest.fixture
def folder(azure: Azure, fetcher: Fetcher, request: pytest.FixtureRequest) -> str:
    """A folder with files in it, and the credentials to read it."""
    folder = str(request.node.name)
    for name, data in FILES.items():
        azure.put(f"{folder}/{name}", data)
    fetcher.give(**azure.credentials())
    return f"az://models/{folder}"


def test_a_folder_is_resolved_and_fetched(fetcher: Fetcher, folder: str, to: Path) -> None:
    uri = fetcher.resolve(folder).uri
    assert uri.startswith(f"{folder}@sha256:")
    assert fetcher.fetch(uri, to).figures == {"files": 2, "bytes": SIZE}
    assert content(to) == FILES
    assert fetcher.resolve(f"{folder}/config.json").figures["bytes"] == 2


def test_what_was_overwritten_since_is_refused(azure: Azure, fetcher: Fetcher, folder: str, to: Path) -> None:
    uri = fetcher.resolve(folder).uri
    azure.put(f"{folder.removeprefix('az://models/')}/config.json", b"[]")
    assert "is not what it was when this revision was made" in fetcher.fetch(uri, to).refused()
    assert nothing_came(to)


def test_a_killed_fetch_is_gone_on_with(azure: Azure, fetcher: Fetcher, folder: str, to: Path, wires: Wires) -> None:
    wire, port = wires.to(azure.port)
    fetcher.give(**azure.credentials(port))
    wire.hold_at = SIZE // 2
    there = fetcher.killed(folder, to, wire, after=SIZE // 3)
    before = wire.received
    fetcher.fetch(folder, to)
    assert content(to) == FILES
    assert wire.received - before < SIZE - there + 100_000


def test_what_is_not_there_or_not_allowed(azure: Azure, fetcher: Fetcher, folder: str) -> None:
    host = f"localhost:{azure.port}"
    keys = "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY (a public one: AZURE_SKIP_SIGNATURE=true)"
    assert fetcher.resolve("az://other/model").refused() == (
        f"{host} has no bucket other (HTTP 404 ContainerNotFound): correct the address, or the region"
    )
    fetcher.give(AZURE_STORAGE_ACCOUNT_KEY="d3JvbmcgYnV0IGxvbmcgZW5vdWdo")
    assert fetcher.resolve(folder).refused() == (
        f"{host} refuses access to {folder} (HTTP 403): give {keys} that may list and read it, in the Secret that the "
        "model names"
    )
    fetcher.give(AZURE_STORAGE_ACCOUNT_KEY="no base64")
    sentence = fetcher.resolve(folder).refused()
    assert sentence.startswith(f"{folder} cannot be asked for (")
    assert sentence.endswith(f"give {keys} in the Secret that the model names")
