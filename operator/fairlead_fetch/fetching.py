"""From an address to a folder: what is ordered, what of it is there, and what is still to do."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from fairlead_fetch.archives import unpack
from fairlead_fetch.arriving import Stopped, Wrong, arrive, size_of, wrong
from fairlead_fetch.patience import Patience
from fairlead_fetch.patterns import Patterns
from fairlead_fetch.place import Content, Order, Place
from fairlead_fetch.progress import Progress, counted, sized
from fairlead_fetch.report import Refused
from fairlead_fetch.source import Found, Item, Source, Unpacking, is_archive
from fairlead_fetch.tree import check_links
from fairlead_fetch.uri import Uri
from fairlead_fetch.web import AT_ONCE
from fairlead_fetch.writing import writing

ARRIVED, UNPACKED = "arrived", "unpacked"


@dataclass(frozen=True, kw_only=True)
class Fetching:
    """One run of the program. `place` is locked while it works."""

    given: Uri
    checksum: str  # sha256:HEX, or empty
    most: int | None  # bytes that the folder may hold
    wanted: Patterns
    source: Source
    place: Place
    progress: Progress
    patience: Patience
    log: Callable[[str], None]

    def run(self) -> Content:
        """Raises `Refused` and `Unreachable`; what has come stays, for the next process to go on with."""
        self.progress.now = self.place.of_another
        with self.place.locked():
            if self.given.pin and (content := self.place.complete(self._order(self.given))):
                return self._there(content)
            found = self.patience.keep_trying(lambda: self.source.resolve(self.wanted))
            order = self._order(found.uri)
            if content := self.place.complete(order):
                return self._there(content)
            self._warn_of_plain_http()
            self.place.begin(order, found.size, found.digest)
            items = self._planned(found)
            self._download(items, found.size)
            self._unpack(items)
            return self.place.finish(order)

    def _order(self, uri: Uri) -> Order:
        return Order(
            uri=str(uri), origin=self.source.origin, checksum=self.checksum, include=self.wanted.include,
            exclude=self.wanted.exclude,
        )  # fmt: skip

    def _there(self, content: Content) -> Content:
        self.log(f"{self.place.files} is complete already: {counted(content.files)}, {sized(content.bytes)}")
        return content

    def _planned(self, found: Found) -> list[Item]:
        items = list(found.items)
        if len(items) == 1 and items[0].unpack is None and is_archive(items[0].path):
            items = [replace(items[0], unpack=Unpacking())]
        if self.checksum:
            items = [self._checked(items)]
        return items

    def _checked(self, items: list[Item]) -> Item:
        if len(items) != 1:
            raise Refused(
                f"a checksum is for one file, and {self.given.shown()} has {len(items)}: name one of them, or give no "
                "checksum"
            )
        (item,) = items
        if item.digest.startswith("sha256:") and item.digest != self.checksum:
            raise wrong(replace(item, digest=self.checksum), item.digest.removeprefix("sha256:"), self.given.shown())
        return replace(item, digest=self.checksum)

    def _download(self, items: list[Item], total: int | None) -> None:
        noted = self.place.done_with()
        done = {item.path for item in items if (UNPACKED, item.path) in noted}
        files = {item.path: self._file(index, item) for index, item in enumerate(items)}
        there = sum((item.size or 0) if item.path in done else size_of(files[item.path]) for item in items)
        self.place.check_space(_needed(items, done) - sum(size_of(file) for file in files.values()), self.most)
        self.progress.begin(self.given.shown(), total, there)
        whole = f"{counted(len(items))}, {sized(total)}"
        self.log(f"fetching {self.given.shown()}: {whole}{f', of which {sized(there)} are there' if there else ''}")
        left = [item for item in items if item.path not in done and (ARRIVED, item.path) not in noted]
        self._side_by_side(left, files)

    def _side_by_side(self, items: Iterable[Item], files: dict[str, Path]) -> None:
        """The first error ends them all, each at its next piece."""
        stop = Event()
        with ThreadPoolExecutor(AT_ONCE) as threads:
            jobs = [threads.submit(self._fetch, item, files[item.path], stop) for item in items]
            finished, _ = wait(jobs, return_when=FIRST_EXCEPTION)
            stop.set()
            for job in jobs:
                job.cancel()
        errors = [error for job in finished if (error := job.exception())]
        if errors:
            raise min(errors, key=_rank)

    def _fetch(self, item: Item, file: Path, stop: Event) -> None:
        def attempt() -> None:
            if stop.is_set():
                raise Stopped
            arrive(item, self.source, file, self.progress, stop)

        resumed = size_of(file) > 0
        try:
            self.patience.keep_trying(attempt, self.progress.arrived)
        except Wrong as error:
            self._drop(file)
            if not resumed:
                raise wrong(item, str(error), self.given.shown()) from None
            # What an earlier process left may be what is wrong: a node that lost power keeps strange ends of files.
            self.log(f"{item.path} has a wrong checksum: fetching it anew")
            self._fetch(item, file, stop)
            return
        self.place.note(ARRIVED, item.path)

    def _drop(self, file: Path) -> None:
        self.progress.add(-size_of(file))
        file.unlink(missing_ok=True)

    def _unpack(self, items: list[Item]) -> None:
        """In their order: an image's layers lie one on another. An archive goes when it is unpacked, for its space."""
        packed = [(index, item) for index, item in enumerate(items) if item.unpack]
        for index, item in packed:
            if (UNPACKED, item.path) not in self.place.done_with() and item.unpack:
                self.log(f"unpacking {item.path}")
                name = f"{item.path} of {self.given.shown()}"
                unpack(self._file(index, item), self.place.partial, item.unpack, self.wanted, name)
                self.place.check_space(0, self.most)
                self.place.note(UNPACKED, item.path)
            self._file(index, item).unlink(missing_ok=True)
        if packed:
            check_links(self.place.partial, self.given.shown())
        with writing(self.place.folder):
            if not any(path.is_file() for path in self.place.partial.rglob("*")):
                raise Refused(f"nothing in {self.given.shown()} is wanted by {self.wanted}: change the patterns")

    def _file(self, index: int, item: Item) -> Path:
        return self.place.packed / str(index) if item.unpack else self.place.partial / item.path

    def _warn_of_plain_http(self) -> None:
        if self.given.scheme == "http" and not self.checksum:
            self.log("http:// without a checksum: whoever is in between can change the bytes. Give --checksum")


def _rank(error: BaseException) -> int:
    """Which of several to tell first: what no new try can mend."""
    if isinstance(error, Stopped):
        return 2
    return 0 if isinstance(error, Refused) else 1


def _needed(items: list[Item], done: set[str]) -> int:
    """In bytes. What is unpacked takes at least as much again, until its archive is removed."""
    packed = [item.size or 0 for item in items if item.unpack and item.path not in done]
    return sum(item.size or 0 for item in items if item.path not in done) + max(packed, default=0)
