"""The image below the others where no registry can be reached: a small Debian with Python, from Debian's packages."""

import shutil
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from localcluster.archives import write_image
from localcluster.commands import run
from localcluster.places import CACHE, IMAGES, Progress

NAME = "fairlead.test/base:1"
SUITE = "bookworm"
PACKAGES = ("ca-certificates", "python3", "python3-venv")
CONFIG = {"Cmd": ["python3"], "User": "65532:65532", "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]}

# Nobody reads these in a container, and they are a third of it.
SUPERFLUOUS = (
    "usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man",
    "var/cache/apt", "var/lib/apt/lists", "var/log",
)  # fmt: skip


def base_image(progress: Progress) -> Path:
    archive = IMAGES / f"base-{SUITE}-2.tar"
    if not archive.exists():
        progress(f"making a base image from Debian's packages ({SUITE}; about a minute)")
        IMAGES.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as folder:
            root = Path(folder, "root")
            run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(root))
            _strip(root)
            layer = Path(folder, "layer.tar")
            with tarfile.open(layer, "w") as files:
                files.add(root, ".", filter=_without_devices)
            write_image(archive, NAME, layer.read_bytes(), CONFIG)
    return archive


def _strip(root: Path) -> None:
    for folder in SUPERFLUOUS:
        shutil.rmtree(root / folder, ignore_errors=True)
    for bytecode in root.rglob("__pycache__"):
        shutil.rmtree(bytecode)


def _without_devices(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Every container gets its own."""
    return None if entry.ischr() or entry.isblk() else entry
