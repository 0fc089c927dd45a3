"""The few requests to the API server that are needed to set a cluster up."""

import http.client
import json
import ssl
from datetime import datetime
from typing import Any

from localcluster.network import API_PORT, HOST
from localcluster.places import KEYS, ClusterError

SECONDS = 10
Object = dict[str, Any]


def find(path: str) -> Object | None:
    status, answer = request("GET", path)
    return None if status == http.client.NOT_FOUND else _parsed("GET", path, status, answer)


def apply(path: str, manifest: Object) -> Object:
    """Server-side apply: the same call makes an object and keeps it so."""
    path = f"{path}?fieldManager=hack-cluster&force=true"
    return _parsed("PATCH", path, *request("PATCH", path, manifest, "application/apply-patch+yaml"))


def path_of(manifest: Object) -> str:
    """Of a kind whose plural is its name with an s, as all kinds here are."""
    version, metadata = manifest["apiVersion"], manifest["metadata"]
    namespace = f"namespaces/{metadata['namespace']}/" if "namespace" in metadata else ""
    root = "apis" if "/" in version else "api"
    return f"/{root}/{version}/{namespace}{manifest['kind'].lower()}s/{metadata['name']}"


def condition(path: str, kind: str) -> Object | None:
    """The condition, if the object is there and has it."""
    conditions = (find(path) or {}).get("status", {}).get("conditions", [])
    return next((found for found in conditions if found["type"] == kind and found["status"] == "True"), None)


def node_ready(name: str, since: datetime) -> bool:
    ready = condition(f"/api/v1/nodes/{name}", "Ready")
    # Kubernetes counts in whole seconds.
    return ready is not None and datetime.fromisoformat(ready["lastHeartbeatTime"]) >= since.replace(microsecond=0)


def ready() -> bool:
    try:
        return request("GET", "/readyz")[0] == http.client.OK
    except ClusterError:
        return False


def request(method: str, path: str, body: Object | None = None, content: str = "") -> tuple[int, bytes]:
    """An error only when there is no answer; what an answer's status means is the caller's matter."""
    headers = {"Content-Type": content} if content else {}
    connection = http.client.HTTPSConnection(HOST, API_PORT, timeout=SECONDS, context=_tls())
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise ClusterError(f"the API server does not answer: {error}") from error
    finally:
        connection.close()


def _parsed(method: str, path: str, status: int, answer: bytes) -> Object:
    if status >= http.client.BAD_REQUEST:
        raise ClusterError(f"{method} {path}: {status} {answer.decode(errors='replace')}")
    result: Object = json.loads(answer)
    return result


def _tls() -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=KEYS / "ca.crt")
    context.load_cert_chain(KEYS / "admin.crt", KEYS / "admin.key")
    return context
