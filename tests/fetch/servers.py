"""Real servers to fetch from, each a process of this machine for as long as the tests last."""

import contextlib
import hashlib
import io
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import obstore
from obstore.store import S3Store

from waiting import until


@contextmanager
def running(command: Sequence[str | Path], folder: Path, port: int, **environment: str) -> Iterator[None]:
    """Until the end of the block; ready when somebody listens at the port."""
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env={"PATH": os.defpath, "HOME": str(folder), **environment},
            stdout=file,
            stderr=file,
        )
    try:
        until(lambda: _ready(process, port, log), seconds=120, what=f"a listener at port {port} (see {log})")
        yield
    finally:
        process.terminate()
        process.wait(20)


def _ready(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, log.read_text()[-2000:]
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@dataclass(frozen=True, kw_only=True)
class S3:
    """versitygw: an S3 server that keeps objects as files."""

    port: int
    authority: str  # PEM
    key: str = "test-access-key"
    secret: str = "test-secret-key"

    def credentials(self, port: int | None = None) -> dict[str, str]:
        """Keys of a Secret, for a wire's port maybe."""
        return {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_ENDPOINT_URL": f"https://localhost:{port or self.port}",
        }

    def put(self, path: str, content: bytes | Path, bucket: str = "models") -> None:
        store = S3Store(
            bucket,
            config={
                "access_key_id": self.key,
                "secret_access_key": self.secret,
                "endpoint": f"https://localhost:{self.port}",
                "region": "us-east-1",
            },
            client_options={"root_certificate": self.authority},
        )
        obstore.put(store, path, content)


@dataclass
class Repository:
    """One of a registry (CNCF distribution), with just enough of a client to push to it."""

    base: str
    client: httpx2.Client = field(repr=False)

    def uri(self, port: int | None = None) -> str:
        """For the fetcher, over a wire's port maybe."""
        url = httpx2.URL(self.base)
        return f"oci://{url.host}:{port or url.port}{url.path.removeprefix('/v2')}"

    def push(self, manifest: Mapping[str, Any], tag: str) -> str:
        """The digest of what the tag means from now on."""
        content = json.dumps(manifest).encode()
        answer = self.client.put(
            f"{self.base}/manifests/{tag}", content=content, headers={"Content-Type": manifest["mediaType"]}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.headers["Docker-Content-Digest"])

    def blob(self, content: bytes | Path, media_type: str, **annotations: str) -> dict[str, Any]:
        """Uploaded, and described."""
        with io.BytesIO(content) if isinstance(content, bytes) else content.open("rb") as file:
            return self._upload(file, media_type) | ({"annotations": annotations} if annotations else {})

    def _upload(self, content: io.BytesIO | io.BufferedReader, media_type: str) -> dict[str, Any]:
        digest = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
        size = content.seek(0, io.SEEK_END)
        content.seek(0)
        begun = self.client.post(f"{self.base}/blobs/uploads/")
        assert begun.status_code == 202, begun.text
        place = begun.headers["Location"]
        done = self.client.put(place, params={**httpx2.URL(place).params, "digest": digest}, content=content)
        assert done.status_code == 201, done.text
        return {"mediaType": media_type, "digest": digest, "size": size}


def trusting(authority: str, login: tuple[str, str] | None = None) -> httpx2.Client:
    """A client of the tests themselves, past every proxy."""
    return httpx2.Client(verify=ssl.create_default_context(cadata=authority), auth=login, trust_env=False, timeout=60)
