"""Objects in a bucket of S3, of Google Cloud Storage or of Azure: one by its key, or all below a folder.

They are pinned by a digest of the list of what is wanted (key below the folder, size, ETag), and each is read under the
condition that its ETag still is that one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError
from obstore.store import AzureStore, GCSStore, S3Store

from fairlead_fetch import web
from fairlead_fetch.patterns import Patterns
from fairlead_fetch.report import Refused
from fairlead_fetch.source import CHUNK, Found, Item, Stream, changed, choose
from fairlead_fetch.sources.bucket_errors import Asked, sentence
from fairlead_fetch.uri import Scheme, Uri

if TYPE_CHECKING:  # the library has these for type checkers only
    from obstore.store import ClientConfig, ObjectStore, RetryConfig

LISTED_AT_ONCE = 1000
DATED = "date:"  # what stands for the ETag of a server without
ONCE: "RetryConfig" = {"max_retries": 0, "retry_timeout": timedelta(seconds=60)}  # trying again is patience.py's


class Bucket:
    origin = ""

    def __init__(self, uri: Uri) -> None:
        self._uri = uri
        self._asked = Asked(scheme=uri.scheme, bucket=uri.place, host=_host(uri))
        try:
            self._store = _store(uri)
        except (BaseError, ValueError) as error:
            raise sentence(error, uri.shown(), self._asked) from None

    def resolve(self, wanted: Patterns) -> Found:
        try:
            items = self._one() or self._below()
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise sentence(error, self._uri.shown(), self._asked) from None
        if not items:
            raise Refused(
                f"{self._asked.host} has nothing at {self._uri.shown()}: neither an object of that key nor any "
                "below it. Correct the address"
            )
        chosen = choose(sorted(items, key=lambda item: item.path), wanted, self._uri.shown())
        pin = Found(uri=self._uri, items=chosen).digest
        if self._uri.pin not in ("", pin):
            raise changed(f"what is at {self._uri.pinned('').shown()}", self._asked.host)
        return Found(uri=self._uri.pinned(pin), items=chosen)

    @contextmanager
    def read(self, item: Item, start: int) -> Iterator[Stream]:
        options: obstore.GetOptions = {"range": {"offset": start}} if start else {}
        if not item.version.startswith(DATED):
            options["if_match"] = f'"{item.version}"'
        try:
            found = obstore.get(self._store, item.where, options=options)
            if _version(found.meta) != item.version:  # some servers ignore the condition
                raise changed(item.path, self._asked.host)
            yield Stream(found.range[0], (bytes(chunk) for chunk in found.stream(min_chunk_size=CHUNK)))
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise sentence(error, item.path, self._asked) from None

    def _one(self) -> list[Item]:
        """The object of that very key."""
        if not self._uri.name or self._uri.name.endswith("/"):
            return []
        try:
            meta = obstore.head(self._store, self._uri.name)
        except FileNotFoundError:
            return []
        return [_item(meta, PurePosixPath(self._uri.name).name)]

    def _below(self) -> list[Item]:
        folder = self._uri.name.rstrip("/")
        listed = obstore.list(self._store, folder or None, chunk_size=LISTED_AT_ONCE)
        return [
            _item(meta, meta["path"].removeprefix(f"{folder}/") if folder else meta["path"])
            for page in listed
            for meta in page
            if not _is_marker(meta, folder)
        ]


def _store(uri: Uri) -> "ObjectStore":
    """Credentials, endpoints and regions come from the environment, by the names that the clouds' own tools read."""
    options: ClientConfig = {
        "allow_http": True,  # only where an endpoint says http:// itself
        "connect_timeout": timedelta(seconds=web.CONNECT_SECONDS),
        "read_timeout": timedelta(seconds=web.SILENT_SECONDS),
        "timeout": timedelta(days=7),  # of one whole object
        "user_agent": "fairlead-fetch",
    }
    options["root_certificate"] = Path(os.environ["SSL_CERT_FILE"]).read_bytes()
    if uri.scheme is Scheme.S3:
        return S3Store(uri.place, client_options=options, retry_config=ONCE)
    if uri.scheme is Scheme.GS:
        return GCSStore(uri.place, client_options=options, retry_config=ONCE)
    return AzureStore(uri.place, client_options=options, retry_config=ONCE)


def _host(uri: Uri) -> str:
    """As far as the environment tells."""
    if uri.scheme is Scheme.S3:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
        endpoint = os.environ.get("AWS_ENDPOINT_URL")
        return web.host_of(endpoint) if endpoint else f"s3.{region}.amazonaws.com"
    if uri.scheme is Scheme.GS:
        return "storage.googleapis.com"
    account = os.environ.get("AZURE_STORAGE_ACCOUNT_NAME", "")
    endpoint = os.environ.get("AZURE_STORAGE_ENDPOINT")
    return web.host_of(endpoint) if endpoint else f"{account}.blob.core.windows.net"


def _item(meta: "obstore.ObjectMeta", path: str) -> Item:
    return Item(path=path, where=meta["path"], size=meta["size"], version=_version(meta))


def _version(meta: "obstore.ObjectMeta") -> str:
    """The ETag without its quotes: Azure leaves them out in lists, and has them elsewhere."""
    return (meta["e_tag"] or "").strip('"') or f"{DATED}{meta['last_modified'].isoformat()}"


def _is_marker(meta: "obstore.ObjectMeta", folder: str) -> bool:
    """Consoles make an empty object to show an empty folder."""
    return meta["path"] == folder or (meta["size"] == 0 and meta["path"].endswith("/"))
