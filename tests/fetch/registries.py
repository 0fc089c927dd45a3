"""Configurations of the CNCF's registry: open, with passwords, or with tokens from an issuer as hubs have it."""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import trustme
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

USER, PASSWORD = "somebody", "test-password"
HTPASSWD = "somebody:$2b$04$noERN3BnrAtgbHtN918w4eymVSL8rB8iMxJJhtK59hlyS7BjWC6eW\n"  # of that password
LOGIN = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"


def configuration(folder: Path, port: int, tls: tuple[Path, Path], auth: Mapping[str, object] | None = None) -> Path:
    """A file for `registry serve`, in JSON, which is YAML."""
    key, chain = tls
    told: dict[str, object] = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "storage")}},
        "http": {"addr": f"127.0.0.1:{port}", "tls": {"certificate": str(chain), "key": str(key)}},
    }
    file = folder / f"registry-{port}.json"
    file.write_text(json.dumps(told | ({"auth": auth} if auth else {})))
    return file


def docker_configuration(*hosts: str) -> str:
    auth = LOGIN.removeprefix("Basic ")
    return json.dumps({"auths": {host: {"auth": auth} for host in hosts}})


@dataclass
class Issuer:
    """Gives tokens for what is asked, to whom has the password; the registry knows its certificate."""

    certificate: trustme.LeafCert
    name: str = "test-issuer"
    seconds: int = 300
    given: list[str] = field(default_factory=list)

    def answer(self, request: BaseHTTPRequestHandler) -> bool:
        if request.headers.get("Authorization") != LOGIN:
            return self._say(request, 401, {})
        query = dict(part.partition("=")[::2] for part in request.path.partition("?")[2].split("&"))
        repository = query["scope"].replace("%3A", ":").replace("%2F", "/").split(":")[1]
        self.given.append(self.token(query["service"], repository, ["pull"]))
        return self._say(request, 200, {"token": self.given[-1]})

    def token(self, service: str, repository: str, actions: list[str]) -> str:
        now = int(time.time())
        head = {"alg": "ES256", "typ": "JWT", "x5c": [self._der()]}
        claims = {
            "iss": self.name, "sub": USER, "aud": service, "exp": now + self.seconds, "nbf": now - 60, "iat": now,
            "jti": str(len(self.given)), "access": [{"type": "repository", "name": repository, "actions": actions}],
        }  # fmt: skip
        signed = f"{_encoded(json.dumps(head).encode())}.{_encoded(json.dumps(claims).encode())}"
        return f"{signed}.{_encoded(self._sign(signed.encode()))}"

    def _der(self) -> str:
        return "".join(self.certificate.cert_chain_pems[0].bytes().decode().split("\n")[1:-2])

    def _sign(self, content: bytes) -> bytes:
        key = load_pem_private_key(self.certificate.private_key_pem.bytes(), None)
        assert isinstance(key, EllipticCurvePrivateKey)
        r, s = decode_dss_signature(key.sign(content, ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def _say(self, request: BaseHTTPRequestHandler, status: int, answer: object) -> bool:
        body = json.dumps(answer).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
        return True


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
