"""How far it is: lines in the log, and the answer to whoever asks at /progress."""

import json
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from fairlead_fetch.report import Refused

EVERY_SECONDS = 10.0
EVERY_SHARE = 0.05
AT_MOST_EVERY = 1.0  # seconds, however fast it goes

MIB = 1 << 20


class Progress:
    """Counts bytes, also from several threads."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._lock = threading.Lock()
        self._what = ""
        self._bytes = 0
        self._total: int | None = None
        self._told = (time.monotonic(), 0)  # when a line was last written, and the bytes by then
        self.now: Callable[[], tuple[int, int | None]] = lambda: (self._bytes, self._total)
        """Bytes that are there, and of how many. Whoever waits for another process looks at that one's instead."""

    def begin(self, what: str, total: int | None, there: int) -> None:
        with self._lock:
            self._what, self._bytes, self._total = what, there, total
            self._told = (time.monotonic(), there)
            self.now = lambda: (self._bytes, self._total)

    def add(self, count: int) -> None:
        """`count` is negative when something has to begin anew."""
        with self._lock:
            self._bytes += count
            seconds = time.monotonic() - self._told[0]
            share = (self._bytes - self._told[1]) / self._total if self._total else 0
            if seconds >= EVERY_SECONDS or (share >= EVERY_SHARE and seconds >= AT_MOST_EVERY):
                self._tell(seconds)

    def arrived(self) -> int:
        return self._bytes

    def _tell(self, seconds: float) -> None:
        rate = (self._bytes - self._told[1]) / seconds
        whole = f" of {sized(self._total)} ({self._bytes / self._total:.0%})" if self._total else ""
        self._log(f"{self._what}: {sized(self._bytes)}{whole}, {max(rate, 0) / MIB:.1f} MiB/s")
        self._told = (time.monotonic(), self._bytes)


def listen(port: int, progress: Progress) -> ThreadingHTTPServer:
    """Answers `GET /progress` from now on, until the process ends; `{"bytes": N, "total": N or null}`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path != "/progress":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            there, total = progress.now()
            body = json.dumps({"bytes": there, "total": total}).encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Not in the log: somebody asks every few seconds."""

    try:
        server = ThreadingHTTPServer(("0.0.0.0", port), Handler)
    except OSError as error:
        raise Refused(f"port {port} cannot be listened at ({error.strerror}): choose another one") from None
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def counted(files: int) -> str:
    return f"{files} {'file' if files == 1 else 'files'}"


def sized(count: int | None) -> str:
    """In the unit that leaves few digits."""
    if count is None:
        return "of unknown size"
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB" if size < 100 else f"{size:.0f} TiB"
