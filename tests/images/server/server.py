"""A stand-in for a model server, which misbehaves on command. Only the standard library, so that its image is small.

Environment:
    PORT=8080               where it listens
    VERSION=1               what /v1/predict answers with
    ERROR_RATE=0            share of predictions that fail with 500
    HANG_UP_RATE=0          share of predictions that are not answered at all, and not counted either
    LATENCY=0               seconds that a prediction takes longer
    WORK=0                  seconds of the CPU that a prediction takes, one after the other
    START_DELAY=0           seconds before it listens
    NEVER_READY=            anything: /readyz always says 503
    EXIT_ON_START=          a message: it says so on stderr and exits with 1
    EXIT_AFTER=             seconds after which it crashes
    ALLOCATE_MB=0           memory to fill, once it listens

Files that are looked for with every request, so that it can change its ways while it runs:
    /tmp/error-rate         in place of ERROR_RATE
    /tmp/no-metrics         /metrics always says 503
"""

import asyncio
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
JSON, TEXT = "application/json", "text/plain; version=0.0.4"
ERROR_RATE, NO_METRICS = Path("/tmp/error-rate"), Path("/tmp/no-metrics")
STILL_IN_FLIGHT_SECONDS = 25.0  # less than the 30 seconds after which Kubernetes kills


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    port: int
    version: str
    error_rate: float
    hang_up_rate: float
    latency: float
    work: float
    start_delay: float
    never_ready: bool
    exit_on_start: str
    exit_after: float | None
    allocate_mb: int


def behaviour(environment: dict[str, str]) -> Behaviour:
    def number(name: str, otherwise: str = "0") -> float:
        return float(environment.get(name) or otherwise)

    return Behaviour(
        port=int(number("PORT", "8080")),
        version=environment.get("VERSION", "1"),
        error_rate=number("ERROR_RATE"),
        hang_up_rate=number("HANG_UP_RATE"),
        latency=number("LATENCY"),
        work=number("WORK"),
        start_delay=number("START_DELAY"),
        never_ready=bool(environment.get("NEVER_READY")),
        exit_on_start=environment.get("EXIT_ON_START", ""),
        exit_after=number("EXIT_AFTER") if environment.get("EXIT_AFTER") else None,
        allocate_mb=int(number("ALLOCATE_MB")),
    )


@dataclass
class Server:
    behaviour: Behaviour
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    open: set["asyncio.Task[None]"] = field(default_factory=set)
    predicting: int = 0
    answers: Counter[int] = field(default_factory=Counter)
    durations: Counter[float] = field(default_factory=Counter)  # by the bucket that they first fit in
    duration_sum: float = 0.0


@dataclass(frozen=True)
class Answer:
    status: HTTPStatus
    body: bytes
    content: str = JSON


async def serve(server: Server) -> None:
    told = server.behaviour
    if told.exit_on_start:
        sys.exit(told.exit_on_start)
    await asyncio.sleep(told.start_delay)
    listener = await asyncio.start_server(
        lambda reader, writer: _tracked(server, reader, writer), port=told.port, backlog=1024
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stopping.set)
    print(f"version {told.version} listens on port {told.port}")
    ballast = bytearray(b"\1") * (told.allocate_mb << 20)
    try:
        await asyncio.wait_for(server.stopping.wait(), told.exit_after)
    except TimeoutError:
        print("fatal: the model is corrupt", file=sys.stderr, flush=True)
        os._exit(3)
    listener.close()
    if server.open:
        await asyncio.wait(server.open, timeout=STILL_IN_FLIGHT_SECONDS)
    del ballast


