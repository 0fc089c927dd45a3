"""One file from a web server. It is pinned by what the server says of it: its ETag, else its date, and its length.

Every request is a GET, since an address that is signed for GET is good for nothing else.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import unquote

from fairlead_fetch import web
from fairlead_fetch.patterns import Patterns
from fairlead_fetch.report import Refused
from fairlead_fetch.source import Found, Item, Stream, changed, choose
from fairlead_fetch.uri import Scheme, Uri

HINT = "give the Authorization header as the key HTTP_AUTHORIZATION of the Secret that the model names"


class Https:
    origin = ""

    def __init__(self, uri: Uri, log: Callable[[str], None]) -> None:
        self._uri = uri
        self._url = str(uri.pinned(""))
        self._client = web.client()
        self._headers = {}
        if authorization := os.environ.get("HTTP_AUTHORIZATION"):
            if uri.scheme is Scheme.HTTPS:
                self._headers["Authorization"] = authorization
            else:
                log("HTTP_AUTHORIZATION is not sent over http://, where everybody in between could read it")

    def resolve(self, wanted: Patterns) -> Found:
        name = PurePosixPath(unquote(self._uri.name)).name
        version, size = self._look({"Range": "bytes=0-0"}) or self._look({}) or ("", None)
        if not version and size is None:
            raise Refused(
                f"{self._uri.place} gives neither an ETag nor a date nor a length for {self._uri.shown()}, so nobody "
                "can tell when it changes: serve it in another way"
            )
        pin = f"sha256:{hashlib.sha256(json.dumps([version, size]).encode()).hexdigest()}"
        if self._uri.pin not in ("", pin):
            raise changed(name, self._uri.place)
        items = choose([Item(path=name, where=self._url, size=size, version=version)], wanted, self._uri.shown())
        return Found(uri=self._uri.pinned(pin), items=items)

    def _look(self, ranged: dict[str, str]) -> tuple[str, int | None] | None:
        """Version and size of the file. One byte is asked for: more would be on its way. An empty file has none."""
        with web.answer(self._client, self._url, {**self._headers, **ranged}) as response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and ranged:
                return None
            web.expect(response, self._uri.shown(), hint=HINT, asked=self._uri.place)
            return web.version_of(response), web.size_of(response)

    def read(self, item: Item, start: int) -> AbstractContextManager[Stream]:
        if not item.version and not item.digest:
            start = 0  # nobody could tell whether the rest is of the same file
        return web.body(self._client, item.where, item, start, self._headers, HINT)
