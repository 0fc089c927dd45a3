"""Sends requests at a steady rate, whether or not the earlier ones were answered, and tells what came of them.

    load.py --url http://fraud.risk.svc:8080/v1/predict --rate 50 --seconds 60 --connections keepalive

At the end, or on SIGTERM, it prints one line of JSON. Everything but a 200 is a failure: another status, a refused or
broken connection, no answer in time.
"""

import argparse
import asyncio
import json
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

FAILURES_TOLD = 10


@dataclass(frozen=True, kw_only=True)
class Target:
    host: str
    port: int
    head: bytes
    keepalive: bool
    timeout: float


@dataclass
class Result:
    began: float = field(default_factory=time.monotonic)
    latencies: list[float] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, object]] = field(default_factory=list)


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def send_all(target: Target, rate: float, seconds: float, stop: asyncio.Event) -> Result:
    result, idle, flying = Result(), list[Connection](), set[asyncio.Task[None]]()
    for number in range(int(rate * seconds)):
        # Counted from the beginning, so that one late wake-up does not make all later requests late.
        due = result.began + number / rate - time.monotonic()
        if due > 0 and await _happens(stop, due):
            break
        task = asyncio.create_task(_send(target, idle, result))
        flying.add(task)
        task.add_done_callback(flying.discard)
    if flying:
        await asyncio.wait(flying)
    return result


async def first_answer(target: Target, patience: float, stop: asyncio.Event) -> None:
    """Waits for one, not longer than that: of a Service that has just got pods not every node knows at once."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        probe = Result()
        await _send(target, [], probe)
        if not probe.reasons or await _happens(stop, 0.1):
            return


async def _happens(event: asyncio.Event, within: float) -> bool:
    try:
        return await asyncio.wait_for(event.wait(), within)
    except TimeoutError:
        return False


async def _send(target: Target, idle: list[Connection], result: Result) -> None:
    sent = time.monotonic()
    try:
        async with asyncio.timeout(target.timeout):
            status, body = await _exchange(target, idle)
    except TimeoutError:
        _fail(result, sent, f"no answer within {target.timeout:g} s")
    except (OSError, asyncio.IncompleteReadError, ValueError) as error:
        _fail(result, sent, f"{type(error).__name__}: {error}")
    else:
        if status != 200:
            _fail(result, sent, f"status {status}")
            return
        result.latencies.append(time.monotonic() - sent)
        result.versions[_version(body)] += 1


async def _exchange(target: Target, idle: list[Connection]) -> tuple[int, bytes]:
    """On an idle connection if there is one. The server may be closing it just then: so once more on a new one."""
    if idle:
        connection = idle.pop()
        try:
            return await _exchange_on(connection, target, idle)
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            if isinstance(error, asyncio.IncompleteReadError) and error.partial:
                raise  # half an answer is not a closed connection
    return await _exchange_on(await asyncio.open_connection(target.host, target.port), target, idle)


async def _exchange_on(connection: Connection, target: Target, idle: list[Connection]) -> tuple[int, bytes]:
    reader, writer = connection
    kept = False
    try:
        writer.write(target.head)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        status_line, *lines = head.rstrip().split("\r\n")
        headers = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await _body(reader, headers)
        kept = target.keepalive and headers.get("connection") != "close"
        if kept:
            idle.append(connection)
        return int(status_line.split()[1]), body
    finally:
        if not kept:
            writer.close()


async def _body(reader: asyncio.StreamReader, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding") != "chunked":
        return await reader.readexactly(int(headers.get("content-length", 0)))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readuntil(b"\r\n")
    return body


def _version(body: bytes) -> str:
    try:
        return str(json.loads(body)["version"])
    except (ValueError, KeyError, TypeError):
        return ""


def _fail(result: Result, sent: float, reason: str) -> None:
    result.reasons[reason] += 1
    if len(result.failures) < FAILURES_TOLD:
        result.failures.append({"second": round(sent - result.began, 3), "reason": reason})


def summary(result: Result) -> dict[str, object]:
    latencies = sorted(result.latencies)
    return {
        "ok": len(latencies),
        "failed": result.reasons.total(),
        "seconds": round(time.monotonic() - result.began, 3),
        "latency": {f"p{share}": round(_quantile(latencies, share / 100), 4) for share in (50, 90, 95, 99, 100)},
        "versions": dict(result.versions),
        "reasons": dict(result.reasons),
        "failures": result.failures,
    }


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--host", help="the Host header, if it is not the one of the URL")
    parser.add_argument("--rate", type=float, default=10, help="requests per second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--patience", type=float, default=0.0, help="seconds to wait for a first answer")
    parser.add_argument("--timeout", type=float, default=5, help="seconds until a request counts as failed")
    parser.add_argument("--connections", choices=("fresh", "keepalive"), default="keepalive")
    parser.add_argument("--body", help="sent as JSON with POST; without it the request is a GET")
    return parser.parse_args()


def _target(arguments: argparse.Namespace) -> Target:
    url = urlsplit(arguments.url)
    body = (arguments.body or "").encode()
    keepalive = arguments.connections == "keepalive"
    headers = {
        "Host": arguments.host or url.netloc,
        "Connection": "keep-alive" if keepalive else "close",
        **({"Content-Type": "application/json", "Content-Length": str(len(body))} if body else {}),
    }
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    lines = [f"{'POST' if body else 'GET'} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return Target(
        host=url.hostname or "", port=url.port or 80, keepalive=keepalive, timeout=arguments.timeout,
        head="\r\n".join([*lines, "", ""]).encode() + body,
    )  # fmt: skip


async def main() -> None:
    arguments = _arguments()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await first_answer(_target(arguments), arguments.patience, stop)
    result = await send_all(_target(arguments), arguments.rate, arguments.seconds, stop)
    print(json.dumps(summary(result)), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
