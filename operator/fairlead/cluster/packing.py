"""How the cache keeps an object: as a few hundred bytes, from which the whole object can be read back."""

import json
import zlib
from collections.abc import Mapping
from typing import Any

LEVEL = 1
"""zlib's fastest: with a preset dictionary the slower levels gain little, and packing is on the way of every event."""

_encode = json.JSONEncoder(separators=(",", ":")).encode  # json.dumps would make an encoder for each object


class Packing:
    """Compresses objects of one kind, with the first of them as zlib's preset dictionary.

    Objects of a kind resemble each other, and a preset dictionary makes the resemblance cost nothing. It is a matter
    of size alone: an object that resembles nothing is stored just as truly, only bigger.
    """

    def __init__(self) -> None:
        self._dictionary: bytes | None = None

    def pack(self, value: Mapping[str, Any]) -> bytes:
        """Bytes that `unpack` turns into an equal value."""
        text = _encode(value).encode()
        if self._dictionary is None:
            self._dictionary = text
        compressor = zlib.compressobj(LEVEL, zdict=self._dictionary)
        return compressor.compress(text) + compressor.flush()

    def unpack(self, packed: bytes) -> dict[str, Any]:
        """A fresh copy of what was packed: the caller may change it."""
        if self._dictionary is None:
            raise ValueError("nothing was packed here yet")
        decompressor = zlib.decompressobj(zdict=self._dictionary)
        value: dict[str, Any] = json.loads(decompressor.decompress(packed) + decompressor.flush())
        return value
