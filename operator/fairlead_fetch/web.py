"""One HTTP client for all that is not a bucket, and what is said when it gets no good answer."""

import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx2

from fairlead_fetch.report import Refused, Unreachable
from fairlead_fetch.source import CHUNK, Item, Stream, changed

CONNECT_SECONDS = 10.0
SILENT_SECONDS = 30.0  # between two pieces of an answer
AT_ONCE = 4  # connections to one server

MAY_PASS = (408, 425, 429)
HINT_CREDENTIALS = "give credentials that may read it, in the Secret that the model names"


def client() -> httpx2.Client:
    """Trusts what trust.py has put together; proxies come from the environment."""
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE"))
    return httpx2.Client(
        verify=context,
        follow_redirects=True,
        timeout=httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS),
        headers={"User-Agent": "fairlead-fetch", "Accept-Encoding": "identity"},
    )


@contextmanager
def answer(client: httpx2.Client, url: str, headers: Mapping[str, str] | None = None) -> Iterator[httpx2.Response]:
    """The answer to a GET, whatever its status, its body not read yet. What breaks meanwhile becomes a sentence."""
    host = host_of(url)
    try:
        with client.stream("GET", url, headers=dict(headers or {})) as response:
            yield response
    except httpx2.InvalidURL:
        raise Refused(f"{host} was asked for an address that is none: correct the model's address") from None
    except httpx2.TooManyRedirects:
        raise Refused(f"{host} redirects in circles: give the address that it should lead to") from None
    except httpx2.ProxyError as error:
        raise Unreachable(
            f"the proxy does not let {host} be reached ({error}): allow it there, or add the host to NO_PROXY"
        ) from None
    except httpx2.TimeoutException:
        raise silent(host) from None
    except httpx2.HTTPError as error:
        raise unreachable(host, str(error) or type(error).__name__) from None


def silent(host: str) -> Unreachable:
    return Unreachable(f"{host} does not answer in time: check that it is up and that nothing is in between")


def unreachable(host: str, why: str) -> Refused | Unreachable:
    """By what the network's library says, which is all there is to go by."""
    if "CERTIFICATE_VERIFY_FAILED" in why or "invalid peer certificate" in why:
        reason = why.rpartition("certificate verify failed: ")[2].rpartition(" (_ssl")[0] or "unknown issuer"
        return Refused(
            f"the certificate of {host} is not trusted ({reason}): add its authority's to the CA bundle "
            "(FAIRLEAD_CA_BUNDLE)"
        )
    if "Name or service not known" in why or "name resolution" in why or "No address associated" in why:
        return Unreachable(f"{host} cannot be reached: no such name is known here. Check the spelling, and the DNS")
    if "incomplete" in why or "peer closed" in why or "disconnected" in why or "reset" in why:
        return Unreachable(f"{host} cut the connection")
    reason = "the connection was refused" if "refused" in why.lower() else why
    return Unreachable(f"{host} cannot be reached: {reason}. Check that it is up and that nothing is in between")


def expect(
    response: httpx2.Response, what: str, *, hint: str = HINT_CREDENTIALS, asked: str = "", says: str = ""
) -> None:
    """Nothing for a good answer; else raises the sentence.

    `asked` is the host that was asked, before redirects; `says` is its own reason, where it gives one for people.
    """
    status = response.status_code
    if status < 400:
        return
    host = asked or host_of(str(response.url))
    told = f"HTTP {status} {_phrase(status)}".strip() + (f": {says[:300]}" if says else "")
    if status in (401, 403):
        raise Refused(f"{host} refuses access to {what} ({told}): {hint}")
    if status in (404, 410):
        raise Refused(f"{host} has no {what} ({told}): check the address, and that these credentials may see it")
    if status >= 500 or status in MAY_PASS:
        raise Unreachable(f"{host} cannot give {what} now ({told}): if that stays, ask those who run it")
    raise Refused(f"{host} does not give {what} ({told}): check the address")


@contextmanager
def body(
    client: httpx2.Client, url: str, item: Item, start: int, headers: Mapping[str, str], hint: str = HINT_CREDENTIALS
) -> Iterator[Stream]:
    """The item's bytes from `start` on. Another version than the one that was found is refused."""
    ranged = {"Range": f"bytes={start}-"} if start else {}
    with answer(client, url, {**headers, **ranged}) as response:
        if start and response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise changed(item.path, host_of(url))
        expect(response, item.path, hint=hint, asked=host_of(url))
        if item.version and version_of(response) != item.version:
            raise changed(item.path, host_of(url))
        begins = start if response.status_code == HTTPStatus.PARTIAL_CONTENT else 0
        yield Stream(begins, response.iter_raw(CHUNK))


def version_of(response: httpx2.Response) -> str:
    """How the server tells one state of a file from another; empty when it does not."""
    return response.headers.get("ETag") or response.headers.get("Last-Modified") or ""


def size_of(response: httpx2.Response) -> int | None:
    """Of the whole file in bytes, when the server tells."""
    whole = response.headers.get("Content-Range", "").rpartition("/")[2]
    length = response.headers.get("Content-Length", "") if response.status_code == HTTPStatus.OK else whole
    return int(length) if length.isdecimal() and "Transfer-Encoding" not in response.headers else None


def host_of(url: str) -> str:
    """With its port; never the rest, which may hold what signs it."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2]


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
