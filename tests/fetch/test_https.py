"""Files of web servers."""

import hashlib
import re
import signal
from pathlib import Path

import pytest

from fetch.running import Fetcher, content, nothing_came, unfinished
from fetch.web_server import Site
from fetch.wire import Proxy, Wires, free_port
from waiting import until

MODEL = bytes(range(256)) * 40_000  # 10 MB


def test_a_file_is_resolved_and_fetched(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/a/model.onnx"] = MODEL
    uri = f"https://localhost:{https}/a/model.onnx"
    resolved = fetcher.resolve(uri).figures
    assert re.fullmatch(rf"{uri}@sha256:[0-9a-f]{{64}}", resolved["uri"])
    assert (resolved["files"], resolved["bytes"]) == (1, len(MODEL))
    assert fetcher.resolve(resolved["uri"]).uri == resolved["uri"]
    assert fetcher.fetch(resolved["uri"], to).figures == {"files": 1, "bytes": len(MODEL)}
    assert content(to) == {"model.onnx": MODEL}
    assert sorted(path.name for path in to.iterdir()) == ["files", "state"]
    assert (to / "files/model.onnx").stat().st_mode & 0o777 == 0o644
    assert (to / "files").stat().st_mode & 0o777 == 0o755


def test_what_is_there_is_not_fetched_again(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/model.onnx"] = MODEL
    uri = fetcher.resolve(f"https://localhost:{https}/model.onnx").uri
    fetcher.fetch(uri, to)
    asked = len(site.asked)
    again = fetcher.fetch(uri, to)
    assert again.figures == {"files": 1, "bytes": len(MODEL)}
    assert len(site.asked) == asked
    assert "complete already" in again.log


def test_another_models_folder_is_left_alone(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files |= {"/one": b"1" * 10, "/two": b"2" * 10}
    fetcher.fetch(f"https://localhost:{https}/one", to)
    sentence = fetcher.fetch(f"https://localhost:{https}/two", to).refused()
    assert f"{to} holds https://localhost:{https}/one@sha256:" in sentence
    assert sentence.endswith("give each model its own folder")
    assert content(to) == {"one": b"1" * 10}


def test_what_has_changed_since_is_refused(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/model.onnx"] = MODEL
    uri = fetcher.resolve(f"https://localhost:{https}/model.onnx").uri
    site.files["/model.onnx"] = MODEL[::-1]
    sentence = (
        f"model.onnx in localhost:{https} is not what it was when this revision was made: it was overwritten or "
        "removed since. Put the old bytes back, or make a new revision"
    )
    assert fetcher.fetch(uri, to).refused() == sentence
    assert fetcher.resolve(uri).refused() == sentence
    assert nothing_came(to)


def test_a_killed_fetch_is_gone_on_with(fetcher: Fetcher, site: Site, https: int, to: Path, wires: Wires) -> None:
    site.files["/model.onnx"] = MODEL
    wire, port = wires.to(https)
    wire.hold_at = len(MODEL) // 2
    uri = f"https://localhost:{port}/model.onnx"
    running = fetcher.start("fetch", uri, to)
    until(lambda: wire.is_held() and unfinished(to) > len(MODEL) // 3)
    running.kill()
    assert nothing_came(to)
    there = unfinished(to)
    wire.release()
    before = wire.received
    second = fetcher.fetch(uri, to)
    assert second.figures["bytes"] == len(MODEL)
    assert content(to) == {"model.onnx": MODEL}
    assert wire.received - before < len(MODEL) - there + 100_000
    assert "are there" in second.log


def test_a_cut_connection_is_gone_on_with(fetcher: Fetcher, site: Site, https: int, to: Path, wires: Wires) -> None:
    site.files["/model.onnx"] = MODEL
    wire, port = wires.to(https)
    wire.cut_at = len(MODEL) // 2
    done = fetcher.fetch(f"https://localhost:{port}/model.onnx", to, FAIRLEAD_RETRY_SECONDS="10")
    assert done.figures["bytes"] == len(MODEL)
    assert content(to) == {"model.onnx": MODEL}
    assert wire.received < len(MODEL) + 1_200_000  # what was not written yet when it was cut, and the words around it
    assert f"localhost:{port} cut the connection; trying again in 1 s" in done.log


def test_a_server_without_ranges_is_asked_from_the_start(
    fetcher: Fetcher, site: Site, https: int, to: Path, wires: Wires
) -> None:
    site.files["/model.onnx"] = MODEL
    site.ranges = False
    wire, port = wires.to(https)
    wire.cut_at = len(MODEL) // 2
    fetcher.fetch(f"https://localhost:{port}/model.onnx", to, FAIRLEAD_RETRY_SECONDS="10")
    assert content(to) == {"model.onnx": MODEL}


def test_without_any_sign_of_change_nothing_is_gone_on_with(
    fetcher: Fetcher, site: Site, https: int, to: Path, wires: Wires
) -> None:
    site.files["/model.onnx"] = MODEL
    site.validators = False
    wire, port = wires.to(https)
    wire.hold_at = len(MODEL) // 2
    uri = f"https://localhost:{port}/model.onnx"
    fetcher.killed(uri, to, wire, after=0)
    site.files["/model.onnx"] = MODEL[::-1]  # as long as before, and nothing else is told
    fetcher.fetch(uri, to)
    assert content(to) == {"model.onnx": MODEL[::-1]}


def test_terminating_it_keeps_what_has_come(fetcher: Fetcher, site: Site, https: int, to: Path, wires: Wires) -> None:
    site.files["/model.onnx"] = MODEL
    wire, port = wires.to(https)
    wire.hold_at = len(MODEL) // 2
    running = fetcher.start("fetch", f"https://localhost:{port}/model.onnx", to)
    until(lambda: unfinished(to) > 0)
    running.process.send_signal(signal.SIGTERM)
    ended = running.outcome(5)
    assert ended.code == 128 + signal.SIGTERM
    assert ended.log.endswith("told to end: what has come stays, and is gone on with the next time\n")
    wire.release()


def test_an_empty_file(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/empty"] = b""
    assert fetcher.fetch(f"https://localhost:{https}/empty", to).figures == {"files": 1, "bytes": 0}
    assert content(to) == {"empty": b""}


def test_a_checksum_is_checked(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/model.onnx"] = MODEL
    uri = f"https://localhost:{https}/model.onnx"
    right, wrong = hashlib.sha256(MODEL).hexdigest(), "0" * 64
    assert fetcher.fetch(uri, to, "--checksum", f"sha256:{wrong}").refused() == (
        f"model.onnx of {uri} has the wrong SHA-256 checksum: {wrong} was promised, {right} came. Correct the "
        "checksum, or put the right file there"
    )
    assert nothing_came(to)
    assert fetcher.fetch(uri, to, "--checksum", f"sha256:{right}").figures["bytes"] == len(MODEL)


def test_credentials_are_a_header_that_nobody_sees(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/model.onnx"] = MODEL
    site.authorization = "Bearer very-secret-token"
    uri = f"https://localhost:{https}/model.onnx"
    assert fetcher.resolve(uri).refused() == (
        f"localhost:{https} refuses access to {uri} (HTTP 401 Unauthorized): give the Authorization header as the key "
        "HTTP_AUTHORIZATION of the Secret that the model names"
    )
    fetcher.give(HTTP_AUTHORIZATION="Bearer very-secret-token\n", LD_PRELOAD="/evil.so")
    done = fetcher.fetch(uri, to)
    assert done.figures["bytes"] == len(MODEL)
    assert "very-secret-token" not in done.log + done.report
    assert "the credentials hold the key LD_PRELOAD, which means nothing here" in done.log


def test_the_header_does_not_follow_to_another_host(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/stored"] = MODEL
    site.redirects["/model.onnx"] = f"https://127.0.0.1:{https}/stored"
    fetcher.give(HTTP_AUTHORIZATION="Bearer very-secret-token")
    fetcher.fetch(f"https://localhost:{https}/model.onnx", to)
    assert content(to) == {"model.onnx": MODEL}
    assert {authorization for path, authorization in site.asked if path == "/stored"} == {""}


def test_what_signs_an_address_is_not_said(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/model.onnx"] = MODEL
    uri = f"https://localhost:{https}/model.onnx?sig=very-secret-signature"
    resolved = fetcher.resolve(uri)
    assert resolved.uri.startswith(f"{uri}@sha256:")
    done = fetcher.fetch(resolved.uri, to)
    missing = fetcher.resolve(uri.replace("model", "other"))
    assert "very-secret-signature" not in resolved.log + done.log + done.report + missing.log + missing.report
    assert missing.refused() == (
        f"localhost:{https} has no https://localhost:{https}/other.onnx?… (HTTP 404 Not Found): check the address, and "
        "that these credentials may see it"
    )


def test_a_server_that_is_busy_is_asked_again(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/model.onnx"] = MODEL
    site.failures = 1
    done = fetcher.fetch(f"https://localhost:{https}/model.onnx", to, FAIRLEAD_RETRY_SECONDS="10")
    assert done.figures["files"] == 1
    assert "cannot give" in done.log


def test_a_server_that_stays_broken_may_mend(fetcher: Fetcher, site: Site, https: int) -> None:
    site.failures = 100
    uri = f"https://localhost:{https}/model.onnx"
    assert re.fullmatch(
        rf"localhost:{https} cannot give {uri} now \(HTTP 503 Service Unavailable\): if that stays, ask those who run "
        r"it \(tried \d times in \d s\)",
        fetcher.resolve(uri).unreachable(),
    )


def test_nobody_there(fetcher: Fetcher) -> None:
    port = free_port()
    assert re.fullmatch(
        rf"localhost:{port} cannot be reached: the connection was refused. Check that it is up and that nothing is in "
        r"between \(tried \d times in \d s\)",
        fetcher.resolve(f"https://localhost:{port}/model.onnx").unreachable(),
    )
    assert (
        fetcher.resolve("https://nowhere.invalid/model.onnx")
        .unreachable()
        .startswith(
            "nowhere.invalid cannot be reached: no such name is known here. Check the spelling, and the DNS (tried"
        )
    )


def test_a_certificate_that_nobody_vouches_for(fetcher: Fetcher, https: int) -> None:
    fetcher.environment.clear()
    assert fetcher.resolve(f"https://localhost:{https}/model.onnx").refused() == (
        f"the certificate of localhost:{https} is not trusted (unable to get local issuer certificate): add its "
        "authority's to the CA bundle (FAIRLEAD_CA_BUNDLE)"
    )
    assert fetcher.resolve(f"https://localhost:{https}/a", FAIRLEAD_CA_BUNDLE="nonsense").refused() == (
        "the CA bundle (FAIRLEAD_CA_BUNDLE) holds no PEM certificates: correct it"
    )


def test_a_proxy_is_asked(fetcher: Fetcher, site: Site, https: int, to: Path, proxy: tuple[Proxy, str]) -> None:
    site.files["/model.onnx"] = MODEL
    through, address = proxy
    fetcher.fetch(f"https://models.test:{https}/model.onnx", to, HTTPS_PROXY=address)
    assert content(to) == {"model.onnx": MODEL}
    assert set(through.asked) == {f"CONNECT models.test:{https}"}
    past = fetcher.resolve(f"https://localhost:{https}/model.onnx", HTTPS_PROXY=address, NO_PROXY="localhost")
    assert past.figures["files"] == 1
    assert set(through.asked) == {f"CONNECT models.test:{https}"}


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        ("ftp://a/b", "'ftp://a/b' is no model's address: it has to begin with one of hf://, s3://"),
        ("https://user:pw@host/a", "the address of host holds a user or a password: take it out, and give the header"),
        ("https://host/", "https://host/ names no file: the form is https://HOST/PATH"),
        ("s3:///a", "'s3:///a' is no model's address: the form is s3://BUCKET/FOLDER-OR-KEY"),
        ("mlflow://iris", "'mlflow://iris' is no model's address: the form is mlflow://NAME/VERSION or mlflow://NAME@"),
        ("oci://Registry/UPPER", "'oci://Registry/UPPER' is no model's address: the form is oci://REGISTRY/REPOSITORY"),
    ],
)
def test_an_address_that_is_none(fetcher: Fetcher, uri: str, sentence: str) -> None:
    assert fetcher.resolve(uri).refused().startswith(sentence)


def test_more_than_the_folder_may_hold_is_not_begun(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/model.onnx"] = MODEL
    uri = f"https://localhost:{https}/model.onnx"
    sentence = fetcher.fetch(uri, to, "--space", "1048576").refused()
    assert sentence.startswith("9.8 MiB are needed, and model.fetch.space is 1.0 MiB: raise it")
    assert fetcher.fetch(uri, to, "--space", str(len(MODEL))).figures["files"] == 1
