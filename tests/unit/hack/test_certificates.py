import stat
from base64 import b64decode
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.x509.oid import NameOID

from localcluster.certificates import authority, issue, kubeconfig, read, write, write_secret


def test_a_client_is_its_name_and_its_groups() -> None:
    subject = issue(authority("ca"), "system:node:one", ["system:nodes"]).certificate.subject
    assert [entry.value for entry in subject.get_attributes_for_oid(NameOID.COMMON_NAME)] == ["system:node:one"]
    assert [entry.value for entry in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == ["system:nodes"]


def test_what_is_issued_is_signed_by_the_authority() -> None:
    ca = authority("ca")
    issue(ca, "somebody").certificate.verify_directly_issued_by(ca.certificate)


def test_only_the_authority_may_sign() -> None:
    ca = authority("ca")
    for pair, may in ((ca, True), (issue(ca, "somebody"), False)):
        assert pair.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca is may


def test_addresses_and_names_are_told_apart() -> None:
    certificate = issue(authority("ca"), "server", addresses=["10.0.0.1", "kubernetes.default.svc"]).certificate
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    assert names.get_values_for_type(x509.DNSName) == ["kubernetes.default.svc"]


def test_what_is_written_can_be_read_and_only_the_owner_may_read_the_key(tmp_path: Path) -> None:
    ca = authority("ca")
    write(ca, tmp_path, "ca")
    assert read(tmp_path, "ca").certificate == ca.certificate
    assert read(tmp_path, "ca").key_pem == ca.key_pem
    assert stat.S_IMODE((tmp_path / "ca.key").stat().st_mode) == 0o600


def test_a_secret_does_not_keep_the_mode_of_what_it_replaces(tmp_path: Path) -> None:
    (tmp_path / "kubeconfig").touch(mode=0o644)
    write_secret(tmp_path / "kubeconfig", b"new")
    assert stat.S_IMODE((tmp_path / "kubeconfig").stat().st_mode) == 0o600


def test_a_kubeconfig_carries_all_that_its_client_needs() -> None:
    ca = authority("ca")
    client = issue(ca, "admin", ["system:masters"])
    config = yaml.safe_load(kubeconfig("https://10.0.0.1:6443", ca, client, "local"))
    assert config["current-context"] == "local"
    assert config["contexts"] == [{"name": "local", "context": {"cluster": "local", "user": "local"}}]
    assert config["clusters"][0]["cluster"]["server"] == "https://10.0.0.1:6443"
    assert b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]) == ca.certificate_pem
    assert b64decode(config["users"][0]["user"]["client-certificate-data"]) == client.certificate_pem
    assert b64decode(config["users"][0]["user"]["client-key-data"]) == client.key_pem
