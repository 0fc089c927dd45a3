"""Whom to trust, and with what: certificates and credentials, put where every client library looks for them.

To be called before any client library is imported: several read the environment only then.
"""

import base64
import json
import os
import re
import ssl
import tempfile
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path

import certifi

from fairlead_fetch.report import Refused, Report

CREDENTIALS = "/var/run/fairlead/credentials"
PULL_SECRETS = "/var/run/fairlead/pull-secrets"
DOCKER_FILES = (".dockerconfigjson", "config.json")

# Whatever else a Secret holds must not steer this process: think of LD_PRELOAD.
_ALLOWED = re.compile(r"(HF_(TOKEN|ENDPOINT)|(AWS|GOOGLE|AZURE|MLFLOW)_[A-Z0-9_]+|HTTP_AUTHORIZATION)")
_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|AUTHORIZATION|SAS|CONNECTION_STRING")

# Nothing phones home, and large files come by plain HTTP ranges, which proxies and mirrors know.
QUIET = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_VERBOSITY": "error",
}


@dataclass(frozen=True, kw_only=True)
class Trust:
    """What cannot be said by the environment: the logins of registries, each the text of a Docker configuration."""

    registries: tuple[str, ...] = field(repr=False, default=())


def prepare(environment: MutableMapping[str, str], report: Report) -> Trust:
    """Raises `Refused` when a certificate is none, or a credential cannot be read."""
    folder = Path(environment.get("FAIRLEAD_CREDENTIALS") or CREDENTIALS)
    pulls = Path(environment.get("FAIRLEAD_PULL_SECRETS") or PULL_SECRETS)
    registries = []
    for file in _files(folder):
        if file.name in DOCKER_FILES:
            registries.append(_text(file))
        elif _ALLOWED.fullmatch(file.name):
            environment[file.name] = _text(file).rstrip("\n")
        else:
            report.log(f"the credentials hold the key {file.name}, which means nothing here: it is left alone")
    registries += [_text(file) for below in _folders(pulls) for file in _files(below) if file.name in DOCKER_FILES]
    for name, value in environment.items():
        if _ALLOWED.fullmatch(name) and _SECRET.search(name):
            _keep_secret(value, report)
    for text in registries:
        for secret in re.findall(r'"(?:auth|password|identitytoken)"\s*:\s*"([^"]+)"', text):
            report.keep_secret(secret)
    environment.update(QUIET, HF_HOME=str(Path(tempfile.gettempdir(), "hf")))
    environment["SSL_CERT_FILE"] = environment["REQUESTS_CA_BUNDLE"] = str(_authorities(environment))
    return Trust(registries=tuple(registries))


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError as error:
        raise Refused(
            f"{file} of the credentials cannot be read by the user {os.getuid()} ({error.strerror}): let it, say with "
            "fsGroup in the pod's security context"
        ) from None
    except UnicodeError:
        raise Refused(f"the key {file.name} of the credentials is no text: correct it in its Secret") from None


def _keep_secret(value: str, report: Report) -> None:
    """As it is, and each part of it that could turn up alone."""
    report.keep_secret(value)
    for part in re.split(r"[\s;]", value):
        report.keep_secret(part.partition("=")[2] if "AccountKey=" in part else part)
    if value.startswith("{"):
        try:
            report.keep_secret(str(json.loads(value).get("private_key", "")))
        except ValueError:
            return


def basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _authorities(environment: MutableMapping[str, str]) -> Path:
    """The public ones, those of this image or machine, and the bundle's, in one file of this process."""
    system = environment.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
    bundle = environment.get("FAIRLEAD_CA_BUNDLE", "")
    if bundle:
        try:
            ssl.create_default_context(cadata=bundle)
        except ssl.SSLError:
            raise Refused("the CA bundle (FAIRLEAD_CA_BUNDLE) holds no PEM certificates: correct it") from None
    texts = [Path(certifi.where()).read_text()]
    if system and Path(system).is_file():
        texts.append(Path(system).read_text())
    with tempfile.NamedTemporaryFile("w", prefix="authorities-", suffix=".pem", delete=False) as file:
        file.write("\n".join([*texts, bundle, ""]))
    return Path(file.name)


def _files(folder: Path) -> Iterator[Path]:
    """Kubernetes' own links of a mounted Secret begin with two dots."""
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if not path.name.startswith("..") and path.is_file())


def _folders(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if not path.name.startswith("..") and path.is_dir())
