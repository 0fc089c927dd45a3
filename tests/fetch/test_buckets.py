"""Buckets of S3, in a real S3 server. Google's and Azure's are read through the same code of the same library."""

import re
from pathlib import Path

import pytest

from fetch.running import Fetcher, content, nothing_came, unfinished
from fetch.servers import S3
from fetch.wire import Proxy, Wires
from waiting import until

FILES = {"config.json": b"{}", "shards/one two+ü%.bin": b"1" * 3_000_000, "shards/two.bin": b"2" * 9_000_000}
SIZE = sum(map(len, FILES.values()))


@pytest.fixture
def folder(s3: S3, fetcher: Fetcher, request: pytest.FixtureRequest) -> str:
    """A folder of a bucket with files in it, and the credentials to read it."""
    folder = request.node.name
    for name, data in FILES.items():
        s3.put(f"{folder}/{name}", data)
    s3.put(f"{folder}-beside/other.bin", b"not below the folder, though its name begins like that")
    fetcher.give(**s3.credentials())
    return f"s3://models/{folder}"


def test_a_folder_is_resolved_and_fetched(fetcher: Fetcher, folder: str, to: Path) -> None:
    resolved = fetcher.resolve(folder).figures
    assert re.fullmatch(rf"{folder}@sha256:[0-9a-f]{{64}}", resolved["uri"])
    assert (resolved["files"], resolved["bytes"]) == (3, SIZE)
    assert fetcher.resolve(resolved["uri"]).uri == resolved["uri"]
    assert fetcher.fetch(resolved["uri"], to).figures == {"files": 3, "bytes": SIZE}
    assert content(to) == FILES


def test_one_object_by_its_key(fetcher: Fetcher, folder: str, to: Path) -> None:
    fetcher.fetch(f"{folder}/shards/two.bin", to)
    assert content(to) == {"two.bin": FILES["shards/two.bin"]}


def test_patterns_choose(fetcher: Fetcher, folder: str, to: Path) -> None:
    chosen = ("--include", "*.bin", "--include", "config.json", "--exclude", "shards/one*")
    assert fetcher.resolve(folder, *chosen).figures["files"] == 2
    fetcher.fetch(folder, to, *chosen)
    assert content(to).keys() == {"config.json", "shards/two.bin"}
    assert fetcher.resolve(folder, "--include", "*.onnx").refused() == (
        f"none of the 3 files of {folder} is wanted by include *.onnx: change the patterns"
    )


def test_what_was_overwritten_since_is_refused(s3: S3, fetcher: Fetcher, folder: str, to: Path) -> None:
    uri = fetcher.resolve(folder).uri
    s3.put(f"{folder.removeprefix('s3://models/')}/config.json", b"[]")
    host = f"localhost:{s3.port}"
    assert fetcher.fetch(uri, to).refused() == (
        f"what is at {folder} in {host} is not what it was when this revision was made: it was overwritten or removed "
        "since. Put the old bytes back, or make a new revision"
    )
    assert nothing_came(to)


def test_a_killed_fetch_is_gone_on_with(s3: S3, fetcher: Fetcher, folder: str, to: Path, wires: Wires) -> None:
    wire, port = wires.to(s3.port)
    fetcher.give(**s3.credentials(port))
    wire.hold_at = SIZE * 3 // 4
    running = fetcher.start("fetch", folder, to)
    until(lambda: wire.is_held() and unfinished(to) > SIZE // 2)
    running.kill()
    assert nothing_came(to)
    there = unfinished(to)
    wire.release()
    before = wire.received
    fetcher.fetch(folder, to)
    assert content(to) == FILES
    assert wire.received - before < SIZE - there + 100_000


def test_a_cut_connection_is_gone_on_with(s3: S3, fetcher: Fetcher, folder: str, to: Path, wires: Wires) -> None:
    wire, port = wires.to(s3.port)
    fetcher.give(**s3.credentials(port))
    wire.cut_at = SIZE // 2
    done = fetcher.fetch(folder, to, FAIRLEAD_RETRY_SECONDS="10")
    assert content(to) == FILES
    assert wire.received < SIZE + 1_500_000
    assert f"localhost:{port} cut the connection; trying again" in done.log


def test_a_proxy_is_asked(s3: S3, fetcher: Fetcher, folder: str, to: Path, proxy: tuple[Proxy, str]) -> None:
    through, address = proxy
    fetcher.give(AWS_ENDPOINT_URL=f"https://s3.test:{s3.port}")
    fetcher.fetch(folder, to, HTTPS_PROXY=address)
    assert content(to) == FILES
    assert set(through.asked) == {f"CONNECT s3.test:{s3.port}"}


def test_wrong_and_missing_credentials(s3: S3, fetcher: Fetcher, folder: str) -> None:
    fetcher.give(AWS_SECRET_ACCESS_KEY="not-the-secret")
    refused = fetcher.resolve(folder)
    assert refused.refused() == (
        f"localhost:{s3.port} refuses access to {folder} (HTTP 403): give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
        "(a public bucket: AWS_SKIP_SIGNATURE=true) that may list and read it, in the Secret that the model names"
    )
    assert "not-the-secret" not in refused.log


def test_nothing_there(s3: S3, fetcher: Fetcher, folder: str) -> None:
    host = f"localhost:{s3.port}"
    assert fetcher.resolve(f"{folder}-not").refused() == (
        f"{host} has nothing at {folder}-not: neither an object of that key nor any below it. Correct the address"
    )
    assert fetcher.resolve("s3://other/model").refused() == (
        f"{host} has no bucket other (HTTP 404 NoSuchBucket): correct the address, or the region"
    )


def test_a_certificate_that_nobody_vouches_for(s3: S3, fetcher: Fetcher, folder: str) -> None:
    fetcher.environment.clear()
    assert fetcher.resolve(folder).refused() == (
        f"the certificate of localhost:{s3.port} is not trusted (unknown issuer): add its authority's to the CA bundle "
        "(FAIRLEAD_CA_BUNDLE)"
    )
