"""The command `hack/bench/fetch`: seconds and memory of one fetch, by source and size."""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import trustme

import localcluster
from fetch.layers import EMPTY, LAYER, manifest
from fetch.registries import configuration
from fetch.servers import S3, Repository, running, trusting
from fetch.wire import free_port
from localcluster.places import CACHE, CHECKOUT

GB = 10**9
TITLE = "org.opencontainers.image.title"


@dataclass(frozen=True, kw_only=True)
class Figures:
    source: str
    size: int  # bytes
    seconds: float
    cpu: float  # seconds
    peak: float  # MiB, resident


# In a small process of its own: the peak of a process begins with what its parent has at the fork.
MEASURED = """
import resource, subprocess, sys, time
began = time.monotonic()
code = subprocess.call(sys.argv[1:])
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(code)
"""

Prepare = Callable[[Path, ExitStack, trustme.CA], tuple[str, dict[str, str]]]
"""Given a file of the size: the model's address, and what the fetcher's environment needs."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="hack/bench/fetch", description="What fetching a model costs.")
    parser.add_argument("sizes", nargs="+", type=float, metavar="GB")
    print("| source | size | seconds | MB/s | CPU seconds | peak memory |\n|---|---|---|---|---|---|")
    for size in parser.parse_args().sizes:
        for source, prepare in SOURCES.items():
            figures = _measure(source, int(size * GB), prepare)
            rate = figures.size / figures.seconds / 1e6
            print(
                f"| {figures.source} | {figures.size / GB:g} GB | {figures.seconds:.1f} | {rate:.0f} | "
                f"{figures.cpu:.1f} | {figures.peak:.0f} MiB |",
                flush=True,
            )
    return 0


def _measure(source: str, size: int, prepare: Prepare) -> Figures:
    """On the disk of the cache, like a model's volume; of one process from its start to its end."""
    authority = trustme.CA()
    with TemporaryDirectory(dir=CACHE) as name, ExitStack() as stack:
        folder = Path(name)
        file = folder / "model.bin"
        _fill(file, size)
        uri, more = prepare(file, stack, authority)
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": str(CHECKOUT / "operator"),
            "FAIRLEAD_REPORT": str(folder / "report"),
            "FAIRLEAD_CA_BUNDLE": authority.cert_pem.bytes().decode(),
            **more,
        }
        command = [sys.executable, "-c", MEASURED, sys.executable, "-m", "fairlead_fetch", "fetch", uri, folder / "to"]
        done = subprocess.run(list(map(str, command)), env=environment, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"hack/bench/fetch: {source}: {(folder / 'report').read_text()}")
        seconds, cpu, peak = map(float, done.stdout.splitlines()[-1].split())
    return Figures(source=source, size=size, seconds=seconds, cpu=cpu, peak=peak / 1024)


def _https(file: Path, stack: ExitStack, authority: trustme.CA) -> tuple[str, dict[str, str]]:
    """From the registry's blobs: no web server has to be installed for it, and it sends files as web servers do."""
    repository = stack.enter_context(_registry(file, authority))
    blob = _pushed(repository, file)
    return f"{repository.base}/blobs/{blob['digest']}", {}


def _oci(file: Path, stack: ExitStack, authority: trustme.CA) -> tuple[str, dict[str, str]]:
    repository = stack.enter_context(_registry(file, authority))
    layer = _pushed(repository, file) | {"annotations": {TITLE: "model.bin"}}
    repository.push(manifest(repository.blob, [layer], EMPTY), "v1")
    return f"{repository.uri()}:v1", {}


def _image(file: Path, stack: ExitStack, authority: trustme.CA) -> tuple[str, dict[str, str]]:
    """The file in a layer that is not compressed, as models' layers should be."""
    packed = file.with_suffix(".tar")
    subprocess.run(["tar", "--create", f"--file={packed}", f"--directory={file.parent}", file.name], check=True)
    repository = stack.enter_context(_registry(packed, authority))
    layer = _pushed(repository, packed) | {"mediaType": LAYER}
    repository.push(manifest(repository.blob, [layer]), "v1")
    return f"{repository.uri()}:v1", {}


def _s3(file: Path, stack: ExitStack, authority: trustme.CA) -> tuple[str, dict[str, str]]:
    buckets = file.parent / "buckets"
    (buckets / "models").mkdir(parents=True)
    s3 = S3(port=free_port(), authority=authority.cert_pem.bytes().decode())
    key, chain = _certificate(file.parent, authority)
    options = ("--port", f"127.0.0.1:{s3.port}", "--cert", chain, "--key", key, "--quiet")
    command = (localcluster.binary("versitygw"), *options, "posix", buckets)
    root = {"ROOT_ACCESS_KEY": s3.key, "ROOT_SECRET_KEY": s3.secret}
    stack.enter_context(running(command, file.parent, s3.port, **root))
    s3.put("model.bin", file)
    return "s3://models/model.bin", s3.credentials()


SOURCES: dict[str, Prepare] = {"https": _https, "s3": _s3, "oci, artifact": _oci, "oci, image": _image}


@contextmanager
def _registry(file: Path, authority: trustme.CA) -> Iterator[Repository]:
    folder, port = file.parent, free_port()
    command = (
        localcluster.binary("registry"), "serve", configuration(folder, port, _certificate(folder, authority))
    )  # fmt: skip
    with running(command, folder, port):
        client = trusting(authority.cert_pem.bytes().decode())
        yield Repository(f"https://localhost:{port}/v2/model", client)


def _pushed(repository: Repository, file: Path) -> dict[str, object]:
    return repository.blob(file, "application/octet-stream")


def _certificate(folder: Path, authority: trustme.CA) -> tuple[Path, Path]:
    key, chain = folder / "key.pem", folder / "chain.pem"
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(str(key))
    chain.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    return key, chain


def _fill(file: Path, size: int) -> None:
    """With what cannot be compressed."""
    with file.open("wb") as target:
        while left := size - target.tell():
            target.write(os.urandom(min(1 << 24, left)))


if __name__ == "__main__":
    sys.exit(main())
