import json
import tarfile
from io import BytesIO
from pathlib import Path

import pytest

from localcluster.archives import image_in, write_image
from localcluster.images import build_image
from localcluster.places import ClusterError


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY server.py /\n")
    (folder / "server.py").write_text("print('here')\n")
    return folder


def quiet(_: str) -> None: ...


def build(context: Path, *, tag: str = "test/server:1", built: list[str] | None = None, **arguments: str) -> Path:
    """The archive, and in `built` what had to be built for it."""

    def write(_: Path, __: Path, name: str, ___: object, archive: Path) -> None:
        archive.write_text(name)
        if built is not None:
            built.append(name)

    folder = context.with_name("images")
    return build_image(context, tag, arguments, progress=quiet, folder=folder, build=write)


def test_what_has_not_changed_is_not_built_again(context: Path) -> None:
    built: list[str] = []
    assert build(context, built=built) == build(context, built=built)
    assert built == ["test/server:1"]


def test_every_change_makes_another_image(context: Path) -> None:
    archives = [build(context), build(context, tag="test/server:2"), build(context, VERSION="2")]
    (context / "server.py").write_text("print('there')\n")
    archives.append(build(context))
    (context / "server.py").chmod(0o755)
    archives.append(build(context))
    (context / "server.py").rename(context / "main.py")
    archives.append(build(context))
    assert len(set(archives)) == len(archives)


def test_only_the_archives_last_asked_for_are_kept(context: Path) -> None:
    first, *others = (build(context, VERSION=version) for version in "1234")
    assert not first.exists()
    assert all(other.exists() for other in others)


def test_what_is_ignored_changes_nothing(context: Path) -> None:
    (context / ".dockerignore").write_text("docs\n*.log\n")
    (context / "docs").mkdir()
    before = build(context)
    (context / "docs" / "page.md").write_text("new")
    (context / "run.log").write_text("new")
    (context / "__pycache__").mkdir()
    (context / "__pycache__" / "server.pyc").write_text("new")
    assert build(context) == before


def test_an_image_that_is_written_says_what_it_is(tmp_path: Path) -> None:
    write_image(tmp_path / "image.tar", "test/pause:1", b"layer", {"Entrypoint": ["/pause"]})
    name, digest = image_in(tmp_path / "image.tar")
    assert name == "test/pause:1"
    with tarfile.open(tmp_path / "image.tar") as files:
        manifest = files.extractfile(f"blobs/{digest.replace(':', '/')}")
        assert manifest
        layers = json.load(manifest)["layers"]
    assert [layer["size"] for layer in layers] == [len(b"layer")]


def test_the_same_content_has_the_same_digest(tmp_path: Path) -> None:
    for copy in ("one", "two"):
        write_image(tmp_path / copy, "test/pause:1", b"layer", {})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_image_that_docker_saved_is_found_by_its_name(tmp_path: Path) -> None:
    content = json.dumps([{"RepoTags": ["test/server:1"]}]).encode()
    with tarfile.open(tmp_path / "image.tar", "w") as files:
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(content)
        files.addfile(entry, BytesIO(content))
    assert image_in(tmp_path / "image.tar") == ("test/server:1", "")


def test_an_image_without_a_name_is_refused(tmp_path: Path) -> None:
    write_image(tmp_path / "image.tar", "", b"layer", {})
    with pytest.raises(ClusterError, match="has no name"):
        image_in(tmp_path / "image.tar")
