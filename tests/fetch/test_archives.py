"""Unpacking: what honest tools make comes out whole, and nothing that an attacker makes gets out of the folder."""

import stat
import tarfile
from pathlib import Path

import pytest

from fairlead_fetch.archives import unpack
from fairlead_fetch.patterns import Patterns
from fairlead_fetch.report import Refused
from fairlead_fetch.source import Unpacking
from fairlead_fetch.tree import check_links
from fetch.layers import hard_link, link, special, tar, tgz, zipped
from fetch.running import Fetcher, content, nothing_came
from fetch.web_server import Site

OUTSIDE = b"not of the model"
EVERYTHING = Patterns()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder to unpack to, beside one with something in it that must stay as it is."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_bytes(OUTSIDE)
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def put(
    root: Path, *layers: bytes, name: str = "model.tar", image: bool = False, wanted: Patterns = EVERYTHING
) -> None:
    for layer in layers:
        archive = root.parent / "archive"
        archive.write_bytes(layer)
        unpack(archive, root, Unpacking(of_image=image), wanted, name)
    check_links(root, name)


def tree(root: Path) -> dict[str, bytes | str]:
    """Files with their content, links with an arrow."""
    found: dict[str, bytes | str] = {}
    for path in sorted(root.rglob("*")):
        if path.is_symlink():
            found[str(path.relative_to(root))] = f"-> {path.readlink()}"
        elif path.is_file():
            found[str(path.relative_to(root))] = path.read_bytes()
    return found


@pytest.mark.parametrize("name", ["model.tar", "model.tar.gz", "model.tgz", "model.zip"])
def test_an_archive_comes_unpacked(fetcher: Fetcher, site: Site, https: int, to: Path, name: str) -> None:
    make = {"tar": tar, "zip": zipped}.get(name.rpartition(".")[2], tgz)
    site.files[f"/{name}"] = make(("model/config.json", b"{}"), ("./weights.bin", b"w" * 100_000), ("notes.txt", b""))  # type: ignore[operator]
    done = fetcher.fetch(f"https://localhost:{https}/{name}", to, "--exclude", "*.txt")
    assert content(to) == {"model/config.json": b"{}", "weights.bin": b"w" * 100_000}
    assert done.figures == {"files": 2, "bytes": 100_002}
    assert not (to / "partial").exists()


def test_an_attack_leaves_nothing(fetcher: Fetcher, site: Site, https: int, to: Path) -> None:
    site.files["/model.tar"] = tar(("good", b"1"), ("../../evil", b"2"))
    assert fetcher.fetch(f"https://localhost:{https}/model.tar", to).refused() == (
        f"model.tar of https://localhost:{https}/model.tar is not unpacked: its member ../../evil leads out of "
        "the folder. Make the archive without it"
    )
    assert nothing_came(to)
    assert not (to.parent / "evil").exists()


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        ([("../outside/file", b"!")], "leads out of the folder"),
        ([("a/../../outside/file", b"!")], "leads out of the folder"),
        ([("/outside/file", b"!")], "leads out of the folder"),
        ([link("a", "/etc/passwd")], "an absolute path"),
        ([link("a", "../outside"), ("a/file", b"!")], "leads out of the folder"),
        ([link("a/b", "../../outside"), ("a/b/file", b"!")], "leads out of the folder"),
        ([link("a", "b"), link("b", "a"), ("a/x", b"!")], "links in circles"),
        ([hard_link("a", "../outside/file"), ("a", b"!")], "leads out of the folder"),
        ([hard_link("a", "missing")], "links to missing, which is not there"),
        ([special("a", tarfile.CHRTYPE)], "is a device or a pipe"),
        ([special("a", tarfile.BLKTYPE)], "is a device or a pipe"),
        ([special("a", tarfile.FIFOTYPE)], "is a device or a pipe"),
    ],
)
def test_attacks_by_tar(root: Path, attack: list[tuple[str, bytes] | tarfile.TarInfo], why: str) -> None:
    with pytest.raises(Refused, match=why):
        put(root, tar(*attack))
    assert (root.parent / "outside" / "file").read_bytes() == OUTSIDE
    assert [path.name for path in (root.parent / "outside").iterdir()] == ["file"]


