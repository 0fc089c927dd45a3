"""What pretended pods say: a page of metrics at every address of the loopback, and an answer to every other request.

Each address is a pod of its own, which has served evenly since it was first asked: RATE requests a second, of which
5 in 1,000 are errors and 20 in 1,000 are slow. So every canary is as good as what serves beside it.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from bench.controlplane import free_port

RATE = 25  # requests per second of a pod
ERRORS, SLOW = 0.005, 0.02
EDGES = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
QUICK = 0.05  # seconds: all but the slow ones take less, and those take less than ten times as long
OTHERS = 200
"""Lines about other things: a page of a Python server with its process and garbage collector has about so many."""
ADDRESSES = "127.64.0.0/11"
"""Of the loopback: whoever asks a pretended pod stays on this machine."""
STARTED = web.AppKey("started", dict[str, float])
OTHER_LINES = web.AppKey("other_lines", int)


@contextmanager
def pretended(others: int = OTHERS) -> Iterator[int]:
    """The port at which all pretended pods answer, each with so many lines about other things."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "bench.pages", str(port), str(others)])
    try:
        yield port
    finally:
        process.kill()
        process.wait()


async def _page(request: web.Request) -> web.Response:
    here = request.transport.get_extra_info("sockname")[0] if request.transport else ""
    served = int(RATE * (time.monotonic() - request.app[STARTED].setdefault(here, time.monotonic())))
    return web.Response(text=page(served, request.app[OTHER_LINES]), content_type="text/plain")


def page(served: int, others: int = OTHERS) -> str:
    """A page in the Prometheus text format after so many requests."""
    errors, slow = int(ERRORS * served), int(SLOW * served)
    lines = [f'process_other{{of="{number}"}} {number}.0' for number in range(others)]
    lines += ["# TYPE http_requests_total counter"]
    lines += [f'http_requests_total{{code="{code}"}} {n}.0' for code, n in ((200, served - errors), (500, errors))]
    lines += ["# TYPE http_request_duration_seconds histogram"]
    for edge in (*map(str, EDGES), "+Inf"):
        within = 0 if float(edge) < QUICK else served - slow if float(edge) < 10 * QUICK else served
        lines.append(f'http_request_duration_seconds_bucket{{le="{edge}"}} {within}.0')
    return "\n".join([*lines, f"http_request_duration_seconds_count {served}.0", ""])


async def _answer(request: web.Request) -> web.Response:
    return web.Response(text="{}")


def main(port: int, others: int) -> None:
    """Serves until it is ended. Only the loopback is listened on, whatever else this machine is connected to."""
    app = web.Application()
    app[STARTED], app[OTHER_LINES] = {}, others
    app.add_routes([web.get("/metrics", _page), web.route("*", "/{any:.*}", _answer)])
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    listening.bind(("0.0.0.0", port))  # bound to the loopback's device above
    web.run_app(app, sock=listening, print=None, access_log=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
