"""The folder that a model comes to, and what of it survives a crash.

    files/    the model: there whole, or not at all
    partial/  what is unfinished: files/ (what will be the model), packed/ (archives not unpacked yet)
    state/    lock; plan.json (whose the unfinished is); journal (what of it is done); done.json (whose files/ is)

A file grows at its end only, so its size says where to go on. The journal names what is whole and checked.
"""

import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fairlead_fetch.progress import sized
from fairlead_fetch.report import Refused
from fairlead_fetch.writing import writing

LOOK_AGAIN = 0.5  # seconds, for one who waits
SAY_AGAIN = 60.0


@dataclass(frozen=True, kw_only=True)
class Order:
    """What somebody wants to be in the folder; the same order is the same bytes."""

    uri: str
    origin: str
    checksum: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Content:
    files: int
    bytes: int


class Place:
    """Only who holds the lock may change anything. Raises `Refused` when the file system does not let it."""

    def __init__(self, folder: Path, log: Callable[[str], None]) -> None:
        self.folder = folder
        self.files = folder / "files"
        self.partial = folder / "partial" / "files"
        self.packed = folder / "partial" / "packed"
        self._state = folder / "state"
        self._log = log

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One process at a time, on however many nodes; the others wait, and say so."""
        with writing(self.folder):
            self._state.mkdir(parents=True, exist_ok=True)
            lock = os.open(self._state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._wait(lock)
            yield
        finally:
            os.close(lock)  # which gives it back, as would the end of the process

    def complete(self, order: Order) -> Content | None:
        """What is there, when it is all and what was ordered. Another model's folder is refused."""
        done = self._read("done.json")
        if not self.files.is_dir():
            return None
        if done is None or done["order"] != _plain(order):
            whose = done["order"]["uri"].partition("?")[0] if done else "something that this program has not put there"
            raise Refused(f"{self.folder} holds {whose}, and somebody may be using it: give each model its own folder")
        return Content(files=done["files"], bytes=done["bytes"])

    def begin(self, order: Order, total: int | None, of: str) -> None:
        """What an earlier process left of the same order is gone on with, anything else is removed.

        `of` is a digest of what the order consists of: where a version can be overwritten, no two states are mixed.
        """
        with writing(self.folder):
            plan = self._read("plan.json")
            if plan is None or (plan["order"], plan["of"]) != (_plain(order), of):
                shutil.rmtree(self.partial.parent, ignore_errors=True)
                (self._state / "journal").unlink(missing_ok=True)
            self._write("plan.json", {"order": _plain(order), "total": total, "of": of})
            self.partial.mkdir(parents=True, exist_ok=True)
            self.packed.mkdir(exist_ok=True)

    def done_with(self) -> set[tuple[str, str]]:
        """What the journal says: pairs of a step and an item."""
        try:
            lines = (self._state / "journal").read_text().splitlines()
        except FileNotFoundError:
            return set()
        return {(step, item) for step, item in filter(None, map(_entry, lines))}

    def note(self, step: str, item: str) -> None:
        with writing(self.folder), (self._state / "journal").open("a") as journal:
            # A line of its own whatever a crash has left of the one before.
            journal.write(f"\n{json.dumps([step, item])}\n")
            journal.flush()
            os.fsync(journal.fileno())

    def finish(self, order: Order) -> Content:
        with writing(self.folder):
            content = _counted(self.partial)
            self._write("done.json", {"order": _plain(order), **asdict(content)})
            self.partial.rename(self.files)
            _sync(self.folder)
            shutil.rmtree(self.partial.parent)
            for name in ("plan.json", "journal"):
                (self._state / name).unlink(missing_ok=True)
        return content

    def free(self) -> int:
        """Bytes that this user may still write."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def check_space(self, needed: int, most: int | None = None) -> None:
        """`needed` are the bytes still to come; `most` is what the folder may hold, by no word of its file system."""
        if most is not None and needed + self._held() > most:
            raise Refused(
                f"{sized(needed + self._held())} are needed, and model.fetch.space is {sized(most)}: raise it, or "
                "leave files out with exclude"
            )
        if needed > (free := self.free()):
            raise Refused(
                f"no space in {self.folder}: {sized(needed)} more are needed, and {sized(free)} are free. "
                "Give the volume more, or leave files out with exclude"
            )

    def _held(self) -> int:
        return sum(path.lstat().st_size for path in self.partial.parent.rglob("*") if path.is_file())

    def of_another(self) -> tuple[int, int | None]:
        """How far the process is that holds the lock."""
        plan = self._read("plan.json")
        try:
            return sum(path.lstat().st_size for path in self.partial.parent.rglob("*") if path.is_file()), (
                plan["total"] if plan else None
            )
        except OSError:
            return 0, None  # it was finished between two looks

    def _wait(self, lock: int) -> None:
        said = -SAY_AGAIN
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() - said >= SAY_AGAIN:
                    self._log(f"another process is fetching into {self.folder}: waiting for it")
                    said = time.monotonic()
                time.sleep(LOOK_AGAIN)
            except OSError as error:
                raise Refused(
                    f"{self.folder} is on a file system without locks ({error.strerror}): use a volume that has them"
                ) from None
            else:
                return

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self._state / name).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return found

    def _write(self, name: str, value: object) -> None:
        new = self._state / f"{name}.new"
        with new.open("w") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        new.rename(self._state / name)
        _sync(self._state)


def _plain(order: Order) -> object:
    """As JSON gives it back."""
    return json.loads(json.dumps(asdict(order)))


def _entry(line: str) -> tuple[str, str] | None:
    try:
        step, item = json.loads(line)
    except (ValueError, TypeError):
        return None
    return step, item


def _counted(folder: Path) -> Content:
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return Content(files=len(files), bytes=sum(path.stat().st_size for path in files))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
