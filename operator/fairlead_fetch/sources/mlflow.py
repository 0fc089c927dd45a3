"""A version of a registered model in MLflow, or the one that an alias points to. The version's number is the pin.

Through MLflow's documented REST API, and not through mlflow-skinny 3.17.2: that is 41 packages and 69 MB (47 and 101 MB
with boto3, which it needs for S3), among them a web server and OpenTelemetry, for the five GETs below. Models that the
server keeps in a bucket are read from there, as buckets.py does it.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from fairlead_fetch import web
from fairlead_fetch.patterns import Patterns
from fairlead_fetch.report import Refused, Unreachable
from fairlead_fetch.source import Found, Item, Source, Stream, choose
from fairlead_fetch.sources.buckets import Bucket
from fairlead_fetch.trust import basic
from fairlead_fetch.uri import Uri, parse

HINT = (
    "give MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, in the Secret that the "
    "model names"
)
API = "api/2.0/mlflow"
ARTIFACTS = "api/2.0/mlflow-artifacts/artifacts"
LARGEST = 64 << 20  # bytes of an answer that is no artifact; of a longer one the rest is not read


class MLflow:
    def __init__(self, uri: Uri) -> None:
        self._uri = uri
        self._tracking = _server("MLFLOW_TRACKING_URI")
        self._registry = _server("MLFLOW_REGISTRY_URI") if os.environ.get("MLFLOW_REGISTRY_URI") else self._tracking
        self._client = web.client()
        self._headers = _login()
        self.origin = f"{self._tracking} {self._registry}"
        self._bucket: Source | None = None

    def resolve(self, wanted: Patterns) -> Found:
        version = self._uri.pin or self._version()
        uri = self._uri.pinned(version)
        named = {"name": self._uri.name, "version": version}
        state = self._ask(self._registry, f"{API}/model-versions/get", named)["model_version"].get("status", "READY")
        if state != "READY":
            raise Refused(f"{uri} is not ready in MLflow, but {state}: register it again")
        where = str(self._ask(self._registry, f"{API}/model-versions/get-download-uri", named)["artifact_uri"])
        if where.startswith("models:/"):
            where = self._logged(where.removeprefix("models:/"))
        return Found(uri=uri, items=self._items(where, wanted), made_of=where)

    def read(self, item: Item, start: int) -> AbstractContextManager[Stream]:
        if self._bucket:
            return self._bucket.read(item, start)
        return web.body(self._client, item.where, item, start, self._headers_for(item.where), HINT)

    def _headers_for(self, url: str) -> Mapping[str, str]:
        """Whoever registers a version says where its files are; only the servers that are configured get the login."""
        artifacts = os.environ.get("MLFLOW_ARTIFACTS_URI", "")  # a server of one's own for files (--artifacts-only)
        ours = {_origin_of(each) for each in (self._tracking, self._registry, artifacts)}
        return self._headers if _origin_of(url) in ours else {}

    def _version(self) -> str:
        asked = {"name": self._uri.name, "alias": self._uri.reference}
        return str(self._ask(self._registry, f"{API}/registered-models/alias", asked)["model_version"]["version"])

    def _logged(self, model: str) -> str:
        """MLflow 3 keeps a model apart from the run that made it."""
        answer = self._ask(self._tracking, f"{API}/logged-models/{quote(model, safe='')}", {})
        return str(answer["model"]["info"]["artifact_uri"])

    def _items(self, where: str, wanted: Patterns) -> tuple[Item, ...]:
        parts = urlsplit(where)
        if parts.scheme == "mlflow-artifacts":
            server = f"{urlsplit(self._tracking).scheme}://{parts.netloc}" if parts.netloc else self._tracking
            return self._proxied(server, parts.path.strip("/"), wanted)
        if parts.scheme in ("http", "https") and f"/{ARTIFACTS}/" in parts.path:
            server, _, folder = where.partition(f"/{ARTIFACTS}/")
            return self._proxied(server, folder.strip("/"), wanted)
        self._bucket = Bucket(parse(_bucket_address(where, self._uri.shown())))
        return self._bucket.resolve(wanted).items

    def _proxied(self, server: str, folder: str, wanted: Patterns) -> tuple[Item, ...]:
        items = list(self._listed(server, folder, ""))
        if not items:
            raise Refused(
                f"{web.host_of(server)} has no files for {self._uri.shown()}: register a version that has some"
            )
        return choose(items, wanted, self._uri.shown())

    def _listed(self, server: str, top: str, below: str) -> Iterator[Item]:
        """The server lists one folder at a time, and names what is in it without the way to it."""
        folder = f"{top}/{below}".rstrip("/")
        for entry in self._ask(server, ARTIFACTS, {"path": folder}).get("files", []):
            name = str(entry["path"]).rpartition("/")[2]
            path = f"{below}/{name}".lstrip("/")
            if entry.get("is_dir"):
                yield from self._listed(server, top, path)
            else:
                url = f"{server}/{ARTIFACTS}/{quote(f'{top}/{path}')}"
                yield Item(path=path, where=url, size=int(entry.get("file_size", 0)))

    def _ask(self, server: str, path: str, query: Mapping[str, str]) -> Mapping[str, Any]:
        url = f"{server}/{path}{f'?{urlencode(query)}' if query else ''}"
        with web.answer(self._client, url, self._headers_for(url)) as response:
            try:
                answer = json.loads(next(response.iter_raw(LARGEST), b""))
            except ValueError:
                answer = None
            says = str(answer.get("message", "")) if isinstance(answer, dict) else ""
            web.expect(response, self._uri.shown(), hint=HINT, asked=web.host_of(server), says=says)
        if not isinstance(answer, dict):
            raise Unreachable(
                f"{web.host_of(server)} does not answer as an MLflow server does: correct MLFLOW_TRACKING_URI, or look "
                "what is in between"
            )
        return answer


def _origin_of(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _server(variable: str) -> str:
    address = os.environ.get(variable, "").rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise Refused(
            f"{variable} has to name the MLflow server of mlflow:// addresses, as https://HOST: set it for the model, "
            "or in the Secret that it names"
        )
    return address


def _login() -> dict[str, str]:
    """As MLflow's own client does: a user and a password come before a token."""
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("USERNAME", "PASSWORD"))
    if user and password:
        return {"Authorization": basic(user, password)}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN", "")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _bucket_address(where: str, whose: str) -> str:
    scheme = where.partition("://")[0]
    if scheme in ("s3", "gs"):
        return where.rstrip("/")
    azure = re.fullmatch(r"(?:wasbs|abfss)://([^@/]+)@([\w-]+)\.(?:blob|dfs)\.[^/]+/(.*)", where)
    if azure and os.environ.get("AZURE_STORAGE_ACCOUNT_NAME") != azure[2]:  # a login would go to a stranger
        raise Refused(
            f"the MLflow server keeps {whose} in the Azure account {azure[2]}: if that is yours, set "
            f"AZURE_STORAGE_ACCOUNT_NAME to {azure[2]}"
        )
    if azure:
        return f"az://{azure[1]}/{azure[3].rstrip('/')}"
    raise Refused(
        f"the MLflow server keeps {whose} in {where.partition(':')[0]}:, which cannot be reached from here: let it "
        "serve artifacts itself (--serve-artifacts), or keep them in a bucket"
    )
