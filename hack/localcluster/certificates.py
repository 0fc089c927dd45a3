"""The certificates of a cluster, all of one authority, and the kubeconfig files that carry them."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = timedelta(days=365)
CLOCK_SKEW = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def authority(name: str) -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = _builder(key, _subject(name, ())).issuer_name(_subject(name, ()))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(usage, critical=True)
    return Pair(certificate=builder.sign(key, hashes.SHA256()), key=key)


def issue(issuer: Pair, name: str, groups: Iterable[str] = (), addresses: Iterable[str] = ()) -> Pair:
    """To the API server the name is the user and the organisations are its groups."""
    key = ec.generate_private_key(ec.SECP256R1())
    builder = _builder(key, _subject(name, groups)).issuer_name(issuer.certificate.subject)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), critical=False
    )
    if alternatives := [_alternative(address) for address in addresses]:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return Pair(certificate=builder.sign(issuer.key, hashes.SHA256()), key=key)


def write(pair: Pair, folder: Path, name: str) -> None:
    (folder / f"{name}.crt").write_bytes(pair.certificate_pem)
    write_secret(folder / f"{name}.key", pair.key_pem)


def read(folder: Path, name: str) -> Pair:
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError(f"{name}.key is not one of ours")
    return Pair(certificate=x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes()), key=key)


def write_secret(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


def kubeconfig(server: str, issuer: Pair, client: Pair, cluster: str) -> bytes:
    parts: dict[str, dict[str, str | bytes]] = {
        "clusters": {"server": server, "certificate-authority-data": issuer.certificate_pem},
        "users": {"client-certificate-data": client.certificate_pem, "client-key-data": client.key_pem},
        "contexts": {"cluster": cluster, "user": cluster},
    }
    document = {"apiVersion": "v1", "kind": "Config", "current-context": cluster}
    return yaml.safe_dump(
        document
        | {
            plural: [{"name": cluster, plural.removesuffix("s"): {key: _encoded(value) for key, value in part.items()}}]
            for plural, part in parts.items()
        },
        sort_keys=False,
    ).encode()


def _encoded(value: str | bytes) -> str:
    return value if isinstance(value, str) else b64encode(value).decode()


def _builder(key: ec.EllipticCurvePrivateKey, subject: x509.Name) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + VALID)
    )


def _subject(name: str, groups: Iterable[str]) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _alternative(address: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(address))
    except ValueError:
        return x509.DNSName(address)