async def _tracked(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    task = asyncio.current_task()
    assert task
    server.open.add(task)
    try:
        await _connection(server, reader, writer)
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # the client has gone, or does not speak HTTP
    finally:
        server.open.discard(task)
        writer.close()


async def _connection(server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request after another, until either side wants to close."""
    head = await _head(reader)  # of the first also while stopping: whoever got a connection may use it once
    while head is not None:
        method_and_path, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        await reader.readexactly(int(headers.get("content-length") or 0))
        method, path, version = (*method_and_path.split(" "), "", "")[:3]
        answer = await _answer(server, method, path.partition("?")[0])
        close = server.stopping.is_set() or headers.get("connection", "").lower() == "close" or version != "HTTP/1.1"
        writer.write(
            f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\nContent-Type: {answer.content}\r\n"
            f"Content-Length: {len(answer.body)}\r\nConnection: {'close' if close else 'keep-alive'}\r\n\r\n".encode()
            + answer.body
        )
        await writer.drain()
        head = None if close else await _head_unless_stopping(server, reader)


async def _head(reader: asyncio.StreamReader) -> bytes | None:
    """None at the end of the connection."""
    try:
        return (await reader.readuntil(b"\r\n\r\n")).removesuffix(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None


async def _head_unless_stopping(server: Server, reader: asyncio.StreamReader) -> bytes | None:
    """Also None, on an idle connection, as soon as the server stops."""
    head = asyncio.ensure_future(_head(reader))
    stopping = asyncio.ensure_future(server.stopping.wait())
    await asyncio.wait({head, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if head.done():
        return head.result()
    head.cancel()
    return None


async def _answer(server: Server, method: str, path: str) -> Answer:
    match path:
        case "/healthz":
            return Answer(HTTPStatus.OK, b"{}")
        case "/readyz":
            ready = not (server.behaviour.never_ready or server.stopping.is_set())
            return Answer(HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, b"{}")
        case "/metrics" if _metrics_are_cut():
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, b"{}")
        case "/metrics":
            return Answer(HTTPStatus.OK, metrics(server).encode(), TEXT)
        case "/v1/predict" if method in ("GET", "POST"):
            return await _prediction(server)
        case _:
            return Answer(HTTPStatus.NOT_FOUND, b"{}")


async def _prediction(server: Server) -> Answer:
    began = time.perf_counter()
    server.predicting += 1
    try:
        await asyncio.sleep(server.behaviour.latency)
        _compute(server.behaviour.work)
    finally:
        server.predicting -= 1
    if random.random() < server.behaviour.hang_up_rate:
        raise ConnectionAbortedError
    failed = random.random() < _error_rate(server)
    status = HTTPStatus.INTERNAL_SERVER_ERROR if failed else HTTPStatus.OK
    body = {"error": "the model failed"} if failed else {"version": server.behaviour.version, "score": random.random()}
    took = time.perf_counter() - began
    server.answers[status.value] += 1
    server.durations[next((edge for edge in BUCKETS if took <= edge), float("inf"))] += 1
    server.duration_sum += took
    return Answer(status, json.dumps(body).encode())


def _compute(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def _error_rate(server: Server) -> float:
    return float(ERROR_RATE.read_text()) if ERROR_RATE.exists() else server.behaviour.error_rate


def _metrics_are_cut() -> bool:
    return NO_METRICS.exists()


def metrics(server: Server) -> str:
    lines = ["# TYPE http_requests_total counter"]
    # A series that is there from the start: otherwise its first increase is never seen.
    codes = sorted({*server.answers, 200, 500})
    lines += [f'http_requests_total{{code="{code}"}} {server.answers[code]}' for code in codes]
    lines += ["# TYPE http_requests_in_progress gauge", f"http_requests_in_progress {server.predicting}"]
    lines += ["# TYPE http_request_duration_seconds histogram"]
    count = 0
    for edge in (*BUCKETS, float("inf")):
        count += server.durations[edge]
        name = "+Inf" if edge == float("inf") else edge
        lines.append(f'http_request_duration_seconds_bucket{{le="{name}"}} {count}')
    lines.append(f"http_request_duration_seconds_sum {server.duration_sum:.6f}")
    lines.append(f"http_request_duration_seconds_count {count}")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    asyncio.run(serve(Server(behaviour(dict(os.environ)))))
