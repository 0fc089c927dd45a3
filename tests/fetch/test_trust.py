"""Credentials as files of a Secret: what becomes of them, and what is never told."""

from pathlib import Path

import pytest

from fairlead_fetch.report import Refused, Report
from fairlead_fetch.trust import prepare


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """As the kubelet mounts it: the files are links to those of a hidden folder."""
    folder = tmp_path / "secret"
    (folder / "..2026").mkdir(parents=True)
    (folder / "..data").symlink_to("..2026")
    return folder


def put(secret: Path, name: str, content: bytes) -> None:
    (secret / "..2026" / name).write_bytes(content)
    (secret / name).symlink_to(f"..data/{name}")


def prepared(secret: Path, report: Report, **environment: str) -> dict[str, str]:
    environment |= {"FAIRLEAD_CREDENTIALS": str(secret), "FAIRLEAD_PULL_SECRETS": str(secret.parent / "none")}
    prepare(environment, report)
    return environment


def test_keys_become_variables_when_they_are_named_like_some(secret: Path, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "HF_TOKEN", "AZURE_STORAGE_ACCOUNT_NAME", "PYTHONPATH", "HTTPS_PROXY", "notes"):
        put(secret, name, b"value\n")
    environment = prepared(secret, Report(tmp_path / "report"))
    assert {name for name, value in environment.items() if value == "value"} == {
        "AWS_ACCESS_KEY_ID",
        "HF_TOKEN",
        "AZURE_STORAGE_ACCOUNT_NAME",
    }


def test_telemetry_is_off_whatever_was_set(secret: Path, tmp_path: Path) -> None:
    environment = prepared(secret, Report(tmp_path / "report"), HF_HUB_DISABLE_TELEMETRY="0")
    assert environment["HF_HUB_DISABLE_TELEMETRY"] == environment["DO_NOT_TRACK"] == "1"


@pytest.mark.parametrize(
    ("name", "content", "hidden"),
    [
        ("HF_TOKEN", b"hf_secretsecret", "hf_secretsecret"),
        ("HTTP_AUTHORIZATION", b"Bearer secretsecret", "secretsecret"),
        ("GOOGLE_SERVICE_ACCOUNT_KEY", b'{"private_key": "secretsecret"}', "secretsecret"),
        ("AZURE_STORAGE_CONNECTION_STRING", b"AccountName=a;AccountKey=secretsecret==;X=y", "secretsecret=="),
        (".dockerconfigjson", b'{"auths": {"r": {"auth": "secretsecret"}}}', "secretsecret"),
    ],
)
def test_secrets_are_never_told(
    secret: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: bytes, hidden: str
) -> None:
    put(secret, name, content)
    report = Report(tmp_path / "report")
    prepared(secret, report)
    report.failed(Refused(f"a library says: {hidden} was refused"))
    assert hidden not in (tmp_path / "report").read_text() + capsys.readouterr().out


def test_a_name_of_an_account_is_no_secret(secret: Path, tmp_path: Path) -> None:
    put(secret, "AWS_REGION", b"eu-central-1")
    report = Report(tmp_path / "report")
    prepared(secret, report)
    assert report.without_secrets("s3.eu-central-1.amazonaws.com") == "s3.eu-central-1.amazonaws.com"


def test_a_key_that_is_no_text(secret: Path, tmp_path: Path) -> None:
    put(secret, "HF_TOKEN", b"\xff\xfe")
    with pytest.raises(Refused, match="the key HF_TOKEN of the credentials is no text: correct it in its Secret"):
        prepared(secret, Report(tmp_path / "report"))


def test_a_sentence_is_one_line_and_not_endless(tmp_path: Path) -> None:
    report = Report(tmp_path / "report")
    assert report.failed(Refused("a\nb" + "c" * 2000)) == 65
    text = (tmp_path / "report").read_text()
    assert text.startswith("a bccc")
    assert len(text.rstrip("\n")) == 1000
