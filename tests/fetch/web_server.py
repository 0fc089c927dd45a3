"""A web server for files: ranges, ETags, TLS, and a password if need be."""

import hashlib
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """What it has, and how it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    redirects: dict[str, str] = field(default_factory=dict)
    authorization: str = ""
    ranges: bool = True
    validators: bool = True
    failures: int = 0
    """So many answers are 503, first."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and Authorization of each request."""
    other: Callable[[BaseHTTPRequestHandler], bool] = lambda _: False
    """Answers what is no file."""


@contextmanager
def serving(site: Site, certificate: Callable[[ssl.SSLContext], None] | None = None) -> Iterator[int]:
    """On a free port of this machine; `certificate` makes it speak TLS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            site.asked.append((self.path, self.headers.get("Authorization", "")))
            if site.failures:
                site.failures -= 1
                self.plain(503)
            elif site.authorization and self.headers.get("Authorization") != site.authorization:
                self.plain(401)
            elif path in site.redirects:
                self.plain(302, Location=site.redirects[path])
            elif path in site.files:
                self.file(site.files[path])
            elif not site.other(self):
                self.plain(404)

        def file(self, content: bytes) -> None:
            wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")) if site.ranges else None
            start = int(wanted[1]) if wanted else 0
            end = min(int(wanted[2]) + 1 if wanted and wanted[2] else len(content), len(content))
            if wanted and start >= len(content):
                self.plain(416)
                return
            headers = {"Content-Length": str(end - start)}
            if site.validators:
                headers["ETag"] = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
            if wanted:
                headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(content)}"
            self.head(206 if wanted else 200, headers)
            self.wfile.write(content[start:end])

        def plain(self, status: int, **headers: str) -> None:
            self.head(status, {"Content-Length": "0", **headers})

        def head(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate(context)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
