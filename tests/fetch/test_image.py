"""The fetcher's image: what is in it, and that it works as a pod runs it."""

import json
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fetch.running import ROOT
from fetch.web_server import Site, serving
from installation.image import FETCHER, OPERATOR, image_of

OWN_USER, ANY_USER = "65532:65532", "123456:0"


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Its root folder, and its configuration."""
    if os.getuid():
        pytest.skip("only root can unpack an image with its owners")
    archive, root = tmp_path_factory.mktemp("archive"), tmp_path_factory.mktemp("root")
    root.chmod(0o755)
    with tarfile.open(image_of(ROOT, FETCHER)) as files:
        files.extractall(archive, filter="data")
    index = json.loads((archive / "index.json").read_text())
    manifest = _blob(archive, index["manifests"][0])
    for layer in manifest["layers"]:
        with tarfile.open(archive / "blobs/sha256" / layer["digest"].removeprefix("sha256:")) as files:
            files.extractall(root, filter="fully_trusted")
    return root, _blob(archive, manifest["config"])["config"]


def test_it_holds_the_fetcher_and_nothing_of_the_operator(unpacked: tuple[Path, dict[str, Any]]) -> None:
    root, config = unpacked
    (packages,) = root.glob("opt/fairlead/lib/python3*/site-packages")
    there = {path.name for path in packages.iterdir()}
    assert {"fairlead_fetch", "obstore", "huggingface_hub", "httpx2"} <= there
    assert not there & {"fairlead", "kopf", "kubernetes", "numpy", "pip", "mlflow", "boto3"}
    assert list((packages / "fairlead_fetch" / "__pycache__").glob("uri.*.pyc"))
    assert config["User"] == OWN_USER


def test_the_operators_image_gets_nothing_of_the_fetchers() -> None:
    fetcher, operator = (_names(ROOT / image.lock) for image in (FETCHER, OPERATOR))
    assert not operator & {"obstore", "huggingface-hub", "httpx2"} & fetcher
    assert not any("fairlead_fetch" in source for source in OPERATOR.sources)


@pytest.mark.parametrize("user", [OWN_USER, ANY_USER])
def test_it_works_as_any_user_and_writes_only_where_it_may(
    unpacked: tuple[Path, dict[str, Any]], site: Site, tmp_path: Path, user: str
) -> None:
    root, config = unpacked
    site.files["/model.bin"] = b"model"
    with serving(site) as port, read_only(root, user):
        environment = dict(entry.split("=", 1) for entry in config["Env"]) | {"FAIRLEAD_REPORT": "/mnt/report"}
        chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin")
        command = [chroot, f"--userspec={user}", root, *config["Entrypoint"]]
        uri = f"http://127.0.0.1:{port}/model.bin"
        done = subprocess.run(
            [*command, "fetch", uri, "/mnt/model"], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert done.stderr == ""
        assert (root / "mnt/model/files/model.bin").read_bytes() == b"model"
        assert json.loads((root / "mnt/report").read_text()) == {"files": 1, "bytes": 5}


@contextmanager
def read_only(root: Path, user: str) -> Iterator[None]:
    """But for /tmp and a volume at /mnt."""
    owner = "uid={},gid={}".format(*user.split(":"))
    mounts = [
        (["--bind", root], root),
        (["-o", "remount,bind,ro", root], None),
        (["-t", "tmpfs", "-o", "mode=1777", "tmpfs", root / "tmp"], root / "tmp"),
        (["-t", "tmpfs", "-o", f"mode=0770,{owner}", "tmpfs", root / "mnt"], root / "mnt"),
    ]
    mounted: list[Path] = []
    try:
        for how, place in mounts:
            subprocess.run(["mount", *map(str, how), *([str(place)] if how[0] == "--bind" else [])], check=True)
            mounted += [place] if place else []
        yield
    finally:
        for place in reversed(mounted):
            subprocess.run(["umount", str(place)], check=True)


def _blob(archive: Path, described: dict[str, Any]) -> dict[str, Any]:
    blob: dict[str, Any] = json.loads(
        (archive / "blobs/sha256" / described["digest"].removeprefix("sha256:")).read_text()
    )
    return blob


def _names(lock: Path) -> set[str]:
    return set(re.findall(r"^([a-z0-9-]+)==", lock.read_text(), re.MULTILINE))
