"""Many models in a minute: copies of one that the operator has made, put right into etcd while nothing else runs.

Creating 10,000 models on two cores takes the better part of an hour, nearly all of it in the API server. What the
operator costs among 10,000 models does not depend on how they came to be. That the copies are as true as their
original shows itself: the operator finds nothing to write to any of them.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp

from bench.controlplane import SERVICES
from bench.world import Object, name_of, namespace_of
from fairlead.api.names import revision_name
from fairlead.api.revision import digest

UID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
ADDRESS = re.compile(rb"/registry/ipaddresses/([0-9.]+)")
ALL = {"key": b"/registry/", "range_end": b"/registry0"}
AT_ONCE = 10  # models in one transaction: etcd takes 128 objects

Objects = dict[bytes, bytes]


async def copy(socket: Path, original: int, revision: Object, copies: range) -> None:
    """Makes copies of a model and of all that belongs to it; `revision` is its ControllerRevision.

    The API server must not run.
    """
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(socket))) as etcd:
        everything = await _all(etcd)
        family = {
            key: value
            for key, value in everything.items()
            if name_of(original).encode() in key + value and not key.startswith(b"/registry/events/")
        }
        old = [found[1] for key in family if (found := ADDRESS.fullmatch(key))]
        fresh = {address: _addresses(address, block, everything) for block, address in enumerate(old)}
        for first in range(copies.start, copies.stop, AT_ONCE):
            numbers = range(first, min(first + AT_ONCE, copies.stop))
            copied: Objects = {}
            for number in numbers:
                replaced = _names(original, revision, number) | {address: next(new) for address, new in fresh.items()}
                copied.update(_copied(family, replaced, number))
            await _put(etcd, copied)


def _names(original: int, revision: Object, number: int) -> dict[bytes, bytes]:
    """What the copy calls itself. Longer names first, and each as long as the one that it replaces."""
    model = name_of(number)
    data = json.loads(json.dumps(revision["data"]).replace(name_of(original), model))
    return {
        revision["metadata"]["name"].encode(): revision_name(model, digest(data)).encode(),
        name_of(original).encode(): model.encode(),
        namespace_of(original).encode(): namespace_of(number).encode(),
    }


def _copied(family: Objects, replaced: dict[bytes, bytes], number: int) -> Iterator[tuple[bytes, bytes]]:
    """In the encoding of most kinds the length of a text stands before it, so no length may change."""
    for key, value in family.items():
        for old, new in replaced.items():
            key, value = key.replace(old, new), value.replace(old, new)
        yield key, UID.sub(lambda found: _uid(found[0], number), value)


def _uid(uid: bytes, number: int) -> bytes:
    """Another one for each number; those of one family differ in what is kept."""
    return uid[:24] + f"{(int(uid[24:], 16) + number) % 16**12:012x}".encode()


def _addresses(like: bytes, block: int, taken: Objects) -> Iterator[bytes]:
    """Free addresses of Services with as many characters; each original has a block of its own."""
    for second in range(SERVICES + 8 * block, SERVICES + 8 * (block + 1)):
        for third in range(256):
            for fourth in range(1, 255):
                address = f"10.{second}.{third}.{fourth}".encode()
                if len(address) == len(like) and b"/registry/ipaddresses/" + address not in taken:
                    yield address


async def _all(etcd: aiohttp.ClientSession) -> Objects:
    found = await _ask(etcd, "range", {name: _text(key) for name, key in ALL.items()})
    return {b64decode(pair["key"]): b64decode(pair["value"]) for pair in found["kvs"]}


async def _put(etcd: aiohttp.ClientSession, objects: Objects) -> None:
    puts = [{"request_put": {"key": _text(key), "value": _text(value)}} for key, value in objects.items()]
    await _ask(etcd, "txn", {"success": puts})


async def _ask(etcd: aiohttp.ClientSession, what: str, body: dict[str, Any]) -> dict[str, Any]:
    async with etcd.post(f"http://etcd/v3/kv/{what}", json=body) as answer:
        if answer.status != 200:
            raise RuntimeError(f"etcd: {await answer.text()}")
        found: dict[str, Any] = await answer.json(content_type=None)
        return found


def _text(content: bytes) -> str:
    return b64encode(content).decode()
