"""The command line: `resolve` says what an address means now, `fetch` brings it into a folder."""

import argparse
import os
import re
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from fairlead_fetch import patience, trust
from fairlead_fetch.fetching import Fetching
from fairlead_fetch.patience import Patience
from fairlead_fetch.patterns import Patterns
from fairlead_fetch.place import Place
from fairlead_fetch.progress import Progress, counted, listen, sized
from fairlead_fetch.report import Refused, Report, Unreachable
from fairlead_fetch.sources import Means, source_of
from fairlead_fetch.uri import parse

REPORT = "/dev/termination-log"
TERMINATED = 128 + signal.SIGTERM


def main(arguments: Sequence[str] | None = None) -> int:
    report = Report(Path(os.environ.get("FAIRLEAD_REPORT") or REPORT))
    os.umask(0o022)
    # As process 1 of a container it would not end otherwise; whatever has come by then is gone on with later.
    signal.signal(signal.SIGTERM, _ended)
    try:
        chosen = _arguments(arguments)
        return _resolve(chosen, report) if chosen.command == "resolve" else _fetch(chosen, report)
    except (Refused, Unreachable) as error:
        return report.failed(error)
    except Exception as error:  # noqa: BLE001 # the report is all that the user may see
        report.log(traceback.format_exc())
        return report.failed(Unreachable(f"the fetcher itself failed ({type(error).__name__}: {error}): report it"))


def _resolve(chosen: argparse.Namespace, report: Report) -> int:
    means = Means(trust=trust.prepare(os.environ, report), log=report.log)
    uri = parse(chosen.uri)
    report.log(f"resolving {uri.shown()}")
    source = source_of(uri, means)
    found = _patience(patience.FOR_RESOLVING, report).keep_trying(lambda: source.resolve(_patterns(chosen)))
    report.log(f"it is {found.uri.shown()}: {counted(len(found.items))}, {sized(found.size)}")
    return report.succeeded(uri=str(found.uri), files=len(found.items), bytes=found.size or 0)


def _fetch(chosen: argparse.Namespace, report: Report) -> int:
    means = Means(trust=trust.prepare(os.environ, report), log=report.log)
    uri = parse(chosen.uri)
    progress = Progress(report.log)
    if chosen.listen is not None:
        listen(chosen.listen, progress)
    content = Fetching(
        given=uri,
        checksum=_checksum(chosen.checksum),
        most=chosen.space,
        wanted=_patterns(chosen),
        source=source_of(uri, means),
        place=Place(Path(chosen.folder).absolute(), report.log),
        progress=progress,
        patience=_patience(patience.FOR_FETCHING, report),
        log=report.log,
    ).run()
    report.log(f"done: {counted(content.files)}, {sized(content.bytes)}")
    return report.succeeded(files=content.files, bytes=content.bytes)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Raises `Refused`: whoever runs this reads the report, and no usage."""
    parser = _Parser(prog="fairlead_fetch", description="Fetches models.")
    commands = parser.add_subparsers(dest="command", required=True)
    resolve = commands.add_parser("resolve", help="say what an address means now")
    fetch = commands.add_parser("fetch", help="bring it into FOLDER/files")
    for command in (resolve, fetch):
        command.add_argument("uri", metavar="URI")
        command.add_argument("--include", action="append", default=[], metavar="GLOB")
        command.add_argument("--exclude", action="append", default=[], metavar="GLOB")
    fetch.add_argument("folder", metavar="FOLDER")
    fetch.add_argument("--checksum", default="", metavar="sha256:HEX", help="of the one file, before it is unpacked")
    fetch.add_argument("--space", type=int, metavar="BYTES", help="what FOLDER may hold at most")
    fetch.add_argument("--listen", type=int, metavar="PORT", help="answer GET /progress meanwhile")
    return parser.parse_args(arguments)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise Refused(f"the command line is wrong ({message}): see --help")


def _checksum(given: str) -> str:
    if given and not re.fullmatch(r"sha256:[0-9a-fA-F]{64}", given):
        raise Refused(f"the checksum '{given[:80]}' is none: it has to be sha256: and 64 hexadecimal digits")
    return given.lower()


def _patterns(chosen: argparse.Namespace) -> Patterns:
    return Patterns(tuple(chosen.include), tuple(chosen.exclude))


def _patience(default: float, report: Report) -> Patience:
    seconds = os.environ.get("FAIRLEAD_RETRY_SECONDS", "")
    return Patience(seconds=float(seconds) if seconds.replace(".", "", 1).isdecimal() else default, log=report.log)


def _ended(number: int, frame: FrameType | None) -> None:
    os.write(1, b"told to end: what has come stays, and is gone on with the next time\n")
    os._exit(TERMINATED)


if __name__ == "__main__":
    sys.exit(main())
