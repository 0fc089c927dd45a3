"""Addresses: what is floating, what is pinned, and what of them may be shown."""

import pytest

from fairlead_fetch.uri import Scheme, parse

COMMIT, DIGEST = "0123456789" * 4, f"sha256:{'ab' * 32}"

FLOATING = [
    ("hf://org/name", "hf://org/name"),
    ("hf://name@refs/pr/1", "hf://name@refs/pr/1"),
    ("s3://bucket", "s3://bucket"),
    ("gs://bucket/a/folder/", "gs://bucket/a/folder/"),
    ("az://container/key@2.bin", "az://container/key@2.bin"),
    ("https://host:8443/a%20b/model.bin", "https://host:8443/a%20b/model.bin"),
    ("oci://registry:5000/a/b", "oci://registry:5000/a/b:latest"),
    ("oci://registry/a:v1", "oci://registry/a:v1"),
    ("mlflow://name/with/slashes@champion", "mlflow://name/with/slashes@champion"),
]
PINNED = [
    f"hf://org/name@{COMMIT}",
    f"s3://bucket@{DIGEST}",
    f"gs://bucket/a/folder/@{DIGEST}",
    f"az://container/key@2.bin@{DIGEST}",
    f"https://host/model.bin@{DIGEST}",
    f"http://host/model.bin?sig=a/b%3D@{DIGEST}",
    f"oci://registry:5000/a/b@{DIGEST}",
    "mlflow://name/7",
]


@pytest.mark.parametrize(("text", "meaning"), FLOATING)
def test_floating(text: str, meaning: str) -> None:
    uri = parse(text)
    assert not uri.pin
    assert str(uri) == meaning
    pin = {Scheme.HF: COMMIT, Scheme.MLFLOW: "3"}.get(uri.scheme, DIGEST)
    pinned = parse(str(uri.pinned(pin)))
    assert pinned.pin
    assert (pinned.place, pinned.name, pinned.query) == (uri.place, uri.name, uri.query)


@pytest.mark.parametrize("text", PINNED)
def test_pinned_means_itself(text: str) -> None:
    uri = parse(text)
    assert uri.pin
    assert str(uri) == text


def test_a_tag_beside_a_digest_says_nothing() -> None:
    assert str(parse(f"oci://registry/a:v1@{DIGEST}")) == f"oci://registry/a@{DIGEST}"


def test_what_signs_is_not_shown() -> None:
    assert parse("https://host/model.bin?sig=secret").shown() == "https://host/model.bin?…"