def test_links_over_links_stay_inside(root: Path) -> None:
    """As the kernel reads it, x is outside: `up` is the top, and `..` above it. It is written as what it says."""
    put(root, tar(link("d/e/up", "../.."), link("x", "d/e/up/../outside"), ("x/file", b"!")))
    assert tree(root) == {"d/e/outside/file": b"!", "d/e/up": "-> ../..", "x": "-> d/e/outside"}
    assert (root.parent / "outside" / "file").read_bytes() == OUTSIDE


def test_attacks_by_zip(root: Path) -> None:
    with pytest.raises(Refused, match="leads out of the folder"):
        put(root, zipped(("../outside/file", b"!")), name="model.zip")
    with pytest.raises(Refused, match="an absolute path"):
        put(root, zipped(("a", b"/etc/passwd"), mode=0o120777), name="model.zip")
    with pytest.raises(Refused, match="is a device or a pipe"):
        put(root, zipped(("a", b""), mode=0o020666), name="model.zip")
    assert (root.parent / "outside" / "file").read_bytes() == OUTSIDE


def test_links_within_are_kept(root: Path) -> None:
    put(root, tar(("a/file", b"1"), link("a/near", "file"), link("b/far", "../a/file"), hard_link("twin", "a/file")))
    assert tree(root) == {"a/file": b"1", "a/near": "-> file", "b/far": "-> ../a/file", "twin": b"1"}


def test_modes_and_owners_are_left_out(root: Path) -> None:
    info = tarfile.TarInfo("run")
    info.mode, info.uid = 0o4777, 12345
    put(root, tar(info))
    state = (root / "run").stat()
    assert (stat.S_IMODE(state.st_mode), state.st_uid) == (0o644, root.stat().st_uid)


@pytest.mark.parametrize("damaged", [b"", b"no archive at all" * 100, tgz(("a", b"1" * 9999))[:-20]])
def test_a_damaged_archive(root: Path, damaged: bytes) -> None:
    with pytest.raises(Refused, match=r"model\.tar cannot be unpacked \(.*\): it is damaged, or no tar or zip archive"):
        put(root, damaged)


def test_layers_lie_on_each_other(root: Path) -> None:
    put(
        root,
        tar(("a/old", b"1"), ("a/kept", b"1"), ("b/gone", b"1"), ("c/x", b"1"), link("lib", "usr/lib")),
        tar(("a/.wh.old", b""), ("b/.wh..wh..opq", b""), ("b/new", b"2"), ("lib/l.so", b"2"), (".wh.c", b"")),
        image=True,
    )
    assert tree(root) == {"a/kept": b"1", "b/new": b"2", "lib": "-> usr/lib", "usr/lib/l.so": b"2"}


def test_a_layer_put_twice_is_as_if_once(root: Path) -> None:
    """Since the process may be killed in the middle of one."""
    first = tar(("b/gone", b"1"), ("f", b"1"))
    second = tar(("b/new", b"2"), ("b/.wh..wh..opq", b""), ("f/deep", b"2"), hard_link("twin", "b/new"))
    put(root, first, second, second, image=True)
    assert tree(root) == {"b/new": b"2", "f/deep": b"2", "twin": b"2"}


def test_an_image_is_its_own_root(root: Path) -> None:
    """Links that mean its root stay in it, and nothing is written through them to anywhere else."""
    put(root, tar(link("abs", "/outside"), link("up", "../../../outside"), ("abs/file", b"!")), image=True)
    assert tree(root) == {"abs": "-> outside", "outside/file": b"!", "up": "-> outside"}
    assert (root.parent / "outside" / "file").read_bytes() == OUTSIDE


def test_only_what_is_wanted_comes_out_of_an_image(root: Path) -> None:
    layer = tar(special("etc", tarfile.DIRTYPE), ("etc/passwd", b"root"), ("models/m.bin", b"m"))
    put(root, layer, image=True, wanted=Patterns(include=("models/*",)))
    assert tree(root) == {"models/m.bin": b"m"}
    assert not (root / "etc").exists()
