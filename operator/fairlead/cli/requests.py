"""Requests of the command that the official client has no typed call for: objects as plain JSON, dry runs, annotations.

What the API server says against one becomes a CommandError in its words: they name the field, the policy or the right.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kubernetes import client

from fairlead.api.kinds import MODEL_DEPLOYMENT, Kind
from fairlead.cli import cluster
from fairlead.cli.cluster import Object
from fairlead.cli.errors import CommandError

JSON = "application/json"
MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"


def found(kind: Kind, namespace: str | None, name: str) -> Object | None:
    """An object, or None. Raises CommandError."""
    with _asking(f"{kind.kind} {name}"):
        try:
            return _call("GET", kind.path(namespace, name))
        except client.ApiException as refused:
            if refused.status == 404:
                return None
            raise


def listed(kind: Kind, namespace: str, selector: str) -> list[Object]:
    """Objects of a kind. Raises CommandError."""
    with _asking(f"the list of {kind.plural} in namespace {namespace}"):
        items = _call("GET", kind.path(namespace), labelSelector=selector)["items"]
    return [{"apiVersion": kind.api_version, "kind": kind.kind, **item} for item in items]


def listed_if_served(kind: Kind, namespace: str, selector: str) -> list[Object] | None:
    """The same of a kind that a cluster need not have; None where it has not."""
    with _asking(f"the list of {kind.plural} in namespace {namespace}"):
        try:
            _call("GET", kind.path(namespace), limit="1")
        except client.ApiException as refused:
            if refused.status == 404:
                return None
            raise
    return listed(kind, namespace, selector)


def tried(kind: Kind, manifest: Mapping[str, Any], content: str = JSON) -> Object:
    """What the API server would store, by a dry run: of a new object, or after a patch. Raises CommandError."""
    metadata, patches = manifest["metadata"], content != JSON
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    if content == APPLY:
        query |= {"fieldManager": "kubectl", "force": "true"}
    with _asking(f"{kind.kind} {metadata['name']}"):
        path = kind.path(metadata["namespace"], metadata["name"] if patches else None)
        return _call("PATCH" if patches else "POST", path, dict(manifest), content, **query)


def annotate(model: Object, name: str, value: str) -> None:
    """Sets an annotation of this very ModelDeployment. Raises CommandError."""
    metadata = model["metadata"]
    # The uid says which one is meant: one that was made anew meanwhile is another model.
    change = {"metadata": {"uid": metadata["uid"], "annotations": {name: value}}}
    with _asking(f"ModelDeployment {metadata['name']} in namespace {metadata['namespace']}"):
        _call("PATCH", MODEL_DEPLOYMENT.path(metadata["namespace"], metadata["name"]), change, MERGE)


def who() -> str | None:
    """The name by which the API server knows whoever runs the command; None where it does not tell."""
    with _asking("the name of whoever asks"):
        try:
            answer: Any = client.AuthenticationV1Api().create_self_subject_review(client.V1SelfSubjectReview())
        except client.ApiException as refused:
            if refused.status in (403, 404):  # not allowed, or older than Kubernetes 1.28
                return None
            raise
    name = answer.status.user_info.username
    return str(name)[:256] if name else None


@contextmanager
def _asking(what: str) -> Iterator[None]:
    with cluster.asking(f"there is no {what}"):
        cluster.custom_objects()  # reads the kubeconfig
        try:
            yield
        except client.ApiException as refused:
            if refused.status == 404:
                raise
            raise CommandError(f"the API server refused {what}: {_reason(refused)}") from refused


def _reason(refused: client.ApiException) -> str:
    try:
        return str(json.loads(refused.body or "")["message"])
    except (TypeError, ValueError, KeyError):
        return f"{refused.status} {refused.reason}"


def _call(method: str, path: str, body: Any = None, content: str = JSON, **query: str) -> Object:
    """One request. Raises ApiException."""
    api = client.ApiClient()
    headers = {"Content-Type": content, "Accept": JSON}
    parts = api.param_serialize(
        method, path, query_params=list(query.items()), header_params=headers, body=body, auth_settings=["BearerToken"]
    )
    response = api.call_api(*parts, _request_timeout=30)
    text = response.read()  # type: ignore[no-untyped-call]
    if not 200 <= response.status < 300:
        raise client.ApiException(status=response.status, reason=response.reason, body=text.decode())
    answer: Object = json.loads(text)
    return answer
