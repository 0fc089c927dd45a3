"""How a registry is reached: through which mirror, with or without TLS, and with whose login and token."""

import base64
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from urllib.parse import urlencode

import httpx2

from fairlead_fetch import web
from fairlead_fetch.report import Refused, Unreachable
from fairlead_fetch.source import CHUNK, Item, Stream
from fairlead_fetch.trust import Trust, basic
from fairlead_fetch.uri import Uri

DOCKER_HUB = "registry-1.docker.io"
HINT = "give a login that may pull it: an imagePullSecret, or .dockerconfigjson in the Secret that the model names"

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


@dataclass(kw_only=True)
class Access:
    """To one repository. The token is got when it is asked for, and again when it has run out."""

    host: str
    repository: str
    shown: str
    login: str  # the header for Basic authentication, or empty
    plain: bool
    _client: httpx2.Client = field(default_factory=web.client)
    _authorization: str = ""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @staticmethod
    def to(uri: Uri, trust: Trust) -> "Access":
        registry, repository = uri.place, uri.name
        if registry in ("docker.io", "index.docker.io"):
            repository = repository if "/" in repository else f"library/{repository}"
        mirror = _mirrors().get(registry, "")
        host, _, folder = mirror.partition("/")
        if mirror:
            repository = f"{folder.strip('/')}/{repository}".lstrip("/")
        host = host or {"docker.io": DOCKER_HUB, "index.docker.io": DOCKER_HUB}.get(registry, registry)
        login = _login(host, repository, trust.registries) or (
            _login("index.docker.io", repository, trust.registries) if host == DOCKER_HUB else ""
        )
        plain = _is_plain(host)
        return Access(host=host, repository=repository, shown=uri.shown(), login=login, plain=plain)

    def manifest(self, reference: str, accept: str, most: int) -> bytes:
        """Raises `Refused` and `Unreachable`; `most` are bytes."""
        with self._answer(f"manifests/{reference}", {"Accept": accept}) as response:
            web.expect(response, self.shown, hint=HINT, asked=self.host)
            content = b""
            for chunk in response.iter_raw(CHUNK):
                content += chunk
                if len(content) > most:
                    raise Refused(
                        f"{self.host} gave more than {most} bytes as the manifest of {self.shown}: that is none"
                    )
        return content

    @contextmanager
    def blob(self, item: Item, start: int) -> Iterator[Stream]:
        ranged = {"Range": f"bytes={start}-"} if start else {}
        with self._answer(f"blobs/{item.where}", ranged) as response:
            web.expect(response, f"{item.path} of {self.shown}", hint=HINT, asked=self.host)
            yield Stream(start if response.status_code == 206 else 0, response.iter_raw(CHUNK))

    @contextmanager
    def _answer(self, path: str, headers: Mapping[str, str]) -> Iterator[httpx2.Response]:
        """With a login or a token when the registry asks for one."""
        url = f"{'http' if self.plain else 'https'}://{self.host}/v2/{self.repository}/{path}"
        sent = self._authorization
        with ExitStack() as stack:
            response = stack.enter_context(web.answer(self._client, url, {**headers, **_authorized(sent)}))
            if response.status_code == 401 and web.host_of(str(response.url)) == self.host:
                challenge = response.headers.get("WWW-Authenticate", "")
                stack.close()
                granted = self._granted(challenge, sent)
                response = stack.enter_context(web.answer(self._client, url, {**headers, **_authorized(granted)}))
            yield response

    def _granted(self, challenge: str, sent: str) -> str:
        """By one thread for all."""
        with self._lock:
            if self._authorization == sent:
                kind, _, rest = challenge.partition(" ")
                bearer = kind.lower() == "bearer"
                self._authorization = self._token(dict(_CHALLENGE.findall(rest))) if bearer else self.login
            return self._authorization

    def _token(self, challenge: Mapping[str, str]) -> str:
        realm = challenge.get("realm", "")
        if not realm.startswith(("https://", "http://") if self.plain else "https://"):
            raise Refused(f"{self.host} names no safe place to get a token from: ask those who run it")
        scope = challenge.get("scope") or f"repository:{self.repository}:pull"
        asked = {"service": challenge.get("service", ""), "scope": scope}
        url = f"{realm}{'&' if '?' in realm else '?'}{urlencode({k: v for k, v in asked.items() if v})}"
        with web.answer(self._client, url, _authorized(self.login)) as response:
            web.expect(response, f"a token for {self.shown}", hint=HINT)
            try:
                given = json.loads(response.read())
                return f"Bearer {given.get('token') or given['access_token']}"
            except (ValueError, KeyError, AttributeError):
                raise Unreachable(
                    f"{web.host_of(realm)} gave no token for {self.shown}: look what answers there"
                ) from None


def _authorized(header: str) -> dict[str, str]:
    return {"Authorization": header} if header else {}


def _mirrors() -> dict[str, str]:
    """From `docker.io=mirror.example/dockerhub,…`. Nothing goes past a mirror: behind an air gap there is nothing."""
    pairs = (each.strip().partition("=") for each in os.environ.get("FAIRLEAD_OCI_MIRRORS", "").split(","))
    return {name.strip(): mirror.strip().rstrip("/") for name, _, mirror in pairs if mirror}


def _is_plain(host: str) -> bool:
    plain = [each.strip() for each in os.environ.get("FAIRLEAD_PLAIN_HTTP", "").split(",")]
    name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
    return host in plain or name in plain


def _login(host: str, repository: str, configurations: tuple[str, ...]) -> str:
    """The one whose key is the longest that fits, as the kubelet does it: HOST, *.HOST, HOST/PATH, https://HOST/v1/."""
    found: dict[str, str] = {}
    for text in configurations:
        for key, entry in _entries(text).items():
            place = re.sub(r"^https?://", "", key).removesuffix("/").removesuffix("/v1").removesuffix("/v2")
            if _fits(place, host, repository):
                found.setdefault(place, _header(entry))
    return found[max(found, key=len)] if found else ""


def _fits(place: str, host: str, repository: str) -> bool:
    named, _, folder = place.partition("/")
    return fnmatchcase(host, named) and f"{repository}/".startswith(f"{folder}/" if folder else "")


def _entries(text: str) -> dict[str, dict[str, str]]:
    try:
        given = json.loads(text)
        auths = given.get("auths", {})
    except (ValueError, AttributeError):
        raise Refused("a .dockerconfigjson among the credentials is not JSON: correct that Secret") from None
    return {str(key): entry for key, entry in auths.items() if isinstance(entry, dict)}


def _header(entry: Mapping[str, str]) -> str:
    if entry.get("auth"):
        try:
            user, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
        except ValueError:
            raise Refused(
                "a .dockerconfigjson among the credentials has an 'auth' that is not base64: correct it"
            ) from None
        return basic(user, password)
    return basic(entry["username"], entry.get("password", "")) if entry.get("username") else ""
