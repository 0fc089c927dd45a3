"""A wire to a real server that can be watched, held and cut, whatever is spoken over it. And a real proxy."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

PIECE = 16384


class Wire:
    """Forwards connections to a port of this machine, and counts the bytes that come back from it."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._lock = threading.Lock()
        self.received = 0
        self.hold_at: int | None = None
        """Nothing more goes through when so many bytes have come back."""
        self.cut_at: int | None = None
        """The connection that brings so many bytes breaks, once."""
        self._released = threading.Event()

    def release(self) -> None:
        self.hold_at = None
        self._released.set()

    def is_held(self) -> bool:
        return self.hold_at is not None and self.received >= self.hold_at

    def answer(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._target)) as server:
            pump(client, server, lambda _: True)
            pump_here(server, client, self._may_pass)

    def _may_pass(self, count: int) -> bool:
        with self._lock:
            self.received += count
            if self.cut_at is not None and self.received >= self.cut_at:
                self.cut_at = None
                return False
        if self.is_held():
            self._released.wait(60)
        return True


class Wires:
    """Lays them, until the end of the stack."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def to(self, port: int) -> tuple[Wire, int]:
        """A wire to that port, and the port where it begins."""
        wire = Wire(port)
        return wire, self._stack.enter_context(listening(wire.answer))


class Proxy:
    """CONNECT for https, and whole addresses for http; every name means this machine."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def answer(self, client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (piece := client.recv(PIECE)):
                    return
                head += piece
            method, address, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            self.asked.append(f"{method} {address.partition('?')[0]}")
            port = int(address.rpartition(":")[2]) if method == "CONNECT" else urlsplit(address).port or 80
            with socket.create_connection(("127.0.0.1", port)) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                else:
                    path = urlsplit(address)._replace(scheme="", netloc="").geturl()
                    server.sendall(head.replace(address.encode(), path.encode(), 1))
                pump(client, server, lambda _: True)
                pump_here(server, client, lambda _: True)


@contextmanager
def listening(answer: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """The port at which each connection is answered by a thread."""
    with socket.create_server((host, 0)) as listener:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    threading.Thread(target=_quietly, args=(answer, client), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def pump(source: socket.socket, target: socket.socket, may_pass: Callable[[int], bool]) -> None:
    threading.Thread(target=pump_here, args=(source, target, may_pass), daemon=True).start()


def pump_here(source: socket.socket, target: socket.socket, may_pass: Callable[[int], bool]) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(PIECE):
            if not may_pass(len(piece)):
                break
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _quietly(answer: Callable[[socket.socket], None], client: socket.socket) -> None:
    with contextlib.suppress(OSError):
        answer(client)
