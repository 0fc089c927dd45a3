"""Azurite, Microsoft's emulator of Azure's storage, from npm. An emulator: it shows the protocol, not the service."""

import base64
import hashlib
import hmac
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import obstore
from obstore.store import AzureStore

from fetch.servers import running
from fetch.wire import free_port
from localcluster.places import CACHE
from localcluster.waiting import one_at_a_time

VERSION = "3.35.0"
ACCOUNT = "devstoreaccount1"
KEY = base64.b64encode(b"a key of the tests, as long as it likes to be").decode()


@dataclass(frozen=True, kw_only=True)
class Azure:
    port: int

    def credentials(self, port: int | None = None) -> dict[str, str]:
        """Keys of a Secret, for a wire's port maybe."""
        endpoint = f"http://localhost:{port or self.port}/{ACCOUNT}"
        return {
            "AZURE_STORAGE_ACCOUNT_NAME": ACCOUNT,
            "AZURE_STORAGE_ACCOUNT_KEY": KEY,
            "AZURE_STORAGE_ENDPOINT": endpoint,
        }

    def put(self, path: str, content: bytes) -> None:
        config = {"account_name": ACCOUNT, "account_key": KEY, "endpoint": self.credentials()["AZURE_STORAGE_ENDPOINT"]}
        store = AzureStore("models", config=config, client_options={"allow_http": True})  # type: ignore[arg-type]
        obstore.put(store, path, content)

    def make_container(self) -> None:
        """By Azure's shared key, since the object stores' library makes none."""
        date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        headers = {"x-ms-date": date, "x-ms-version": "2021-08-06"}
        written = "".join(f"{name}:{value}\n" for name, value in headers.items())
        signed = f"PUT{chr(10) * 12}{written}/{ACCOUNT}/{ACCOUNT}/models\nrestype:container"
        signature = base64.b64encode(hmac.new(base64.b64decode(KEY), signed.encode(), hashlib.sha256).digest()).decode()
        headers |= {"Authorization": f"SharedKey {ACCOUNT}:{signature}", "Content-Length": "0"}
        with httpx2.Client(trust_env=False) as client:
            url = f"http://localhost:{self.port}/{ACCOUNT}/models?restype=container"
            answer = client.put(url, headers=headers)
        assert answer.status_code == 201, answer.text


@contextmanager
def azurite(folder: Path) -> Iterator[Azure]:
    """With an empty container `models`."""
    azure = Azure(port=free_port())
    command = (
        _program(), "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--inMemoryPersistence",
        "--blobHost", "127.0.0.1", "--blobPort", str(azure.port),
    )  # fmt: skip
    node = str(Path(shutil.which("node") or "node").parent)
    with running(command, folder, azure.port, PATH=f"{node}:/usr/bin:/bin", AZURITE_ACCOUNTS=f"{ACCOUNT}:{KEY}"):
        azure.make_container()
        yield azure


def _program() -> Path:
    folder = CACHE / f"azurite-{VERSION}"
    program = folder / "node_modules/.bin/azurite-blob"
    with one_at_a_time(CACHE / "azurite.lock", print):
        if not program.exists():
            folder.mkdir(parents=True, exist_ok=True)
            options = ("--prefix", str(folder), "--no-audit", "--no-fund", "--no-save", "--loglevel=error")
            subprocess.run(["npm", "install", *options, f"azurite@{VERSION}"], check=True)
    return program
