"""Asks a Prometheus: instant queries over its HTTP API (prometheus.io/docs/prometheus/latest/querying/api)."""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
from pydantic_core import from_json

from fairlead.observe.share import AT_MOST, Share
from fairlead.settings import PrometheusSettings

WITHIN = 4.0  # seconds
LONGEST = 8 << 20  # bytes of an answer
AT_ONCE = 8
"""Queries at one time, over all models: Prometheus itself runs 20."""
TOLD = 160
"""Characters of what Prometheus says: more is for its log."""


class Unanswered(Exception):
    """Why there is no answer, as a sentence. It stays the same while nothing changes: it is written to status."""


class Row(NamedTuple):
    """One series of an answer: its labels, and its newest sample."""

    labels: Mapping[str, str]
    time: float
    value: float


def rows_in(answer: Any, kind: str) -> tuple[Row, ...]:
    """The series in the JSON of an answer, which must be a `vector` or a `matrix`. Raises Unanswered.

    By hand: a model of pydantic takes six times as long, and the pods of one model can have thousands of series.
    """
    try:
        if answer["status"] != "success":
            raise Unanswered(f"Prometheus answers: {str(answer['error'])[:TOLD]}")
        if warnings := answer.get("warnings"):
            # Thanos: a store did not answer. Counters that are missing would look like pods without requests.
            raise Unanswered(f"Prometheus warns that its answer is not whole: {str(warnings[0])[:TOLD]}")
        found = answer["data"]["resultType"]
        if found != kind:
            raise Unanswered(f"Prometheus answers a {str(found)[:TOLD]} where a {kind} is needed")
        result = answer["data"]["result"]
        if kind == "vector":
            return tuple(Row(dict(each["metric"]), *map(float, each["value"])) for each in result)
        # One without values has native histograms only, which nobody has asked for.
        return tuple(
            Row(dict(each["metric"]), *map(float, each["values"][-1])) for each in result if each.get("values")
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        raise Unanswered("Prometheus answers what is no answer to a query") from None


class Prometheus:
    """One Prometheus, or whoever speaks its language (Thanos, Mimir, VictoriaMetrics)."""

    def __init__(self, settings: PrometheusSettings) -> None:
        self.settings = settings
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._http: aiohttp.ClientSession | None = None
        self._tls: tuple[str, ssl.SSLContext] | None = None

    async def rows(self, query: str, kind: str, share: Share) -> tuple[Row, ...]:
        """The series that an instant query answers, which must be a `vector` or a `matrix`. Raises Unanswered."""
        if share.is_used_up:
            raise Unanswered(f"the queries of this model take Prometheus more than {AT_MOST:g} s together")
        async with self._at_once:
            with share.holding():
                status, content_type, text = await self._ask(query)
        if 300 <= status < 400:
            raise Unanswered(f"Prometheus answers {status}, a redirect, which is not followed: {_see('URL')}")
        if status in (401, 403):
            raise Unanswered(f"Prometheus answers {status}: it takes other credentials, {_see('TOKEN_FILE')}")
        if content_type != "application/json":
            what = f"{status}, " if status != 200 else ""
            raise Unanswered(f"Prometheus answers {what}{content_type} and no JSON: is it one? {_see('URL')}")
        try:
            return rows_in(from_json(text), kind)
        except ValueError:
            raise Unanswered("Prometheus answers what is no answer to a query") from None

    async def close(self) -> None:
        """Ends the connections."""
        if self._http is not None:
            await self._http.close()

    async def _ask(self, query: str) -> tuple[int, str, bytes]:
        """Status, content type and text of an answer. By POST: a query that names many pods is too long for a URL."""
        try:
            async with self._session().post(
                f"{self.settings.url}/api/v1/query",
                data={"query": query, "timeout": f"{WITHIN:g}s"},
                headers=self._headers(),
                ssl=self._trusted() or True,
                allow_redirects=False,
            ) as response:
                text = bytearray()
                async for piece in response.content.iter_any():
                    text += piece
                    if len(text) > LONGEST:
                        raise Unanswered(f"Prometheus answers more than {LONGEST >> 20} MiB")
                return response.status, response.content_type, bytes(text)
        except TimeoutError:
            raise Unanswered(f"Prometheus does not answer within {WITHIN:g} s") from None
        except (aiohttp.ClientError, OSError) as failure:
            raise Unanswered(f"Prometheus cannot be reached at {self.settings.url}: {_why(failure)}") from failure

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "fairlead", "Accept": "application/json"},
                timeout=aiohttp.ClientTimeout(total=WITHIN + 1),
            )
        return self._http

    def _headers(self) -> Mapping[str, str]:
        """With the token as it is now: those of Kubernetes are renewed every hour."""
        path = self.settings.token_file
        return {"Authorization": f"Bearer {self._read(path, 'TOKEN_FILE').strip()}"} if path else {}

    def _trusted(self) -> ssl.SSLContext | None:
        """Whom the CA file says to trust, as it is now; None: the system's authorities."""
        path = self.settings.ca_file
        if not path:
            return None
        text = self._read(path, "CA_FILE")
        if self._tls is None or self._tls[0] != text:
            try:
                # Without any text, the system's authorities would be trusted all the same.
                self._tls = text, ssl.create_default_context(cadata=text or "none")
            except ssl.SSLError:
                raise Unanswered(f"{path} holds no certificates: {_see('CA_FILE')}") from None
        return self._tls[1]

    def _read(self, path: str, setting: str) -> str:
        try:
            return Path(path).read_text(encoding="ascii")
        except (OSError, ValueError) as failure:
            why = failure.strerror if isinstance(failure, OSError) else "it is no text"
            raise Unanswered(f"{path} cannot be read ({why}): {_see(setting)}") from None


def _see(setting: str) -> str:
    return f"see FAIRLEAD_PROMETHEUS_{setting}"


def _why(failure: Exception) -> str:
    """In words without addresses and ports, which would change from one attempt to the next."""
    match failure:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            return "its certificate is not trusted, see FAIRLEAD_PROMETHEUS_CA_FILE"
        case aiohttp.ClientConnectorDNSError():
            return "its name is not known"
        case aiohttp.ClientConnectorError() if isinstance(failure.os_error, ConnectionRefusedError):
            return "the connection is refused"
        case _:
            return type(failure).__name__
