"""What the operator would see if a file were applied now: a Situation, by the official client. Nothing is written."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from fairlead.api.kinds import (
    CHILDREN,
    MODEL_DEPLOYMENT,
    MODEL_RUNTIME,
    OPTIONAL,
    POD,
    Kind,
)
from fairlead.api.names import MODEL
from fairlead.api.parse import parse_model_deployment, parse_model_runtime
from fairlead.api.revision import known_revisions
from fairlead.api.status import Status
from fairlead.cli import requests
from fairlead.cli.errors import CommandError
from fairlead.cli.offline import USUAL
from fairlead.metadata import is_part_of
from fairlead.observe.exposed import remembered
from fairlead.observe.trials import Trials
from fairlead.situation import Identity, Situation

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def situation(
    manifest: Mapping[str, Any], runtimes: Mapping[str, Mapping[str, Any]], namespace: str
) -> tuple[Situation, Situation | None]:
    """What there is, with the ModelDeployment as the API server would store it, and as it is. Raises CommandError.

    ModelRuntimes that are in the files go before those in the cluster. A trial that is on is the one that a new leader
    would go on with; its metrics are not read.
    """
    name, where = manifest["metadata"]["name"], manifest["metadata"].get("namespace") or namespace
    wanted = {**manifest, "metadata": {**manifest["metadata"], "namespace": where}}
    live = requests.found(MODEL_DEPLOYMENT, where, name)
    stored = _applied(wanted, live)
    metadata = stored["metadata"]
    optional = {kind: requests.listed_if_served(kind, where, f"{MODEL}={name}") for kind in OPTIONAL}
    children = _children(where, name, metadata["uid"], optional) if live else {}
    reference = ((stored["spec"].get("runtime") or {}).get("ref") or {}).get("name")
    runtime = (runtimes.get(reference) or requests.found(MODEL_RUNTIME, None, reference)) if reference else None
    status = _status(live, name)
    coming = Situation(
        now=datetime.now(UTC),
        identity=Identity(
            name=name, namespace=where, uid=metadata["uid"], generation=int(metadata.get("generation") or 1)
        ),
        model=parse_model_deployment(stored),
        status=status,
        exposed=remembered(status),
        runtime=parse_model_runtime(runtime) if runtime else None,
        revisions=known_revisions(children),
        children=children,
        pods=tuple(requests.listed(POD, where, f"{MODEL}={name}")) if live else (),
        trial=Trials().latest((where, name), status),
        annotations=metadata.get("annotations") or {},
        served=frozenset(kind for kind, found in optional.items() if found is not None),
        site=USUAL,
    )
    return coming, replace(coming, model=parse_model_deployment(live)) if live else None


def _applied(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> dict[str, Any]:
    """The object after an apply, by a dry run on the server: with its defaults, and checked by all of its rules."""
    if live is None:
        return requests.tried(MODEL_DEPLOYMENT, wanted)
    last = (live["metadata"].get("annotations") or {}).get(LAST_APPLIED)
    if last is None:
        return requests.tried(MODEL_DEPLOYMENT, wanted, requests.APPLY)
    # As `kubectl apply` does it: what was in the file last time, and is not any more, goes.
    change = {**_removed(json.loads(last), wanted), "spec": _removed(json.loads(last).get("spec"), wanted["spec"])}
    return requests.tried(MODEL_DEPLOYMENT, {**change, "metadata": wanted["metadata"]}, requests.MERGE)


def _removed(before: Any, now: Any) -> Any:
    """A merge patch that sets `now`, and takes away what was in `before` alone."""
    if not isinstance(before, dict) or not isinstance(now, dict):
        return now
    gone: dict[str, Any] = {key: None for key in before if key not in now}
    return gone | {key: _removed(before.get(key), value) for key, value in now.items()}


def _children(
    namespace: str, name: str, uid: str, optional: Mapping[Kind, list[dict[str, Any]] | None]
) -> dict[tuple[Kind, str], dict[str, Any]]:
    found = {
        kind: (optional[kind] or []) if kind in OPTIONAL else requests.listed(kind, namespace, f"{MODEL}={name}")
        for kind in CHILDREN
    }
    return {
        (kind, each["metadata"]["name"]): each
        for kind, several in found.items()
        for each in several
        if is_part_of(each, uid)
    }


def _status(live: Mapping[str, Any] | None, name: str) -> Status | None:
    try:
        return Status.model_validate(live["status"]) if live and live.get("status") else None
    except ValidationError as wrong:
        raise CommandError(f"the status of ModelDeployment {name} cannot be read: {wrong}") from wrong
